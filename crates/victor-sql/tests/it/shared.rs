//! Several processes on one database, each of which has opened it by itself: lines for sessions, queues and clocks.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Barrier;
use victor_analytics_protocol::{AnalyticsEvent, EventOutbox};
use victor_chat_protocol::{EventBatch, TurnEvent, TurnEventKind, TurnEventLog};
use victor_core::{Message, RunId, SessionId, Timestamp, TurnId};
use victor_session_protocol::{
    LeaseChange, LeaseClaim, LeaseOwner, OpenTurn, SessionCommit, SessionStanding, SessionStore,
    TranscriptEntry, TurnChange,
};
use victor_sql::{Database, SqlSessionStore};
use victor_workflow_protocol::checkpoint::ContentHash;
use victor_workflow_protocol::{
    ClaimRequest, RunCommit, RunInfo, RunStarted, RunStatus, StoredValue, WorkflowJournal,
};

use crate::home::{Home, on_both};

const LONG: Duration = Duration::from_secs(60);

fn claim(name: &str, fence: u64, time: Duration) -> LeaseClaim {
    LeaseClaim::new(
        LeaseOwner::new(name, name),
        TurnId::from_u128(fence.into()),
        fence,
        time,
    )
}

async fn hold(store: &SqlSessionStore, id: &SessionId, at: u64, claim: &LeaseClaim) {
    let open = TurnChange::Open(OpenTurn::new(id.clone(), claim.turn, "{}"));
    let entry = TranscriptEntry::new(None, Message::user("x"));
    let commit = SessionCommit::new(vec![entry], open).with_lease(LeaseChange::Hold(claim.clone()));
    store.commit(id, at, &commit).await.unwrap();
}

async fn release(store: &SqlSessionStore, id: &SessionId, at: u64, claim: &LeaseClaim) {
    let commit = SessionCommit::new(Vec::new(), TurnChange::Close)
        .with_lease(LeaseChange::Release(claim.clone()));
    store.commit(id, at, &commit).await.unwrap();
}

