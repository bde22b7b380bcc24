//! The clients of the admin socket: the console on a terminal (`run`) and single commands from the shell
//! (`one_shot`). `line.rs` parses what is typed, `carry_out.rs` asks the daemon for both, `render/` and
//! `follow.rs` say what is shown. These run in processes of their own: the only things they share with the
//! daemon are the socket and perhaps the terminal.

mod carry_out;
mod client;
mod complete;
mod follow;
pub mod line;
mod log;
mod one_shot;
pub mod pictures;
mod progress;
mod prompt;
mod render;
pub mod status;
mod table;
mod terminal;
mod verdict_files;
mod words;

pub use one_shot::{OneShot, one_shot};
pub use prompt::{AtWork, Bond, ConsoleEnd, ConsoleError, run};
pub use terminal::{SavedTerminal, colors_of_output};
