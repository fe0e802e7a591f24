//! What the command says of evidence pages: `stats` in its forms, and `top`. The pages are made here, by the engine's own functions
//! or by hand where they are to deceive; what the library counts is tested with the library.

mod asking;
mod elsewhere;
mod formats;
mod hostile;
mod living;
mod made;
mod plain;
mod refusal;
mod screen;
mod torn;
mod watched;
