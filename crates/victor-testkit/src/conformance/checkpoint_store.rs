//! The laws of checkpoint stores.

mod races;
mod sample;
mod stress;

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use victor_checkpoint_protocol::{
    Checkpoint, CheckpointCause, CheckpointError, CheckpointStore, History, HistoryLink,
};
use victor_core::{CheckpointId, Message, Messages, SessionId, Timestamp, TurnId};

use self::sample::Sample;
use super::{NAMES, calm, succeed};
use crate::histories;

/// Checks a store.
///
/// `open` opens the store of a name as a process does that begins to work with it: empty at first, and with everything
/// in it when it is opened again, also while it is open already. For a store that lives no longer than the process, it
/// gives the same one again. The names are single words of ASCII letters in lower case.
///
/// Writers race in tasks of their own, so run it in a tokio test of flavor `multi_thread` to have them race in earnest.
///
/// # Panics
///
/// A law is broken, or there is no tokio runtime.
pub async fn checkpoint_store<S>(open: impl AsyncFn(&str) -> Arc<S>)
where
    S: CheckpointStore + ?Sized,
{
    absence(&*open("absence").await).await;
    saving(&*open("saving").await).await;
    missing(&*open("missing").await).await;
    damage(&*open("damage").await).await;
    isolation(&*open("isolation").await).await;
    listing(&*open("listing").await).await;
    deletion(&*open("deletion").await).await;
    collection(&*open("collection").await).await;
    stress::dropped_saves(&*open("saves").await).await;
    stress::dropped_deletes(&*open("deletes").await).await;
    stress::reopening(&open).await;
    races::saves(&open).await;
    races::deletes(&open).await;
    // Last what takes long, so that what fails fails early.
    fidelity(&*open("fidelity").await).await;
    stress::sizes(&*open("sizes").await).await;
}

async fn absence<S: CheckpointStore + ?Sized>(store: &S) {
    let sample = Sample::new("s", 3);
    let id = sample.checkpoint.id;
    let loaded = calm(store.load(id)).await;
    law!(
        matches!(&loaded, Err(CheckpointError::NotFound(found)) if *found == id),
        "a checkpoint that is not there cannot be loaded",
        "{loaded:?}"
    );
    let head = sample.checkpoint.history.head;
    let messages = calm(store.messages(&sample.checkpoint.history)).await;
    law!(
        matches!(&messages, Err(CheckpointError::MissingHistory(hash)) if Some(*hash) == head),
        "a history that is not there is missing",
        "{messages:?}"
    );
    let nothing = calm(store.messages(&History::default())).await;
    law!(
        nothing.as_ref().is_ok_and(Messages::is_empty),
        "the empty history is always there",
        "{nothing:?}"
    );
    let list = listed(store, "s").await;
    law!(
        list.is_empty(),
        "a session without checkpoints lists none",
        "{list:?}"
    );
    for ids in [&[][..], &[id]] {
        let count = succeed(calm(store.delete(ids)).await);
        law!(
            count == 0,
            "a deletion counts what was there",
            "{count} in an empty store"
        );
    }
}

async fn saving<S: CheckpointStore + ?Sized>(store: &S) {
    // Without messages, with some, with more of them, and with no more of them.
    let mut samples = vec![Sample::new("s", 0), Sample::new("s", 3)];
    samples.push(samples[1].grown("s", 2));
    samples.push(samples[2].grown("s", 0));
    for (sample, new) in samples.iter().zip([0, 3, 2, 0]) {
        sample.save_newest(store, new).await;
        sample.must_be_there(store).await;
    }
    // A link that is there is not written again, and is no fault.
    let again = samples[1].grown("s", 1);
    again.save_newest(store, 3).await;
    again.must_be_there(store).await;
    // The beginning of a history is there with it, and can be gone back to and built on.
    let beginning = Sample::of(
        "s",
        &samples[2].messages().iter().take(2).cloned().collect(),
    );
    let branch = beginning.grown("s", 2);
    for (sample, new) in [(&beginning, 0), (&branch, 2)] {
        sample.save_newest(store, new).await;
        sample.must_be_there(store).await;
    }

    // The answer to a save can get lost, and it is made again; links that it brought the first time may be left out.
    for new in [3, 0] {
        samples[1].save_newest(store, new).await;
    }
    let list = listed(store, "s").await;
    law!(
        list.len() == 7,
        "the same checkpoint saved again changes nothing",
        "{} instead of 7",
        list.len()
    );

    let mut other = samples[1].clone();
    other.checkpoint.label = Some("another".into());
    let result = calm(store.save(&other.checkpoint, &other.links)).await;
    let id = other.checkpoint.id;
    law!(
        matches!(&result, Err(CheckpointError::AlreadyExists(found)) if *found == id),
        "another checkpoint under the same identifier is refused",
        "{result:?}"
    );
    for sample in &samples {
        sample.must_be_there(store).await;
    }
}

