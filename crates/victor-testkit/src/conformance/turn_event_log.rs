//! The laws of logs of turns.

use std::sync::Arc;
use std::time::Duration;

use victor_chat_protocol::{EventBatch, TurnEvent, TurnEventKind, TurnEventLog};
use victor_core::{SessionId, Timestamp, TurnId};

use super::{calm, succeed};

/// Longer than any write takes.
const LONG: Duration = Duration::from_secs(60);

/// Checks logs of turns. `make` opens a log that is empty, or the same one again.
///
/// The laws: the events of a turn are numbered from 0 without gaps, and come back as they were, from any number on; a
/// batch that does not go on where its turn is is left out, alone, so that a write can be repeated; who waits is woken
/// by another one's write; turns are removed as a whole.
///
/// # Panics
///
/// A law is broken.
pub async fn turn_event_log<L: TurnEventLog>(make: impl AsyncFn() -> L) {
    let log = Arc::new(make().await);
    let (turn, other) = (TurnId::from_u128(1), TurnId::from_u128(2));
    check(&*log, turn, &[]).await;
    let texts: Vec<String> = (0..10)
        .map(|number| format!("text {number} 'ü'\n"))
        .collect();
    append(&*log, &[batch(turn, 0, &texts[..3])], &[0]).await;
    append(
        &*log,
        &[batch(turn, 3, &texts[3..4]), batch(other, 0, &texts[..1])],
        &[3, 0],
    )
    .await;
    // Repeated, too late and too early; the one between them goes on.
    append(
        &*log,
        &[batch(turn, 3, &texts[3..4]), batch(other, 1, &texts[1..2])],
        &[4, 1],
    )
    .await;
    for (first, last) in [(2, 9), (7, 10), (0, 4)] {
        append(
            &*log,
            &[batch(turn, first as u64, &texts[first..last])],
            &[4],
        )
        .await;
    }
    append(&*log, &[], &[]).await;
    append(&*log, &[batch(turn, 4, &texts[4..])], &[4]).await;
    check(&*log, turn, &texts).await;
    check(&*log, other, &texts[..2]).await;
    check_wait(&log, turn, &texts).await;

    let again = make().await;
    let removed = succeed(
        calm(again.remove_before(Timestamp::from_unix_micros(0).unwrap_or_default())).await,
    );
    law!(removed == 0, "what is new stays", "{removed}");
    let later = Timestamp::now() + Duration::from_secs(3_600);
    let removed = succeed(calm(log.remove_before(later)).await);
    law!(removed > 0, "what is old is removed", "{removed}");
    check(&*log, turn, &[]).await;
    check(&*log, other, &[]).await;
}

fn event(turn: TurnId, number: u64, text: &str) -> TurnEvent {
    TurnEvent::new("s 'ü'".into(), turn, number, TurnEventKind::text(text))
}

fn batch(turn: TurnId, first: u64, texts: &[String]) -> EventBatch {
    let events = (first..).zip(texts);
    let events = events.map(|(number, text)| event(turn, number, text));
    EventBatch::new(SessionId::new("s 'ü'"), turn, first, events.collect())
}

async fn append(log: &impl TurnEventLog, batches: &[EventBatch], lengths: &[u64]) {
    let found = succeed(calm(log.append(batches)).await);
    law!(
        found == lengths,
        "a batch is appended where its turn is, and the number of events before is returned",
        "{found:?} after {batches:?}"
    );
}

async fn check(log: &impl TurnEventLog, turn: TurnId, texts: &[String]) {
    let length = succeed(calm(log.len(turn)).await);
    law!(
        length == texts.len() as u64,
        "events are counted",
        "{length}"
    );
    for from in 0..texts.len() + 2 {
        for max in [1, 2, 100] {
            let found = succeed(calm(log.read(turn, from as u64, max)).await);
            let expected = texts.get(from..).unwrap_or_default();
            let found: Vec<_> = found.iter().map(TurnEvent::content).collect();
            let is_enough = found.len() >= max.min(expected.len());
            law!(
                is_enough
                    && expected
                        .iter()
                        .zip(&found)
                        .all(|(text, found)| text == found),
                "events come back in order, from any number on",
                "{found:?} from {from}, at most {max}"
            );
        }
    }
}

async fn check_wait(log: &Arc<impl TurnEventLog>, turn: TurnId, texts: &[String]) {
    let known = texts.len() as u64;
    succeed(calm(log.wait(turn, known - 1, LONG)).await);
    let following = log.clone();
    let follower = tokio::spawn(async move { following.follow(turn, known, 100, LONG).await });
    // It waits by now, or has not begun to: it hears of the event in either case.
    tokio::task::yield_now().await;
    append(&**log, &[batch(turn, known, &["new".to_owned()])], &[known]).await;
    let found = succeed(succeed(follower.await));
    let found: Vec<_> = found.iter().map(TurnEvent::content).collect();
    law!(
        found == ["new"],
        "who follows is told of what comes",
        "{found:?}"
    );
}
