mod queries;
mod store;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use victor_session_protocol::InMemorySessionStore;
use victor_testkit::conformance;

use super::breaks;
use store::Store;

async fn suite(bug: &'static str) {
    conformance::session_store(async || Store::new(bug)).await;
}

async fn durable_suite(bug: &'static str) {
    let disk = Mutex::new(Arc::<InMemorySessionStore>::default());
    let opened = AtomicUsize::default();
    conformance::durable_session_store(async || {
        let times = opened.fetch_add(1, Ordering::Relaxed);
        let mut disk = disk.lock().unwrap();
        if times > 0 && bug == "forgets all" || times > 1 && bug == "works on a copy" {
            *disk = Arc::default();
        }
        Store::open(bug, disk.clone(), times > 0)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_store_passes() {
    conformance::session_store(async || InMemorySessionStore::default()).await;
    suite("none").await;
}

#[tokio::test]
async fn each_law_can_be_broken() {
    for (bug, law) in [
        ("knows nobody", "a session that is there is known"),
        ("panics", "no call panics"),
        (
            "knows everybody",
            "of a session that is not there, nothing is known",
        ),
        ("forgets metadata", "metadata is kept"),
        (
            "trusts the caller's count",
            "a new session has an empty transcript",
        ),
        ("creates twice", "a session is created once"),
        ("creates twice in a race", "a session is created once"),
        (
            "makes on any write",
            "a session that is not there is made by a first write only",
        ),
        (
            "ignores versions",
            "an append at another version is a conflict",
        ),
        ("keeps something", "a write that fails keeps nothing"),
        ("counts the batch only", "an append returns the new version"),
        (
            "loads backwards",
            "a transcript is what was appended, in order",
        ),
        (
            "loads what is not there",
            "a session that is not there cannot be loaded",
        ),
        (
            "loads from the start",
            "a load from an entry on brings that entry and all later ones",
        ),
        ("loses turns", "every field of an entry is kept"),
        ("loses extra", "every field of an entry is kept"),
        ("folds case", "a valid call succeeds"),
        ("mixes sessions up", "sessions do not touch each other"),
        ("trims names", "a session keeps its name"),
        ("lists twice", "every session is listed once"),
        (
            "lists backwards",
            "sessions are listed most recently written first",
        ),
        ("lists stale counts", "a session is listed as it is known"),
        ("never touches", "a write moves the time of the last write"),
        ("is always young", "the time of creation stays"),
        ("deletes all", "what is deleted is gone"),
        ("deletes nothing", "what is deleted is gone"),
        ("remembers deleted", "what is deleted is gone"),
        (
            "always deletes",
            "a deletion says whether there was something",
        ),
        (
            "never deletes",
            "a deletion says whether there was something",
        ),
        ("loads a page", "large transcripts and messages are kept"),
        ("writes one by one", "a dropped write is whole or not there"),
        ("races", "exactly one of several racing writes wins"),
        ("is sorry", "who loses a race gets a conflict"),
        (
            "has a turn for everybody",
            "no turn runs where none was opened",
        ),
        (
            "compacts journals",
            "a commit writes entries and journal together, every field of both",
        ),
        (
            "closes every journal",
            "a commit that says nothing of the journal leaves it as it is",
        ),
        (
            "keeps the first journal",
            "the journal says where the turn was last",
        ),
        (
            "keeps a loser's journal",
            "a commit that fails leaves the journal as it is",
        ),
        (
            "waves empty commits through",
            "a commit at another version is a conflict, also without entries",
        ),
        ("closes no journal", "a journal that is closed is gone"),
        (
            "makes nothing of nothing",
            "a first commit makes the session, also without entries",
        ),
        (
            "touches at every commit",
            "a commit without entries leaves what is known of the session as it is",
        ),
        (
            "lists turns newest first",
            "the turns that run are listed once, oldest first",
        ),
        (
            "lists turns of the deleted",
            "a session is deleted with its journal",
        ),
        (
            "never refuses",
            "a session that is not open refuses every commit",
        ),
        (
            "refuses entries only",
            "a session that is not open refuses every commit",
        ),
        (
            "opens what it imports",
            "a session is brought in with all that is known of it, whatever its status",
        ),
        (
            "imports step by step",
            "a dropped import is whole or not there",
        ),
        (
            "imports over",
            "nothing is brought in over a session that is there",
        ),
        (
            "writes the journal second",
            "entries and journal are one write",
        ),
        ("sets facts second", "entries and facts are one write"),
        (
            "ignores facts",
            "a session that a commit makes begins with its facts",
        ),
        ("keeps a loser's facts", "a commit that fails sets no facts"),
        (
            "clears entries only",
            "a session that is cleared has no entries and no journal",
        ),
        (
            "clears what is closed",
            "a session that is not open is not cleared",
        ),
        (
            "clears by deleting",
            "a dropped clearing is whole or not there",
        ),
        ("forgets titles", "what a session is created with is kept"),
        ("trims tags", "what a session is created with is kept"),
        (
            "knows two statuses",
            "what a session is created with is kept",
        ),
        ("forgets extra", "what a session is created with is kept"),
        ("forgets expiry", "what a session is created with is kept"),
        ("creates now", "what a session is created with is kept"),
        (
            "makes on any change",
            "a session that is not there cannot be changed",
        ),
        (
            "keeps empty titles",
            "a change is that of the patch, and the rest stays",
        ),
        (
            "replaces tags",
            "a change is that of the patch, and the rest stays",
        ),
        (
            "adds after it takes away",
            "a change is that of the patch, and the rest stays",
        ),
        (
            "never lets live on",
            "a change is that of the patch, and the rest stays",
        ),
        (
            "keeps null",
            "a change is that of the patch, and the rest stays",
        ),
        (
            "touches at every change",
            "a change is that of the patch, and the rest stays",
        ),
        (
            "tells what was",
            "a change is that of the patch, and the rest stays",
        ),
        ("tells it otherwise", "a change returns what is known then"),
        ("changes all", "sessions do not touch each other"),
        (
            "empties at every change",
            "a change leaves the transcript as it is",
        ),
        (
            "takes patterns",
            "exactly the sessions to which all of a query applies are found",
        ),
        (
            "minds case",
            "exactly the sessions to which all of a query applies are found",
        ),
        (
            "folds all letters",
            "exactly the sessions to which all of a query applies are found",
        ),
        (
            "finds any tag",
            "exactly the sessions to which all of a query applies are found",
        ),
        (
            "ignores status",
            "exactly the sessions to which all of a query applies are found",
        ),
        (
            "expires at once",
            "exactly the sessions to which all of a query applies are found",
        ),
        (
            "folds case in order",
            "sessions are found most recently written first, and at equal times",
        ),
        (
            "knows no limit",
            "no more sessions are found than were asked for",
        ),
        ("pages by time", "pages neither lose nor repeat a session"),
        (
            "pages behind a session",
            "a page goes on behind a session that is gone",
        ),
        (
            "changes in a race",
            "changes and writes that race are all kept",
        ),
    ] {
        breaks(law, suite(bug)).await;
    }
}

#[tokio::test]
async fn each_law_of_leases_can_be_broken() {
    // Who says so needs none.
    suite("has no leases").await;
    for (bug, law) in [
        (
            "stands everywhere",
            "a session that is not there stands nowhere",
        ),
        (
            "stands still",
            "a session stands where it is known to stand",
        ),
        ("stands open", "a session stands where it is known to stand"),
        (
            "forgets that a turn is open",
            "a session stands where it is known to stand",
        ),
        ("takes no leases", "a lease is told as it was taken"),
        ("lasts for a moment", "a lease is told as it was taken"),
        (
            "forgets whose lease it is",
            "a lease is told as it was taken",
        ),
        (
            "renews under a new number",
            "a lease is told as it was taken",
        ),
        (
            "lets everybody write",
            "who does not hold a session is refused by the lease of who does",
        ),
        (
            "looks at lengths first",
            "who does not hold a session is refused by the lease of who does",
        ),
        (
            "touches at every renewal",
            "a renewal changes nothing but the lease",
        ),
        (
            "never releases",
            "a released lease is gone, and its number stays used",
        ),
        (
            "forgets numbers",
            "a released lease is gone, and its number stays used",
        ),
        (
            "believes nobody",
            "a lease that counts as run out is taken over",
        ),
        (
            "takes leases in refused writes",
            "a refused write takes no lease",
        ),
        (
            "races for leases",
            "of several who claim a session at once, one gets it",
        ),
    ] {
        breaks(law, suite(bug)).await;
    }
    let law = "stores that are open side by side see each other's leases";
    breaks(law, durable_suite("keeps leases to itself")).await;
}

#[tokio::test]
async fn each_law_of_durable_stores_can_be_broken() {
    durable_suite("none").await;
    for (bug, law) in [
        ("is modest", "a durable store says that it is"),
        (
            "forgets all",
            "what is known of sessions is there after reopening",
        ),
        (
            "forgets patches when reopened",
            "what is known of sessions is there after reopening",
        ),
        (
            "pages when reopened",
            "transcripts are there after reopening",
        ),
        (
            "forgets journals when reopened",
            "journals are there after reopening",
        ),
        (
            "ignores versions when reopened",
            "versions hold after reopening",
        ),
        (
            "works on a copy",
            "stores that are open side by side see each other's writes",
        ),
    ] {
        breaks(law, durable_suite(bug)).await;
    }
}
