//! A month of an agent's work.

use std::time::Duration;

use victor_core::{Timestamp, ToolOutcome, TurnId, Usage};
use victor_provider_protocol::{
    AttemptOutcome, LedgerEntry, NanoDollars, ProviderErrorKind, UsageSource,
};
use victor_report::{ReportData, ToolRecord};

/// 2026-11-01, 08:00.
const BEGIN: i64 = 1_793_520_000;

/// An attempt that was answered, on a day of November at a second of that day.
pub(crate) fn attempt(day: i64, second: i64, model: &str, tokens: u64) -> LedgerEntry {
    let mut entry = LedgerEntry::begin("main", "acme", model.into(), 1);
    entry.started =
        Timestamp::from_unix_micros((BEGIN + day * 86_400 + second) * 1_000_000).unwrap();
    let time = Duration::from_millis(400 + tokens % 9_000);
    entry.ended = entry.started.checked_add(time);
    entry.outcome = AttemptOutcome::Answered;
    entry.usage = Usage::new(tokens, tokens / 8);
    entry.usage.cache_read = tokens / 2;
    entry.usage_source = UsageSource::Reported;
    entry.cost = Some(NanoDollars::from_nanos(tokens.saturating_mul(2500)));
    entry
}

/// A month of an agent's work: ten models, four tools, failures and a long turn.
pub(crate) fn sample() -> ReportData {
    let models = [
        "claude-opus-5",
        "claude-sonnet-5",
        "gpt-6",
        "gpt-6-mini",
        "qwen3-coder-480b-a35b-instruct",
        "llama-4",
        "deepseek-v4",
        "mistral-large-3",
        "kimi-k3",
        "glm-6",
    ];
    let tools = [
        "read_file",
        "search_files",
        "run_command",
        "mcp_github_create_pull_request_with_reviewers",
    ];
    let mut data =
        ReportData::new(Timestamp::from_unix_micros((BEGIN + 29 * 86_400) * 1_000_000).unwrap());
    let mut number: u64 = 7;
    let mut random = |below: u64| {
        number = number
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (number >> 33) % below
    };
    for turn in 0..70_u64 {
        let id = TurnId::from_u128(u128::from(turn) + 1);
        let session = format!("session-{}", turn / 4);
        let title = format!("Fix the parser of chapter {} and its tests", turn / 4);
        data.titles.insert(session.as_str().into(), title);
        let (day, mut second) = (random(29).cast_signed(), random(30_000).cast_signed());
        let mut answers = 0;
        for call in 0..=random(8) {
            let model = models[usize::try_from(random(10).min(random(10))).unwrap()];
            let mut entry = attempt(day, second, model, 200 + random(20_000));
            entry.turn = Some(id);
            entry.session = Some(session.as_str().into());
            if random(9) == 0 {
                let kinds = [
                    ProviderErrorKind::RateLimit,
                    ProviderErrorKind::Overloaded,
                    ProviderErrorKind::Timeout,
                ];
                entry.outcome = AttemptOutcome::Failed;
                entry.error = Some(kinds[usize::try_from(random(3)).unwrap()].clone());
                entry.usage = Usage::default();
                entry.cost = Some(NanoDollars::ZERO);
            } else {
                answers += 1;
                for _ in 0..random(3) {
                    let outcome = match random(10) {
                        0 => ToolOutcome::Error,
                        1 => ToolOutcome::Denied,
                        _ => ToolOutcome::Success,
                    };
                    let tool = tools[usize::try_from(random(4)).unwrap()];
                    data.tools
                        .push(ToolRecord::new(tool, outcome).in_turn(id, answers));
                }
            }
            second += 12 + call.cast_signed();
            data.attempts.push(entry);
        }
    }
    data
}