async fn missing<S: CheckpointStore + ?Sized>(store: &S) {
    let sample = Sample::new("s", 4);
    for (new, hash) in [(2, sample.links[1].hash), (0, sample.links[3].hash)] {
        let result = calm(store.save(&sample.checkpoint, sample.newest(new))).await;
        law!(
            matches!(&result, Err(CheckpointError::MissingHistory(found)) if *found == hash),
            "a save on a history that is not there says which is missing",
            "{result:?} instead of {hash}"
        );
        sample.must_be_absent(store).await;
    }
    // That it was refused keeps nobody from saving all of it.
    sample.save_newest(store, 4).await;
    sample.must_be_there(store).await;
}

async fn damage<S: CheckpointStore + ?Sized>(store: &S) {
    let known = Sample::new("s", 3);
    known.save_newest(store, 3).await;
    let sample = known.grown("s", 3);
    let history = sample.checkpoint.history;
    let links = sample.newest(3);
    let forged = |index: usize, change: fn(&mut HistoryLink)| {
        let mut links = links.to_vec();
        change(&mut links[index]);
        links
    };
    let history_of = |len| History { len, ..history };
    let (gap, turned) = (
        vec![links[0].clone(), links[2].clone()],
        vec![links[0].clone(), links[2].clone(), links[1].clone()],
    );
    let swap = |link: &mut HistoryLink| link.message = Message::user("forged").into();
    for (what, history, links) in [
        ("the last link is absent", history, links[..2].to_vec()),
        ("a link in the middle is absent", history, gap),
        ("links are out of order", history, turned),
        ("a message is another", history, forged(1, swap)),
        (
            "a content hash is another",
            history,
            forged(1, |link| link.content = Default::default()),
        ),
        (
            "a hash is another",
            history,
            forged(2, |link| link.hash = Default::default()),
        ),
        (
            "a parent is another",
            history,
            forged(1, |link| link.parent = None),
        ),
        ("the length is too small", history_of(5), links.to_vec()),
        ("the length is too large", history_of(7), links.to_vec()),
        (
            "the length is not that of a known history",
            History {
                len: 2,
                ..known.checkpoint.history
            },
            Vec::new(),
        ),
        (
            "the empty history has a length",
            History { head: None, len: 1 },
            Vec::new(),
        ),
        (
            "links lead to the empty history",
            History::default(),
            links.to_vec(),
        ),
    ] {
        let mut checkpoint = sample.checkpoint.clone();
        checkpoint.history = history;
        let result = calm(store.save(&checkpoint, &links)).await;
        law!(
            matches!(&result, Err(CheckpointError::Damaged { .. })),
            "links that do not lead to the history are refused",
            "{what}: {result:?}"
        );
        sample.must_be_absent(store).await;
    }
    // A forged message is refused as well where the store knows the link already and has no use for it.
    let mut links = known.links.clone();
    swap(&mut links[0]);
    let result = calm(store.save(&known.grown("s", 0).checkpoint, &links)).await;
    law!(
        matches!(&result, Err(CheckpointError::Damaged { .. })),
        "links that do not lead to the history are refused",
        "a known message is another: {result:?}"
    );
    known.must_be_there(store).await;
    sample.save_newest(store, 3).await;
    sample.must_be_there(store).await;
}

async fn fidelity<S: CheckpointStore + ?Sized>(store: &S) {
    let mut samples: Vec<_> = histories(1, 20)
        .into_iter()
        .map(|messages| Sample::of("s", &messages))
        .collect();
    let later = json!({ "deep": [null, "ü\u{0}", 1.5, 9_007_199_254_740_993_u64], "": {} });
    let checkpoint = &mut samples[1].checkpoint;
    checkpoint.parent = Some(CheckpointId::generate());
    checkpoint.turn = Some(TurnId::generate());
    checkpoint.cause = CheckpointCause::from("full_moon");
    checkpoint.label = Some("before the rewrite, 日本語, 'quoted' \"twice\"".into());
    checkpoint.metadata.insert("task".into(), later.clone());
    checkpoint.state.insert("mode".into(), later.clone());
    checkpoint.extra.insert("from_a_later_version", later);
    samples[2].checkpoint.label = Some(String::new());
    for sample in &samples {
        sample.save_newest(store, sample.links.len()).await;
    }
    for sample in &samples {
        sample.must_be_there(store).await;
    }
}

async fn isolation<S: CheckpointStore + ?Sized>(store: &S) {
    let samples = NAMES.map(|name| Sample::new(name, 1));
    for sample in &samples {
        sample.save_newest(store, 1).await;
    }
    for (name, sample) in NAMES.into_iter().zip(&samples) {
        let list = listed(store, name).await;
        law!(
            list == [sample.checkpoint.clone()],
            "sessions do not touch each other",
            "{name:?}: {list:?}"
        );
    }
}

