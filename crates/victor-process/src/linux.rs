//! Finding processes that have left their group.

use std::collections::HashMap;
use std::fs;
use std::os::fd::OwnedFd;

use rustix::process::{Pid, PidfdFlags, Signal, getpid, pidfd_open, pidfd_send_signal};

/// The number of times to rescan for newly started processes.
const MAX_ROUNDS: usize = 50;

/// Kills the descendants of a process, and all processes with this variable in their environment.
///
/// Each is stopped as soon as it is found, so that it starts nothing more while others are looked for.
pub(crate) fn kill(ancestor: Option<Pid>, mark: &str) {
    let mark = format!("{mark}=1");
    let mut found: HashMap<Pid, OwnedFd> = HashMap::new();
    for _ in 0..MAX_ROUNDS {
        let before = found.len();
        for pid in all() {
            if found.contains_key(&pid) || pid == getpid() {
                continue;
            }
            // Opened before it is looked at, so that it is this process and no later one of its number that is hit.
            let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else {
                continue;
            };
            let descends = parent(pid)
                .is_some_and(|parent| ancestor == Some(parent) || found.contains_key(&parent));
            if descends || ancestor == Some(pid) || is_marked(pid, mark.as_bytes()) {
                let _ = pidfd_send_signal(&process, Signal::STOP); // fails if it has just ended
                found.insert(pid, process);
            }
        }
        if found.len() == before {
            break;
        }
    }
    for process in found.values() {
        let _ = pidfd_send_signal(process, Signal::KILL);
    }
}

/// All processes that can be seen.
fn all() -> impl Iterator<Item = Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?))
}

fn parent(pid: Pid) -> Option<Pid> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    // The second field is a name in parentheses, in which anything may be; then come the state and the parent.
    let (_, rest) = stat.rsplit_once(") ")?;
    Pid::from_raw(rest.split(' ').nth(1)?.parse().ok()?)
}

fn is_marked(pid: Pid, mark: &[u8]) -> bool {
    let environment = fs::read(format!("/proc/{}/environ", pid.as_raw_nonzero()));
    environment.is_ok_and(|all| {
        all.split(|byte| *byte == 0)
            .any(|variable| variable == mark)
    })
}
