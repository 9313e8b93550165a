//! One request and its attempts.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use tokio::time::{Instant, sleep, timeout_at};
use victor_core::{ModelId, StopReason, Timestamp, Usage, contain, contain_sync};
use victor_provider_protocol::{
    ChatRequest, Completion, CompletionEvent, CompletionStream, Failover, ProviderError,
    ProviderErrorKind, RetryNotice, WaitNotice,
};

use crate::ProviderOptions;
use crate::breaker::Admission;
use crate::ledger::{Ledger, OpenEntry};
use crate::limiter::{Limiter, Places};
use crate::plan::Plan;
use crate::retry::Failures;
use crate::silence::Silence;
use crate::target::{Target, is_fault_of_request};

/// The longest wait for a target that is served while another one is left in the route.
const PATIENCE: Duration = Duration::from_secs(2);

/// One request and its attempts, as the stream of what comes of them.
pub(crate) struct Attempts {
    plan: Plan,
    request: Arc<ChatRequest>,
    /// The model that is asked.
    model: ModelId,
    options: ProviderOptions,
    ledger: Arc<Ledger>,
    /// The limits of the request's session.
    session_limiter: Option<Arc<Limiter>>,
    /// The end of the time for the whole call.
    end: Option<Instant>,
    stage: Stage,
    /// The attempt that runs.
    running: Option<Running>,
    /// The number of the attempt that runs, from 1.
    attempt: u32,
    failures: Failures,
    /// Whether something of the attempt that runs has been shown.
    shown: bool,
    /// The usage of the attempts that failed.
    lost: Usage,
    /// The time in the queues of the limits.
    queued: Duration,
}

/// The share of an attempt that runs in the things that are shared. Dropping it gives everything back, and charges the
/// attempt as cancelled.
struct Running {
    entry: OpenEntry,
    admission: Option<Admission>,
    places: Places,
}

type Event = Result<CompletionEvent, ProviderError>;
type Opening = Pin<Box<dyn Future<Output = Opened> + Send>>;
type Opened = Result<(CompletionStream, Option<Instant>), ProviderError>;

/// The next thing to happen.
enum Stage {
    /// An attempt, after a wait.
    Begin(Option<Duration>),
    /// The end of the wait.
    Wait(Pin<Box<tokio::time::Sleep>>),
    /// A place in the queues of the limits.
    Queue(Pin<Box<dyn Future<Output = Places> + Send>>, Instant),
    /// The beginning of an answer.
    Open(Opening),
    /// An event of the answer.
    Read(CompletionStream, Silence),
    /// An event of ours, once the ledger is written; the stage after it.
    Settle(
        Pin<Box<dyn Future<Output = ()> + Send>>,
        Box<Event>,
        Box<Stage>,
    ),
    /// An event of ours; the stage after it.
    Yield(Box<Event>, Box<Stage>),
    /// Nothing.
    End,
}

impl Attempts {
    pub(crate) fn new(
        plan: Plan,
        mut request: ChatRequest,
        mut options: ProviderOptions,
        ledger: Arc<Ledger>,
        session_limiter: Option<Arc<Limiter>>,
    ) -> Self {
        let model = request.model_or(plan.target().model.clone());
        request.model = Some(model.clone());
        let mut end = None;
        if let Some(spec) = plan.spec() {
            let first = spec.first_event_timeout.or(options.first_event_timeout);
            options.first_event_timeout = first;
            options.idle_timeout = spec.idle_timeout.or(options.idle_timeout);
            let attempts = spec.max_attempts.unwrap_or(options.retry.max_attempts);
            options.retry.max_attempts = attempts;
            end = deadline(spec.timeout);
        }
        Self {
            plan,
            request: Arc::new(request),
            model,
            options,
            ledger,
            session_limiter,
            end,
            stage: Stage::Begin(None),
            running: None,
            attempt: 0,
            failures: Failures::default(),
            shown: false,
            lost: Usage::default(),
            queued: Duration::ZERO,
        }
    }

    fn target(&self) -> &Arc<Target> {
        self.plan.target()
    }

