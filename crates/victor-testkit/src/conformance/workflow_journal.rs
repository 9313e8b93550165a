//! The laws of journals of workflows.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use victor_core::{RunId, Timestamp};
use victor_workflow_protocol::checkpoint::ContentHash;
use victor_workflow_protocol::{
    ClaimRequest, JournalError, RunClaim, RunCommit, RunInfo, RunQuery, RunStarted, RunStatus,
    Signal, StepFinished, StoredValue, WorkflowEvent, WorkflowJournal,
};

use super::{NAMES, SIDE_BY_SIDE, calm, drop_at_polls, succeed};

/// A claim that does not run out during a suite.
const LONG: Duration = Duration::from_secs(600);

/// Checks a journal. `make` makes a new and empty one.
///
/// Callers race in tasks of their own, so run it in a tokio test of flavor `multi_thread` to have them race in earnest.
///
/// # Panics
///
/// A law is broken, or there is no tokio runtime.
pub async fn workflow_journal<J: WorkflowJournal>(make: impl AsyncFn() -> J) {
    let journal = Arc::new(make().await);
    let found = succeed(calm(journal.find(&RunQuery::default())).await);
    assert!(found.is_empty(), "the suite wants an empty journal");
    definitions(&*journal).await;
    creation(&*journal).await;
    claims(&*journal).await;
    commits(&*journal).await;
    values(&*journal).await;
    signals(&*journal).await;
    fidelity(&*journal).await;
    deletion(&*journal).await;
    drops(&*journal).await;
    races(&journal).await;
    finds(&make().await).await;
}

fn definition() -> ContentHash {
    ContentHash::of(b"a definition")
}

fn begin() -> RunCommit {
    let input = StoredValue::Value(json!({ "name": "caf\u{e9}", "ratio": 0.1, "big": u64::MAX }));
    RunCommit::new([RunStarted::new("work".into(), definition(), input).into()])
}

fn finished(step: &str) -> WorkflowEvent {
    StepFinished::new(step.into(), StoredValue::Value(json!([1, null]))).into()
}

async fn start<J: WorkflowJournal>(journal: &J) -> RunId {
    let run = RunInfo::new("work", definition());
    succeed(calm(journal.create(&run, &begin())).await).0.id
}

async fn claim<J: WorkflowJournal>(journal: &J, run: RunId) -> RunClaim {
    succeed(calm(journal.claim(run, &ClaimRequest::new("suite", LONG))).await)
}

async fn info<J: WorkflowJournal>(journal: &J, run: RunId) -> RunInfo {
    let found = succeed(calm(journal.info(run)).await);
    found.unwrap_or_else(|| panic!("law broken: a run that was created is there: {run}"))
}

/// The events of a run, whose records must be numbered without gaps.
async fn events<J: WorkflowJournal>(journal: &J, run: RunId) -> Vec<WorkflowEvent> {
    let records = succeed(calm(journal.records(run, 0, usize::MAX)).await);
    let numbers: Vec<_> = records.iter().map(|record| record.number).collect();
    law!(
        numbers.iter().copied().eq(0..records.len() as u64),
        "records are numbered from 0 without gaps",
        "{numbers:?}"
    );
    records.into_iter().map(|record| record.event).collect()
}

async fn definitions<J: WorkflowJournal>(journal: &J) {
    for text in ["a definition", "{\"name\":\"\u{e9}\"}"] {
        let hash = ContentHash::of(text.as_bytes());
        law!(
            succeed(calm(journal.definition(hash)).await).is_none(),
            "a definition that nobody put is not there"
        );
        for _ in 0..2 {
            succeed(calm(journal.put_definition(hash, text)).await);
            let found = succeed(calm(journal.definition(hash)).await);
            law!(
                found.as_deref() == Some(text),
                "a definition is given back",
                "{found:?}"
            );
        }
    }
}

