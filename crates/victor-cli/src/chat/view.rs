//! The output of a turn.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use victor_orchestrator::chat::{ChatResponse, TurnEvent, TurnEventKind, TurnOutcome};
use victor_orchestrator::core::{StopReason, ToolOutcome, ToolResult};
use victor_orchestrator::provider::{ProviderErrorKind, Refusal, RetryNotice};
use victor_text::{json_escaped, visible};

use crate::terminal;

/// Shows turns: the answer on stdout and one line per event on stderr, or every event as JSON on stdout.
#[derive(Debug)]
pub(super) struct View {
    json: bool,
    quiet: bool,
    /// Whether the last line of the answer is incomplete.
    midline: bool,
    /// The last character of the answer, which may combine with the next piece.
    last: Option<char>,
    /// Whether a model call runs, whose usage is not known yet.
    is_asking: bool,
}

/// Stands below text that its provider has not finished, and that the next attempt writes anew.
const WITHDRAWN: &str = "[withdrawn: the answer broke off, and begins again below]\n";

impl View {
    pub(super) fn new(json: bool, quiet: bool) -> Self {
        Self {
            json,
            quiet,
            midline: false,
            last: None,
            is_asking: false,
        }
    }

    /// Shows an event.
    pub(super) fn event(&mut self, event: &TurnEvent) -> io::Result<()> {
        match &event.kind {
            TurnEventKind::ModelCallStarted(_) => self.is_asking = true,
            TurnEventKind::ModelCallFinished(_) => self.is_asking = false,
            _ => {}
        }
        if self.json {
            let mut line = json_escaped(&serde_json::to_string(event)?).into_owned();
            line.push('\n');
            return write(line.as_bytes());
        }
        match &event.kind {
            TurnEventKind::TextDelta(delta) if !delta.text.is_empty() => {
                let text = visible(&delta.text, self.last);
                self.last = delta.text.chars().next_back();
                self.midline = !text.ends_with('\n');
                write(text.as_bytes())?;
            }
            // The next call begins a new text.
            TurnEventKind::ModelCallFinished(_) => self.end_line()?,
            // On stdout beside the text, so that whoever keeps that knows what does not count.
            TurnEventKind::TextWithdrawn(_) => {
                self.end_line()?;
                self.last = None;
                write(WITHDRAWN.as_bytes())?;
            }
            kind => {
                if let Some(line) = line(kind) {
                    self.end_line()?;
                    self.status(&line);
                }
            }
        }
        Ok(())
    }

    /// Returns whether the turn was stopped during a model call, whose usage stays unknown.
    pub(super) fn is_usage_unknown(&mut self) -> bool {
        std::mem::take(&mut self.is_asking)
    }

    /// Notes a Ctrl-C, which the terminal has echoed at the cursor.
    pub(super) fn interrupted(&mut self) {
        self.midline |= io::stdout().is_terminal();
    }

    /// Ends the last line of the answer, if it is incomplete.
    pub(super) fn end_line(&mut self) -> io::Result<()> {
        match std::mem::take(&mut self.midline) {
            true => write(b"\n"),
            false => Ok(()),
        }
    }

    /// Shows the outcome of the turn, its usage and its cost.
    pub(super) fn summary(&self, response: &ChatResponse, busy: Duration, cost: &str) {
        match response.outcome {
            TurnOutcome::Refused => terminal::error(&declined(response.refusal.as_deref())),
            TurnOutcome::Empty => terminal::error("the model answered with nothing"),
            TurnOutcome::Truncated => self.status(cut(response.stop_reason.as_ref())),
            TurnOutcome::Budget => terminal::error(
                "a budget is used up, so the turn ended early: raise it, or wait until it begins again",
            ),
            TurnOutcome::ToolLimit => {
                self.status(
                    "the allowance of tool calls was used up: see the setting max_tool_iterations",
                );
            }
            _ => {}
        }
        let usage = &response.usage;
        let (total, input, output) = (usage.total_tokens(), usage.input_tokens(), usage.output);
        let calls = match response.model_calls {
            1 => "1 model call".to_owned(),
            calls => format!("{calls} model calls"),
        };
        let model = response
            .model
            .as_ref()
            .map(|model| format!(", {model}"))
            .unwrap_or_default();
        self.status(&format!(
            "{total} tokens ({input} in, {output} out), {calls}, {}{cost}{model}",
            time(busy)
        ));
    }