    /// Takes what an attempt needs: a budget, the breaker's leave and a place among the requests.
    fn admit(&mut self) -> Result<(), ProviderError> {
        self.attempt += 1;
        self.shown = false;
        let admission = match self.target().breaker.admit() {
            Ok(admission) => Some(admission),
            Err(left) if self.plan.spec().is_some() => {
                let message = format!("`{}` is left alone after failures", self.target().name);
                let error = ProviderError::new(ProviderErrorKind::Overloaded, "", message);
                return Err(error.with_retry_after(left));
            }
            // A target without a route is asked in any case: there is no other.
            Err(_) => None,
        };
        let (input, output) = self.target().estimate(&self.request);
        let tokens = input.saturating_add(output);
        let reservation = match self.ledger.budgets.is_empty() {
            true => Default::default(),
            false => {
                let (usage, provider) = (Usage::new(input, output), &self.target().provider_name);
                let now = Timestamp::now();
                let price = self.ledger.price(provider, &self.model, &usage, now, None);
                let cost = price.map_or_else(Default::default, |(cost, _)| cost);
                self.ledger.budgets.reserve(&self.request, tokens, cost)?
            }
        };
        let entry = OpenEntry::new(
            &self.ledger,
            self.target(),
            &self.model,
            &self.request,
            self.attempt,
            reservation,
        );
        let taken = Places::take(
            self.session_limiter.as_ref(),
            &self.target().limiter,
            tokens,
        );
        let (places, queue) = match taken {
            Ok(places) => (places, None),
            Err(queue) => (Places::default(), Some(queue)),
        };
        self.running = Some(Running {
            entry,
            admission,
            places,
        });
        self.stage = match queue {
            None => Stage::Open(self.open(false)),
            Some(queue) => {
                let notice = WaitNotice::new(self.target().name.clone(), queue.expected);
                let event = Ok(CompletionEvent::Waiting(notice));
                let queue = Stage::Queue(queue.places, Instant::now());
                Stage::Yield(Box::new(event), Box::new(queue))
            }
        };
        Ok(())
    }

    /// Asks the provider.
    fn open(&mut self, waited: bool) -> Opening {
        if let Some(running) = &mut self.running {
            running.entry.begin(waited);
        }
        let (target, request) = (Arc::clone(self.target()), Arc::clone(&self.request));
        let (first, end) = (self.options.first_event_timeout, self.end);
        let ledger = self.ledger.has_unsaved().then(|| self.ledger.clone());
        Box::pin(async move {
            if let Some(ledger) = ledger {
                ledger.flush().await;
            }
            let deadline = earlier(deadline(first), end);
            let call = contain(async { target.provider.stream_chat(&request).await });
            let outcome = match deadline {
                Some(deadline) => timeout_at(deadline, call).await,
                None => Ok(call.await),
            };
            match outcome {
                Ok(Ok(opened)) => Ok((opened?, deadline)),
                Ok(Err(panicked)) => Err(panic_error(panicked.to_string())),
                Err(_) => Err(silent()),
            }
        })
    }

    /// Passes an event on, unless it shows nothing.
    fn pass(&mut self, event: CompletionEvent) -> Option<CompletionEvent> {
        match &event {
            CompletionEvent::TextDelta(text) | CompletionEvent::ThinkingDelta(text) => {
                if text.is_empty() {
                    return None;
                }
                if let Some(running) = &mut self.running {
                    running.entry.stream(text.len());
                }
                let is_text = matches!(event, CompletionEvent::TextDelta(_));
                self.shown |= is_text || self.options.shows_thoughts;
            }
            CompletionEvent::Working => return None,
            _ => {}
        }
        match event {
            CompletionEvent::Finished(completion) => self.finish(completion),
            event => Some(event),
        }
    }

    /// Charges a whole answer, and passes it on unless a rule of the route sends a refusal elsewhere.
    fn finish(&mut self, mut completion: Box<Completion>) -> Option<CompletionEvent> {
        self.enter(Stage::End);
        let last = std::mem::take(&mut completion.usage);
        let read = completion
            .context_tokens
            .unwrap_or_else(|| last.input_tokens());
        self.target().windows.refute(&self.model, read);
        self.target().problems.clear(&self.target().name);
        if let Some(running) = &mut self.running {
            running.entry.answered(&completion, &last);
            running.places.settle(last.total_tokens());
            if let Some(admission) = &mut running.admission {
                admission.succeeded();
            }
            self.running = None;
        }
        if completion.stop_reason == StopReason::Refusal && self.sends_refusals_on() {
            let message = "the model declined to answer";
            let error =
                ProviderError::new(ProviderErrorKind::Refusal, "", message).with_usage(last);
            let event = self.fail(error);
            self.yield_later(event);
            return None;
        }
        completion.usage = self.usage_with(&last);
        completion.queued = self.queued;
        let event = CompletionEvent::Finished(completion);
        if !self.ledger.has_unsaved() {
            return Some(event);
        }
        self.stage = self.settled(Ok(event), Stage::End);
        None
    }

