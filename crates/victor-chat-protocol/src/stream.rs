//! A turn that is being worked, as a stream of its events.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use futures_core::Stream;
use victor_core::{Lock, SessionId, TurnId, contain, contain_sync};

use crate::{ChatError, ChatResponse, TurnEvent, TurnEventKind, TurnFailed, TurnFinished};

type Work = Pin<Box<dyn Future<Output = Result<ChatResponse, ChatError>> + Send>>;
type Observer = Box<dyn FnMut(&TurnEvent) + Send>;

/// A turn that is being worked: a stream of its events.
///
/// The work is done while the stream is polled, in the task that polls it; nothing is spawned. The stream yields
/// events, of which the last is [`TurnFinished`] or [`TurnFailed`]; after the latter follows the error, and then
/// nothing.
///
/// # Cancel safety
///
/// Dropping the stream ends the turn at once. [`cancel_handle`](Self::cancel_handle) ends it in order.
pub struct TurnStream {
    work: Option<Work>,
    channel: Arc<Channel>,
    /// Waker of the last poll, so that the channel is told only of another.
    waker: Option<Waker>,
    last: Option<Result<TurnEvent, ChatError>>,
    observer: Option<Observer>,
    /// Time of the first poll.
    began: Option<Instant>,
}

/// State that the stream and the work within it share.
#[derive(Debug)]
struct Channel {
    session: SessionId,
    turn: TurnId,
    cancelled: AtomicBool,
    /// Number of events that have been taken out of the slot.
    taken: AtomicU64,
    shared: Lock<Shared>,
}

/// State that changes with every event.
#[derive(Debug, Default)]
struct Shared {
    /// An event that the work has emitted and the stream has not yet yielded. There is room for one, so that work
    /// never runs ahead of who listens.
    slot: Option<TurnEvent>,
    /// The number of the next event.
    sequence: u64,
    /// The task that polls the stream, to be woken when the turn is cancelled.
    stream: Option<Waker>,
    /// Parts of the work that are polled only when they themselves are woken, as in `FuturesUnordered`. They are woken
    /// when the slot is free again and when the turn is cancelled.
    parts: Vec<Waker>,
}

impl TurnStream {
    /// A turn that is worked by a function, which is given a sink for its events and returns what came of it.
    ///
    /// A panic in it becomes [`ChatError::Panicked`].
    pub fn new<F, W>(session: SessionId, turn: TurnId, work: F) -> Self
    where
        F: FnOnce(EventSink) -> W,
        W: Future<Output = Result<ChatResponse, ChatError>> + Send + 'static,
    {
        let channel = Arc::new(Channel {
            session,
            turn,
            cancelled: AtomicBool::new(false),
            taken: AtomicU64::new(0),
            shared: Lock::default(),
        });
        let work = contain_sync(|| work(EventSink(Arc::clone(&channel))));
        let work = async move { contain(work?).await? };
        Self {
            work: Some(Box::pin(work)),
            channel,
            waker: None,
            last: None,
            observer: None,
            began: None,
        }
    }

    /// The session.
    #[must_use]
    pub fn session(&self) -> &SessionId {
        &self.channel.session
    }

    /// The turn.
    #[must_use]
    pub fn turn(&self) -> TurnId {
        self.channel.turn
    }

    /// Has every event told to `observer`, in order, before the stream yields it. A later observer replaces an
    /// earlier one.
    #[must_use]
    pub fn with_observer(mut self, observer: impl FnMut(&TurnEvent) + Send + 'static) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// A handle that ends the turn in order: the stream goes on to its last event, soon.
    #[must_use]
    pub fn cancel_handle(&self) -> CancelHandle {
        CancelHandle(Arc::clone(&self.channel))
    }

    /// The next event, or the error, or none after the end.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no event.
    pub async fn next(&mut self) -> Option<Result<TurnEvent, ChatError>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// Reads to the end and returns what came of the turn.
    ///
    /// # Errors
    ///
    /// The error with which the stream ends.
    pub async fn response(mut self) -> Result<ChatResponse, ChatError> {
        while let Some(event) = self.next().await {
            if let TurnEventKind::TurnFinished(finished) = event?.kind {
                return Ok(*finished.response);
            }
        }
        Err(ChatError::Incomplete)
    }

    fn finish(&mut self, result: Result<ChatResponse, ChatError>) {
        self.work = None;
        let elapsed = self.began.map_or(0, |began| began.elapsed().as_micros());
        let elapsed_us = u64::try_from(elapsed).unwrap_or(u64::MAX);
        let mut shared = self.channel.shared.lock();
        self.last = Some(match result {
            Ok(response) => {
                let finished = TurnFinished::new(Box::new(response)).with_elapsed_us(elapsed_us);
                Ok(self.channel.event(&mut shared, finished))
            }
            Err(error) => {
                let failed = TurnFailed::new(error.report(), error.usage())
                    .with_class(error.class().to_owned())
                    .with_coordinator(error.coordinator().unwrap_or_default().to_owned())
                    .with_elapsed_us(elapsed_us);
                shared.slot = Some(self.channel.event(&mut shared, failed));
                Err(error)
            }
        });
    }

    fn observe(&mut self, event: TurnEvent) -> Poll<Option<Result<TurnEvent, ChatError>>> {
        if let Some(observer) = &mut self.observer {
            observer(&event);
        }
        Poll::Ready(Some(Ok(event)))
    }
}

impl Stream for TurnStream {
    type Item = Result<TurnEvent, ChatError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Some(work) = &mut this.work {
            this.began.get_or_insert_with(Instant::now);
            if !this
                .waker
                .as_ref()
                .is_some_and(|waker| is_same(waker, cx.waker()))
            {
                this.waker = Some(cx.waker().clone());
                this.channel.shared.lock().stream = Some(cx.waker().clone());
            }
            if let Poll::Ready(result) = work.as_mut().poll(cx) {
                // An event that was emitted just before the end still waits in the slot.
                let event = this.channel.take();
                this.finish(result);
                if let Some(event) = event {
                    return this.observe(event);
                }
            }
        }
        if let Some(event) = this.channel.take() {
            return this.observe(event);
        }
        match this.last.take() {
            Some(Ok(event)) => this.observe(event),
            Some(Err(error)) => Poll::Ready(Some(Err(error))),
            None if this.work.is_some() => Poll::Pending,
            None => Poll::Ready(None),
        }
    }
}

