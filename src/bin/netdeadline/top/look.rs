//! Colours and their like, in one place: NO_COLOR turns them off (no-color.org), and what they say is then said by weight alone.

use ratatui::style::{Color, Modifier, Style};

/// How things look.
#[derive(Clone, Copy)]
pub struct Look {
    colour: bool,
}

impl Look {
    /// As the user's environment wants it.
    pub fn new() -> Look {
        Look { colour: std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) }
    }

    fn coloured(self, style: Style, colour: Color) -> Style {
        if self.colour {
            style.fg(colour)
        } else {
            style
        }
    }

    /// A title, a process.
    pub fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// What has ended, and what explains.
    pub fn faint(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// The heads of columns.
    pub fn head(self) -> Style {
        self.coloured(Style::new().add_modifier(Modifier::BOLD), Color::Cyan)
    }

    /// The head of the column that gives the order.
    pub fn sorted(self) -> Style {
        self.head().add_modifier(Modifier::UNDERLINED)
    }

    /// The line that Enter opens.
    pub fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// What is wrong.
    pub fn alarm(self) -> Style {
        self.coloured(Style::new().add_modifier(Modifier::BOLD), Color::Red)
    }

    /// Bars.
    pub fn bar(self) -> Style {
        self.coloured(Style::new(), Color::Green)
    }
}
