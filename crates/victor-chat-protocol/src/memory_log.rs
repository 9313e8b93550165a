//! A log of turns that lives as long as the process.

use std::collections::HashMap;
use std::future::poll_fn;
use std::task::{Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use victor_core::{Lock, Timestamp, TurnId};

use crate::{EventBatch, EventLogError, TurnEvent, TurnEventLog};

/// Keeps the events of turns as long as the process lives, or until they are
/// [removed](TurnEventLog::remove_before).
///
/// It has no clock of its own, so a wait lasts until there are events, whatever its limit is: whoever wants to end it
/// earlier drops it.
#[derive(Debug, Default)]
pub struct InMemoryEventLog(Lock<HashMap<TurnId, Kept>>);

#[derive(Debug, Default)]
struct Kept {
    events: Vec<TurnEvent>,
    batches: u64,
    written: Timestamp,
    followers: Vec<Waker>,
}

#[async_trait]
impl TurnEventLog for InMemoryEventLog {
    async fn append(&self, batches: &[EventBatch]) -> Result<Vec<u64>, EventLogError> {
        let (mut lengths, mut wakers) = (Vec::with_capacity(batches.len()), Vec::new());
        let mut turns = self.0.lock();
        for batch in batches {
            let kept = turns.entry(batch.turn).or_default();
            lengths.push(kept.events.len() as u64);
            if kept.events.len() as u64 == batch.first {
                kept.events.extend_from_slice(&batch.events);
                kept.batches += 1;
                kept.written = Timestamp::now();
                wakers.append(&mut kept.followers);
            }
        }
        drop(turns);
        wakers.into_iter().for_each(Waker::wake);
        Ok(lengths)
    }

    async fn len(&self, turn: TurnId) -> Result<u64, EventLogError> {
        let turns = self.0.lock();
        Ok(turns.get(&turn).map_or(0, |kept| kept.events.len() as u64))
    }

    async fn read(
        &self,
        turn: TurnId,
        from: u64,
        max: usize,
    ) -> Result<Vec<TurnEvent>, EventLogError> {
        let turns = self.0.lock();
        let events = turns.get(&turn).map_or(&[][..], |kept| &kept.events);
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let events = events.get(from..).unwrap_or_default();
        Ok(events[..events.len().min(max.max(1))].to_vec())
    }

    async fn wait(&self, turn: TurnId, known: u64, _time: Duration) -> Result<(), EventLogError> {
        poll_fn(|cx| {
            let mut turns = self.0.lock();
            let kept = turns.entry(turn).or_default();
            if kept.events.len() as u64 > known {
                return Poll::Ready(Ok(()));
            }
            if !kept
                .followers
                .iter()
                .any(|waker| waker.will_wake(cx.waker()))
            {
                kept.followers.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await
    }

    async fn remove_before(&self, time: Timestamp) -> Result<u64, EventLogError> {
        let mut removed = 0;
        self.0.lock().retain(|_, kept| {
            let stays = kept.written >= time || !kept.followers.is_empty();
            removed += if stays { 0 } else { kept.batches };
            stays
        });
        Ok(removed)
    }
}
