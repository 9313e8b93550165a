//! The laws of calls that overlap.

use std::collections::BTreeMap;
use std::sync::Barrier;
use std::thread;

use victor_core::SessionId;
use victor_mode_protocol::{ModeManager, ModeSwitch};

use super::permission::{by, decisions};
use super::{add, name_of_mode, strict, switch, wide};
use crate::conformance::SIDE_BY_SIDE;

/// Number of switches of each thread.
const SWITCHES: usize = 200;

pub(super) fn laws<M: ModeManager>(manager: &M) {
    for mode in [wide(), strict()] {
        add(manager, mode);
    }
    let shared = SessionId::new("shared");
    let first = name_of_mode(manager, &shared);
    let begin = Barrier::new(SIDE_BY_SIDE);
    let work = |number: usize| {
        let own = SessionId::new(format!("own {number}"));
        let child = SessionId::new(format!("child {number}"));
        begin.wait();
        let round = |round: usize| {
            let mode = if (round + number).is_multiple_of(2) {
                wide()
            } else {
                strict()
            };
            switch(manager, &own, &mode);
            manager.nest(&own, &child);
            switch(manager, &child, &wide());
            let decided = decisions(manager, &own);
            let decided_for_child = decisions(manager, &child);
            law!(
                decided == by(&mode) && decided_for_child == by(&mode),
                "sessions that are switched side by side do not mix",
                "{decided:?} and {decided_for_child:?} in `{}`",
                mode.name
            );
            manager.reset(&child);
            switch(manager, &shared, &mode)
        };
        (0..SWITCHES).map(round).collect::<Vec<_>>()
    };
    let switches: Vec<ModeSwitch> = thread::scope(|scope| {
        let threads: Vec<_> = (0..SIDE_BY_SIDE)
            .map(|number| scope.spawn(move || work(number)))
            .collect();
        let join = |thread: thread::ScopedJoinHandle<'_, Vec<ModeSwitch>>| {
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        threads.into_iter().flat_map(join).collect()
    });

    // One after the other they make a way from the first mode to the last one, so each mode was left as often as it was
    // come to, but for the two ends.
    let mut balance = BTreeMap::from([(first, 1)]);
    for switched in &switches {
        *balance.entry(switched.from.clone()).or_default() -= 1;
        *balance.entry(switched.to.clone()).or_default() += 1;
    }
    *balance.entry(name_of_mode(manager, &shared)).or_default() -= 1;
    law!(
        balance.values().all(|left: &i32| *left == 0),
        "of switches side by side, each begins where another one has ended",
        "{balance:?}"
    );
}
