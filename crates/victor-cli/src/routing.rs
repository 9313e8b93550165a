//! Targets, routes and budgets: those of the settings, under `extra`, and the flags beside them.

use std::collections::BTreeMap;
use std::path::Path;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use victor_orchestrator::config::{ConfigError, EffectiveConfig};
use victor_orchestrator::coordinators::provider::{
    Limits, ProviderCoordinator, ProviderCoordinatorBuilder,
};
use victor_orchestrator::core::Timestamp;
use victor_orchestrator::provider::{
    Budget, BudgetScope, LedgerError, LedgerQuery, NanoDollars, RouteSpec,
};
use victor_prices::Layered;

use crate::data::Stores;
use crate::exit::Failure;
use crate::prices::{self, PriceArgs};
use crate::provider::{Opened, ProviderArgs};
use crate::terminal;

/// The flags for routes and money.
#[derive(Debug, Args)]
pub(crate) struct RoutingArgs {
    /// Send requests by this route or to this target of the settings. Overrides the setting `extra.route`
    #[arg(long, value_name = "NAME", conflicts_with_all = ["provider", "base_url", "server", "model"])]
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    route: Option<String>,

    /// The most that the session may cost in all, in US dollars: 2.50. A turn that reaches it ends. Overrides the
    /// setting `extra.budget`
    #[arg(long, value_name = "AMOUNT")]
    budget: Option<NanoDollars>,

    #[command(flatten)]
    prices: PriceArgs,
}

/// Targets, routes and budgets.
#[derive(Debug)]
pub(crate) struct Routing {
    pub(crate) targets: BTreeMap<String, TargetSpec>,
    routes: BTreeMap<String, RouteSpec>,
    /// The route or target to which requests go, where it is not the provider that the flags or the environment choose.
    pub(crate) route: Option<String>,
    budgets: Vec<Budget>,
    prices: Layered,
    /// The source of the targets and routes, for errors.
    origin: String,
}

/// A target in the settings.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TargetSpec {
    pub(crate) provider: Option<String>,
    pub(crate) base_url: Option<String>,
    pub(crate) server: Option<String>,
    pub(crate) model: String,
    #[serde(default)]
    pub(crate) limits: Limits,
}

/// A budget in the settings, whose cost is written in dollars.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BudgetSpec {
    scope: BudgetScope,
    tokens: Option<u64>,
    #[serde(default, deserialize_with = "optional_amount")]
    cost: Option<NanoDollars>,
}

impl RoutingArgs {
    /// Reads the settings. `folder` is that of their file.
    pub(crate) fn read(&self, config: &EffectiveConfig, folder: &Path) -> Result<Routing, Failure> {
        let extra = Extra(config);
        let text: Option<String> = extra.read("prices").map_err(Failure::usage)?;
        let prices = self
            .prices
            .read(text.as_deref(), folder)
            .map_err(Failure::usage)?;
        let (targets, routes, route, budgets) = extra.routing().map_err(Failure::usage)?;
        let mut budgets: Vec<_> = budgets.into_iter().map(BudgetSpec::into_budget).collect();
        let amount = match self.budget {
            Some(amount) => Some(amount),
            None => extra.amount("budget").map_err(Failure::usage)?,
        };
        budgets.extend(amount.map(|amount| Budget::new(BudgetScope::Session).with_cost(amount)));
        Ok(Routing {
            targets,
            routes,
            route: self.route.clone().or(route),
            budgets,
            prices,
            origin: config.source("extra.routes").to_string(),
        })
    }
}

impl Routing {
    /// Sends requests to the only target, and not by a route.
    pub(crate) fn use_no_route(&mut self) {
        self.route = None;
    }

    /// Prepares for a recording: it takes the place of all targets, and costs nothing.
    pub(crate) fn replay(&mut self) {
        self.use_no_route();
        self.prices = prices::free();
    }

    /// Opens the provider of a target.
    pub(crate) async fn open(&self, name: &str, spec: &TargetSpec) -> Result<Opened, Failure> {
        let failure = |message: String| {
            Failure::usage(ConfigError::InvalidValue {
                key: format!("extra.targets.{name}"),
                origin: self.origin.clone(),
                message,
            })
        };
        let flags = ProviderArgs::of_target(spec).map_err(|error| failure(error.to_string()))?;
        let opened = flags.open(false).await;
        opened.map_err(|error| failure(error.reason()))
    }

    /// Returns the target that a route, or a target by this name, asks first.
    pub(crate) fn first_target<'a>(&'a self, route: &'a str) -> Option<&'a String> {
        let mut name = route;
        // A route that leads back to itself ends somewhere.
        for _ in 0..=self.routes.len() {
            if let Some((target, _)) = self.targets.get_key_value(name) {
                return Some(target);
            }
            name = &self.routes.get(name)?.targets.first()?.target;
        }
        None
    }

