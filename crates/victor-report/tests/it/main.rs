//! The page from outside: what is in it, and what a browser makes of it.

mod browser;
mod sample;

use victor_core::{Timestamp, ToolOutcome, TurnId};
use victor_report::{ReportData, ToolRecord, render};

use crate::sample::{attempt, sample};

#[test]
fn an_empty_ledger_has_a_page_that_says_so() {
    let page = render(&ReportData::new(Timestamp::UNIX_EPOCH));
    assert!(page.contains("no model calls yet"));
    assert!(!page.contains("<svg"));
}

#[test]
fn the_page_asks_no_server_for_anything() {
    let page = render(&sample());
    for outside in [
        "http:", "https:", "//cdn", "src=", "href=", "@import", "url(",
    ] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn what_the_ledger_has_is_on_the_page() {
    let page = render(&sample());
    for part in [
        "Cost by day and model",
        "Tokens by day and model",
        "Time of an answer",
        "Tool calls",
        "run_command",
        "Failed model calls by class",
        "rate_limit",
        "other models",
        "<details open",
        "claude-opus-5",
    ] {
        assert!(page.contains(part), "{part}");
    }
    let turns = page.matches("<details").count();
    assert!(
        (6..=12).contains(&turns),
        "the longest and the last ones: {turns}"
    );
    let mut asked = sample();
    let turn = asked.attempts[40].turn;
    asked.turn = turn;
    asked.titles.insert(
        asked.attempts[40].session.clone().unwrap(),
        "The one that is asked for".to_owned(),
    );
    let page = render(&asked);
    let first = page.split("<details open").nth(1).unwrap();
    assert!(
        first[..600].contains("The one that is asked for"),
        "{}",
        &first[..600]
    );
}

#[test]
fn no_name_is_read_as_html() {
    let evil = "<img src=x onerror=alert(1)>\"' onmouseover='alert(2)' </script><script>alert(3)</script>\u{202e}&amp;";
    let mut entry = attempt(0, 0, evil, 10);
    entry.provider = evil.into();
    entry.target = evil.into();
    entry.error = Some(evil.into());
    entry.outcome = victor_report::provider::AttemptOutcome::Failed;
    entry.session = Some(evil.into());
    let turn = TurnId::from_u128(1);
    entry.turn = Some(turn);
    let mut answered = attempt(0, 1, evil, 10);
    answered.turn = Some(turn);
    let mut data = ReportData::new(entry.started);
    data.title = evil.to_owned();
    data.titles.insert(evil.into(), evil.to_owned());
    let outcome = ToolOutcome::from(evil);
    data.tools
        .push(ToolRecord::new(evil, outcome).in_turn(turn, 1));
    data.attempts = vec![entry, answered];
    let page = render(&data);
    assert_eq!(page.matches("<script").count(), 1);
    assert_eq!(page.matches("</script").count(), 1);
    assert!(!page.contains("<img") && !page.contains('\u{202e}'));
    // Outside of tags there is no quote that could end an attribute.
    assert!(!page.contains("\"' on") && !page.contains("' onmouseover"));
    assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;"));
}

#[test]
fn figures_of_any_size_make_a_page() {
    for (tokens, days) in [(0, 0), (u64::MAX, 0), (1, 20_000)] {
        let mut data = ReportData::new(Timestamp::UNIX_EPOCH);
        data.attempts = vec![attempt(0, 0, "a", tokens), attempt(days, 5, "b", tokens)];
        data.attempts[1].ended = Some(Timestamp::MAX);
        let page = render(&data);
        assert!(
            !page.contains("NaN") && !page.contains("inf\"") && page.contains("<svg"),
            "{tokens}"
        );
    }
    // A clock that was set back.
    let mut data = ReportData::new(Timestamp::UNIX_EPOCH);
    let mut entry = attempt(5, 0, "a", 3);
    entry.ended = Some(Timestamp::UNIX_EPOCH);
    entry.turn = Some(TurnId::from_u128(1));
    data.attempts.push(entry);
    assert!(!render(&data).contains("=\"-"), "no bar of negative length");
}