async fn listing<S: CheckpointStore + ?Sized>(store: &S) {
    let at = |second: i64, nanosecond| {
        let second =
            succeed(Timestamp::from_unix_millis(second * 1000).map_err(|error| error.to_string()));
        second + Duration::from_nanos(nanosecond)
    };
    // Oldest first, and in an order in which neither times as texts nor identifiers have it.
    let times = [
        (at(-86_400, 0), 7),
        (at(0, 0), 9),
        (at(0, 1), 8),
        (at(0, 500_000_000), 6),
        (at(1, 0), 4),
        (at(1, 0), 5),
        (at(1_800_000_000, 999_999_999), 2),
        (at(1_800_000_001, 0), 1),
    ];
    let mut expected = Vec::new();
    for (at, id) in times {
        let mut sample = Sample::new("s", 1);
        sample.checkpoint.at = at;
        sample.checkpoint.id = CheckpointId::from_u128(id);
        expected.insert(0, sample);
    }
    // Saved in another order yet.
    for index in [3, 0, 7, 5, 2, 6, 4, 1] {
        expected[index].save_newest(store, 1).await;
    }
    let of = |list: &[Checkpoint]| list.iter().map(|one| one.id.as_u128()).collect::<Vec<_>>();
    let expected: Vec<_> = expected.into_iter().map(|one| one.checkpoint).collect();
    let list = listed(store, "s").await;
    law!(
        list == expected,
        "checkpoints are listed newest first, those of one time by identifier from the greatest",
        "{:?} instead of {:?}",
        of(&list),
        of(&expected)
    );
}

async fn deletion<S: CheckpointStore + ?Sized>(store: &S) {
    let samples = ["s", "s", "t", "t"].map(|session| Sample::new(session, 2));
    for sample in &samples {
        sample.save_newest(store, 2).await;
    }
    let [kept, gone, other, also_kept] = &samples;
    let nobody = CheckpointId::generate();
    let ids = [
        gone.checkpoint.id,
        nobody,
        other.checkpoint.id,
        gone.checkpoint.id,
    ];
    for expected in [2, 0] {
        let count = succeed(calm(store.delete(&ids)).await);
        law!(
            count == expected,
            "a deletion counts what was there",
            "{count} instead of {expected}"
        );
    }
    gone.must_be_absent(store).await;
    other.must_be_absent(store).await;
    kept.must_be_there(store).await;
    also_kept.must_be_there(store).await;
    // Whoever undoes a deletion saves the same checkpoint again.
    gone.save_newest(store, 2).await;
    gone.must_be_there(store).await;
}

/// Deletes checkpoints that share messages, in every order, and looks each time whether the others are whole.
async fn collection<S: CheckpointStore + ?Sized>(store: &S) {
    const ORDERS: [[usize; 4]; 6] = [
        [0, 1, 2, 3],
        [3, 2, 1, 0],
        [1, 0, 3, 2],
        [2, 3, 0, 1],
        [1, 3, 0, 2],
        [0, 3, 2, 1],
    ];
    for order in ORDERS {
        let base = Sample::new("s", 3);
        let long = base.grown("s", 2);
        let fork = base.grown("t", 1);
        // The same messages in another order have no history in common with the first, and yet their contents.
        let turned = Sample::of("t", &base.messages().iter().rev().cloned().collect());
        let samples = [base, long, fork, turned];
        for sample in &samples {
            sample.save_newest(store, sample.links.len()).await;
            // Made again, it counts no link twice.
            sample.save_newest(store, sample.links.len()).await;
        }
        for (place, index) in order.into_iter().enumerate() {
            let id = samples[index].checkpoint.id;
            succeed(calm(store.delete(&[id])).await);
            for left in &order[place + 1..] {
                let whole = samples[*left].is_there(store).await;
                law!(
                    whole.is_ok(),
                    "a deletion leaves the messages of others alone",
                    "{whole:?}"
                );
            }
        }
        // What nobody names may be gone or not, and is never half gone.
        for sample in &samples {
            let again = sample.grown("s", 0);
            match calm(store.save(&again.checkpoint, &[])).await {
                Ok(()) => again.must_be_there(store).await,
                Err(CheckpointError::MissingHistory(_)) => {}
                error => law!(false, "what was deleted is there or missing", "{error:?}"),
            }
            succeed(calm(store.delete(&[again.checkpoint.id])).await);
        }
    }
}

async fn listed<S: CheckpointStore + ?Sized>(store: &S, session: &str) -> Vec<Checkpoint> {
    succeed(calm(store.list(&SessionId::new(session))).await)
}
