//! Integration tests: one binary, one file per theme. They start the real program with its real
//! processes against a world on loopback.
#![expect(clippy::disallowed_methods, reason = "tests wait for real processes")]

mod atproto;
mod backups;
mod browser;
mod budget;
mod certificates;
mod chaos;
mod commands;
mod complete;
mod configuration_reference;
mod console;
mod contracts;
mod crash;
mod daemon;
mod data_files;
mod database_servers;
mod databases;
mod documents;
mod examples;
mod fairness;
mod faults;
mod first_run;
mod golden;
mod guard;
mod hostile;
mod http;
mod index;
mod listings;
mod log;
mod mirror;
mod moving;
mod needs;
mod network_loss;
mod networks;
mod processes;
mod prune;
mod queries;
mod rooms;
mod snac;
mod sources;
mod terminal;
mod wanted;
mod webdriver;
mod x_oddities;
mod x_simulator;