impl fmt::Debug for TurnStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurnStream")
            .field("session", &self.channel.session)
            .field("turn", &self.channel.turn)
            .finish_non_exhaustive()
    }
}

/// Sink for the events of a turn's work.
#[derive(Debug, Clone)]
pub struct EventSink(Arc<Channel>);

impl EventSink {
    /// The session.
    #[must_use]
    pub fn session(&self) -> &SessionId {
        &self.0.session
    }

    /// The turn.
    #[must_use]
    pub fn turn(&self) -> TurnId {
        self.0.turn
    }

    /// Emits an event, and waits until the stream has yielded it.
    ///
    /// # Cancel safety
    ///
    /// The event is emitted when the future is first polled.
    pub async fn emit(&self, kind: impl Into<TurnEventKind>) {
        let mut kind = Some(kind.into());
        let mut number = 0;
        poll_fn(|cx| {
            if kind.is_none() && self.0.taken.load(Ordering::Acquire) > number {
                return Poll::Ready(());
            }
            let mut shared = self.0.shared.lock();
            if shared.slot.is_none() {
                let Some(kind) = kind.take() else {
                    return Poll::Ready(());
                };
                number = shared.sequence;
                shared.slot = Some(self.0.event(&mut shared, kind));
            }
            shared.listen(cx);
            Poll::Pending
        })
        .await;
    }

    /// Returns a handle that ends the turn in order.
    #[must_use]
    pub fn cancel_handle(&self) -> CancelHandle {
        CancelHandle(self.0.clone())
    }

    /// Whether the turn has been cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::Acquire)
    }

    /// Does something unless the turn is cancelled first, in which case it is dropped and nothing is returned.
    pub async fn until_cancelled<F: Future>(&self, future: F) -> Option<F::Output> {
        let mut future = std::pin::pin!(future);
        // Who polls the stream is woken without listening here.
        let mut of_stream: Option<Waker> = None;
        poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => {
                let known = of_stream.as_ref();
                if !known.is_some_and(|waker| is_same(waker, cx.waker())) {
                    let is_of_stream = self.0.shared.lock().listen(cx);
                    of_stream = is_of_stream.then(|| cx.waker().clone());
                }
                if self.is_cancelled() {
                    Poll::Ready(None)
                } else {
                    Poll::Pending
                }
            }
        })
        .await
    }
}

/// Ends a turn in order. Made by [`TurnStream::cancel_handle`].
#[derive(Debug, Clone)]
pub struct CancelHandle(Arc<Channel>);

impl CancelHandle {
    /// Ends the turn in order: what was said and done is kept, and the stream goes on to its last event.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::Release);
        let (parts, stream) = {
            let mut shared = self.0.shared.lock();
            (std::mem::take(&mut shared.parts), shared.stream.clone())
        };
        parts.into_iter().chain(stream).for_each(Waker::wake);
    }
}

impl Channel {
    fn event(&self, shared: &mut Shared, kind: impl Into<TurnEventKind>) -> TurnEvent {
        let sequence = shared.sequence;
        shared.sequence += 1;
        TurnEvent::new(self.session.clone(), self.turn, sequence, kind)
    }

    /// Takes the event out of the slot, so that there is room for the next.
    fn take(&self) -> Option<TurnEvent> {
        let mut shared = self.shared.lock();
        let event = shared.slot.take()?;
        self.taken.store(event.sequence + 1, Ordering::Release);
        if !shared.parts.is_empty() {
            let parts = std::mem::take(&mut shared.parts);
            drop(shared);
            parts.into_iter().for_each(Waker::wake);
        }
        Some(event)
    }
}

impl Shared {
    /// Has a part of the work polled again when the slot is free or the turn is cancelled. What is polled together with
    /// the stream needs no waking: whoever takes an event out of the slot polls the work again after it. Says whether
    /// it is that.
    fn listen(&mut self, cx: &Context<'_>) -> bool {
        let is_here = |waker: &Waker| is_same(waker, cx.waker());
        let is_of_stream = self.stream.as_ref().is_some_and(is_here);
        if !is_of_stream && !self.parts.iter().any(is_here) {
            self.parts.push(cx.waker().clone());
        }
        is_of_stream
    }
}

/// Whether two wakers wake the same task. `will_wake` alone takes a waker for another than its own clone where the
/// compiler has made two copies of one table of functions, as it does with tokio's; tasks have different data.
fn is_same(one: &Waker, other: &Waker) -> bool {
    one.will_wake(other) || (one.data() == other.data() && !one.data().is_null())
}
