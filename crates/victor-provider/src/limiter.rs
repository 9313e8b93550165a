//! Client-side limits of targets and sessions: requests and tokens a minute, and requests at once.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep};
use victor_core::{Lock, SessionId};

const MINUTE: f64 = 60.0;

victor_core::options! {
    /// Limits of the requests to a target or of a session, kept here so that no server need refuse any.
    #[derive(PartialEq, Eq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    pub struct Limits {
        /// Most requests in a minute. Defaults to no limit.
        pub requests_per_minute, with_requests_per_minute: Option<u32> = None;
        /// Most tokens in a minute, of requests and answers together. An estimate is taken before an attempt and
        /// corrected after it. Defaults to no limit.
        pub tokens_per_minute, with_tokens_per_minute: Option<u64> = None;
        /// Most requests at once. Defaults to no limit.
        pub concurrent, with_concurrent: Option<u32> = None;
    }
}

/// The limits of a target, shared by all requests, with one queue in order of arrival.
#[derive(Debug)]
pub(crate) struct Limiter {
    /// Held by the first in the queue; tokio's mutex is fair.
    queue: Mutex<()>,
    requests: Option<Lock<Bucket>>,
    tokens: Option<Lock<Bucket>>,
    places: Option<Arc<Semaphore>>,
}

impl Limiter {
    pub(crate) fn new(limits: &Limits) -> Self {
        let bucket = |most: f64| Lock::new(Bucket::new(most));
        let places = limits.concurrent.map(|most| most.max(1) as usize);
        Self {
            queue: Mutex::default(),
            requests: limits
                .requests_per_minute
                .map(|most| bucket(most.max(1).into())),
            tokens: limits
                .tokens_per_minute
                .map(|most| bucket(number(most.max(1)))),
            places: places.map(|most| Arc::new(Semaphore::new(most))),
        }
    }

    fn is_unlimited(&self) -> bool {
        self.requests.is_none() && self.tokens.is_none() && self.places.is_none()
    }

    /// Takes a place at once, if nobody waits and the limits allow it.
    pub(crate) fn try_acquire(self: &Arc<Self>, tokens: u64) -> Option<Permit> {
        if self.is_unlimited() {
            return Some(Permit::default());
        }
        let _first = self.queue.try_lock().ok()?;
        let place = match &self.places {
            Some(places) => Some(places.clone().try_acquire_owned().ok()?),
            None => None,
        };
        self.take(tokens).ok()?;
        Some(self.permit(tokens, place))
    }

    /// Waits for a place, behind those who came before. Dropping the future leaves the queue.
    pub(crate) async fn acquire(self: Arc<Self>, tokens: u64) -> Permit {
        let _first = self.queue.lock().await;
        let place = match &self.places {
            // It is never closed.
            Some(places) => places.clone().acquire_owned().await.ok(),
            None => None,
        };
        while let Err(wait) = self.take(tokens) {
            sleep(wait).await;
        }
        self.permit(tokens, place)
    }

    /// Estimates the time until the buckets allow a request; those who wait before it are not counted.
    pub(crate) fn expected_wait(&self, tokens: u64) -> Duration {
        let wait = |bucket: &Option<Lock<Bucket>>, amount| {
            bucket
                .as_ref()
                .map_or(Duration::ZERO, |bucket| bucket.lock().wait(amount))
        };
        wait(&self.requests, 1.0).max(wait(&self.tokens, number(tokens)))
    }

    /// Takes from both buckets or from none.
    fn take(&self, tokens: u64) -> Result<(), Duration> {
        let wait = self.expected_wait(tokens);
        if !wait.is_zero() {
            return Err(wait);
        }
        let take = |bucket: &Option<Lock<Bucket>>, amount| {
            if let Some(bucket) = bucket {
                bucket.lock().take(amount);
            }
        };
        take(&self.requests, 1.0);
        take(&self.tokens, number(tokens));
        Ok(())
    }

