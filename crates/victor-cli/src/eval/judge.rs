//! The model that judges.

use std::sync::Arc;

use anyhow::anyhow;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use victor_orchestrator::core::ModelId;
use victor_orchestrator::provider::ChatProvider;

use crate::exit::Failure;
use crate::provider::{Opened, ProviderArgs};

/// The flags for the model that judges.
#[derive(Debug, Args)]
pub(super) struct JudgeArgs {
    /// The provider of the model that judges. Defaults to that of the agent
    #[arg(long, value_name = "NAME")]
    judge_provider: Option<String>,

    /// The address of the judge's API, if it is not the usual one
    #[arg(long, value_name = "URL", requires = "judge_provider")]
    judge_base_url: Option<String>,

    /// The model that judges. Defaults to that of its provider
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    judge_model: Option<String>,

    /// The number of votes of the judge, of which more than half decide
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    judge_votes: u32,
}

/// The model that judges.
#[derive(Debug)]
pub(super) struct JudgeModel {
    pub(super) provider: Arc<dyn ChatProvider>,
    pub(super) model: ModelId,
    pub(super) votes: u32,
}

impl JudgeArgs {
    /// Opens the model. `own` are the flags of the agent's provider.
    pub(super) async fn open(&self, own: &ProviderArgs) -> Result<JudgeModel, Failure> {
        let model = self.judge_model.as_deref();
        let named = match &self.judge_provider {
            Some(name) => {
                let flags = ProviderArgs::named(name, self.judge_base_url.clone());
                Some(flags.map_err(Failure::usage)?)
            }
            None => None,
        };
        let flags = named.as_ref().unwrap_or(own);
        let Opened {
            provider, source, ..
        } = flags.open(model.is_none()).await?;
        let Some(model) = model
            .map(ModelId::from)
            .or_else(|| provider.default_model())
        else {
            let missing = source.no_model(provider.name()).await;
            return Err(Failure::usage(anyhow!(
                "the judge needs --judge-model: {missing:#}"
            )));
        };
        let votes = self.judge_votes;
        Ok(JudgeModel {
            provider,
            model,
            votes,
        })
    }
}
