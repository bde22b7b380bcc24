//! Panics and unexpected errors of this process, with what it was doing: handed to whoever collects them.

use std::backtrace::Backtrace;
use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::panic::PanicHookInfo;
use std::sync::OnceLock;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use crate::base::journal;
use crate::proto::control::Fault;

/// Events of this target repeat what the panic itself has told.
pub(super) const TOLD_BY_PANIC: &str = "aotf::panics";

/// A trace is cut after so many bytes, a text after a tenth of that: together they fit into a message.
const LONGEST_TRACE: usize = 30 * 1024;
const LONGEST_TEXT: usize = LONGEST_TRACE / 10;

type Collector = Box<dyn Fn(Fault) + Send + Sync>;
static COLLECTOR: OnceLock<Collector> = OnceLock::new();

thread_local! {
    static WORK: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Who is told of the faults of this process from now on. The first one stays. It must not block.
pub fn collect(collector: impl Fn(Fault) + Send + Sync + 'static) {
    // Roles that are threads of the root come after it, and it collects for all.
    let _ = COLLECTOR.set(Box::new(collector));
}

/// What this thread works on from now on, for the case that it fails.
pub fn working_on(work: Option<String>) {
    WORK.with_borrow_mut(|current| *current = work);
}

/// From now on panics of any thread are told, with the calls that led to them, before they go their way.
pub(super) fn hear_panics() {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| {
        let shown = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            tell(fault_of(panic));
            match journal::reads_stderr() {
                true => {
                    let thread = std::thread::current();
                    let name = thread.name().unwrap_or("unnamed");
                    journal::print_error(&format!("thread '{name}' {panic}\n"));
                }
                false => shown(panic),
            }
        }));
    });
}

fn fault_of(panic: &PanicHookInfo<'_>) -> Fault {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let what = format!("panic: {}", panic.payload_as_str().unwrap_or("without a message"));
    fault(what, place, Backtrace::force_capture().to_string())
}

fn fault(what: String, place: String, trace: String) -> Fault {
    let thread = std::thread::current().name().unwrap_or("unnamed").to_owned();
    // A panic may come while the thread ends, when there is nothing left to ask.
    let work = WORK.try_with(|work| work.borrow().clone()).ok().flatten();
    Fault {
        thread,
        work: work.map(|work| cut(work, LONGEST_TEXT)),
        what: cut(what, LONGEST_TEXT),
        place,
        trace: cut(trace, LONGEST_TRACE),
    }
}

fn tell(fault: Fault) {
    if let Some(collector) = COLLECTOR.get() {
        collector(fault);
    }
}

fn cut(mut text: String, longest: usize) -> String {
    if text.len() > longest {
        text.truncate(text.floor_char_boundary(longest));
        text.push_str(" ...");
    }
    text
}

/// Tells every event of the level `error`: data lost, or a person needed.
pub(super) struct Errors;

impl<S: Subscriber> Layer<S> for Errors {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let about = event.metadata();
        if *about.level() != Level::ERROR || about.target() == TOLD_BY_PANIC {
            return;
        }
        let mut text = Text::default();
        event.record(&mut text);
        let place = format!("{}:{}", about.file().unwrap_or(about.target()), about.line().unwrap_or(0));
        tell(fault(text.message + &text.fields, place, String::new()));
    }
}

#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string does not fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}