    fn sends_refusals_on(&self) -> bool {
        let spec = self.plan.spec();
        let may_go_on = !self.shown || self.options.withdraws;
        may_go_on
            && spec.is_some_and(|spec| spec.after(&ProviderErrorKind::Refusal) != Failover::Stop)
    }

    /// A failed attempt: a notice if another one follows, and otherwise the error.
    fn fail(&mut self, mut error: ProviderError) -> Event {
        let running = self.running.take();
        let has_run = running.is_some();
        if let Some(mut running) = running {
            running.entry.failed(&error.kind, &error.usage);
            running.places.settle(error.usage.total_tokens());
            if let Some(admission) = &mut running.admission
                && !is_fault_of_request(&error.kind)
            {
                admission.failed(error.retry_after);
            }
        }
        *error.usage = self.usage_with(&error.usage);
        let target = self.target().clone();
        error.provider = (*target.provider_name).into();
        if has_run {
            target.report(&error.kind, &error.message);
        }
        if let Some(window) = error.context_window() {
            target.windows.learn(&self.model, window);
        }
        let (name, attempt) = (&*target.name, self.attempt);
        let Some((delay, next)) = self.next_attempt(&error) else {
            self.note_patience(&mut error);
            tracing::warn!(target = name, kind = %error.kind, attempt, "model call failed: {}", error.message);
            self.enter(Stage::End);
            return Err(error);
        };
        tracing::debug!(target = name, kind = %error.kind, attempt, ?delay, "retrying: {}", error.message);
        let notice = RetryNotice::new(attempt, error.kind, error.message, delay)
            .with_targets(target.name.clone(), next.map(|target| target.name.clone()))
            .with_withdrawn(self.shown);
        self.lost = *error.usage;
        let retrying = Ok(CompletionEvent::Retrying(notice));
        let begin = Stage::Begin((!delay.is_zero()).then_some(delay));
        if !self.shown {
            self.enter(begin);
            return retrying;
        }
        self.enter(Stage::Yield(Box::new(retrying), Box::new(begin)));
        Ok(CompletionEvent::Withdrawn)
    }

    /// Adds to an error why it was not waited as long as its provider asks, and what helps.
    fn note_patience(&self, error: &mut ProviderError) {
        let most = self.options.retry.max_retry_after;
        if let Some(asked) = error.retry_after
            && error.is_transient()
            && asked > most
        {
            let (asked, most) = (asked.as_secs(), most.as_secs());
            error.message += &format!(
                " (asked to wait {asked} s, and at most {most} s are waited: try again later, or use another provider)"
            );
        }
    }

    /// The wait before the next attempt and the target to which that goes, if it is another one; `None` if there is no
    /// further attempt.
    fn next_attempt(&mut self, error: &ProviderError) -> Option<(Duration, Option<Arc<Target>>)> {
        if self.shown && !self.options.withdraws {
            return None;
        }
        let left = self
            .end
            .map(|end| end.saturating_duration_since(Instant::now()));
        let in_time = |delay: &Duration| left.is_none_or(|left| *delay < left);
        let delay = self
            .failures
            .next_delay(&self.options.retry, error)
            .filter(in_time);
        // A target that is not to be asked for a while is not waited for while another one could answer.
        let is_brief = |delay: &Duration| *delay <= PATIENCE && self.plan.blocked_for().is_none();
        let again = delay.filter(|delay| !self.plan.has_more() || is_brief(delay));
        if let Some(delay) = again {
            return Some((delay, None));
        }
        if in_time(&Duration::ZERO)
            && let Some(next) = self.plan.advance(&error.kind)
        {
            self.failures = Failures::default();
            self.model = next.model.clone();
            let mut request = ChatRequest::clone(&self.request);
            request.model = Some(self.model.clone());
            self.request = Arc::new(request);
            return Some((Duration::ZERO, Some(next)));
        }
        delay.map(|delay| (delay, None))
    }

    /// Adds the usage of an attempt that has ended to that of the attempts before it.
    fn usage_with(&mut self, last: &Usage) -> Usage {
        let mut usage = std::mem::take(&mut self.lost);
        usage += last;
        usage
    }

    /// Yields an event once the ledger has been written, if there is something to write.
    fn settled(&self, event: Event, stage: Stage) -> Stage {
        let (event, stage) = (Box::new(event), Box::new(stage));
        if !self.ledger.has_unsaved() {
            return Stage::Yield(event, stage);
        }
        let ledger = self.ledger.clone();
        Stage::Settle(Box::pin(async move { ledger.flush().await }), event, stage)
    }