async fn standing(store: &SqlSessionStore, id: &SessionId) -> SessionStanding {
    store.standing(id).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_wait_for_a_session_are_woken_in_the_order_in_which_they_came() {
    let Some(home) = Home::postgres() else { return };
    let (id, holder) = (SessionId::new("s 'ü'"), claim("holder", 1, LONG));
    let first = home.open("lines").await.session_store();
    hold(&first, &id, 0, &holder).await;
    let stores = [home.open("lines").await, home.open("lines").await];
    let [one, other] = [0, 1].map(|number: usize| stores[number].session_store());
    // To take a place is no wait, so that one looks at the session again.
    for (store, waiter) in [(&one, "one"), (&other, "other"), (&other, "third")] {
        assert!(store.wait_in_line(&id, waiter, LONG).await.unwrap());
    }
    let first_in_line = async || standing(&first, &id).await.first_in_line;
    assert_eq!(first_in_line().await.as_deref(), Some("one"));
    let waiting = {
        let (one, id) = (one.clone(), id.clone());
        tokio::spawn(async move {
            let began = Instant::now();
            // The second is told nothing, and looks again after a second.
            while one.standing(&id).await.unwrap().unwrap().lease.is_some() {
                one.wait_in_line(&id, "one", LONG).await.unwrap();
            }
            began.elapsed()
        })
    };
    tokio::time::sleep(Duration::from_millis(300)).await;
    release(&first, &id, 1, &holder).await;
    let freed = Instant::now();
    waiting.await.unwrap();
    assert!(
        freed.elapsed() < Duration::from_millis(600),
        "{:?}",
        freed.elapsed()
    );
    one.leave_line(&id, "one").await.unwrap();
    assert_eq!(first_in_line().await.as_deref(), Some("other"));
    other.leave_line(&id, "other").await.unwrap();
    // One who has gone without a word is not waited for.
    let began = Instant::now();
    while first_in_line().await.is_some() {
        assert!(began.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_in_another_process_is_told_of_a_batch_at_once() {
    let Some(home) = Home::postgres() else { return };
    let (writer, reader) = (home.open("follow").await, home.open("follow").await);
    let (writer, reader) = (writer.turn_log(), reader.turn_log());
    let turn = TurnId::generate();
    let follower = tokio::spawn(async move {
        let (mut seen, mut gaps) = (0, Vec::new());
        while seen < 20 {
            let events = reader.follow(turn, seen, 100, LONG).await.unwrap();
            for event in &events {
                assert_eq!(event.sequence, seen);
                seen += 1;
                gaps.push(Timestamp::now().saturating_duration_since(event.at));
            }
        }
        gaps
    });
    for number in 0..20 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let event = TurnEvent::new("s".into(), turn, number, TurnEventKind::text("x"));
        let batch = EventBatch::new("s".into(), turn, number, vec![event]);
        assert_eq!(writer.append(&[batch]).await.unwrap(), [number]);
    }
    let mut gaps = follower.await.unwrap();
    gaps.sort();
    assert!(gaps[10] < Duration::from_millis(500), "{gaps:?}");
}

/// Gives a database a clock of its own, which shows another time by so many seconds.
const CLOCK: &str = "
    CREATE TABLE clock (seconds DOUBLE PRECISION);
    INSERT INTO clock VALUES (0);
    CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE SQL AS
        $$ SELECT pg_catalog.clock_timestamp() + make_interval(secs => (SELECT seconds FROM clock)) $$;
    DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = public, pg_catalog', current_database()); END $$;
";

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_clock_that_jumps_takes_no_session_from_its_holder_and_locks_none() {
    let Some(home) = Home::postgres() else { return };
    home.execute("clock", CLOCK).await;
    let (own, other) = (home.open("clock").await, home.open("clock").await);
    let (own, other) = (own.session_store(), other.session_store());
    let (id, holder) = (
        SessionId::new("s"),
        claim("holder", 1, Duration::from_secs(3)),
    );
    hold(&own, &id, 0, &holder).await;
    let left = async || standing(&other, &id).await.lease.unwrap().left;
    assert!(left().await > Duration::from_secs(2));

    // It is set forward: the holder lives, and renews its lease soon.
    home.execute("clock", "UPDATE clock SET seconds = 3600")
        .await;
    assert!(left().await > Duration::from_secs(1), "it is spared");
    own.change_lease(&id, &LeaseChange::Hold(holder.clone()))
        .await
        .unwrap();
    assert!(left().await > Duration::from_secs(2));
    // If it does not, it is spared for as long as a lease lasts and no longer.
    home.execute("clock", "UPDATE clock SET seconds = 7200")
        .await;
    let began = Instant::now();
    while !left().await.is_zero() {
        assert!(began.elapsed() < Duration::from_secs(6));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(began.elapsed() > Duration::from_secs(1));

    // It is set back: what is left is no more than a lease lasts, and the same renewal is seen to stand still.
    own.change_lease(&id, &LeaseChange::Hold(holder.clone()))
        .await
        .unwrap();
    home.execute("clock", "UPDATE clock SET seconds = -7200")
        .await;
    let lease = standing(&other, &id).await.lease.unwrap();
    assert!(lease.left <= Duration::from_secs(3), "{lease:?}");
    let still = standing(&other, &id).await.lease.unwrap();
    assert_eq!(
        (still.renewal, still.time),
        (lease.renewal, Some(Duration::from_secs(3)))
    );
    own.change_lease(&id, &LeaseChange::Hold(holder))
        .await
        .unwrap();
    assert_ne!(
        standing(&other, &id).await.lease.unwrap().renewal,
        lease.renewal
    );
}

on_both! {
    async fn processes_share_an_outbox_and_send_each_event_once(home: Home) {
        let open = async || home.open("queue").await.event_outbox().shared(LONG);
        let events: Vec<_> = (0..1_000).map(|number| AnalyticsEvent::new(format!("{number}"))).collect();
        let outbox = open().await;
        outbox.register("webhook").await.unwrap();
        for some in events.chunks(100) {
            outbox.append(some).await.unwrap();
        }
        let mut sending = Vec::new();
        // Nobody goes on before each has taken something, however busy the machine is.
        let all_have_some = Arc::new(Barrier::new(4));
        for number in 0..4_usize {
            let (outbox, all_have_some) = (open().await, all_have_some.clone());
            sending.push(tokio::spawn(async move {
                let mut sent = Vec::new();
                outbox.waiting("webhook", 7 + number).await.unwrap();
                all_have_some.wait().await;
                loop {
                    let some = outbox.waiting("webhook", 7 + number).await.unwrap();
                    // It is told the same until it has said what became of it.
                    assert_eq!(outbox.waiting("webhook", 7 + number).await.unwrap(), some);
                    // Some of a batch at times.
                    let count = if sent.len() % 5 == 0 { some.len().div_ceil(2) } else { some.len() };
                    let Some((place, _)) = some[..count].last() else { return sent };
                    outbox.advance("webhook", *place, &[]).await.unwrap();
                    sent.extend(some.into_iter().take(count).map(|(_, event)| event.event_type));
                }
            }));
        }
        let mut sent: HashMap<String, usize> = HashMap::new();
        let mut senders = 0;
        for one in sending {
            let of_one = one.await.unwrap();
            senders += usize::from(!of_one.is_empty());
            for event in of_one {
                *sent.entry(event.into_owned()).or_default() += 1;
            }
        }
        assert_eq!((sent.len(), senders), (1_000, 4));
        assert!(sent.values().all(|count| *count == 1));
        assert!(open().await.waiting("webhook", 10).await.unwrap().is_empty());
        // The cursor has passed all, so that nothing is left of it.
        outbox.append(&[AnalyticsEvent::new("last")]).await.unwrap();
        assert_eq!(outbox.waiting("webhook", 10).await.unwrap().len(), 1);
    }

    async fn what_a_process_has_taken_and_not_sent_is_anothers_after_a_time(home: Home) {
        let open = async |time| home.open("taken").await.event_outbox().shared(time);
        let (dead, other) = (open(Duration::from_millis(200)).await, open(LONG).await);
        dead.register("webhook").await.unwrap();
        let events: Vec<_> = (0..4).map(|number| AnalyticsEvent::new(format!("{number}"))).collect();
        dead.append(&events).await.unwrap();
        let taken = dead.waiting("webhook", 2).await.unwrap();
        let rest = other.waiting("webhook", 10).await.unwrap();
        assert_eq!(rest.iter().map(|(_, event)| &event.event_type).collect::<Vec<_>>(), ["2", "3"]);
        other.advance("webhook", rest[1].0, &[]).await.unwrap();
        assert!(other.waiting("webhook", 10).await.unwrap().is_empty());
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(other.waiting("webhook", 10).await.unwrap(), taken);
        // It comes back too late, and changes nothing.
        dead.advance("webhook", taken[1].0, &[]).await.unwrap();
        assert_eq!(other.waiting("webhook", 10).await.unwrap(), taken);
        other.advance("webhook", taken[1].0, &[]).await.unwrap();
        for outbox in [&dead, &other] {
            assert!(outbox.waiting("webhook", 10).await.unwrap().is_empty());
        }
    }

    async fn runs_are_offered_to_one_worker_each(home: Home) {
        let journal = home.open("runs").await.workflow_journal();
        let hash = ContentHash::of(b"{}");
        let mut runs = Vec::new();
        for number in 0..40 {
            let run = RunInfo::new("w", hash);
            let input = StoredValue::Ref(ContentHash::of(format!("{number}").as_bytes()));
            let commit = RunCommit::new([RunStarted::new("w".into(), hash, input).into()]);
            journal.create(&run, &commit).await.unwrap();
            runs.push(run.id);
        }
        let workers: Vec<_> = (0..4).map(|_| home.open("runs")).collect();
        let mut offers = Vec::new();
        for worker in workers {
            let journal = worker.await.workflow_journal();
            offers.push(tokio::spawn(async move {
                let mut offered: Vec<RunId> = Vec::new();
                loop {
                    let some = journal.offer(3, LONG).await.unwrap();
                    assert!(some.len() <= 3);
                    if some.is_empty() {
                        return offered;
                    }
                    offered.extend(some);
                }
            }));
        }
        let mut offered = Vec::new();
        for offer in offers {
            offered.extend(offer.await.unwrap());
        }
        offered.sort();
        runs.sort();
        assert_eq!(offered, runs, "each to one");

        // One that was driven and is parked until its time has come is offered again then, and one that has ended is not.
        let request = ClaimRequest::new("worker", LONG);
        let park = |status: RunStatus, wake_at| {
            RunCommit::default().with_status(status).with_wake_at(wake_at).releasing()
        };
        let now = Timestamp::now();
        let cases = [
            (RunStatus::Waiting, Some(now)),
            (RunStatus::Waiting, Some(now + LONG)),
            (RunStatus::Waiting, None),
            (RunStatus::Running, None),
            (RunStatus::Finished, None),
        ];
        for (run, (status, wake_at)) in runs.iter().zip(cases) {
            let claim = journal.claim(*run, &request).await.unwrap();
            journal.commit(*run, &claim, &park(status, wake_at)).await.unwrap();
        }
        let mut again = journal.offer(10, Duration::ZERO).await.unwrap();
        again.sort();
        assert_eq!(again, [runs[0], runs[3]]);
        // An offer that is not taken up goes to the next.
        assert_eq!(journal.offer(10, Duration::ZERO).await.unwrap().len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_is_told_of_a_run_at_once() {
    let Some(home) = Home::postgres() else { return };
    let (own, other) = (home.open("work").await, home.open("work").await);
    let (own, other) = (own.workflow_journal(), other.workflow_journal());
    assert!(other.wait_for_work(LONG).await.unwrap(), "it takes a place");
    let waiting = tokio::spawn(async move {
        while other.offer(1, LONG).await.unwrap().is_empty() {
            other.wait_for_work(LONG).await.unwrap();
        }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let hash = ContentHash::of(b"{}");
    let input = StoredValue::Ref(ContentHash::of(b"1"));
    let commit = RunCommit::new([RunStarted::new("w".into(), hash, input).into()]);
    own.create(&RunInfo::new("w", hash), &commit).await.unwrap();
    let began = Instant::now();
    waiting.await.unwrap();
    assert!(
        began.elapsed() < Duration::from_millis(700),
        "{:?}",
        began.elapsed()
    );
}

/// Whoever shares a database may do so from any task.
#[test]
fn shared_parts_can_be_sent() {
    fn check<T: Send + Sync>(_: fn(&Database) -> Arc<T>) {}
    check(Database::turn_log);
    check(Database::session_store);
}
