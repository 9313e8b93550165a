//! What comes out of a builder, as text.

use std::error::Error;

use victor_config::ConfigCoordinatorBuilder;
use victor_config_protocol::ConfigLoader;

/// Builds, and shows the keys that are set with their values and sources, or the error with its causes.
pub(crate) fn outcome(builder: ConfigCoordinatorBuilder) -> String {
    match builder.build() {
        Ok(config) => {
            let set = config
                .explain_all()
                .into_iter()
                .filter(|explained| config.config().sources.contains_key(&explained.key));
            set.map(|explained| explained.to_string())
                .collect::<Vec<_>>()
                .join("\n")
        }
        Err(error) => {
            let mut text = error.to_string();
            let mut cause = error.source();
            while let Some(error) = cause {
                text = format!("{text} <- {error}");
                cause = error.source();
            }
            text
        }
    }
}

#[track_caller]
pub(crate) fn check(builder: ConfigCoordinatorBuilder, expected: &str) {
    assert_eq!(outcome(builder), expected);
}