    fn yield_later(&mut self, event: Event) {
        let stage = std::mem::replace(&mut self.stage, Stage::End);
        self.stage = Stage::Yield(Box::new(event), Box::new(stage));
    }

    /// Goes on, and lets go of the provider's stream, so that no connection stays open during a wait.
    fn enter(&mut self, stage: Stage) {
        let left = std::mem::replace(&mut self.stage, stage);
        if let Err(panicked) = contain_sync(|| drop(left)) {
            tracing::warn!(
                target = &*self.target().name,
                "{panicked} while its stream was dropped"
            );
        }
    }

    /// Takes the error of the last attempt, once the ledger has been written.
    fn failed(&mut self, error: ProviderError) {
        let event = self.fail(error);
        let stage = std::mem::replace(&mut self.stage, Stage::End);
        self.stage = match &event {
            // The next attempt writes.
            Ok(_) => Stage::Yield(Box::new(event), Box::new(stage)),
            Err(_) => self.settled(event, stage),
        };
    }
}

impl Stream for Attempts {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let this = self.get_mut();
        loop {
            let event = match &mut this.stage {
                Stage::Begin(wait) => match wait.take() {
                    Some(wait) => {
                        this.stage = Stage::Wait(Box::pin(sleep(wait)));
                        continue;
                    }
                    None => match this.admit() {
                        Ok(()) => continue,
                        Err(error) => Err(error),
                    },
                },
                Stage::Wait(timer) => {
                    ready!(timer.as_mut().poll(cx));
                    this.stage = Stage::Begin(None);
                    continue;
                }
                Stage::Queue(place, since) => {
                    let places = ready!(place.as_mut().poll(cx));
                    this.queued += since.elapsed();
                    if let Some(running) = &mut this.running {
                        running.places = places;
                    }
                    this.stage = Stage::Open(this.open(true));
                    continue;
                }
                Stage::Open(opening) => match ready!(opening.as_mut().poll(cx)) {
                    Ok((stream, first)) => {
                        let silence = Silence::new(first, this.options.idle_timeout, this.end);
                        this.enter(Stage::Read(stream, silence));
                        continue;
                    }
                    Err(error) => Err(error),
                },
                Stage::Read(stream, silence) => {
                    match contain_sync(|| Pin::new(stream).poll_next(cx)) {
                        Ok(Poll::Ready(event)) => {
                            silence.end();
                            // A stream ends in a completion or an error, so there is always an event here.
                            event.transpose()
                        }
                        Ok(Poll::Pending) => {
                            ready!(silence.poll(cx));
                            Err(silent())
                        }
                        Err(panicked) => Err(panic_error(panicked.to_string())),
                    }
                }
                Stage::Settle(flush, ..) => {
                    ready!(flush.as_mut().poll(cx));
                    let Stage::Settle(_, event, stage) =
                        std::mem::replace(&mut this.stage, Stage::End)
                    else {
                        continue;
                    };
                    this.stage = *stage;
                    return Poll::Ready(Some(*event));
                }
                Stage::Yield(..) => {
                    let Stage::Yield(event, stage) = std::mem::replace(&mut this.stage, Stage::End)
                    else {
                        continue;
                    };
                    this.stage = *stage;
                    return Poll::Ready(Some(*event));
                }
                Stage::End => return Poll::Ready(None),
            };
            match event {
                Ok(Some(event)) => {
                    if let Some(event) = this.pass(event) {
                        return Poll::Ready(Some(Ok(event)));
                    }
                }
                Ok(None) => return Poll::Ready(None),
                Err(error) => this.failed(error),
            }
        }
    }
}

/// The end of a time that begins now; none if there is no such instant.
pub(crate) fn deadline(timeout: Option<Duration>) -> Option<Instant> {
    Instant::now().checked_add(timeout?)
}

/// The earlier of two deadlines.
pub(crate) fn earlier(first: Option<Instant>, second: Option<Instant>) -> Option<Instant> {
    match (first, second) {
        (Some(first), Some(second)) => Some(first.min(second)),
        (first, second) => first.or(second),
    }
}

// The name of the provider is filled in where the error is passed on.

fn panic_error(message: String) -> ProviderError {
    ProviderError::new(ProviderErrorKind::Panicked, "", message)
}

fn silent() -> ProviderError {
    ProviderError::new(ProviderErrorKind::Timeout, "", "nothing came in time")
}