    /// Shows a status line, unless `--quiet` is given.
    pub(super) fn status(&self, text: &str) {
        if !self.quiet {
            terminal::status(text);
        }
    }
}

/// Describes a refusal of the model.
fn declined(refusal: Option<&Refusal>) -> String {
    let mut text = "the model declined to answer".to_owned();
    let told = |field: fn(&Refusal) -> &Option<String>| {
        let field = refusal.and_then(|refusal| field(refusal).as_deref());
        field.map(str::trim).filter(|text| !text.is_empty())
    };
    if let Some(category) = told(|refusal| &refusal.category) {
        text += &format!(" ({category})");
    }
    if let Some(explanation) = told(|refusal| &refusal.explanation) {
        text += &format!(": {}", explanation.trim_end_matches('.'));
    }
    text += "; this turn is left out of what it sees from now on";
    if let Some(model) = told(|refusal| &refusal.recommended_model) {
        text += &format!("; --model {model} may answer it");
    }
    text
}

/// Explains why an answer was cut.
fn cut(reason: Option<&StopReason>) -> &'static str {
    match reason {
        Some(StopReason::ContextFull) => {
            "the answer was cut because the model's window is full: say `go on` to have the rest"
        }
        Some(StopReason::PauseTurn) => {
            "the model has paused too often without an end: say `go on` to have it go on"
        }
        _ => "the answer was cut at the limit on output: see the setting max_output_tokens",
    }
}

