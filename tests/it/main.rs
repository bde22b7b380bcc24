//! Integration tests: one binary, one file per theme. They start the real program with its real
//! processes against a world on loopback.

mod commands;
mod daemon;
mod documents;
mod processes;
mod queries;
mod rooms;
