//! The jobs that a worker does at a time.

use std::collections::HashSet;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::backlog::{Backlog, Job};
use crate::terminal;

/// The time between two looks at the end of a worker that is to end when there is nothing to do.
const LOOK: Duration = Duration::from_millis(50);

/// Takes jobs from the backlog, a number of them at a time.
#[derive(Debug)]
pub(super) struct Crew {
    backlog: Backlog,
    limit: usize,
    interval: Duration,
    running: JoinSet<(Job, anyhow::Result<()>)>,
    names: HashSet<Job>,
    /// The jobs that have had new work while they ran.
    again: HashSet<Job>,
}

/// The end of a crew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// All jobs have ended.
    Whole,
    /// Some jobs run on.
    InPart,
}

impl Crew {
    pub(super) fn new(backlog: Backlog, limit: usize, interval: Duration) -> Self {
        Self {
            backlog,
            limit,
            interval,
            running: JoinSet::new(),
            names: HashSet::new(),
            again: HashSet::new(),
        }
    }

    /// Works, without end or until there is nothing to do. Nothing that runs ends when this is dropped.
    pub(super) async fn work(&mut self, once: bool) {
        loop {
            let taken = self.take().await;
            if once && taken == 0 && self.running.is_empty() {
                return;
            }
            let pause = match once {
                true => LOOK,
                false => self.interval,
            };
            tokio::select! {
                Some(done) = self.running.join_next() => self.settle(done),
                () = self.backlog.wait(pause), if self.running.len() < self.limit => {}
            }
        }
    }

    /// Begins what there is to do, as far as there is room, and returns how much that is.
    async fn take(&mut self) -> usize {
        let room = self.limit - self.running.len();
        if room == 0 {
            return 0;
        }
        let jobs = match self.backlog.jobs(room).await {
            Ok(jobs) => jobs,
            Err(error) => {
                terminal::error(&format!("worker: {error:#}; it looks again"));
                tokio::time::sleep(self.interval).await;
                return 1;
            }
        };
        let mut taken = 0;
        for job in jobs {
            if self.names.contains(&job) {
                self.again.insert(job);
            } else {
                taken += 1;
                self.begin(job);
            }
        }
        taken
    }

    fn begin(&mut self, job: Job) {
        self.names.insert(job.clone());
        self.running.spawn(self.backlog.work(job));
    }

    fn settle(&mut self, done: Result<(Job, anyhow::Result<()>), tokio::task::JoinError>) {
        match done {
            Ok((job, outcome)) => {
                self.names.remove(&job);
                self.backlog.settle(job.clone(), &outcome);
                if self.again.remove(&job) && outcome.is_ok() {
                    self.begin(job);
                }
            }
            Err(error) => terminal::error(&format!("worker: a job broke off: {error}")),
        }
    }

    /// Waits until what runs has ended, for so long at most.
    pub(super) async fn end(&mut self, grace: Duration) -> Ended {
        let end = Instant::now() + grace;
        while !self.running.is_empty() {
            let left = end.saturating_duration_since(Instant::now());
            match timeout(left, self.running.join_next()).await {
                Ok(Some(done)) => self.settle(done),
                Ok(None) => break,
                Err(_) => {
                    // To drop them would end turns as if they were cancelled.
                    self.running.detach_all();
                    return Ended::InPart;
                }
            }
        }
        Ended::Whole
    }
}
