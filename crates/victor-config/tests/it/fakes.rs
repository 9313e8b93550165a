//! Providers that answer, fail, panic or hang.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use victor_config_protocol::{ConfigError, ConfigMap, ConfigProvider};
use victor_core::SessionId;

/// Behaviour of a provider when it is asked.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Answer(Value),
    After(Duration, Value),
    Fail,
    Panic,
    Hang,
}

#[derive(Debug)]
pub(crate) struct Fake {
    name: &'static str,
    priority: i32,
    act: Mutex<Act>,
    asked: AtomicUsize,
    running: AtomicUsize,
}

impl Fake {
    pub(crate) fn new(name: &'static str, priority: i32, act: Act) -> Arc<Self> {
        let (asked, running) = Default::default();
        Arc::new(Self {
            name,
            priority,
            act: act.into(),
            asked,
            running,
        })
    }

    pub(crate) fn becomes(&self, act: Act) {
        *self.act.lock().unwrap() = act;
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Number of calls that have begun and were neither ended nor dropped.
    pub(crate) fn running(&self) -> usize {
        self.running.load(Ordering::SeqCst)
    }
}

struct Running<'a>(&'a AtomicUsize);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl ConfigProvider for Fake {
    fn name(&self) -> &str {
        self.name
    }

    fn priority(&self) -> i32 {
        self.priority
    }

    async fn get_config(&self, _session: &SessionId) -> Result<ConfigMap, ConfigError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.running.fetch_add(1, Ordering::SeqCst);
        let _running = Running(&self.running);
        let act = self.act.lock().unwrap().clone();
        let value = match act {
            Act::Answer(value) => value,
            Act::After(time, value) => {
                tokio::time::sleep(time).await;
                value
            }
            Act::Fail => {
                let error = ConfigError::new("table `config`", "the query failed");
                return Err(error.with_source("connection refused"));
            }
            Act::Panic => panic!("out of cheese"),
            Act::Hang => std::future::pending().await,
        };
        Ok(value.as_object().unwrap().clone())
    }
}
