//! A child process with all that it started.

use std::io;
#[cfg(unix)]
use victor_core::Lock;

#[cfg(unix)]
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

#[cfg(unix)]
use crate::watcher;

/// A child process with all that it started, killed when this is dropped or the program ends.
///
/// On Unix, what stays in the process group is reached at once. On Linux, what has left it for a group or session of
/// its own, as daemons do, is found by its parents, and by a variable in its environment if they have ended. Only what
/// has cleared its environment as well, or runs as another user, is not reached. Elsewhere the child alone is killed,
/// by its [`Child`].
#[derive(Debug)]
pub struct ProcessGroup {
    /// Its number is taken once: later it may belong to others.
    #[cfg(unix)]
    leader: Lock<Option<Pid>>,
    #[cfg(unix)]
    mark: String,
}

#[cfg(unix)]
impl ProcessGroup {
    /// Spawns a command in a process group of its own. Dropping the child kills it as well.
    ///
    /// # Errors
    ///
    /// Those of [`Command::spawn`].
    pub fn spawn(command: &mut Command) -> io::Result<(Child, Self)> {
        // In the name and not the value, so that commands within commands have the marks of all; and not with the
        // prefix of settings.
        let mark = format!(
            "_VICTOR_GROUP_{}",
            victor_core::EventId::generate().as_u128()
        );
        // Before it is there, so that there is no moment in which nobody knows of it.
        watcher::watch(&mark, None);
        let spawned = command
            .env(&mark, "1")
            .process_group(0)
            .kill_on_drop(true)
            .spawn();
        let child = spawned.inspect_err(|_| watcher::forget(&mark))?;
        // The number of the group is that of the child.
        let leader = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        watcher::watch(&mark, leader);
        let leader = Lock::new(leader);
        Ok((child, Self { leader, mark }))
    }

    /// Asks what is in the group to end, by `SIGTERM`.
    pub fn ask(&self) {
        if let Some(leader) = *self.leader.lock() {
            let _ = kill_process_group(leader, Signal::TERM); // fails if all have ended already
        }
    }

    /// Kills all of it, while the child has not been waited for.
    pub fn kill(&self) {
        if let Some(leader) = self.take() {
            // First the search, since who loses its parents is harder to find.
            #[cfg(target_os = "linux")]
            crate::linux::kill(Some(leader), &self.mark);
            let _ = kill_process_group(leader, Signal::KILL);
            watcher::forget(&self.mark);
        }
    }

    /// Kills what is left when the child has ended and been waited for.
    pub fn kill_rest(&self) {
        if let Some(leader) = self.take() {
            let _ = kill_process_group(leader, Signal::KILL);
            #[cfg(target_os = "linux")]
            crate::linux::kill(None, &self.mark);
            watcher::forget(&self.mark);
        }
    }

    fn take(&self) -> Option<Pid> {
        let mut leader = self.leader.lock();
        leader.take()
    }
}

#[cfg(unix)]
impl Drop for ProcessGroup {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(not(unix))]
impl ProcessGroup {
    /// Spawns a command. Dropping the child kills it.
    ///
    /// # Errors
    ///
    /// Those of [`Command::spawn`].
    pub fn spawn(command: &mut Command) -> io::Result<(Child, Self)> {
        Ok((command.kill_on_drop(true).spawn()?, Self {}))
    }

    /// Does nothing: there is no such signal.
    pub fn ask(&self) {}

    /// Does nothing: there are no process groups.
    pub fn kill(&self) {}

    /// Does nothing: there are no process groups.
    pub fn kill_rest(&self) {}
}
