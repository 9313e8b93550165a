//! Ending a command with all that it started.

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

/// A command with all that it started, killed when this is dropped.
///
/// What stays in its process group is reached at once. On Linux, what has left it for a group or session of its own, as
/// daemons do, is found by its parents, and by a variable in its environment if they have ended. Only what has cleared
/// its environment as well, or runs as another user, is not reached.
pub(crate) struct Processes {
    leader: Option<Pid>,
    #[cfg(target_os = "linux")]
    mark: String,
}

impl Processes {
    /// Spawns a command in a process group of its own.
    pub(crate) fn spawn(command: &mut Command) -> std::io::Result<(Child, Self)> {
        #[cfg(target_os = "linux")]
        let mark = {
            // In the name and not the value, so that commands within commands have the marks of all.
            let mark = format!(
                "VICTOR_COMMAND_{}",
                victor_core::EventId::generate().as_u128()
            );
            command.env(&mark, "1");
            mark
        };
        let child = command.process_group(0).kill_on_drop(true).spawn()?;
        // The number of the group is that of the child.
        let leader = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let processes = Self {
            leader,
            #[cfg(target_os = "linux")]
            mark,
        };
        Ok((child, processes))
    }

    /// Kills what is left when the leader has ended and been waited for.
    pub(crate) fn kill_rest(&mut self) {
        if let Some(leader) = self.leader.take() {
            let _ = kill_process_group(leader, Signal::KILL); // fails if all have ended already
            #[cfg(target_os = "linux")]
            linux::kill(None, &self.mark);
        }
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        // Its number is taken once: later it may belong to others.
        if let Some(leader) = self.leader.take() {
            // First the search, since who loses its parents is harder to find.
            #[cfg(target_os = "linux")]
            linux::kill(Some(leader), &self.mark);
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::HashMap;
    use std::fs;
    use std::os::fd::OwnedFd;

    use rustix::process::{Pid, PidfdFlags, Signal, getpid, pidfd_open, pidfd_send_signal};

    /// How often is looked for what was started meanwhile.
    const MAX_ROUNDS: usize = 50;

    /// Kills the descendants of a process, and all processes with this variable in their environment.
    ///
    /// Each is stopped as soon as it is found, so that it starts nothing more while others are looked for.
    pub(super) fn kill(ancestor: Option<Pid>, mark: &str) {
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
}