/// Writes to stdout, and flushes.
fn write(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

/// Returns the line about an event, if it has one.
fn line(kind: &TurnEventKind) -> Option<String> {
    let line = match kind {
        TurnEventKind::ToolCallStarted(started) => {
            format!(
                "→ {} {}",
                started.call.name,
                terminal::arguments(&started.call)
            )
        }
        TurnEventKind::ToolCallFinished(finished) => {
            let took = time(Duration::from_micros(finished.elapsed_us));
            format!("← {}", result(&finished.result, &took))
        }
        TurnEventKind::ModelCallRetried(retry) if retry.kind == ProviderErrorKind::Loading => {
            format!(
                "the server is loading the model; next attempt in {}",
                time(retry.delay)
            )
        }
        TurnEventKind::ModelCallRetried(retry) => retried(retry),
        TurnEventKind::ModelCallWaiting(wait) => format!(
            "`{}` is at its limit of requests; the next one in about {}",
            wait.target,
            time(wait.expected)
        ),
        TurnEventKind::ContextCompacted(compacted) => format!(
            "compacted the conversation by `{}`, from {} to {} tokens",
            compacted.strategy, compacted.tokens_before, compacted.tokens_after
        ),
        TurnEventKind::ModeSwitched(switched) => {
            format!("mode switched from {} to {}", switched.from, switched.to)
        }
        TurnEventKind::ToolCallProgressed(progressed) => format!("… {}", progressed.message),
        TurnEventKind::Notice(notice) => {
            return Some(terminal::one_line(&format!(
                "{}: {}",
                notice.component, notice.message
            )));
        }
        // Shown elsewhere: text and calls by `event`, the end by `summary` and the error, questions by `approval`.
        TurnEventKind::TurnStarted(_)
        | TurnEventKind::PromptUsed(_)
        | TurnEventKind::ModelCallStarted(_)
        | TurnEventKind::TextDelta(_)
        | TurnEventKind::TextWithdrawn(_)
        | TurnEventKind::ThinkingDelta(_)
        | TurnEventKind::ModelCallFinished(_)
        | TurnEventKind::ApprovalRequested(_)
        | TurnEventKind::TurnFinished(_)
        | TurnEventKind::TurnFailed(_) => return None,
        // An event that is new since this was written shows itself, until somebody decides how it is to look.
        other => format!("event `{}`", other.kind()),
    };
    Some(terminal::short_line(&line))
}

/// Describes a failed attempt, and the next one.
fn retried(retry: &RetryNotice) -> String {
    let (attempt, message) = (retry.attempt, &retry.message);
    let at = |target: &Option<Arc<str>>| match target {
        Some(target) => format!(" at `{target}`"),
        None => String::new(),
    };
    match &retry.next_target {
        Some(_) => format!(
            "attempt {attempt}{} failed; the next one goes to {}: {message}",
            at(&retry.target),
            at(&retry.next_target).trim_start_matches(" at ")
        ),
        None => format!(
            "attempt {attempt} failed; next attempt in {}: {message}",
            time(retry.delay)
        ),
    }
}

fn result(result: &ToolResult, took: &str) -> String {
    let text = result.text();
    let text = text.trim();
    let begins = text.lines().next().unwrap_or("nothing");
    let how = match result.outcome {
        ToolOutcome::Success => String::new(),
        ref outcome => format!(" {}", outcome.as_str().replace('_', " ")),
    };
    match text.lines().count() {
        0 | 1 => format!("{}{how}, {took}: {begins}", result.name),
        lines => format!("{}{how}, {took}, {lines} lines: {begins}", result.name),
    }
}

fn time(time: Duration) -> String {
    match time.as_millis() {
        0 => "under 1 ms".to_owned(),
        milliseconds @ 1..1_000 => format!("{milliseconds} ms"),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use victor_orchestrator::core::ToolCall;

    use super::*;

    #[test]
    fn a_result_is_one_line_whatever_it_is() {
        let check = |outcome: ToolOutcome, text: &str, expected: &str| {
            let found = ToolResult::new(&ToolCall::new("1", "read_file", "{}"), outcome, text);
            assert_eq!(result(&found, "2 ms"), expected);
        };
        check(
            ToolOutcome::Success,
            "one line\n",
            "read_file, 2 ms: one line",
        );
        check(
            ToolOutcome::Success,
            "first\nsecond\n",
            "read_file, 2 ms, 2 lines: first",
        );
        check(ToolOutcome::Success, "", "read_file, 2 ms: nothing");
        check(
            ToolOutcome::TimedOut,
            "too slow",
            "read_file timed out, 2 ms: too slow",
        );
    }

    #[test]
    fn no_event_is_left_out_by_oversight() {
        let event = serde_json::json!({ "event": "moon_rose", "phase": "full" });
        let event: TurnEventKind = serde_json::from_value(event).unwrap();
        assert_eq!(line(&event).as_deref(), Some("event `moon_rose`"));
    }

    #[test]
    fn a_failed_attempt_names_the_target_that_is_asked_next() {
        let delay = Duration::from_millis(1500);
        let notice = || RetryNotice::new(2, ProviderErrorKind::Server, "down", delay);
        let again = "attempt 2 failed; next attempt in 1.5 s: down";
        assert_eq!(retried(&notice()), again);
        assert_eq!(retried(&notice().with_targets("a".into(), None)), again);
        assert_eq!(
            retried(&notice().with_targets("a".into(), Some("b".into()))),
            "attempt 2 at `a` failed; the next one goes to `b`: down"
        );
    }

    #[test]
    fn a_refusal_is_told_as_far_as_it_is_known() {
        let check = |told: [&str; 3], expected: &str| {
            let field = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            let mut refusal = Refusal::default();
            refusal.category = field(told[0]);
            refusal.explanation = field(told[1]);
            refusal.recommended_model = field(told[2]);
            assert_eq!(declined(Some(&refusal)), expected);
        };
        let nothing =
            "the model declined to answer; this turn is left out of what it sees from now on";
        assert_eq!(declined(None), nothing);
        check([""; 3], nothing);
        check(
            ["cyber", "It could do harm.", "m-2"],
            "the model declined to answer (cyber): It could do harm; this turn is left out of what it sees from now \
             on; --model m-2 may answer it",
        );
    }

    #[test]
    fn the_limit_that_cut_an_answer_is_named() {
        let check = |reason, expected: &str| {
            assert!(cut(Some(&reason)).contains(expected), "{reason}");
        };
        check(StopReason::MaxTokens, "limit on output");
        check(StopReason::ContextFull, "window is full");
        check(StopReason::PauseTurn, "paused too often");
    }

    #[test]
    fn times_are_said_as_people_do() {
        let check = |microseconds, expected| {
            assert_eq!(time(Duration::from_micros(microseconds)), expected);
        };
        check(0, "under 1 ms");
        check(999, "under 1 ms");
        check(1_500, "1 ms");
        check(999_999, "999 ms");
        check(12_345_678, "12.3 s");
    }
}