    fn permit(self: &Arc<Self>, tokens: u64, place: Option<OwnedSemaphorePermit>) -> Permit {
        Permit {
            limiter: Some(self.clone()),
            tokens,
            _place: place,
        }
    }
}

/// The places of a request among those of its session and of its target, given back when they are dropped.
#[derive(Debug, Default)]
pub(crate) struct Places {
    session: Permit,
    target: Permit,
}

impl Places {
    /// Takes both places at once, or joins the queue. The place of the session is taken first by everybody, so nobody
    /// waits in a circle.
    pub(crate) fn take(
        session: Option<&Arc<Limiter>>,
        target: &Arc<Limiter>,
        tokens: u64,
    ) -> Result<Self, Queue> {
        let held = match session {
            Some(limiter) => limiter.try_acquire(tokens),
            None => Some(Permit::default()),
        };
        if held.is_some()
            && let Some(place) = target.try_acquire(tokens)
        {
            let session = held.unwrap_or_default();
            return Ok(Self {
                session,
                target: place,
            });
        }
        let wait = |limiter: &Arc<Limiter>| limiter.expected_wait(tokens);
        let missing = session.filter(|_| held.is_none());
        let expected = missing.map_or(Duration::ZERO, wait).max(wait(target));
        let (missing, target) = (missing.cloned(), target.clone());
        let places = Box::pin(async move {
            let session = match missing {
                Some(limiter) => limiter.acquire(tokens).await,
                None => held.unwrap_or_default(),
            };
            let target = target.acquire(tokens).await;
            Self { session, target }
        });
        Err(Queue { expected, places })
    }

    /// Corrects the estimates.
    pub(crate) fn settle(&self, used: u64) {
        self.session.settle(used);
        self.target.settle(used);
    }
}

/// A request that waits for its places.
pub(crate) struct Queue {
    /// The time until the limits allow the request, as expected.
    pub(crate) expected: Duration,
    /// The places. Dropping the future leaves the queue.
    pub(crate) places: Pin<Box<dyn Future<Output = Places> + Send>>,
}

/// The limiters of sessions, each made when its session is limited first.
#[derive(Debug)]
pub(crate) struct SessionLimiters {
    limits: Limits,
    limiters: Lock<HashMap<SessionId, Arc<Limiter>>>,
}

impl SessionLimiters {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            limiters: Lock::default(),
        }
    }

    pub(crate) fn of(&self, session: &SessionId) -> Arc<Limiter> {
        let mut limiters = self.limiters.lock();
        match limiters.get(session) {
            Some(limiter) => limiter.clone(),
            None => {
                let limiter = Arc::new(Limiter::new(&self.limits));
                limiters.insert(session.clone(), limiter.clone());
                limiter
            }
        }
    }

    pub(crate) fn forget(&self, session: &SessionId) {
        self.limiters.lock().remove(session);
    }
}

/// A place among the requests of a target or a session, given back when it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Permit {
    limiter: Option<Arc<Limiter>>,
    /// The tokens that were estimated.
    tokens: u64,
    _place: Option<OwnedSemaphorePermit>,
}

impl Permit {
    /// Corrects the estimate. Without it, the estimate stands: nobody knows what an attempt that was cut off has used.
    pub(crate) fn settle(&self, used: u64) {
        let bucket = self
            .limiter
            .as_ref()
            .and_then(|limiter| limiter.tokens.as_ref());
        if let Some(bucket) = bucket {
            bucket.lock().correct(number(self.tokens) - number(used));
        }
    }
}

/// A bucket that fills within a minute.
#[derive(Debug)]
struct Bucket {
    most: f64,
    /// Below zero where more was used than estimated.
    level: f64,
    filled: Instant,
}

impl Bucket {
    fn new(most: f64) -> Self {
        Self {
            most,
            level: most,
            filled: Instant::now(),
        }
    }

