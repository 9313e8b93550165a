//! Live traffic, judged in the background.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use victor_analytics_protocol::{AnalyticsEvent, AnalyticsTracker};
use victor_chat_protocol::{
    ChatResponse, ObservedTurn, TurnEvent, TurnEventKind, TurnObserver, TurnOpening,
};
use victor_core::{Coordinator, Health, Lock, Problems, SessionId, TurnId};
use victor_evaluation_protocol::{EvalCase, Evaluator, Judgement, Trial, TrialTurn};
use victor_provider_protocol::LedgerObserver;

use crate::judging::judge;
use crate::trials::{calls, state_of};

victor_core::options! {
    /// The options of a [`LiveEvaluation`].
    #[derive(PartialEq)]
    pub struct LiveOptions {
        /// Share of the turns that are judged, from 0 to 1. A turn is judged or not by its identifier, so the choice is
        /// the same wherever it is made. Defaults to 0.05.
        pub sample, with_sample: f64 = 0.05;
        /// Number of turns that may wait for their judgement; those beyond it are not judged, and counted. Defaults to
        /// 64.
        pub queue, with_queue: usize = 64;
        /// Time limit of one evaluator for one turn. Defaults to 2 minutes.
        pub evaluator_timeout, with_evaluator_timeout: Duration = Duration::from_secs(120);
        /// Time that [`shutdown`](Coordinator::shutdown) waits for turns that are still to be judged. Defaults to 30
        /// seconds.
        pub drain, with_drain: Duration = Duration::from_secs(30);
        /// Whether events have the reasons of evaluators, which may repeat what was said. Defaults to `false`.
        pub reasons, with_reasons: bool = false;
    }
}

/// Judges a sample of the turns of an orchestrator, and tracks each judgement as an event of analytics.
///
/// It is an observer of turns and a coordinator of the program's own. A turn does not wait for it: what it said is put
/// into a queue, from which one task takes it after the turn. An evaluator that fails, panics or hangs gives a judgement
/// that does not count.
///
/// The event `evaluation` has `turn_id`, `evaluator`, and `score` with `passed`, or `invalid` with the reason where no
/// judgement counts. Evaluators that need an expectation say nothing of a live turn, and there is no event of them. A
/// turn that was refused is judged by those that [judge refusals](Evaluator::judges).
///
/// ```
/// use std::sync::Arc;
///
/// use victor_analytics_protocol::AnalyticsTracker;
/// use victor_evaluation::{LiveEvaluation, LiveOptions};
/// use victor_evaluation::protocol::Evaluator;
///
/// fn live(analytics: Arc<dyn AnalyticsTracker>, judge: impl Evaluator) -> Arc<LiveEvaluation> {
///     // `.turn_observer(live.clone())` and `.custom_coordinator("live_evaluation", live)` of the orchestrator's builder.
///     let options = LiveOptions::default().with_sample(0.01);
///     Arc::new(LiveEvaluation::new(analytics, [Arc::new(judge) as _]).with_options(options))
/// }
/// ```
#[derive(Debug)]
pub struct LiveEvaluation {
    options: LiveOptions,
    worker: Arc<Worker>,
    /// The queue; absent before the first turn and after the shutdown.
    queue: Lock<Queue>,
}

#[derive(Debug)]
struct Worker {
    analytics: Arc<dyn AnalyticsTracker>,
    evaluators: Vec<Arc<dyn Evaluator>>,
    problems: Problems,
}

#[derive(Debug, Default)]
enum Queue {
    #[default]
    New,
    Open(mpsc::Sender<Job>),
    Closed,
}

#[derive(Debug)]
enum Job {
    Judge {
        session: SessionId,
        turn: TurnId,
        trial: Box<Trial>,
    },
    /// Answers when all that was put in before it is judged.
    Flush(oneshot::Sender<()>),
}

impl LiveEvaluation {
    /// Judges by these evaluators, and tracks the judgements with this tracker.
    pub fn new(
        analytics: Arc<dyn AnalyticsTracker>,
        evaluators: impl IntoIterator<Item = Arc<dyn Evaluator>>,
    ) -> Self {
        let worker = Worker {
            analytics,
            evaluators: evaluators.into_iter().collect(),
            problems: Problems::default(),
        };
        Self {
            options: LiveOptions::default(),
            worker: Arc::new(worker),
            queue: Lock::default(),
        }
    }

    /// Sets the options.
    #[must_use]
    pub fn with_options(mut self, options: LiveOptions) -> Self {
        self.options = options;
        self
    }