async fn creation<J: WorkflowJournal>(journal: &J) {
    law!(
        succeed(calm(journal.info(RunId::generate())).await).is_none(),
        "a run that nobody created is not there"
    );
    let nobody = calm(journal.records(RunId::generate(), 0, 1)).await;
    law!(
        matches!(nobody, Err(JournalError::NotFound(_))),
        "who reads a run that is not there is told",
        "{nobody:?}"
    );
    let run = RunInfo::new("work", definition()).with_key("k".to_owned());
    let (created, is_new) = succeed(calm(journal.create(&run, &begin())).await);
    law!(
        is_new && created.id == run.id,
        "a run that was created is new",
        "{created:?}"
    );
    let found = info(journal, run.id).await;
    law!(
        (
            &found.workflow,
            found.definition,
            &found.key,
            &found.status,
            found.records,
            &found.holder
        ) == (
            &run.workflow,
            run.definition,
            &run.key,
            &RunStatus::Running,
            1,
            &None
        ),
        "what is known of a run is given back",
        "{found:?}"
    );
    law!(
        events(journal, run.id).await == begin().events,
        "the first records are written with the run"
    );

    let again = RunInfo::new("work", definition()).with_key("k".to_owned());
    let (found, is_new) = succeed(calm(journal.create(&again, &begin())).await);
    law!(
        !is_new && found.id == run.id && found.records == 1,
        "a start with a key that exists returns that run",
        "{found:?}"
    );
    for other in [
        RunInfo::new("other work", definition()).with_key("k".to_owned()),
        RunInfo::new("work", definition()).with_key("K".to_owned()),
        RunInfo::new("work", definition()),
        RunInfo::new("work", definition()),
    ] {
        let (_, is_new) = succeed(calm(journal.create(&other, &begin())).await);
        law!(
            is_new,
            "runs of other keys and workflows are others",
            "{other:?}"
        );
    }
    let mut same = RunInfo::new("work", definition());
    same.id = run.id;
    let refused = calm(journal.create(&same, &begin())).await;
    law!(
        matches!(refused, Err(JournalError::AlreadyExists(id)) if id == run.id),
        "an identifier is taken once",
        "{refused:?}"
    );
}

async fn claims<J: WorkflowJournal>(journal: &J) {
    let run = start(journal).await;
    let request = ClaimRequest::new("suite", LONG);
    let first = claim(journal, run).await;
    law!(
        first.records == 1,
        "a claim tells the number of records",
        "{first:?}"
    );
    let holder = info(journal, run).await.holder;
    law!(
        holder.as_ref().is_some_and(|holder| holder.owner == "suite"
            && holder.fence == first.fence
            && holder.left > LONG / 2),
        "the holder of a run is told",
        "{holder:?}"
    );
    let refused = calm(journal.claim(run, &ClaimRequest::new("other", LONG))).await;
    law!(
        matches!(&refused, Err(JournalError::Held { owner, .. }) if owner == "suite"),
        "one has a run at a time",
        "{refused:?}"
    );
    let over = ClaimRequest::new("other", LONG).over(first.fence);
    let second = succeed(calm(journal.claim(run, &over)).await);
    law!(
        second.fence > first.fence,
        "fencing tokens grow",
        "{second:?} after {first:?}"
    );
    fenced(journal, run, &first).await;
    let stale = calm(journal.claim(run, &over)).await;
    law!(
        matches!(stale, Err(JournalError::Held { .. })),
        "a claim is passed over only by its own fencing token",
        "{stale:?}"
    );

    succeed(calm(journal.commit(run, &second, &RunCommit::default().releasing())).await);
    law!(
        info(journal, run).await.holder.is_none(),
        "a claim that is given back is over"
    );
    fenced(journal, run, &second).await;
    let brief = ClaimRequest::new("brief", Duration::ZERO);
    let third = succeed(calm(journal.claim(run, &brief)).await);
    succeed(calm(journal.commit(run, &third, &RunCommit::new([finished("late")]))).await);
    let fourth = succeed(calm(journal.claim(run, &request)).await);
    law!(
        third.fence > second.fence && fourth.fence > third.fence && fourth.records == 2,
        "a claim that has run out holds until somebody takes the run",
        "{third:?}, {fourth:?}"
    );
    fenced(journal, run, &third).await;

    let end = RunCommit::default()
        .with_status(RunStatus::Finished)
        .releasing();
    succeed(calm(journal.commit(run, &fourth, &end)).await);
    let ended = calm(journal.claim(run, &request)).await;
    law!(
        matches!(ended, Err(JournalError::Ended(_))),
        "a run that has ended is not taken",
        "{ended:?}"
    );
    let nobody = calm(journal.claim(RunId::generate(), &request)).await;
    law!(
        matches!(nobody, Err(JournalError::NotFound(_))),
        "who takes a run that is not there is told",
        "{nobody:?}"
    );
}

