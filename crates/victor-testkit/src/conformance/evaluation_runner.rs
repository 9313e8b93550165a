//! The laws of runners of evaluations.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use victor_chat_protocol::{Agent, ChatError, ChatInput, ChatResponse, TurnOutcome, TurnStream};
use victor_core::{Lock, Message, SessionId, TurnId, Usage};
use victor_evaluation_protocol::{
    Dataset, EvalCase, EvaluationError, EvaluationPlan, EvaluationRun, EvaluationRunner, Evaluator,
    EvaluatorError, Judgement, RunEnd, RunLog, RunLogError, RunOptions, Score, Trial, TrialRecord,
    TrialState,
};

use super::{calm, life, succeed};

/// Checks a runner. `make` makes a new one.
///
/// The laws: every repetition of every case has one trial, in the order of the dataset; what goes wrong in one case (an
/// agent that fails, panics, hangs, declines or waits) is the state of its trial with a reason and no score, and the
/// others go on; no more trials run at once than may; an evaluator that fails, panics, hangs or gives no number gives a
/// judgement that does not count, and never a score of zero; each trial that has ended is in the log before the next
/// begins in its place, a further run makes only those that are missing, and a log that fails ends the run; a deadline
/// and a budget end the run; a plan that cannot be run is refused before any agent is asked.
///
/// To be run with the clock of tokio paused, since agents that hang are waited for.
///
/// # Panics
///
/// A law is broken.
pub async fn evaluation_runner<R: EvaluationRunner>(make: impl Fn() -> R) {
    check_states(&make()).await;
    check_evaluators(&make()).await;
    check_limits(&make()).await;
    check_log(&make()).await;
    check_plans(&make()).await;
    let runner = make();
    life::begins(&runner).await;
    drop(run(&runner, Words::default().plan(&["say"])).await);
    life::ends(&runner).await;
}

/// An agent that does what a message says.
#[derive(Debug, Default, Clone)]
struct Words {
    asked: Arc<AtomicUsize>,
    running: Arc<Lock<(usize, usize)>>,
}