    /// Gives routes, budgets, prices and the ledger's store to a builder that has the targets, and builds. What was
    /// spent before counts in the budgets.
    pub(crate) async fn build(
        self,
        builder: ProviderCoordinatorBuilder,
        stores: &Stores,
        session: &str,
    ) -> Result<ProviderCoordinator, Failure> {
        let is_of_day =
            |budget: &Budget| matches!(budget.scope, BudgetScope::Day | BudgetScope::Tag(_));
        let has_days = self.budgets.iter().any(is_of_day);
        let mut builder = builder.prices(self.prices);
        for budget in self.budgets {
            builder = builder.budget(budget);
        }
        if let Some(name) = self.route {
            for (name, route) in self.routes {
                builder = builder.route(name, route);
            }
            builder = builder.default_route(name);
        }
        if let Some(ledger) = &stores.ledger {
            builder = builder.ledger_store(ledger.clone());
        }
        let router = builder.build().map_err(|error| {
            Failure::usage(ConfigError::InvalidValue {
                key: "extra.routes".to_owned(),
                origin: self.origin,
                message: error.to_string(),
            })
        })?;
        if let Err(error) = restore(&router, session, has_days).await {
            terminal::status(&format!(
                "what was spent before does not count in budgets: {error}"
            ));
        }
        Ok(router)
    }
}

/// Counts what earlier processes have spent in the session and, where a budget asks for it, today.
async fn restore(
    router: &ProviderCoordinator,
    session: &str,
    has_days: bool,
) -> Result<(), LedgerError> {
    let ledger = router.ledger();
    let of_session = LedgerQuery::default().with_session(session);
    let now = Timestamp::now().as_unix_millis();
    let midnight = Timestamp::from_unix_millis(now - now.rem_euclid(86_400_000));
    match midnight.ok().filter(|_| has_days) {
        None => ledger.restore(&of_session).await,
        Some(midnight) => {
            let today = LedgerQuery::default().with_from(midnight);
            ledger.restore(&today).await?;
            ledger.restore(&of_session.with_until(midnight)).await
        }
    }
}

/// The program's own settings.
struct Extra<'a>(&'a EffectiveConfig);

type Parsed = (
    BTreeMap<String, TargetSpec>,
    BTreeMap<String, RouteSpec>,
    Option<String>,
    Vec<BudgetSpec>,
);

impl Extra<'_> {
    fn routing(&self) -> Result<Parsed, ConfigError> {
        let budgets: Option<Vec<Value>> = self.read("budgets")?;
        let budgets = budgets.into_iter().flatten().enumerate();
        let budgets = budgets.map(|(index, value)| self.parse(&format!("budgets.{index}"), value));
        Ok((
            self.table("targets")?,
            self.table("routes")?,
            self.read("route")?,
            budgets.collect::<Result<_, _>>()?,
        ))
    }

    fn read<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, ConfigError> {
        let value = self.0.settings.extra.get(key);
        value
            .map(|value| self.parse(key, value.clone()))
            .transpose()
    }

    /// Reads the entries of a table one by one, so that an error names the entry.
    fn table<T: DeserializeOwned>(&self, key: &str) -> Result<BTreeMap<String, T>, ConfigError> {
        let table: Option<BTreeMap<String, Value>> = self.read(key)?;
        let entries = table.into_iter().flatten().map(|(name, value)| {
            let parsed = self.parse(&format!("{key}.{name}"), value)?;
            Ok((name, parsed))
        });
        entries.collect()
    }

    fn amount(&self, key: &str) -> Result<Option<NanoDollars>, ConfigError> {
        let value = self.0.settings.extra.get(key);
        let parsed = value.map(|value| amount(value).map_err(|error| self.invalid(key, &error)));
        parsed.transpose()
    }

    fn parse<T: DeserializeOwned>(&self, key: &str, value: Value) -> Result<T, ConfigError> {
        serde_json::from_value(value).map_err(|error| self.invalid(key, &error.to_string()))
    }

    fn invalid(&self, key: &str, message: &str) -> ConfigError {
        let (first, _) = key.split_once('.').unwrap_or((key, ""));
        ConfigError::InvalidValue {
            key: format!("extra.{key}"),
            origin: self.0.source(&format!("extra.{first}")).to_string(),
            message: message.to_owned(),
        }
    }
}

impl BudgetSpec {
    fn into_budget(self) -> Budget {
        let mut budget = Budget::new(self.scope);
        (budget.tokens, budget.cost) = (self.tokens, self.cost);
        budget
    }
}

/// Reads an amount of dollars, as a number or as text.
fn amount(value: &Value) -> Result<NanoDollars, String> {
    // The digits of a number as they stand there, which is exact.
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    text.parse()
        .map_err(|error: victor_orchestrator::provider::ParseMoneyError| error.to_string())
}

fn optional_amount<'de, D: Deserializer<'de>>(value: D) -> Result<Option<NanoDollars>, D::Error> {
    let value = Value::deserialize(value)?;
    amount(&value).map(Some).map_err(D::Error::custom)
}
