use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use tokio::time::{Instant, timeout};
use victor_chat_protocol::{ChatError, TurnOutcome};
use victor_core::{Coordinator, contain};
use victor_evaluation_protocol::{
    EvaluationError, EvaluationPlan, EvaluationRun, EvaluationRunner, Judgement, RunEnd, Trial,
    TrialRecord, TrialState, TrialTurn,
};
use victor_testkit::conformance;

use super::breaks;

/// A small runner, and what is wrong with it.
#[derive(Debug)]
struct Runner(&'static str);

impl Coordinator for Runner {
    fn name(&self) -> &str {
        "runner"
    }
}

impl Runner {
    fn is(&self, bug: &str) -> bool {
        self.0 == bug
    }

    async fn trial(&self, plan: &EvaluationPlan, place: usize, repeat: u32) -> Trial {
        let case = &plan.dataset.cases()[place];
        let mut trial = Trial::new(&case.id, repeat, TrialState::Completed);
        let opened = plan.subject.open(case).await.unwrap();
        let input = case.turns[0].input.as_str();
        let asked = contain(async { opened.agent.chat(input.into()).await });
        let (state, reason) = match timeout(Duration::from_secs(60), asked).await {
            Err(_) => (TrialState::TimedOut, "late".to_owned()),
            Ok(Err(panicked)) if self.is("lets panics through") => panic!("{panicked}"),
            Ok(Err(panicked)) => (TrialState::Panicked, panicked.to_string()),
            Ok(Ok(Err(error @ ChatError::Panicked(_)))) => {
                (TrialState::Panicked, error.to_string())
            }
            Ok(Ok(Err(error))) => (TrialState::Failed, error.to_string()),
            Ok(Ok(Ok(response))) => {
                trial.usage = response.usage.clone();
                trial.turns.push(TrialTurn::new("", response.content()));
                match response.outcome {
                    TurnOutcome::Refused if !self.is("takes a refusal for an answer") => {
                        (TrialState::Refused, "declined".to_owned())
                    }
                    TurnOutcome::AwaitingApproval => (TrialState::Unfinished, "waits".to_owned()),
                    _ => return trial,
                }
            }
        };
        trial.state = state;
        trial.reason = (!self.is("gives no reasons")).then_some(reason);
        trial
    }

    async fn judge(&self, plan: &EvaluationPlan, place: usize, record: &mut TrialRecord) {
        for evaluator in &plan.evaluators {
            if !evaluator.judges(&record.trial.state) && !self.is("scores errors") {
                continue;
            }
            let judged = contain(evaluator.evaluate(&plan.dataset.cases()[place], &record.trial));
            let judgement = match timeout(Duration::from_secs(60), judged).await {
                Ok(Ok(Ok(judgement))) => Ok(judgement),
                Ok(Ok(Err(error))) => Err(error.to_string()),
                Ok(Err(panicked)) => Err(panicked.to_string()),
                Err(_) => Err("late".to_owned()),
            };
            let judgement = match judgement {
                Err(_) if self.is("scores failures of evaluators") => Judgement::passed(false),
                Err(reason) => Judgement::invalid(reason),
                Ok(Judgement::Scored(score))
                    if !score.value.is_finite() && !self.is("takes any number") =>
                {
                    Judgement::invalid("no number")
                }
                Ok(judgement) => judgement,
            };
            record
                .judgements
                .insert(evaluator.name().to_owned(), judgement);
        }
    }
}

#[async_trait]
impl EvaluationRunner for Runner {
    async fn run(&self, plan: EvaluationPlan) -> Result<EvaluationRun, EvaluationError> {
        let options = plan.options.clone();
        let mut names: Vec<_> = plan
            .evaluators
            .iter()
            .map(|evaluator| evaluator.name())
            .collect();
        names.sort_unstable();
        let twice = names.windows(2).any(|pair| pair[0] == pair[1]);
        let is_bad = names.is_empty() || twice || options.repeats == 0 || options.concurrency == 0;
        if is_bad && !self.is("runs any plan") {
            return Err(EvaluationError::Plan("bad".into()));
        }
        let mut run = EvaluationRun::new(&plan.name, plan.dataset.name(), vec![]);
        if let Some(log) = &plan.log {
            run.trials = log.records().await?;
        }
        let cases = plan.dataset.cases();
        let place_of = |id: &str| cases.iter().position(|case| case.id == id);
        for record in &run.trials {
            if place_of(&record.trial.case).is_none() && !self.is("takes any log") {
                return Err(EvaluationError::ForeignLog {
                    case: record.trial.case.clone(),
                    repeat: record.trial.repeat,
                });
            }
        }
        let made = |place: usize, repeat: u32| {
            let trials = run.trials.iter().map(|record| &record.trial);
            let mut same =
                trials.filter(|trial| trial.case == cases[place].id && trial.repeat == repeat);
            same.next().is_some() && !self.is("makes trials again")
        };
        let repeats = if self.is("repeats nothing") {
            1
        } else {
            options.repeats
        };
        let due: Vec<(usize, u32)> = (1..=repeats)
            .flat_map(|repeat| (0..cases.len()).map(move |place| (place, repeat)))
            .filter(|(place, repeat)| !made(*place, *repeat))
            .collect();
        let began = Instant::now();
        let spent = AtomicU64::new(0);
        let (plan, spent, options) = (&plan, &spent, &options);
        let trials = due.into_iter().map(|(place, repeat)| async move {
            if options
                .deadline
                .is_some_and(|deadline| began.elapsed() >= deadline)
                && !self.is("knows no time")
            {
                return Err(RunEnd::Deadline);
            }
            let limit = options.run_tokens.unwrap_or(u64::MAX);
            if spent.load(Ordering::Relaxed) >= limit && !self.is("knows no budget") {
                return Err(RunEnd::Budget);
            }
            let mut record = TrialRecord::new(self.trial(plan, place, repeat).await, None);
            self.judge(plan, place, &mut record).await;
            spent.fetch_add(record.tokens(), Ordering::Relaxed);
            Ok(record)
        });
        let at_once = if self.is("runs one at a time") {
            1
        } else {
            options.concurrency.max(1)
        };
        let mut trials = Box::pin(stream::iter(trials).buffer_unordered(at_once));
        let mut new = Vec::new();
        while let Some(ended) = trials.next().await {
            match ended {
                Ok(record) => {
                    if let (Some(log), false) = (&plan.log, self.is("logs in the end")) {
                        log.append(&record).await?;
                    }
                    new.push(record);
                }
                Err(end) => run.end = end,
            }
        }
        if let (Some(log), true) = (&plan.log, self.is("logs in the end")) {
            for record in &new {
                log.append(record).await?;
            }
        }
        run.trials.extend(new);
        if !self.is("sorts nothing") {
            run.trials
                .sort_by_key(|record| (place_of(&record.trial.case), record.trial.repeat));
        }
        Ok(run)
    }
}

#[tokio::test(start_paused = true)]
async fn a_right_runner_passes() {
    conformance::evaluation_runner(|| Runner("none")).await;
}

#[tokio::test(start_paused = true)]
async fn each_law_can_be_broken() {
    let order = "every repetition of every case has one trial, in their order";
    let no_score = "an answer is judged, and what is none has no score";
    let not_counting = "an evaluator that goes wrong gives a judgement that does not count";
    let ends = "a deadline and a budget end the run";
    for (bug, law) in [
        ("repeats nothing", order),
        ("sorts nothing", order),
        ("lets panics through", "no call panics"),
        (
            "takes a refusal for an answer",
            "what goes wrong in a case is the state of its trial",
        ),
        (
            "gives no reasons",
            "a state that is not an answer has its reason",
        ),
        ("scores errors", no_score),
        ("scores failures of evaluators", not_counting),
        ("takes any number", not_counting),
        ("runs one at a time", "as many trials run at once as may"),
        ("knows no time", ends),
        ("knows no budget", ends),
        (
            "logs in the end",
            "each trial is in the log before the next begins",
        ),
        (
            "makes trials again",
            "a further run makes the trials that are missing, and returns all",
        ),
        ("takes any log", "the log of another run is refused"),
        (
            "runs any plan",
            "a plan that cannot be run is refused before any agent is asked",
        ),
    ] {
        breaks(law, conformance::evaluation_runner(|| Runner(bug))).await;
    }
}
