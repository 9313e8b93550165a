//! Providers that answer, fail, panic or hang.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use victor_config_protocol::{ConfigError, ConfigMap, ConfigProvider};
use victor_core::SessionId;
use victor_testkit::Puppet;

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
    puppet: Puppet<Act>,
}

impl Fake {
    pub(crate) fn new(name: &'static str, priority: i32, act: Act) -> Arc<Self> {
        let puppet = Puppet::new(act);
        Arc::new(Self {
            name,
            priority,
            puppet,
        })
    }
}

impl Deref for Fake {
    type Target = Puppet<Act>;

    fn deref(&self) -> &Puppet<Act> {
        &self.puppet
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
        let call = self.puppet.begin();
        let value = match &call.act {
            Act::Answer(value) => value.clone(),
            Act::After(time, value) => {
                tokio::time::sleep(*time).await;
                value.clone()
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
