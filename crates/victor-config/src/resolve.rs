//! Asks the providers for a session.

use tracing::warn;
use victor_config_protocol::{ConfigError, ConfigMap, ConfigProvider, ConfigSource};
use victor_core::{Problems, SessionId, with_causes};
use victor_guard::{Plugin, call, join_all};

use crate::explain::why_ignored;
use crate::layer::check;
use crate::origin::Origin;
use crate::{ConfigOptions, Resolution};

/// The answers for a session that are in force, by the names of their providers, highest priority first.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) answers: Vec<(String, ConfigMap)>,
    /// Whether every provider that was asked has answered well.
    pub(crate) is_whole: bool,
}

/// Asks the providers in the way that the options say. The error is that all have failed.
pub(crate) async fn resolve(
    providers: &[Plugin<dyn ConfigProvider>],
    options: &ConfigOptions,
    problems: &Problems,
    session: &SessionId,
) -> Result<Resolved, ConfigError> {
    let ask = |provider| ask(provider, options, problems, session);
    let asked = match options.resolution {
        Resolution::FirstValid => {
            let mut asked = Vec::new();
            for provider in providers {
                asked.push(ask(provider).await);
                if matches!(asked.last(), Some(Ok(values)) if !values.is_empty()) {
                    break;
                }
            }
            asked
        }
        Resolution::Merge => join_all(providers.iter().map(ask)).await,
    };
    let (mut answers, mut failures) = (Vec::new(), Vec::new());
    for (provider, answer) in providers.iter().zip(asked) {
        match answer {
            Ok(values) if values.is_empty() => {}
            Ok(values) => answers.push((provider.name().to_owned(), values)),
            Err(error) => failures.push((provider, error)),
        }
    }
    if failures.len() == providers.len() && !failures.is_empty() {
        return Err(all_failed(failures));
    }
    Ok(Resolved {
        answers,
        is_whole: failures.is_empty(),
    })
}

/// Asks one provider, and keeps health up to date.
async fn ask(
    provider: &Plugin<dyn ConfigProvider>,
    options: &ConfigOptions,
    problems: &Problems,
    session: &SessionId,
) -> Result<ConfigMap, ConfigError> {
    let source = ConfigSource::Provider(provider.name().to_owned());
    let answer = call(options.provider_timeout, || {
        provider.inner().get_config(session)
    })
    .await
    .unwrap_or_else(|fault| Err(ConfigError::new(source.to_string(), fault.to_string())))
    .and_then(
        |values| match ConfigError::of_all(check(&values, &Origin::Whole(source))) {
            Some(error) => Err(error),
            None => Ok(values),
        },
    );
    match &answer {
        Ok(values) => match without_effect(values) {
            None => problems.clear(provider.name()),
            Some(problem) => {
                warn!(provider = provider.name(), %session, problem, "a value has no effect");
                problems.report(provider.name(), problem);
            }
        },
        Err(error) => {
            let error = with_causes(error);
            warn!(provider = provider.name(), %session, error, "config provider failed");
            problems.report(provider.name(), error);
        }
    }
    answer
}

/// Names the values of an answer that are not for single sessions.
fn without_effect(values: &ConfigMap) -> Option<String> {
    let problem = |key: &String| {
        Some(format!(
            "its value of `{key}` has no effect: {}",
            why_ignored(key)?
        ))
    };
    let problems: Vec<_> = values.keys().filter_map(problem).collect();
    (!problems.is_empty()).then(|| problems.join("; "))
}

/// Returns the error where no provider could answer: that of the only one, or those of all in one.
fn all_failed(mut failures: Vec<(&Plugin<dyn ConfigProvider>, ConfigError)>) -> ConfigError {
    if failures.len() == 1 {
        return failures.remove(0).1;
    }
    let all: Vec<_> = failures
        .iter()
        .map(|(provider, error)| format!("{}: {}", provider.name(), with_causes(error)))
        .collect();
    ConfigError::new("every config provider", all.join("; "))
}