impl Words {
    fn plan(&self, words: &[&str]) -> EvaluationPlan {
        let cases = words
            .iter()
            .map(|word| EvalCase::new(*word, *word))
            .collect();
        let agent: Arc<dyn Agent> = Arc::new(self.clone());
        let plan = EvaluationPlan::new(
            "suite",
            succeed(Dataset::new("words", cases)),
            move |_: &EvalCase| agent.clone(),
        );
        plan.evaluator(Lengths("lengths"))
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Agent for Words {
    fn name(&self) -> &str {
        "words"
    }

    fn stream_chat(&self, input: ChatInput) -> TurnStream {
        self.asked.fetch_add(1, Ordering::Relaxed);
        assert!(input.text() != "break", "an agent of the suite panics");
        let (running, word) = (self.running.clone(), input.text().into_owned());
        TurnStream::new(
            SessionId::default(),
            TurnId::generate(),
            async move |events| {
                {
                    let mut running = running.lock();
                    running.0 += 1;
                    running.1 = running.1.max(running.0);
                }
                let (session, turn) = (events.session().clone(), events.turn());
                let mut response = ChatResponse::new(
                    session.clone(),
                    turn,
                    Arc::new(Message::assistant(word.clone())),
                );
                response.usage = Usage::new(1, 1);
                let ended = match word.as_str() {
                    "fail" => Err(ChatError::EmptyInput),
                    "panic" => panic!("an agent of the suite panics"),
                    "hang" => std::future::pending().await,
                    "decline" => Ok(ChatResponse::ended(session, turn, TurnOutcome::Refused)),
                    "wait" => Ok(ChatResponse::ended(
                        session,
                        turn,
                        TurnOutcome::AwaitingApproval,
                    )),
                    _ => {
                        tokio::time::sleep(Duration::from_secs(1)).await;
                        Ok(response)
                    }
                };
                running.lock().0 -= 1;
                ended
            },
        )
    }
}

/// An evaluator that does what its name says; the score is that of an answer which says its case.
#[derive(Debug)]
struct Lengths(&'static str);

#[async_trait]
impl Evaluator for Lengths {
    fn name(&self) -> &str {
        self.0
    }

    async fn evaluate(&self, case: &EvalCase, trial: &Trial) -> Result<Judgement, EvaluatorError> {
        match self.0 {
            "fails" => Err(EvaluatorError::new("an evaluator of the suite fails")),
            "panics" => panic!("an evaluator of the suite panics"),
            "hangs" => std::future::pending().await,
            "no number" => Ok(Score::new(f64::NAN, true).into()),
            _ => Ok(Judgement::passed(trial.answer() == case.id)),
        }
    }
}

async fn run<R: EvaluationRunner>(runner: &R, plan: EvaluationPlan) -> EvaluationRun {
    succeed(calm(runner.run(plan)).await)
}

async fn check_states<R: EvaluationRunner>(runner: &R) {
    let expected = [
        ("fail", TrialState::Failed),
        ("say", TrialState::Completed),
        ("panic", TrialState::Panicked),
        ("break", TrialState::Panicked),
        ("hang", TrialState::TimedOut),
        ("decline", TrialState::Refused),
        ("wait", TrialState::Unfinished),
        ("talk", TrialState::Completed),
    ];
    let words = expected.each_ref().map(|(word, _)| *word);
    let plan = Words::default()
        .plan(&words)
        .options(RunOptions::default().with_repeats(2));
    let run = run(runner, plan).await;
    let order = run
        .trials
        .iter()
        .map(|record| (record.trial.case.as_str(), record.trial.repeat));
    law!(
        order
            .clone()
            .eq(words.iter().flat_map(|word| [(*word, 1), (*word, 2)])),
        "every repetition of every case has one trial, in their order",
        "{:?}",
        order.collect::<Vec<_>>()
    );
    let states: BTreeMap<&str, TrialState> = expected.into();
    for TrialRecord {
        trial, judgements, ..
    } in &run.trials
    {
        law!(
            trial.state == states[trial.case.as_str()],
            "what goes wrong in a case is the state of its trial",
            "{trial:?}"
        );
        let is_completed = trial.state == TrialState::Completed;
        law!(
            trial.reason.is_some() != is_completed,
            "a state that is not an answer has its reason",
            "{trial:?}"
        );
        let passed = judgements
            .get("lengths")
            .and_then(Judgement::score)
            .map(|score| score.passed);
        law!(
            passed == is_completed.then_some(true),
            "an answer is judged, and what is none has no score",
            "{trial:?}: {judgements:?}"
        );
    }
    law!(
        run.end == RunEnd::Completed,
        "a run of every trial is complete",
        "{:?}",
        run.end
    );
}

async fn check_evaluators<R: EvaluationRunner>(runner: &R) {
    let mut plan = Words::default().plan(&["say"]);
    let bad = ["fails", "panics", "hangs", "no number"];
    for name in bad {
        plan = plan.evaluator(Lengths(name));
    }
    let run = run(runner, plan).await;
    let judgements = &run.trials[0].judgements;
    law!(
        judgements["lengths"].score().is_some(),
        "an evaluator that goes wrong disturbs no other",
        "{judgements:?}"
    );
    for name in bad {
        law!(
            matches!(judgements.get(name), Some(Judgement::Invalid { .. })),
            "an evaluator that goes wrong gives a judgement that does not count",
            "{name}: {judgements:?}"
        );
    }
}

async fn check_limits<R: EvaluationRunner>(runner: &R) {
    let names: Vec<String> = (0..9).map(|number| format!("say {number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let words = Words::default();
    drop(
        run(
            runner,
            words
                .plan(&names)
                .options(RunOptions::default().with_concurrency(3)),
        )
        .await,
    );
    let most = words.running.lock().1;
    law!(
        most == 3,
        "as many trials run at once as may",
        "{most} in place of 3"
    );
    let one = RunOptions::default().with_concurrency(1);
    for (options, most, end) in [
        (
            one.clone()
                .with_deadline(Some(Duration::from_millis(4_500))),
            5,
            RunEnd::Deadline,
        ),
        (one.clone().with_run_tokens(Some(5)), 3, RunEnd::Budget),
    ] {
        let run = run(runner, words.plan(&names).options(options)).await;
        law!(
            (run.trials.len(), &run.end) == (most, &end),
            "a deadline and a budget end the run",
            "{} trials, {:?}",
            run.trials.len(),
            run.end
        );
    }
}

/// A log in memory, which takes only so many records.
#[derive(Debug)]
struct Log {
    records: Arc<Lock<Vec<TrialRecord>>>,
    room: usize,
}

#[async_trait]
impl RunLog for Log {
    async fn append(&self, record: &TrialRecord) -> Result<(), RunLogError> {
        let mut records = self.records.lock();
        if records.len() >= self.room {
            return Err(RunLogError::new("a log of the suite is full"));
        }
        records.push(record.clone());
        Ok(())
    }

    async fn records(&self) -> Result<Vec<TrialRecord>, RunLogError> {
        Ok(self.records.lock().clone())
    }
}

async fn check_log<R: EvaluationRunner>(runner: &R) {
    let names = ["say 1", "say 2", "fail", "say 3"];
    let records = Arc::new(Lock::new(Vec::new()));
    let words = Words::default();
    let options = RunOptions::default().with_concurrency(1);
    let plan = |room| {
        let log = Log {
            records: Arc::clone(&records),
            room,
        };
        words.plan(&names).options(options.clone()).log(log)
    };
    let failed = calm(runner.run(plan(2))).await;
    law!(
        matches!(failed, Err(EvaluationError::Log(_))),
        "a log that fails ends the run",
        "{failed:?}"
    );
    law!(
        records.lock().len() == 2 && words.asked() == 3,
        "each trial is in the log before the next begins",
        "{} trials, {} in the log",
        words.asked(),
        records.lock().len()
    );
    let whole = run(runner, plan(9)).await;
    law!(
        words.asked() == 5 && whole.trials.len() == 4 && records.lock().len() == 4,
        "a further run makes the trials that are missing, and returns all",
        "{} trials were made, {} returned, {} are in the log",
        words.asked(),
        whole.trials.len(),
        records.lock().len()
    );
    let again = run(runner, plan(9)).await;
    law!(
        words.asked() == 5 && again.trials == whole.trials,
        "a run whose trials are all in the log makes none"
    );
    let foreign = words.plan(&["other"]).log(Log {
        records: Arc::clone(&records),
        room: 9,
    });
    let refused = calm(runner.run(foreign)).await;
    law!(
        matches!(refused, Err(EvaluationError::ForeignLog { .. })),
        "the log of another run is refused",
        "{refused:?}"
    );
}

async fn check_plans<R: EvaluationRunner>(runner: &R) {
    let words = Words::default();
    let plan = || words.plan(&["say"]);
    let mut unjudged = plan();
    unjudged.evaluators.clear();
    for bad in [
        unjudged,
        plan().evaluator(Lengths("lengths")),
        plan().options(RunOptions::default().with_repeats(0)),
        plan().options(RunOptions::default().with_concurrency(0)),
    ] {
        let refused = calm(runner.run(bad)).await;
        law!(
            matches!(refused, Err(EvaluationError::Plan(_))) && words.asked() == 0,
            "a plan that cannot be run is refused before any agent is asked",
            "{refused:?}"
        );
    }
    let empty = run(runner, words.plan(&[])).await;
    law!(
        empty.trials.is_empty(),
        "an empty dataset is an empty run",
        "{empty:?}"
    );
}
