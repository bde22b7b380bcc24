//! What X means when it says no. Pure: an answer's status and body in, one of a few meanings out.

use super::wire::{Answer, Problem};

/// Meaning of a problem, whoever has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Too many requests in this window: wait for its end.
    RateLimited,
    /// Paid for no more reads: waiting for the window's end does not help.
    UsageCapped,
    /// The credential is wrong, or its app may not use this endpoint.
    Unauthorized,
    /// The credential is fine, but may not see this: protected, or blocked.
    NotVisible,
    NotFound,
    Suspended,
    /// The request is wrong.
    Invalid,
    /// A fault of the network that may pass.
    Fault,
}

/// The meaning of an answer whose status is not 2xx.
pub fn of_answer(status: u16, answer: Option<&Answer>) -> Meaning {
    let body = answer.map(body_problem);
    if let Some(meaning) = body.as_ref().and_then(meaning_of) {
        return meaning;
    }
    if let Some(meaning) = answer.and_then(|answer| answer.errors.iter().find_map(meaning_of)) {
        return meaning;
    }
    match status {
        401 | 403 => Meaning::Unauthorized,
        // Seen when the prepaid credit is used up.
        402 => Meaning::UsageCapped,
        404 | 410 => Meaning::NotFound,
        429 => Meaning::RateLimited,
        500..=599 => Meaning::Fault,
        _ => Meaning::Invalid,
    }
}

/// The meaning of one problem, `None` if it names none that is known.
///
/// X changed the host of its problem types once; the last path segment stayed.
pub fn meaning_of(problem: &Problem) -> Option<Meaning> {
    let detail = problem.detail.as_deref().unwrap_or_default();
    if detail.starts_with("User has been suspended") {
        // Its type is `resource-not-found`, its title `Forbidden`.
        return Some(Meaning::Suspended);
    }
    match problem.code {
        Some(88) => return Some(Meaning::RateLimited),
        Some(32 | 89 | 215 | 453) => return Some(Meaning::Unauthorized),
        Some(_) | None => {}
    }
    if problem.title.as_deref().is_some_and(|title| matches!(title, "UsageCapExceeded" | "CreditsDepleted")) {
        return Some(Meaning::UsageCapped);
    }
    let kind = problem.r#type.as_deref()?.rsplit('/').next()?;
    Some(match kind {
        "usage-capped" | "credits" => Meaning::UsageCapped,
        "rate-limit-exceeded" => Meaning::RateLimited,
        "resource-not-found" | "resource-unavailable" => Meaning::NotFound,
        "not-authorized-for-resource" | "disallowed-resource" => Meaning::NotVisible,
        "client-forbidden" | "unsupported-authentication" | "oauth1-permissions" => Meaning::Unauthorized,
        "invalid-request" => Meaning::Invalid,
        "internal-error" | "field-hydration-failure" => Meaning::Fault,
        _ => return None,
    })
}

/// The body of an error answer, as the problem that it is.
fn body_problem(answer: &Answer) -> Problem {
    Problem {
        r#type: answer.r#type.clone(),
        title: answer.title.clone(),
        detail: answer.detail.clone(),
        ..Problem::default()
    }
}

/// What an error answer says, for people.
pub fn explain(status: u16, answer: Option<&Answer>) -> String {
    let Some(answer) = answer else { return format!("status {status}") };
    let first = answer.errors.first();
    let parts = [
        answer.title.as_deref(),
        answer.detail.as_deref(),
        first.and_then(|problem| problem.message.as_deref().or(problem.detail.as_deref())),
    ];
    let text: Vec<&str> = parts.into_iter().flatten().collect();
    if text.is_empty() { format!("status {status}") } else { format!("status {status}: {}", text.join(": ")) }
}

/// True when `problem` is about the resource `id` itself and not about something expanded from it.
pub fn concerns(problem: &Problem, id: &str) -> bool {
    let named = |text: &str| text.eq_ignore_ascii_case(id);
    problem.resource_id.as_deref().is_some_and(named)
        || problem.value.as_ref().and_then(serde_json::Value::as_str).is_some_and(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: u16, body: &str, expect: Meaning) {
        let answer: Answer = serde_json::from_str(body).unwrap();
        assert_eq!(of_answer(status, Some(&answer)), expect, "{status} {body}");
    }

    #[test]
    fn the_two_429_are_told_apart() {
        let limited =
            r#"{"title":"Too Many Requests","detail":"Too Many Requests","type":"about:blank","status":429}"#;
        check(429, limited, Meaning::RateLimited);
        check(429, r#"{"errors":[{"code":88,"message":"Rate limit exceeded"}]}"#, Meaning::RateLimited);
        let capped = r#"{"account_id":1,"title":"UsageCapExceeded","period":"Monthly","scope":"Product",
            "detail":"Usage cap exceeded: Monthly product cap","type":"https://api.twitter.com/2/problems/usage-capped"}"#;
        check(429, capped, Meaning::UsageCapped);
        check(429, r#"{"type":"https://api.x.com/2/problems/usage-capped"}"#, Meaning::UsageCapped);
        check(429, r#"{"title":"UsageCapExceeded"}"#, Meaning::UsageCapped);
        check(
            402,
            r#"{"title":"CreditsDepleted","type":"https://api.x.com/2/problems/credits"}"#,
            Meaning::UsageCapped,
        );
        assert_eq!(of_answer(429, None), Meaning::RateLimited);
    }

    #[test]
    fn refusals_name_whose_fault_it_is() {
        check(
            401,
            r#"{"title":"Unauthorized","type":"about:blank","status":401,"detail":"Unauthorized"}"#,
            Meaning::Unauthorized,
        );
        check(
            403,
            r#"{"type":"https://api.x.com/2/problems/client-forbidden","reason":"client-not-enrolled"}"#,
            Meaning::Unauthorized,
        );
        check(
            403,
            r#"{"errors":[{"code":453,"message":"You currently have access to a subset"}]}"#,
            Meaning::Unauthorized,
        );
        check(
            403,
            r#"{"type":"https://api.twitter.com/2/problems/not-authorized-for-resource"}"#,
            Meaning::NotVisible,
        );
        check(
            400,
            r#"{"errors":[{"message":"Invalid 'start_time'"}],"type":"https://api.twitter.com/2/problems/invalid-request"}"#,
            Meaning::Invalid,
        );
        check(404, r#"{"type":"https://api.x.com/2/problems/resource-not-found"}"#, Meaning::NotFound);
        check(503, "{}", Meaning::Fault);
        check(418, "{}", Meaning::Invalid);
    }

    #[test]
    fn suspension_hides_behind_not_found() {
        let suspended = r#"{"errors":[{"resource_id":"a","detail":"User has been suspended: [a].","title":"Forbidden",
            "type":"https://api.twitter.com/2/problems/resource-not-found"}]}"#;
        check(200, suspended, Meaning::Suspended);
    }
}