    fn fill(&mut self) {
        let now = Instant::now();
        let seconds = now.saturating_duration_since(self.filled).as_secs_f64();
        self.level = (self.level + seconds * self.most / MINUTE).min(self.most);
        self.filled = now;
    }

    /// The time until `amount` is there. More than the bucket holds counts as a full one, so that it is served some
    /// day.
    fn wait(&mut self, amount: f64) -> Duration {
        self.fill();
        let missing = amount.min(self.most) - self.level;
        if missing <= 1e-6 {
            return Duration::ZERO;
        }
        let seconds = missing * MINUTE / self.most;
        Duration::try_from_secs_f64(seconds)
            .unwrap_or(Duration::MAX)
            .max(Duration::from_millis(1))
    }

    fn take(&mut self, amount: f64) {
        self.level -= amount;
    }

    fn correct(&mut self, amount: f64) {
        self.fill();
        self.level = (self.level + amount).min(self.most);
    }
}

#[expect(clippy::cast_precision_loss, reason = "estimates of tokens")]
fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use tokio::time::timeout;

    use super::*;

    fn limiter(limits: &Limits) -> Arc<Limiter> {
        Arc::new(Limiter::new(limits))
    }

    /// The seconds until a place is there.
    async fn waits(limiter: &Arc<Limiter>, tokens: u64) -> u64 {
        let start = Instant::now();
        let _permit = limiter.clone().acquire(tokens).await;
        start.elapsed().as_secs_f64().round() as u64
    }

    #[tokio::test(start_paused = true)]
    async fn requests_a_minute() {
        let limiter = limiter(&Limits::default().with_requests_per_minute(Some(2)));
        assert_eq!(waits(&limiter, 5).await, 0);
        assert!(limiter.try_acquire(5).is_some());
        assert!(limiter.try_acquire(5).is_none());
        assert_eq!(limiter.expected_wait(5), Duration::from_secs(30));
        assert_eq!(waits(&limiter, 5).await, 30);
        assert_eq!(waits(&limiter, 5).await, 30);
    }

    #[tokio::test(start_paused = true)]
    async fn tokens_a_minute_are_settled_by_the_true_number() {
        let limiter = limiter(&Limits::default().with_tokens_per_minute(Some(600)));
        let permit = limiter.clone().acquire(600).await;
        permit.settle(300);
        assert_eq!(waits(&limiter, 300).await, 0);
        let permit = limiter.clone().acquire(60).await;
        permit.settle(660);
        assert_eq!(waits(&limiter, 60).await, 66);
        assert_eq!(
            waits(&limiter, 1_000_000).await,
            60,
            "more than a minute's worth"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn requests_at_once_are_served_in_order_of_arrival() {
        let limiter = limiter(&Limits::default().with_concurrent(Some(1)));
        let permit = limiter.try_acquire(0).unwrap();
        assert!(limiter.try_acquire(0).is_none());
        let mut first = pin!(limiter.clone().acquire(0));
        let mut second = pin!(limiter.clone().acquire(0));
        let brief = Duration::from_millis(1);
        assert!(timeout(brief, &mut first).await.is_err());
        assert!(timeout(brief, &mut second).await.is_err());
        drop(permit);
        assert!(timeout(brief, &mut second).await.is_err(), "it came later");
        let permit = timeout(brief, &mut first).await.unwrap();
        drop(permit);
        assert!(timeout(brief, &mut second).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn who_leaves_the_queue_holds_nobody_up() {
        let limiter = limiter(&Limits::default().with_concurrent(Some(1)));
        let permit = limiter.try_acquire(0).unwrap();
        let brief = Duration::from_millis(1);
        assert!(timeout(brief, limiter.clone().acquire(0)).await.is_err());
        drop(permit);
        assert!(limiter.try_acquire(0).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn without_limits_nobody_waits() {
        let limiter = limiter(&Limits::default());
        let permits: Vec<_> = (0..1000).map(|_| limiter.try_acquire(u64::MAX)).collect();
        assert!(permits.iter().all(Option::is_some));
    }
}
