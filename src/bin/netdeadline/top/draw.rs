//! The screen as a whole, and its table. One destination is detail.rs's.

use std::time::Duration;

use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line as Text, Span};
use ratatui::widgets::{Cell, Paragraph, Row, Table, TableState};
use ratatui::Frame;

use super::columns::Column;
use super::detail;
use super::look::Look;
use super::state::{State, View};
use super::world::World;

/// The least room that a process and a destination are left.
const FIRST: u16 = 20;

/// Everything.
pub fn screen(frame: &mut Frame<'_>, state: &mut State, world: &World, look: Look, interval: Duration) {
    let [top, middle, bottom] =
        Layout::vertical([Constraint::Length(1), Constraint::Min(0), Constraint::Length(1)]).areas(frame.area());
    frame.render_widget(title(state, world, look, interval), top);
    let keys = match &state.view {
        View::Table => {
            table(frame, middle, state, world, look);
            "Enter look into  Up/Down select  Left/Right sort  r reverse  ? help  q quit"
        }
        View::Detail(id, class) => {
            detail::draw(frame, middle, id, *class, world, look);
            "Esc back  Left/Right class  p pause  ? help  q quit"
        }
        View::Help => {
            frame.render_widget(Paragraph::new(HELP), middle);
            "any key: back"
        }
    };
    frame.render_widget(Paragraph::new(keys).style(look.faint()), bottom);
}

fn title(state: &State, world: &World, look: Look, interval: Duration) -> Paragraph<'static> {
    let running = world.processes.iter().filter(|process| process.runs()).count();
    let ended = world.processes.len() - running;
    let mut spans = vec![Span::styled("netdeadline top", look.strong())];
    spans.push(Span::raw(format!("  {running} running, {ended} ended")));
    let by = state.sort.map_or("number", Column::name);
    let first = if state.upwards { ", least first" } else { "" };
    spans.push(Span::raw(format!("  by {by}{first}")));
    if state.paused {
        spans.push(Span::styled("  PAUSED", look.alarm()));
    } else {
        spans.push(Span::raw(format!("  every {} s", interval.as_secs_f64())));
    }
    if world.flaws > 0 {
        let words = format!("  {} unreadable (`netdeadline stats` says why)", world.flaws);
        spans.push(Span::styled(words, look.alarm()));
    }
    Paragraph::new(Text::from(spans))
}

fn table(frame: &mut Frame<'_>, area: Rect, state: &mut State, world: &World, look: Look) {
    // The two lines of the head.
    state.page = usize::from(area.height.saturating_sub(2)).max(1);
    let rows = state.rows(world);
    if rows.is_empty() {
        let words = "\nNo pages. A program has one that runs with NETDEADLINE_STATS=on\n(`netdeadline run --stats`) and has had a connection.";
        return frame.render_widget(Paragraph::new(words), area);
    }
    let columns = Column::that_fit(area.width, FIRST);
    let right = |text: String| Cell::from(Text::from(text).right_aligned());
    let heads = columns.iter().map(|column| {
        let [above, below] = column.title();
        let sorted = state.sort == Some(*column);
        let style = if sorted { look.sorted() } else { look.head() };
        Cell::from(vec![Text::from(above).right_aligned(), Text::from(below).right_aligned()]).style(style)
    });
    let first = Cell::from(vec![Text::from("process"), Text::from("  destination")]);
    let first = first.style(if state.sort.is_none() { look.sorted() } else { look.head() });
    let lines = rows.iter().map(|row| {
        let process = &world.processes[row.process];
        let style = match (process.runs(), &row.id.2) {
            (false, _) => look.faint(),
            (true, None) => look.strong(),
            (true, Some(_)) => Style::new(),
        };
        let name = match &row.id.2 {
            Some(name) => format!("  {}", name.strip_prefix("to ").unwrap_or(name)),
            None if process.runs() => format!("{} {}", process.report.pid, process.report.comm),
            None => format!("{} {} (ended)", process.report.pid, process.report.comm),
        };
        let cells = columns.iter().map(|column| right(column.cell(row.line, process.runs())));
        Row::new([Cell::from(name)].into_iter().chain(cells)).style(style)
    });
    let widths = columns.iter().map(|column| Constraint::Length(column.width()));
    let widths = [Constraint::Fill(1)].into_iter().chain(widths);
    let at = state.at(&rows);
    let table = Table::new(lines, widths)
        .header(Row::new([first].into_iter().chain(heads)).height(2))
        .row_highlight_style(look.selected());
    // Where the table begins follows from what is selected: a page is turned as a whole.
    let mut position = TableState::new().with_selected(at).with_offset(at / state.page * state.page);
    frame.render_stateful_widget(table, area, &mut position);
}

const HELP: &str = "
  Up Down PgUp PgDn Home End   select a process or a destination
  Enter                        look into it: classes, histogram, last expiries
  Esc                          back
  Left Right                   sort by the next column; in the look: next class
  r                            reverse the order
  e                            hide or show processes that have ended
  p, space                     pause: nothing is read any more
  q, Ctrl-C                    quit

  waits now   connects under way, and requests that await their answer
  expired     waits that reached a deadline (in observe mode: would have)
  p50, p99    of all waits since the start; at most an eighth too high
  `on` means  accepted there; without it the program connects there
";
