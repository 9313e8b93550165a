//! Queues in front of processes and of the server, simulated event by event.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::Costs;

/// The share of their time for which processes and the server work at most, so that there is room for the loss of one.
const BUSY: f64 = 0.6;
/// The time that both together add to 99 % of the turns at most, in microseconds.
const MOST: f64 = 100_000.0;
/// Number of turns that are simulated.
const TURNS: usize = 20_000;

/// The load of sessions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    sessions: f64,
    /// Time between two messages of a session in seconds.
    think: f64,
    /// Time of the two model calls of a turn in seconds.
    model: f64,
}

impl Load {
    /// So many sessions, each with a message every ten minutes and four seconds of model calls.
    pub(crate) fn of(sessions: u32) -> Self {
        Self {
            sessions: sessions.into(),
            think: 600.0,
            model: 4.0,
        }
    }

    /// Number of turns per second.
    fn rate(self) -> f64 {
        self.sessions / (self.think + self.model)
    }
}

/// The needs of a load.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) rate: f64,
    pub(crate) processes: usize,
    pub(crate) cores: usize,
    /// The time that processes and server add to a turn in microseconds: the median, and that of 99 %.
    pub(crate) median_us: f64,
    pub(crate) most_us: f64,
}

/// Finds the fewest processes and cores of the server for a load.
pub(crate) fn plan(load: &Load, costs: &Costs) -> Plan {
    let rate = load.rate();
    let count = |us: f64| ((rate * us / 1e6 / BUSY).ceil() as usize).max(1);
    let (mut processes, mut cores) = (count(costs.process_us), count(costs.server_us));
    loop {
        let mut added = simulate(load, costs, processes, cores);
        added.sort_by(f64::total_cmp);
        let part = |part: f64| added[((added.len() - 1) as f64 * part) as usize];
        let (median_us, most_us) = (part(0.5), part(0.99));
        if most_us <= MOST {
            return Plan {
                rate,
                processes,
                cores,
                median_us,
                most_us,
            };
        }
        processes += processes.div_ceil(10);
        cores += cores.div_ceil(10);
    }
}

/// Servers of one queue, each of which is free from a time on.
struct Queue(BinaryHeap<Reverse<u64>>);

impl Queue {
    fn new(servers: usize) -> Self {
        Self(std::iter::repeat_n(Reverse(0), servers).collect())
    }

    /// Serves what comes at a time, and returns when it is done, in nanoseconds.
    fn serve(&mut self, at: u64, service: u64) -> u64 {
        let Reverse(free) = self.0.pop().unwrap_or_default();
        let end = at.max(free) + service;
        self.0.push(Reverse(end));
        end
    }
}

/// A turn on its way, ordered by the time of its next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Step {
    at: u64,
    turn: usize,
    step: u32,
    added: u64,
}

/// Simulates turns, and returns what processes and server add to each, in microseconds.
fn simulate(load: &Load, costs: &Costs, processes: usize, cores: usize) -> Vec<f64> {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let transactions = costs.transactions.round().max(1.0) as u32;
    let of_process = costs.process_us * 1e3 / f64::from(transactions + 1);
    let of_server = costs.server_us * 1e3 / f64::from(transactions);
    let (mut front, mut back) = (Queue::new(processes), Queue::new(cores));
    let mut steps = BinaryHeap::new();
    let mut at = 0.0;
    for turn in 0..TURNS {
        at += random.exponential(1e9 / load.rate());
        let first = Step {
            at: at as u64,
            turn,
            step: 0,
            added: 0,
        };
        steps.push(Reverse(first));
    }
    let mut added = vec![0.0; TURNS];
    while let Some(Reverse(mut step)) = steps.pop() {
        let (queue, service) = match step.step % 2 {
            0 => (&mut front, of_process),
            _ => (&mut back, of_server),
        };
        let end = queue.serve(step.at, random.exponential(service) as u64);
        step.added += end - step.at;
        step.at = end;
        if step.step == 2 * transactions {
            added[step.turn] = step.added as f64 / 1e3;
            continue;
        }
        // The model is called after the first and in the middle.
        if step.step == 2 || step.step == transactions {
            step.at += random.exponential(load.model * 0.5e9) as u64;
        }
        step.step += 1;
        steps.push(Reverse(step));
    }
    added
}

/// Numbers that are the same each time.
struct Random(u64);

impl Random {
    /// A number between 0 and 1.
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A time with this mean, as between things that happen by chance.
    fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.next()).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_while_all_are_busy_waits() {
        let mut queue = Queue::new(2);
        let ends = [(0, 10), (0, 20), (5, 10), (40, 1)].map(|(at, time)| queue.serve(at, time));
        assert_eq!(ends, [10, 20, 20, 41]);
    }

    #[test]
    fn a_plan_grows_with_its_load() {
        let costs = Costs {
            turns: 1,
            process_us: 5_000.0,
            server_us: 3_000.0,
            transactions: 8.0,
            wal_bytes: 0.0,
            stored_bytes: 0.0,
        };
        let plans = [1_000, 100_000, 1_000_000].map(|sessions| plan(&Load::of(sessions), &costs));
        assert_eq!((plans[0].processes, plans[0].cores), (1, 1));
        // 1,656 turns per second, of which each takes 5 ms, at a share of 60 %.
        assert_eq!((plans[2].processes, plans[2].cores), (14, 9));
        assert!(
            plans
                .iter()
                .all(|plan| plan.most_us <= MOST && plan.median_us > 6_000.0)
        );
    }
}