async fn fenced<J: WorkflowJournal>(journal: &J, run: RunId, claim: &RunClaim) {
    let before = events(journal, run).await.len();
    let late = RunCommit::new([finished("fenced")]).with_status(RunStatus::Failed);
    let refused = calm(journal.commit(run, claim, &late)).await;
    law!(
        matches!(refused, Err(JournalError::Fenced(id)) if id == run),
        "a claim that is over admits to nothing",
        "{refused:?}"
    );
    let after = info(journal, run).await;
    law!(
        after.records == before as u64 && after.status == RunStatus::Running,
        "a commit that is refused has written nothing",
        "{after:?}"
    );
}

async fn commits<J: WorkflowJournal>(journal: &J) {
    let run = start(journal).await;
    let claim = claim(journal, run).await;
    let two = RunCommit::new([finished("a"), finished("b")]);
    let count = succeed(calm(journal.commit(run, &claim, &two)).await);
    law!(count == 3, "a commit tells the number of records");
    law!(
        events(journal, run).await[1..] == [finished("a"), finished("b")],
        "records are kept in the order in which they were written"
    );
    for (from, max, expected) in [
        (1, 1, vec![1]),
        (2, 9, vec![2]),
        (0, 2, vec![0, 1]),
        (3, 9, vec![]),
    ] {
        let page = succeed(calm(journal.records(run, from, max)).await);
        let numbers: Vec<_> = page.iter().map(|record| record.number).collect();
        law!(
            numbers == expected,
            "records are read from any number on",
            "{numbers:?}"
        );
    }
    let behind = RunCommit::new([finished("c")]).expecting(2);
    let refused = calm(journal.commit(run, &claim, &behind)).await;
    law!(
        matches!(
            refused,
            Err(JournalError::Behind {
                expected: 2,
                found: 3,
                ..
            })
        ),
        "a commit that expects other records is refused",
        "{refused:?}"
    );
    law!(
        info(journal, run).await.records == 3,
        "a commit that is refused has written nothing"
    );

    let at = Timestamp::from_unix_micros(1_796_040_000_123_456).ok();
    let waits = RunCommit::default()
        .expecting(3)
        .with_status(RunStatus::Waiting)
        .with_wake_at(at);
    succeed(calm(journal.commit(run, &claim, &waits)).await);
    let found = info(journal, run).await;
    law!(
        (&found.status, found.wake_at) == (&RunStatus::Waiting, at),
        "a commit sets the state and the time to wake",
        "{found:?}"
    );
    let mut plain = RunCommit::new([finished("c")]);
    plain.definition = Some(ContentHash::of(b"another definition"));
    succeed(calm(journal.commit(run, &claim, &plain)).await);
    let found = info(journal, run).await;
    law!(
        (&found.status, found.wake_at, found.definition)
            == (
                &RunStatus::Waiting,
                at,
                ContentHash::of(b"another definition")
            ),
        "a commit changes what it names, and nothing else",
        "{found:?}"
    );
    let runs = RunCommit::default().with_status(RunStatus::Running);
    succeed(calm(journal.commit(run, &claim, &runs)).await);
    law!(
        info(journal, run).await.wake_at.is_none(),
        "a new state has its own time to wake"
    );
    let nobody = calm(journal.commit(RunId::generate(), &claim, &RunCommit::default())).await;
    law!(
        matches!(nobody, Err(JournalError::NotFound(_))),
        "who writes to a run that is not there is told",
        "{nobody:?}"
    );
}

async fn values<J: WorkflowJournal>(journal: &J) {
    let (run, other) = (start(journal).await, start(journal).await);
    let claim = claim(journal, run).await;
    let long = "x".repeat(100_000);
    let texts = ["\"a\\u0000b\"", "{\"\u{1f469}\":null}", &long];
    let hashes = texts.map(|text| ContentHash::of(text.as_bytes()));
    let commit = (texts.iter()).fold(RunCommit::new([finished("a")]), |commit, text| {
        commit.with_value(*text)
    });
    for _ in 0..2 {
        succeed(calm(journal.commit(run, &claim, &commit)).await);
        let found = succeed(calm(journal.values(run, &hashes)).await);
        law!(
            found.iter().map(|text| &**text).eq(texts),
            "values are given back in order"
        );
    }
    for (run, hash) in [(other, hashes[0]), (run, ContentHash::of(b"nothing"))] {
        let missing = calm(journal.values(run, &[hash])).await;
        law!(
            matches!(missing, Err(JournalError::Damaged { .. })),
            "a value that the run does not have is told",
            "{missing:?}"
        );
    }
}

