//! A process that ends what this one leaves behind.

use std::collections::BTreeMap;
use std::io::{self, PipeWriter, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::Pid;
use victor_core::Lock;

const SCRIPT: &str = include_str!("watcher.sh");

static WATCHER: Lock<Watcher> = Lock::new(Watcher {
    running: None,
    watched: BTreeMap::new(),
});

struct Watcher {
    running: Option<Running>,
    /// All groups that there are, for a watcher that takes the place of one that was lost.
    watched: BTreeMap<String, Option<Pid>>,
}

struct Running {
    child: Child,
    pipe: PipeWriter,
}

/// Has the group with this mark ended with the program. Its number is told as soon as it is known.
pub(crate) fn watch(mark: &str, group: Option<Pid>) {
    let mut watcher = WATCHER.lock();
    watcher.watched.insert(mark.to_owned(), group);
    watcher.tell(&added(mark, group));
}

/// The group has ended.
pub(crate) fn forget(mark: &str) {
    let mut watcher = WATCHER.lock();
    if watcher.watched.remove(mark).is_some() {
        watcher.tell(&format!("- {mark}\n"));
    }
}

impl Watcher {
    /// Tells a watcher what it must know, and starts one if there is none that listens.
    fn tell(&mut self, line: &str) {
        if let Some(running) = &mut self.running {
            // So short a line is written whole or not at all.
            if running.pipe.write_all(line.as_bytes()).is_ok() {
                return;
            }
            let _ = running.child.kill(); // fails if it has ended already
            let _ = running.child.wait();
            self.running = None;
        }
        if self.watched.is_empty() {
            return;
        }
        let lines = self.watched.iter().map(|(mark, group)| added(mark, *group));
        match Running::start(&lines.collect::<String>()) {
            Ok(running) => self.running = Some(running),
            Err(error) => {
                tracing::warn!(%error, "nothing will end child processes if this program is killed");
            }
        }
    }
}

impl Running {
    fn start(lines: &str) -> io::Result<Self> {
        // Closed on exec, so that no other child holds it open.
        let (reader, mut pipe) = io::pipe()?;
        // A watcher that has been stopped must not stop this program too.
        fcntl_setfl(&pipe, fcntl_getfl(&pipe)? | OFlags::NONBLOCK)?;
        let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
        let child = Command::new("sh")
            .args(["-c", SCRIPT, "victor-watcher"])
            // Without the marks of a program that runs this one, so that it outlives it for a moment.
            .env_clear()
            .env("PATH", path)
            .current_dir("/")
            // Not in the group that a terminal's signals reach.
            .process_group(0)
            .stdin(reader)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        pipe.write_all(lines.as_bytes())?;
        Ok(Self { child, pipe })
    }
}

fn added(mark: &str, group: Option<Pid>) -> String {
    match group {
        Some(group) => format!("+ {mark} {}\n", group.as_raw_nonzero()),
        None => format!("+ {mark}\n"),
    }
}
