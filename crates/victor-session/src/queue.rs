//! The queue of a session: the turn that works on it, and those that wait.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, MutexGuard};
use std::task::{Context, Poll, Waker};

use victor_core::{Lock, Message, TurnId, contain_sync};
use victor_session_protocol::TurnInterrupt;

/// Lets one turn at a time work, and the others wait in the order in which they came, those that interrupt before the
/// rest.
///
/// It is a lock of our own because that of tokio knows neither who waits nor how: messages that wait are merged, and
/// who interrupts goes first.
#[derive(Default)]
pub(crate) struct TurnQueue(Lock<State>);

#[derive(Default)]
struct State {
    is_held: bool,
    /// Interrupt of the turn that works, until it is used.
    interrupt: Option<TurnInterrupt>,
    interrupting: VecDeque<Waiter>,
    waiting: VecDeque<Waiter>,
    /// Those whose messages another turn has taken, until they know.
    merged: Vec<(u64, TurnId)>,
    next_ticket: u64,
}

struct Waiter {
    ticket: u64,
    waker: Waker,
    /// Message that another turn may take.
    message: Option<Arc<Message>>,
}

impl TurnQueue {
    /// Takes the right to work if nobody has it or waits for it. Who has it gives it back with
    /// [`release`](Self::release).
    pub(crate) fn try_hold(&self) -> bool {
        let mut state = self.0.lock();
        let is_free = !state.is_held && state.interrupting.is_empty() && state.waiting.is_empty();
        state.is_held |= is_free;
        is_free
    }

    /// Waits for the right to work, or until another turn takes the message; then it is told which.
    pub(crate) async fn hold(
        &self,
        interrupts: bool,
        message: Option<Arc<Message>>,
    ) -> Result<(), TurnId> {
        if self.try_hold() {
            return Ok(());
        }
        let place = self.enter(interrupts, message);
        poll_fn(|cx| place.poll(cx)).await
    }

    fn enter(&self, interrupts: bool, message: Option<Arc<Message>>) -> Place<'_> {
        let mut state = self.0.lock();
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        let waiter = Waiter {
            ticket,
            waker: Waker::noop().clone(),
            message,
        };
        state.line(interrupts).push_back(waiter);
        let running = interrupts.then(|| state.interrupt.take()).flatten();
        drop(state);
        interrupt(running);
        Place {
            queue: self,
            ticket,
            interrupts,
        }
    }

    /// Begins to work, for who has the right to: from now on it can be interrupted. Takes the messages along that wait
    /// to be taken and come next, if asked to and unless it is to be interrupted at once.
    pub(crate) fn begin(
        &self,
        turn: TurnId,
        own_interrupt: Option<TurnInterrupt>,
        merges: bool,
    ) -> Vec<Arc<Message>> {
        let mut state = self.0.lock();
        if !state.interrupting.is_empty() {
            drop(state);
            interrupt(own_interrupt);
            return Vec::new();
        }
        state.interrupt = own_interrupt;
        let (mut messages, mut wakers) = (Vec::new(), Vec::new());
        while merges
            && let Some(next) = state.waiting.front_mut()
            && let Some(message) = next.message.take()
            && let Some(next) = state.waiting.pop_front()
        {
            messages.push(message);
            wakers.push(next.waker);
            state.merged.push((next.ticket, turn));
        }
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
        messages
    }

    /// Gives the right to work to the next.
    pub(crate) fn release(&self) {
        let mut state = self.0.lock();
        state.is_held = false;
        state.interrupt = None;
        state.free_lines();
        wake_next(state);
    }

    /// Whether somebody has the right to work.
    pub(crate) fn is_held(&self) -> bool {
        self.0.lock().is_held
    }
}

impl State {
    fn line(&mut self, interrupts: bool) -> &mut VecDeque<Waiter> {
        if interrupts {
            &mut self.interrupting
        } else {
            &mut self.waiting
        }
    }

    fn next(&self) -> Option<&Waiter> {
        self.interrupting.front().or_else(|| self.waiting.front())
    }

    /// Gives back the memory of lines in which nobody stands, since sessions are idle for longer than they are busy.
    fn free_lines(&mut self) {
        for line in [&mut self.interrupting, &mut self.waiting] {
            if line.is_empty() {
                *line = VecDeque::new();
            }
        }
    }

    fn take_merged(&mut self, ticket: u64) -> Option<TurnId> {
        let at = self.merged.iter().position(|(of, _)| *of == ticket)?;
        let (_, turn) = self.merged.swap_remove(at);
        if self.merged.is_empty() {
            self.merged = Vec::new();
        }
        Some(turn)
    }
}

/// Wakes the next if it can work, after the lock is free.
fn wake_next(state: MutexGuard<'_, State>) {
    let next = state.next().filter(|_| !state.is_held);
    let waker = next.map(|next| next.waker.clone());
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// Interrupts a turn, for somebody who will not suffer from what goes wrong in it.
fn interrupt(running: Option<TurnInterrupt>) {
    if let Some(running) = running {
        // A turn whose interrupt panics is one that takes no notice.
        let _ = contain_sync(|| running.interrupt());
    }
}

/// A place in the queue, which is given up when this is dropped.
struct Place<'a> {
    queue: &'a TurnQueue,
    ticket: u64,
    interrupts: bool,
}

impl Place<'_> {
    fn poll(&self, cx: &Context<'_>) -> Poll<Result<(), TurnId>> {
        let mut state = self.queue.0.lock();
        let is_next = state.next().is_some_and(|next| next.ticket == self.ticket);
        let is_held = state.is_held;
        let line = state.line(self.interrupts);
        if is_next && !is_held {
            line.pop_front();
            state.is_held = true;
            return Poll::Ready(Ok(()));
        }
        if let Ok(at) = line.binary_search_by_key(&self.ticket, |waiter| waiter.ticket) {
            line[at].waker.clone_from(cx.waker());
            return Poll::Pending;
        }
        match state.take_merged(self.ticket) {
            Some(turn) => Poll::Ready(Err(turn)),
            // Only after it was ready, when it is not polled any more.
            None => Poll::Pending,
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.queue.0.lock();
        let line = state.line(self.interrupts);
        if let Ok(at) = line.binary_search_by_key(&self.ticket, |waiter| waiter.ticket) {
            line.remove(at);
            state.free_lines();
            // It may have been woken for its turn.
            wake_next(state);
        } else {
            state.take_merged(self.ticket);
        }
    }
}

impl fmt::Debug for TurnQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.lock();
        let waiting = state.interrupting.len() + state.waiting.len();
        f.debug_struct("TurnQueue")
            .field("is_held", &state.is_held)
            .field("waiting", &waiting)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_in_which_nobody_stands_takes_no_memory_for_those_who_did() {
        let queue = TurnQueue::default();
        let memory = || {
            let state = queue.0.lock();
            let lines = state.interrupting.capacity() + state.waiting.capacity();
            lines + state.merged.capacity()
        };
        assert!(queue.try_hold());
        assert_eq!(memory(), 0);
        let message = Arc::new(Message::user("x"));
        let places: Vec<_> = (0..1000)
            .map(|number| queue.enter(number % 2 == 0, Some(Arc::clone(&message))))
            .collect();
        let (interrupting, waiting): (Vec<_>, Vec<_>) =
            places.into_iter().partition(|place| place.interrupts);
        drop(interrupting);
        assert_eq!(queue.begin(TurnId::generate(), None, true).len(), 500);
        assert!(memory() > 0);
        drop(waiting);
        queue.release();
        assert_eq!(memory(), 0);
        assert!(queue.try_hold());
    }
}
