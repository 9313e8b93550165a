//! The jobs of durare.

use std::sync::Arc;
use std::time::Instant;

use durare::{DurableContext, DurableEngine, Error, SqliteProvider, WorkflowOptions};
use futures_util::future::{join_all, try_join_all};

use crate::{Job, RUNS, STEPS, begin, step};

/// Does a job, and returns the time at which it began.
pub(crate) async fn run(job: Job, folder: &str) -> Instant {
    let recovery = begin();
    let url = format!("sqlite://{folder}/durare.db");
    let provider = SqliteProvider::connect(&url).await.expect("a database");
    let mut engine = DurableEngine::new(Arc::new(provider)).await.expect("an engine");
    let crashes = job == Job::Crash;
    engine.register("sequence", move |cx: DurableContext, count: u64| async move {
        let mut n = 0;
        for _ in 0..count {
            n = cx.step("step", move || async move { Ok::<_, Error>(step(n, crashes)) }).await?;
        }
        Ok::<_, Error>(n)
    });
    engine.register("fan-out", |cx: DurableContext, count: u64| async move {
        let steps = (0..count).map(|n| cx.step("step", move || async move { Ok::<_, Error>(step(n, false)) }));
        let results: Vec<_> = steps.collect();
        Ok::<_, Error>(join_all(results).await.into_iter().collect::<Result<Vec<u64>, _>>()?.len() as u64)
    });
    let start = async |name: &str, count: u64, id: String| {
        let handle = engine.start::<_, u64>(name, count, WorkflowOptions::with_id(id)).await.expect("a run");
        handle.result().await.expect("a result")
    };
    if job == Job::Recover {
        engine.recover().await.expect("a recovery");
        let handle = engine.retrieve_workflow::<u64>("crash").await.expect("the run");
        assert_eq!(handle.result().await.expect("a result"), STEPS);
        return recovery;
    }
    assert_eq!(start("sequence", 2, "warm".into()).await, 2);
    let began = begin();
    match job {
        Job::Sequence => assert_eq!(start("sequence", STEPS, "one".into()).await, STEPS),
        Job::FanOut => assert_eq!(start("fan-out", STEPS, "one".into()).await, STEPS),
        Job::Small => {
            let runs = (0..RUNS).map(|run| async move {
                Ok::<_, Error>(assert_eq!(start("sequence", 2, format!("run-{run}")).await, 2))
            });
            try_join_all(runs).await.expect("all runs");
        }
        Job::Crash | Job::Recover => {
            start("sequence", STEPS, "crash".into()).await;
        }
    }
    began
}