    /// Whether a turn belongs to the sample.
    fn is_sampled(&self, turn: TurnId) -> bool {
        let mut hasher = DefaultHasher::new();
        turn.hash(&mut hasher);
        #[expect(
            clippy::cast_precision_loss,
            reason = "a share needs no more than 53 bits"
        )]
        let place = (hasher.finish() >> 11) as f64 / (1_u64 << 53) as f64;
        place < self.options.sample
    }

    /// Returns the queue. Begins the task that works it off, if there is a runtime.
    fn queue(&self) -> Option<mpsc::Sender<Job>> {
        let mut queue = self.queue.lock();
        if let Queue::New = &*queue {
            let runtime = tokio::runtime::Handle::try_current().ok()?;
            let (sender, jobs) = mpsc::channel(self.options.queue.max(1));
            runtime.spawn(self.worker.clone().work(jobs, self.options.clone()));
            *queue = Queue::Open(sender);
        }
        match &*queue {
            Queue::Open(sender) => Some(sender.clone()),
            _ => None,
        }
    }
}

impl Worker {
    async fn work(self: Arc<Self>, mut jobs: mpsc::Receiver<Job>, options: LiveOptions) {
        while let Some(job) = jobs.recv().await {
            match job {
                Job::Judge {
                    session,
                    turn,
                    trial,
                } => self.judge(&session, turn, &trial, &options).await,
                Job::Flush(done) => {
                    let _ = done.send(()); // whoever waited may have gone
                }
            }
        }
    }

    async fn judge(&self, session: &SessionId, turn: TurnId, trial: &Trial, options: &LiveOptions) {
        let input = trial.turns.first().map_or("", |turn| &turn.input);
        let case = EvalCase::new(&trial.case, input);
        for evaluator in &self.evaluators {
            let judged = judge(&**evaluator, options.evaluator_timeout, &case, trial).await;
            let name = evaluator.name();
            let event = AnalyticsEvent::new("evaluation")
                .with("turn_id", turn.to_string())
                .with("evaluator", name);
            let (event, reason) = match judged {
                None | Some(Judgement::NotApplicable) => continue,
                Some(Judgement::Scored(score)) => {
                    self.problems.clear(name);
                    let event = event
                        .with("score", score.value)
                        .with("passed", score.passed);
                    (event, score.reason)
                }
                Some(Judgement::Invalid { reason, .. }) => {
                    self.problems.report(name, &reason);
                    (event.with("invalid", true), Some(reason))
                }
                Some(_) => continue,
            };
            let event = match reason.filter(|_| options.reasons) {
                Some(reason) => event.with("reason", reason),
                None => event,
            };
            self.analytics.track_event(session, event);
        }
    }
}

impl LedgerObserver for LiveEvaluation {}

impl TurnObserver for LiveEvaluation {
    fn begin(&self, turn: &TurnOpening<'_>) -> Option<Box<dyn ObservedTurn>> {
        // The turns of nested agents are parts of others.
        let is_live = turn.agent.is_none() && self.is_sampled(turn.turn);
        let input = turn.input.filter(|_| is_live)?.text().into_owned();
        let queue = self.queue()?;
        let worker = self.worker.clone();
        Some(Box::new(LiveTurn {
            input,
            queue,
            worker,
        }))
    }
}

#[async_trait]
impl Coordinator for LiveEvaluation {
    fn name(&self) -> &str {
        "live-evaluation"
    }

    fn health(&self) -> Health {
        self.worker.problems.health(self.name())
    }

    /// Waits for the turns that are still to be judged, for as long as [`LiveOptions::drain`] permits.
    async fn shutdown(&self) {
        let queue = std::mem::replace(&mut *self.queue.lock(), Queue::Closed);
        let Queue::Open(queue) = queue else {
            return;
        };
        let flushed = async {
            let (done, is_done) = oneshot::channel();
            if queue.send(Job::Flush(done)).await.is_ok() {
                let _ = is_done.await;
            }
        };
        if timeout(self.options.drain, flushed).await.is_err() {
            self.worker
                .problems
                .report("queue", "turns were left without a judgement at the end");
        }
    }
}

/// A turn of the sample.
#[derive(Debug)]
struct LiveTurn {
    input: String,
    queue: mpsc::Sender<Job>,
    worker: Arc<Worker>,
}

impl ObservedTurn for LiveTurn {
    fn event(&mut self, event: &TurnEvent) {
        let TurnEventKind::TurnFinished(finished) = &event.kind else {
            return;
        };
        let job = Job::Judge {
            session: event.session.clone(),
            turn: event.turn,
            trial: Box::new(trial(
                event.turn,
                std::mem::take(&mut self.input),
                &finished.response,
            )),
        };
        match self.queue.try_send(job) {
            Ok(()) => self.worker.problems.clear("queue"),
            Err(_) => {
                let problem = "turns are not judged, since too many wait: lower the sample or take a faster judge";
                self.worker.problems.report("queue", problem);
            }
        }
    }
}

/// The turn as a trial, which is what evaluators judge.
fn trial(turn: TurnId, input: String, response: &ChatResponse) -> Trial {
    let mut trial = Trial::new(turn.to_string(), 1, state_of(&response.outcome));
    let mut observed = TrialTurn::new(input, response.content());
    observed.calls = calls(response);
    trial.turns.push(observed);
    trial.usage = response.usage.clone();
    trial.cost = response.cost;
    trial
}
