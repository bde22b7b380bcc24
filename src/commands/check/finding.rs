//! What is found out about one of the things that the daemon needs.

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Ok,
    /// The daemon runs, but something will not work, or not for long.
    Warning,
    /// The daemon does not start, or does nothing useful.
    Failed,
}

impl Verdict {
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Ok => "ok",
            Verdict::Warning => "warning",
            Verdict::Failed => "failed",
        }
    }
}

/// What was found out about one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Constant, for programs too.
    pub subject: &'static str,
    pub verdict: Verdict,
    pub what: String,
    /// What to do; only where the verdict is not `Ok`.
    pub remedy: Option<String>,
}

impl Finding {
    pub fn ok(subject: &'static str, what: impl Into<String>) -> Finding {
        Finding { subject, verdict: Verdict::Ok, what: what.into(), remedy: None }
    }

    pub fn warning(subject: &'static str, what: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { subject, verdict: Verdict::Warning, what: what.into(), remedy: Some(remedy.into()) }
    }

    pub fn failed(subject: &'static str, what: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { subject, verdict: Verdict::Failed, what: what.into(), remedy: Some(remedy.into()) }
    }
}
