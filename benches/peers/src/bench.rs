//! Times one job at a time, in one thread.

use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

/// The most rounds of one batch.
const ROUNDS: f64 = 1_000.0;

/// How long a batch should take.
const BATCH: Duration = Duration::from_millis(2);

/// Times jobs, each for the same while.
pub struct Bench {
    runtime: Runtime,
    time: Duration,
}

impl Bench {
    pub fn new(time: Duration) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build();
        Self {
            runtime: runtime.expect("a runtime"),
            time,
        }
    }

    /// How long `job` takes: the median of the means of many short batches.
    ///
    /// What a round needs is made by `ready`, and what it leaves is looked at and dropped by `check`. Neither is timed.
    pub fn time<R, D>(
        &self,
        ready: impl AsyncFn() -> R,
        job: impl AsyncFn(R) -> D,
        check: impl AsyncFn(D),
    ) -> Duration {
        let round = async || {
            let ready = ready().await;
            let start = Instant::now();
            let done = job(ready).await;
            let elapsed = start.elapsed();
            check(done).await;
            elapsed
        };
        let batch = async |rounds: u32| {
            let mut sum = Duration::ZERO;
            for _ in 0..rounds {
                sum += round().await;
            }
            sum / rounds
        };
        self.runtime.block_on(async {
            let start = Instant::now();
            let first = batch(10).await;
            let rounds = BATCH.as_secs_f64() / first.as_secs_f64();
            let rounds = rounds.clamp(1.0, ROUNDS) as u32;
            let mut means = Vec::new();
            while means.len() < 11 || start.elapsed() < self.time {
                means.push(batch(rounds).await);
            }
            means.sort_unstable();
            means[means.len() / 2]
        })
    }
}
