//! `aotf bench ipc`: how long a message takes to the other end of a link and back, and how many
//! pass in a second.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use clap::Args;
use crossbeam_channel as queue;
use serde::Serialize;

use super::report::report;
use crate::ipc::{Outbox, OutboxError, Parcel, Transport, pair, pump};

/// Messages of so many bytes: a lease, a page of a listing, a large answer.
const SIZES: [usize; 3] = [100, 4_000, 50_000];
const N_ROUND_TRIPS: usize = 5_000;
const N_ONE_WAY: usize = 20_000;
/// Messages that may wait in an outbox, as the broker's.
const CAPACITY: usize = 256;
/// The peer is a thread that does nothing else.
const LIMIT: Duration = Duration::from_secs(30);

#[derive(Debug, Args)]
pub struct IpcArgs {
    /// One JSON array instead of a table
    #[arg(long)]
    json: bool,
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchIpcError {
    #[error("could not make a link")]
    Link { source: io::Error },
    #[error("could not send a message")]
    Send {
        #[from]
        source: OutboxError,
    },
    #[error("a message did not come back")]
    Lost,
    #[error("could not print the result")]
    Print { source: io::Error },
}

/// What was measured of one kind of link and size of message.
#[derive(Serialize)]
struct Figures {
    transport: &'static str,
    message_bytes: usize,
    /// There and back, through an outbox and a pump on either side.
    round_trip_median_us: f64,
    round_trip_p99_us: f64,
    /// One way, as fast as the reader takes them.
    messages_per_second: f64,
}

/// Measures the links that processes have, and those of threads. Both ends are threads of this
/// process; the first go through the kernel all the same. Takes a few seconds.
///
/// # Errors
/// When the system refuses a link.
pub fn run(args: &IpcArgs, out: &mut dyn Write) -> Result<(), BenchIpcError> {
    let mut all = Vec::new();
    for (transport, name) in [(Transport::Processes, "processes"), (Transport::Threads, "threads")] {
        for len in SIZES {
            all.push(measure(transport, name, len, N_ROUND_TRIPS, N_ONE_WAY)?);
        }
    }
    report(&all, args.json, out, |all, out| show(all, out)).map_err(|source| BenchIpcError::Print { source })
}

fn measure(
    transport: Transport,
    name: &'static str,
    len: usize,
    n_round_trips: usize,
    n_one_way: usize,
) -> Result<Figures, BenchIpcError> {
    let message = vec![7_u8; len];
    let (near, far) = pair::<Vec<u8>, Vec<u8>>(transport).map_err(|source| BenchIpcError::Link { source })?;
    let (to_far, from_far) = near.split();
    let (to_near, from_near) = far.split();
    let there = Outbox::start(to_far, "bench-there", CAPACITY);
    let back = Outbox::start(to_near, "bench-back", CAPACITY);
    // The far end sends every message back; the near end tells that it came.
    let echo = move |parcel: Parcel<Vec<u8>>| match back.send_within(parcel.message, LIMIT) {
        Ok(()) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    };
    let (arrived, arrivals) = queue::bounded(CAPACITY);
    let tell = move |_: Parcel<Vec<u8>>| match arrived.send(()) {
        Ok(()) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    };
    let far_end = pump(from_near, "bench-echo", echo, |_| {});
    let near_end = pump(from_far, "bench-near", tell, |_| {});

    let mut times = Vec::with_capacity(n_round_trips);
    for _ in 0..n_round_trips {
        let start = Instant::now();
        there.send(message.clone())?;
        arrivals.recv_timeout(LIMIT).map_err(|_| BenchIpcError::Lost)?;
        times.push(start.elapsed());
    }
    drop(there);
    drop(arrivals);
    // Each end ends with the other's outbox; neither panics.
    let _ = (far_end.join(), near_end.join());
    times.sort_unstable();
    let at = |part: f64| {
        let index = (times.len() as f64 * part) as usize;
        times.get(index.min(times.len().saturating_sub(1))).map_or(0.0, |time| time.as_secs_f64() * 1e6)
    };
    Ok(Figures {
        transport: name,
        message_bytes: len,
        round_trip_median_us: at(0.5),
        round_trip_p99_us: at(0.99),
        messages_per_second: one_way(transport, &message, n_one_way)?,
    })
}

fn one_way(transport: Transport, message: &[u8], n_messages: usize) -> Result<f64, BenchIpcError> {
    let (near, far) = pair::<Vec<u8>, Vec<u8>>(transport).map_err(|source| BenchIpcError::Link { source })?;
    let there = Outbox::start(near.split().0, "bench-there", CAPACITY);
    let (counted, count) = queue::bounded(1);
    let mut n_arrived = 0;
    let each = move |_: Parcel<Vec<u8>>| {
        n_arrived += 1;
        if n_arrived < n_messages {
            return ControlFlow::Continue(());
        }
        let _ = counted.send(());
        ControlFlow::Break(())
    };
    let reader = pump(far.split().1, "bench-reader", each, |_| {});
    let start = Instant::now();
    for _ in 0..n_messages {
        there.send_within(message.to_vec(), LIMIT)?;
    }
    count.recv_timeout(LIMIT).map_err(|_| BenchIpcError::Lost)?;
    let elapsed = start.elapsed();
    let _ = reader.join();
    Ok(n_messages as f64 / elapsed.as_secs_f64())
}

fn show(all: &[Figures], out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "{:10} {:>8} {:>16} {:>13} {:>14}",
        "link of", "bytes", "round trip, us", "p99, us", "messages/s"
    )?;
    for figures in all {
        writeln!(
            out,
            "{:10} {:8} {:16.1} {:13.1} {:14.0}",
            figures.transport,
            figures.message_bytes,
            figures.round_trip_median_us,
            figures.round_trip_p99_us,
            figures.messages_per_second
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_links_are_measured() {
        for transport in [Transport::Processes, Transport::Threads] {
            let figures = measure(transport, "x", 1000, 20, 50).unwrap();
            assert!(figures.round_trip_median_us > 0.0 && figures.messages_per_second > 0.0);
            assert!(figures.round_trip_median_us <= figures.round_trip_p99_us);
        }
    }
}
