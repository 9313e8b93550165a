//! The journal of workflows beyond its laws: writes of handlers, damage, several processes.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use victor_core::RunId;
use victor_sql::SqlWorkflowJournal;
use victor_workflow_protocol::checkpoint::ContentHash;
use victor_workflow_protocol::{
    ClaimRequest, JournalError, RunCommit, RunInfo, RunStarted, RunStatus, StepFinished,
    StoreWrite, StoredValue, WorkflowEvent, WorkflowJournal,
};

use crate::home::on_both;

const LONG: Duration = Duration::from_secs(600);

fn event(number: usize) -> WorkflowEvent {
    StepFinished::new(
        format!("s{number}").as_str().into(),
        StoredValue::Value(json!(number)),
    )
    .into()
}

pub(crate) async fn start(journal: &SqlWorkflowJournal) -> RunId {
    let hash = ContentHash::of(b"definition");
    let begin = RunStarted::new("work".into(), hash, StoredValue::Value(json!(null)));
    let run = RunInfo::new("work", hash);
    let commit = RunCommit::new([begin.into()]);
    journal.create(&run, &commit).await.unwrap().0.id
}

fn write(statement: &str, values: &[serde_json::Value]) -> StoreWrite {
    StoreWrite::new(statement, values.iter().cloned())
}

async fn events(journal: &SqlWorkflowJournal, run: RunId) -> usize {
    journal.records(run, 0, usize::MAX).await.unwrap().len()
}

on_both! {
    async fn writes_of_a_handler_happen_with_its_record_or_not_at_all(home: Home) {
        let journal = home.open("writes").await.workflow_journal();
        home.execute("writes", "CREATE TABLE orders (name TEXT NOT NULL PRIMARY KEY, count BIGINT)").await;
        let run = start(&journal).await;
        let claim = journal.claim(run, &ClaimRequest::new("me", LONG)).await.unwrap();
        let insert = "INSERT INTO orders (name, count) VALUES ($1, $2)";
        let good = || write(insert, &[json!("a"), json!(3)]);
        let mut commit = RunCommit::new([event(1)]);
        commit.writes = vec![good(), write(insert, &[json!("b"), json!(true)])];
        assert_eq!(journal.commit(run, &claim, &commit).await.unwrap(), 2);

        let bad = [
            // The same name again, after one that would have been good.
            vec![write(insert, &[json!("c"), json!(1)]), good()],
            vec![write("INSERT INTO nowhere (x) VALUES ($1)", &[json!(1)])],
            vec![write("COMMIT", &[])],
            vec![write("  rollback", &[])],
            vec![write("DROP TABLE orders", &[])],
            vec![write("UPDATE orders SET", &[])],
        ];
        for writes in bad {
            let mut commit = RunCommit::new([event(2)]);
            commit.writes.clone_from(&writes);
            let refused = journal.commit(run, &claim, &commit).await;
            assert!(matches!(refused, Err(JournalError::Write { .. })), "{writes:?}: {refused:?}");
            assert_eq!(events(&journal, run).await, 2, "{writes:?}");
        }
        // What was written is there, and nothing of what was refused.
        let mut commit = RunCommit::new([event(2)]);
        let twice = "INSERT INTO orders (name, count) SELECT $1, sum(count) FROM orders";
        commit.writes = vec![write(twice, &[json!("sum")]), write("DELETE FROM orders WHERE count <> 4", &[])];
        journal.commit(run, &claim, &commit).await.unwrap();
        let mut commit = RunCommit::new([event(3)]);
        commit.writes = vec![write(insert, &[json!("sum"), json!(0)])];
        let refused = journal.commit(run, &claim, &commit).await;
        assert!(matches!(refused, Err(JournalError::Write { .. })), "the sum was 4: {refused:?}");
    }

    async fn a_record_that_is_cut_is_told_and_the_rest_stays(home: Home) {
        let journal = home.open("cut").await.workflow_journal();
        let (run, other) = (start(&journal).await, start(&journal).await);
        let cut = "UPDATE victor_run_records SET record = substr(record, 1, 20)
            WHERE run = (SELECT min(key) FROM victor_runs)";
        home.execute("cut", cut).await;
        let damaged = journal.records(run, 0, 10).await;
        assert!(matches!(damaged, Err(JournalError::Damaged { .. })), "{damaged:?}");
        assert_eq!(events(&journal, other).await, 1);
        assert_eq!(journal.find(&Default::default()).await.unwrap().len(), 2);
    }

    async fn a_claim_runs_out_by_the_clock_of_the_store(home: Home) {
        let (one, other) = (home.open("clock").await.workflow_journal(), home.open("clock").await.workflow_journal());
        let run = start(&one).await;
        let brief = ClaimRequest::new("one", Duration::from_millis(300));
        let first = one.claim(run, &brief).await.unwrap();
        let held = other.claim(run, &ClaimRequest::new("other", LONG)).await;
        let Err(JournalError::Held { owner, left, .. }) = &held else { panic!("{held:?}") };
        assert!(owner == "one" && *left <= brief.time, "{held:?}");
        tokio::time::sleep(Duration::from_millis(400)).await;
        let second = other.claim(run, &ClaimRequest::new("other", LONG)).await.unwrap();
        assert!(second.fence > first.fence);
        let late = one.commit(run, &first, &RunCommit::new([event(1)])).await;
        assert!(matches!(late, Err(JournalError::Fenced(_))), "{late:?}");
        let end = RunCommit::new([event(1)]).with_status(RunStatus::Finished).releasing();
        assert_eq!(other.commit(run, &second, &end).await.unwrap(), 2);
    }

    async fn many_processes_share_a_journal(home: Home) {
        let journal = home.open("many").await.workflow_journal();
        let run = start(&journal).await;
        let mut tasks = Vec::new();
        for number in 0..8 {
            let journal = Arc::clone(&home.open("many").await.workflow_journal());
            tasks.push(tokio::spawn(async move {
                // Whoever is refused waits for the others.
                loop {
                    let request = ClaimRequest::new(format!("task {number}"), LONG);
                    match journal.claim(run, &request).await {
                        Ok(claim) => {
                            let commit = RunCommit::new([event(number)]).releasing();
                            return journal.commit(run, &claim, &commit).await.unwrap();
                        }
                        Err(JournalError::Held { .. } | JournalError::Store { .. }) => tokio::task::yield_now().await,
                        Err(error) => panic!("{error}"),
                    }
                }
            }));
        }
        let mut counts = Vec::new();
        for task in tasks {
            counts.push(task.await.unwrap());
        }
        counts.sort_unstable();
        assert_eq!(counts, (2..10).collect::<Vec<_>>());
    }
}
