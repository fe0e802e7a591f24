//! What the user has chosen, and what keys do to it. Nothing is drawn here.

use super::columns::Column;
use super::keys::Key;
use super::world::{Id, Line, World};

/// What is on the screen.
#[derive(Clone, PartialEq, Eq)]
pub enum View {
    /// The table.
    Table,
    /// One line of it, and which class of it.
    Detail(Id, usize),
    /// The keys.
    Help,
}

/// What the loop is to do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Go,
    Quit,
    Suspend,
    Redraw,
}

/// A line of the table: which, and where it is.
pub struct Row<'a> {
    pub id: Id,
    pub line: &'a Line,
    /// Index among the processes of the world.
    pub process: usize,
}

/// What was chosen.
pub struct State {
    /// What is shown.
    pub view: View,
    /// Where Esc leads from the help.
    behind: View,
    /// By which column; None: by name.
    pub sort: Option<Column>,
    /// The smallest first?
    pub upwards: bool,
    /// The line that Enter opens.
    pub selected: Option<Id>,
    /// Is nothing read any more?
    pub paused: bool,
    /// Are processes shown that have ended?
    pub ended: bool,
    /// How many rows a page has; drawing says.
    pub page: usize,
}

impl State {
    /// As it begins: what waits now is first.
    pub fn new() -> State {
        State {
            view: View::Table,
            behind: View::Table,
            sort: Some(Column::Now),
            upwards: false,
            selected: None,
            paused: false,
            ended: true,
            page: 1,
        }
    }

    /// The table's lines in order: the living before the dead, a process before its destinations.
    pub fn rows<'a>(&self, world: &'a World) -> Vec<Row<'a>> {
        let order = |a: &Line, b: &Line| {
            let order = self.sort.map_or(std::cmp::Ordering::Equal, |column| column.compare(a, b));
            if self.upwards {
                order
            } else {
                order.reverse()
            }
        };
        let mut processes: Vec<_> =
            world.processes.iter().enumerate().filter(|(_, process)| self.ended || process.runs()).collect();
        // Stable, so that equal ones stay in the order of their numbers.
        processes.sort_by(|(_, a), (_, b)| b.runs().cmp(&a.runs()).then_with(|| order(&a.whole, &b.whole)));
        let mut rows = Vec::new();
        for (index, process) in processes {
            let id = |name| (process.report.pid, process.report.start, name);
            rows.push(Row { id: id(None), line: &process.whole, process: index });
            let mut destinations: Vec<&Line> = process.destinations.iter().collect();
            destinations.sort_by(|a, b| order(a, b));
            let destinations = destinations.into_iter();
            rows.extend(destinations.map(|line| Row { id: id(Some(line.counts.name())), line, process: index }));
        }
        rows
    }

    /// Which row is selected: the one that was, else the nearest that there is.
    pub fn at(&self, rows: &[Row<'_>]) -> usize {
        let Some(selected) = &self.selected else { return 0 };
        let exactly = rows.iter().position(|row| row.id == *selected);
        exactly.or_else(|| rows.iter().position(|row| (row.id.0, row.id.1) == (selected.0, selected.1))).unwrap_or(0)
    }

    /// Do what a key says.
    pub fn press(&mut self, key: Key, world: &World) -> Next {
        match (key, &mut self.view) {
            (Key::Interrupt, _) | (Key::Char('q' | 'Q'), View::Table | View::Detail(..)) => return Next::Quit,
            (Key::Suspend, _) => return Next::Suspend,
            (Key::Redraw, _) => return Next::Redraw,
            // Any key closes it.
            (_, View::Help) => self.view = std::mem::replace(&mut self.behind, View::Table),
            (Key::Char('?' | 'h'), view) => self.behind = std::mem::replace(view, View::Help),
            (Key::Char('p' | ' '), _) => self.paused = !self.paused,
            (Key::Escape, View::Detail(..)) => self.view = View::Table,
            (Key::Left | Key::Up, View::Detail(_, class)) => *class = (*class + 4) % 5,
            (Key::Right | Key::Down, View::Detail(_, class)) => *class = (*class + 1) % 5,
            (key, View::Table) => self.in_table(key, world),
            _ => {}
        }
        Next::Go
    }

    fn in_table(&mut self, key: Key, world: &World) {
        let columns = [&[None][..], &Column::ALL.map(Some)].concat();
        let column = columns.iter().position(|column| *column == self.sort).unwrap_or(0);
        match key {
            Key::Right | Key::Char('>' | 's') => self.sort = columns[(column + 1) % columns.len()],
            Key::Left | Key::Char('<') => self.sort = columns[(column + columns.len() - 1) % columns.len()],
            Key::Char('r') => self.upwards = !self.upwards,
            Key::Char('e') => self.ended = !self.ended,
            _ => {}
        }
        let rows = self.rows(world);
        let at = self.at(&rows);
        let last = rows.len().saturating_sub(1);
        let to = match key {
            Key::Up | Key::Char('k') => at.saturating_sub(1),
            Key::Down | Key::Char('j') => at + 1,
            Key::PageUp => at.saturating_sub(self.page),
            Key::PageDown => at + self.page,
            Key::Home | Key::Char('g') => 0,
            Key::End | Key::Char('G') => last,
            _ => at,
        };
        let selected = rows.get(to.min(last)).map(|row| row.id.clone());
        drop(rows);
        if let (Key::Enter, Some(id)) = (key, &selected) {
            // The class of which there is something to see.
            let line = world.process(id).and_then(|process| process.line(id.2.as_deref()));
            let class = line.and_then(|(line, _)| line.counts.classes.iter().position(|waits| waits.counted() > 0));
            self.view = View::Detail(id.clone(), class.unwrap_or(0));
        }
        self.selected = selected;
    }
}