async fn signals<J: WorkflowJournal>(journal: &J) {
    let run = start(journal).await;
    let claim = claim(journal, run).await;
    let answer = Signal::answer("ask", 0, json!({ "approved": true })).with_sender("me");
    law!(
        succeed(calm(journal.signal(run, &answer)).await),
        "a signal needs no claim"
    );
    let second = Signal::answer("ask", 0, "another answer");
    law!(
        !succeed(calm(journal.signal(run, &second)).await),
        "of signals with one key the first counts"
    );
    law!(
        events(journal, run).await[1..] == [answer.clone().into()],
        "a signal is a record"
    );
    let waits = RunCommit::default()
        .with_status(RunStatus::Waiting)
        .with_wake_at(Timestamp::MAX);
    let count = succeed(calm(journal.commit(run, &claim, &waits.clone().expecting(2))).await);
    law!(count == 2, "a commit tells the number of records");
    let again = succeed(calm(journal.signal(run, &second)).await);
    law!(
        !again && info(journal, run).await.status == RunStatus::Waiting,
        "a signal that is not new wakes nobody"
    );
    let event = Signal::event("paid", "1", 5);
    law!(
        succeed(calm(journal.signal(run, &event)).await),
        "signals of other keys are others"
    );
    let found = info(journal, run).await;
    law!(
        (&found.status, found.wake_at) == (&RunStatus::Running, None),
        "a run that waits has work to do after a signal",
        "{found:?}"
    );
    let refused = calm(journal.commit(run, &claim, &waits.expecting(2))).await;
    law!(
        matches!(refused, Err(JournalError::Behind { found: 3, .. })),
        "who does not know of a signal is not behind in silence",
        "{refused:?}"
    );
    let end = RunCommit::default()
        .with_status(RunStatus::Cancelled)
        .releasing();
    succeed(calm(journal.commit(run, &claim, &end)).await);
    let late = calm(journal.signal(run, &Signal::cancel("late"))).await;
    law!(
        matches!(late, Err(JournalError::Ended(_))),
        "a run that has ended takes no signal",
        "{late:?}"
    );
    let nobody = calm(journal.signal(RunId::generate(), &event)).await;
    law!(
        matches!(nobody, Err(JournalError::NotFound(_))),
        "who sends to a run that is not there is told",
        "{nobody:?}"
    );
}

async fn fidelity<J: WorkflowJournal>(journal: &J) {
    for name in NAMES {
        let run = RunInfo::new(name, definition()).with_key(format!("key {name}"));
        let unknown = json!({ "type": "later", "name": name });
        let unknown: WorkflowEvent = serde_json::from_value(unknown).expect("an event");
        let commit = RunCommit::new([unknown.clone(), finished(name)]).with_value(name);
        succeed(calm(journal.create(&run, &commit)).await);
        let event = Signal::event(name, name, name);
        succeed(calm(journal.signal(run.id, &event)).await);
        let found = info(journal, run.id).await;
        law!(
            (&*found.workflow, found.key.as_ref()) == (name, run.key.as_ref())
                && events(journal, run.id).await == [unknown, finished(name), event.into()],
            "what was written is read as it was",
            "{found:?}"
        );
        let text = succeed(calm(journal.values(run.id, &[ContentHash::of(name.as_bytes())])).await);
        law!(*text[0] == *name, "values are given back in order");
    }
}

async fn deletion<J: WorkflowJournal>(journal: &J) {
    let run = RunInfo::new("deleted", definition()).with_key("k".to_owned());
    succeed(calm(journal.create(&run, &begin().with_value("text"))).await);
    succeed(calm(journal.signal(run.id, &Signal::cancel("x"))).await);
    let claim = claim(journal, run.id).await;
    let held = calm(journal.delete(run.id)).await;
    law!(
        matches!(held, Err(JournalError::Held { .. })) && info(journal, run.id).await.records == 2,
        "a run that is worked on is not deleted",
        "{held:?}"
    );
    succeed(calm(journal.commit(run.id, &claim, &RunCommit::default().releasing())).await);
    law!(
        succeed(calm(journal.delete(run.id)).await),
        "who deletes a run is told that it was there"
    );
    law!(
        !succeed(calm(journal.delete(run.id)).await)
            && succeed(calm(journal.info(run.id)).await).is_none(),
        "a run that was deleted is not there"
    );
    let (_, is_new) = succeed(calm(journal.create(&run, &begin())).await);
    law!(
        is_new
            && events(journal, run.id).await.len() == 1
            && calm(journal.values(run.id, &[ContentHash::of(b"text")]))
                .await
                .is_err()
            && succeed(calm(journal.signal(run.id, &Signal::cancel("x"))).await),
        "nothing of a run that was deleted is left"
    );
}

