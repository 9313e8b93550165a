//! The jobs of duroxide.

use std::sync::Arc;
use std::time::{Duration, Instant};

use duroxide::providers::sqlite::SqliteProvider;
use duroxide::runtime::Runtime;
use duroxide::runtime::registry::ActivityRegistry;
use duroxide::{ActivityContext, Client, OrchestrationContext, OrchestrationRegistry, OrchestrationStatus};
use futures_util::future::join_all;

use crate::{Job, RUNS, STEPS, begin, step};

/// Does a job, and returns the time at which it began.
pub(crate) async fn run(job: Job, folder: &str) -> Instant {
    let recovery = begin();
    let path = format!("{folder}/duroxide.db");
    if job != Job::Recover {
        std::fs::File::create(&path).expect("a file");
    }
    let store = Arc::new(SqliteProvider::new(&format!("sqlite:{path}"), None).await.expect("a database"));
    let crashes = job == Job::Crash;
    let work = move |_: ActivityContext, n: String| async move {
        Ok(step(n.parse().map_err(|_| "no number")?, crashes).to_string())
    };
    let activities = ActivityRegistry::builder().register("step", work).build();
    let sequence = |cx: OrchestrationContext, count: String| async move {
        let mut n = "0".to_owned();
        for _ in 0..count.parse::<u64>().map_err(|_| "no number")? {
            n = cx.schedule_activity("step", n).await?;
        }
        Ok(n)
    };
    let fan_out = |cx: OrchestrationContext, count: String| async move {
        let count = count.parse::<u64>().map_err(|_| "no number")?;
        let steps: Vec<_> = (0..count).map(|n| cx.schedule_activity("step", n.to_string())).collect();
        let results = cx.join(steps).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(results.len().to_string())
    };
    let orchestrations =
        OrchestrationRegistry::builder().register("sequence", sequence).register("fan-out", fan_out).build();
    let _runtime = Runtime::start_with_store(store.clone(), activities, orchestrations).await;
    let client = Client::new(store);
    let wait = async |id: &str| {
        let status = client.wait_for_orchestration(id, Duration::from_secs(120)).await.expect("a status");
        match status {
            OrchestrationStatus::Completed { output, .. } => output.parse::<u64>().expect("a number"),
            _ => panic!("run {id} did not complete"),
        }
    };
    let start = async |name: &str, count: u64, id: &str| {
        client.start_orchestration(id, name, count.to_string()).await.expect("a run");
        wait(id).await
    };
    if job == Job::Recover {
        assert_eq!(wait("crash").await, STEPS);
        return recovery;
    }
    assert_eq!(start("sequence", 2, "warm").await, 2);
    let began = begin();
    match job {
        Job::Sequence => assert_eq!(start("sequence", STEPS, "one").await, STEPS),
        Job::FanOut => assert_eq!(start("fan-out", STEPS, "one").await, STEPS),
        Job::Small => {
            let runs = (0..RUNS).map(|run| async move { start("sequence", 2, &format!("run-{run}")).await });
            assert!(join_all(runs).await.into_iter().all(|n| n == 2));
        }
        Job::Crash | Job::Recover => {
            start("sequence", STEPS, "crash").await;
        }
    }
    began
}
