//! One destination, or all of a process: its classes, how long the waits of one lasted, the last expiries.

use netdeadline_engine::policy::Class;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line as Text, Span};
use ratatui::widgets::{Cell, Paragraph, Row, Table, Wrap};
use ratatui::Frame;

use super::look::Look;
use super::world::{Id, Process, World};
use crate::pages::{as_line, count, duration, Waits};

const HEADS: [&str; 9] = ["class", "waits", "expired", "observed", "abandoned", "p50", "p90", "p99", "longest"];
const WIDTHS: [u16; 9] = [10, 7, 7, 8, 9, 7, 7, 7, 7];

/// Draw it.
pub fn draw(frame: &mut Frame<'_>, area: Rect, id: &Id, class: usize, world: &World, look: Look) {
    let found = world.process(id).and_then(|process| Some((process, process.line(id.2.as_deref())?)));
    let Some((process, (line, index))) = found else {
        return frame.render_widget(Paragraph::new("\nIts page is gone."), area);
    };
    let expiries = expiries(process, index);
    // A quarter for the expiries, as far as there are any; what is left for the histogram.
    let kept = expiries.len();
    // About: where words are too long to be broken well, a line more is cut at the bottom.
    let lines = expiries.iter().map(|line| line.chars().count() / usize::from(area.width.max(1)) + 1).sum::<usize>();
    let last = u16::try_from(lines).unwrap_or(u16::MAX).min(area.height / 4);
    let expiries = Paragraph::new(expiries.into_iter().map(Text::from).collect::<Vec<_>>()).wrap(Wrap { trim: true });
    let heights = [
        Constraint::Length(2),
        Constraint::Length(6),
        Constraint::Length(1),
        Constraint::Min(0),
        Constraint::Length(1),
        Constraint::Length(last),
    ];
    let [head, classes, title, bars, last_title, last] = Layout::vertical(heights).areas(area);
    let counts = &line.counts;
    let what = if index.is_none() { String::from("all destinations") } else { counts.name() };
    let state = if process.runs() { "" } else { " (ended)" };
    let name = format!("{}[{}]{state}: {what}", process.report.comm, process.report.pid);
    let now = format!(
        "{} connections, {} open, {} connecting, {} awaiting an answer",
        count(counts.connections),
        count(counts.open),
        count(counts.connecting),
        count(counts.awaiting)
    );
    frame.render_widget(Paragraph::new(vec![Text::styled(name, look.strong()), Text::from(now)]), head);
    frame.render_widget(table(&counts.classes, class, look), classes);
    let waits = &counts.classes[class % counts.classes.len()];
    let name = Class::ALL[class % Class::ALL.len()].name();
    frame.render_widget(Paragraph::new(format!("how long waits lasted: {name}")).style(look.head()), title);
    frame.render_widget(histogram(waits, bars, look), bars);
    let words = match kept {
        0 => "no expiries are kept",
        _ => "last expiries, the newest first (UTC)",
    };
    frame.render_widget(Paragraph::new(words).style(look.head()), last_title);
    frame.render_widget(expiries, last);
}

fn expiries(process: &Process, index: Option<usize>) -> Vec<String> {
    let report = &process.report;
    let ours = report.last.iter().rev().filter(|expiry| index.is_none() || expiry.destination == index);
    ours.map(|expiry| as_line(report, expiry)).collect()
}

fn table<'a>(classes: &[Waits; 5], selected: usize, look: Look) -> Table<'a> {
    let right = |text: String| Cell::from(Text::from(text).right_aligned());
    let rows = Class::ALL.into_iter().zip(classes).enumerate().map(|(index, (class, waits))| {
        let quantile = |of_a_thousand| waits.quantile(of_a_thousand).map_or(String::from("-"), duration);
        let longest = if waits.counted() == 0 { String::from("-") } else { duration(waits.longest) };
        let counts = [waits.ended, waits.expired, waits.observed, waits.abandoned].map(count);
        let cells = counts.into_iter().chain([500, 900, 990].map(quantile)).chain([longest]).map(right);
        let mark = if index == selected { ">" } else { " " };
        let row = Row::new([Cell::from(format!("{mark} {}", class.name()))].into_iter().chain(cells));
        if index == selected {
            row.style(look.strong())
        } else {
            row
        }
    });
    let heads = HEADS.iter().enumerate().map(|(index, head)| match index {
        0 => Cell::from(format!("  {head}")),
        _ => right((*head).to_owned()),
    });
    Table::new(rows, WIDTHS.map(Constraint::Length)).header(Row::new(heads).style(look.head()))
}

/// A bar for each doubling, or for each two, three, ... of them where there are too few lines.
fn histogram(waits: &Waits, area: Rect, look: Look) -> Paragraph<'static> {
    let buckets: Vec<(u64, u64, u64)> = waits.buckets().collect();
    let (Some(first), Some(last)) = (buckets.first(), buckets.last()) else {
        return Paragraph::new("no waits yet").style(look.faint());
    };
    // The doubling that a bucket begins in; those below 8 us are taken together, where buckets are as wide as they are long.
    let octave = |from: u64| from.max(1).ilog2().max(13);
    let lines = u32::from(area.height.max(1));
    let mut step = 1;
    while (octave(last.0) / step + 1).saturating_sub(octave(first.0) / step) > lines {
        step += 1;
    }
    let groups = octave(first.0) / step..=octave(last.0) / step;
    let sums: Vec<(u32, u64)> = groups
        .map(|group| {
            let inside = buckets.iter().filter(|(from, _, _)| octave(*from) / step == group);
            (group, inside.fold(0, |sum: u64, bucket| sum.saturating_add(bucket.2)))
        })
        .collect();
    let most = sums.iter().map(|(_, sum)| *sum).max().unwrap_or(1).max(1);
    let room = usize::from(area.width.saturating_sub(26));
    let bars = sums.into_iter().map(|(group, sum)| {
        let from = 1_u64.checked_shl(group * step).unwrap_or(u64::MAX);
        let to = 1_u64.checked_shl((group + 1) * step).unwrap_or(u64::MAX);
        let from = if group * step <= 13 { 0 } else { from };
        let length = (u128::from(sum) * room as u128).div_ceil(u128::from(most)) as usize;
        Text::from(vec![
            Span::raw(format!("{:>7} - {:>7} ", duration(from), duration(to))),
            Span::styled("#".repeat(length.min(room)), look.bar()),
            Span::raw(format!(" {}", count(sum))),
        ])
    });
    Paragraph::new(bars.collect::<Vec<_>>())
}