async fn drops<J: WorkflowJournal>(journal: &J) {
    let run = start(journal).await;
    let claim = claim(journal, run).await;
    let texts = ["first", "second"];
    let number = std::cell::Cell::new(0);
    let step = |number: u32, text: &str| format!("{text} {number}");
    drop_at_polls(
        async || {
            number.set(number.get() + 1);
            let steps = texts.map(|text| step(number.get(), text));
            let mut commit = RunCommit::new(steps.iter().map(|step| finished(step)));
            for step in &steps {
                commit = commit.with_value(step.as_str());
            }
            let _ = journal.commit(run, &claim, &commit).await;
        },
        async |polls| {
            let events = events(journal, run).await;
            let steps = texts.map(|text| step(number.get(), text));
            let left = steps
                .iter()
                .filter(|step| events.contains(&finished(step)))
                .count();
            law!(
                left == 0 || left == 2,
                "a cancelled commit has written all or nothing",
                "{left} of 2 after {polls} polls"
            );
            let hashes = steps.map(|step| ContentHash::of(step.as_bytes()));
            law!(
                left == 0 || calm(journal.values(run, &hashes)).await.is_ok(),
                "records are written together with their values"
            );
        },
    )
    .await;
}

async fn races<J: WorkflowJournal>(journal: &Arc<J>) {
    let shared = start(&**journal).await;
    let tasks: Vec<_> = (0..SIDE_BY_SIDE)
        .map(|number| {
            let journal = Arc::clone(journal);
            tokio::spawn(async move {
                let run = RunInfo::new("raced", definition()).with_key("k".to_owned());
                let (run, is_new) = succeed(calm(journal.create(&run, &begin())).await);
                for event in 0..4 {
                    let event = Signal::event("raced", format!("{number} {event}"), 0);
                    succeed(calm(journal.signal(shared, &event)).await);
                }
                let request = ClaimRequest::new(format!("task {number}"), LONG);
                let claim = calm(journal.claim(run.id, &request)).await;
                law!(
                    claim.is_ok() || matches!(claim, Err(JournalError::Held { .. })),
                    "who is too late is told who has the run",
                    "{claim:?}"
                );
                (run.id, is_new, claim.is_ok())
            })
        })
        .collect();
    let mut found = Vec::new();
    for task in tasks {
        match task.await {
            Ok(one) => found.push(one),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
    let runs: BTreeSet<_> = found.iter().map(|(run, ..)| *run).collect();
    let new = found.iter().filter(|(_, is_new, _)| *is_new).count();
    law!(
        runs.len() == 1 && new == 1,
        "of several starts with one key, one is new",
        "{found:?}"
    );
    let claimed = found.iter().filter(|(.., claimed)| *claimed).count();
    law!(
        claimed == 1,
        "of several who take a run, one has it",
        "{found:?}"
    );
    law!(
        events(&**journal, shared).await.len() == 1 + 4 * SIDE_BY_SIDE,
        "no signal is lost to another one beside it"
    );
}

async fn finds<J: WorkflowJournal>(journal: &J) {
    let time = |second: i64| Timestamp::from_unix_millis(1000 * second).expect("a time");
    let mut ids = Vec::new();
    for (second, workflow, status) in [
        (3, "a", RunStatus::Running),
        (1, "a", RunStatus::Failed),
        (2, "b", RunStatus::Waiting),
    ] {
        let mut run = RunInfo::new(workflow, definition());
        run.created_at = time(second);
        let commit = begin().with_status(status);
        succeed(calm(journal.create(&run, &commit)).await);
        ids.push(run.id);
    }
    let query = RunQuery::default();
    for (query, expected) in [
        (query.clone(), vec![0, 2, 1]),
        (query.clone().first(2), vec![0, 2]),
        (query.clone().open(), vec![0, 2]),
        (query.clone().with_workflow("a"), vec![0, 1]),
        (query.clone().with_workflow("a").open(), vec![0]),
        (query.clone().with_workflow("A"), vec![]),
        (query.clone().with_status(RunStatus::Waiting), vec![2]),
        (query.with_status(RunStatus::Failed).open(), vec![]),
    ] {
        let found = succeed(calm(journal.find(&query)).await);
        let found: Vec<_> = found.iter().map(|run| run.id).collect();
        let expected: Vec<_> = expected.into_iter().map(|at: usize| ids[at]).collect();
        law!(
            found == expected,
            "a query finds what matches it, newest first",
            "{query:?}"
        );
    }
}
