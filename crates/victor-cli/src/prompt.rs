//! `victor prompt`: the system prompt, and what broke the cache of it.

use std::io::{self, Write as _};

use anyhow::{anyhow, bail};
use clap::{Args, Subcommand};
use serde_json::json;
use victor_orchestrator::coordinators::session::SessionCoordinator;
use victor_orchestrator::prompt::{
    BuiltPrompt, PromptDiff, PromptHistory, PromptRecord, PromptSection, SectionRecord,
};
use victor_orchestrator::session::SessionInfo;
use victor_text::{json_escaped, visible};

use crate::agent::AgentArgs;
use crate::data::DataArgs;
use crate::exit::{Exit, Failure};
use crate::session_lookup;
use crate::table::table;
use crate::terminal;

const SHOWN: &str = "\
It is the prompt that the next message would be sent with, by the same flags as those of `victor chat`. The class of a \
section tells how long it stays the same: `process`, `session` or `turn`.";

const COMPARED: &str = "\
NAME is the last prompt of a session, NAME~1 the one before it, and so on. With one name, it is compared with the one \
before it; with none, the prompt of now is compared with the last one of --session or --continue. A provider's cache \
ends at the first section that differs.";

/// Show the system prompt, and what has changed in it
#[derive(Debug, Args)]
pub(crate) struct PromptCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show the system prompt as it would be sent, with its sections
    #[command(after_help = SHOWN)]
    Show {
        /// Print the sections as lines of JSON
        #[arg(long)]
        json: bool,

        #[command(flatten)]
        agent: Box<AgentArgs>,

        #[command(flatten)]
        data: DataArgs,
    },
    /// Show what has changed between two prompts, and where the cache broke
    #[command(after_help = COMPARED)]
    Diff {
        /// The first prompt: NAME or NAME~N
        #[arg(value_name = "FROM")]
        from: Option<String>,

        /// The second prompt
        #[arg(value_name = "TO", requires = "from")]
        to: Option<String>,

        #[command(flatten)]
        agent: Box<AgentArgs>,

        #[command(flatten)]
        data: DataArgs,
    },
}

pub(crate) fn run(command: &PromptCommand) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let text = match &command.action {
            Action::Show { json, agent, data } => show(agent, data, *json).await?,
            Action::Diff {
                from: Some(from),
                to,
                data,
                ..
            } => stored_diff(data, from, to.as_deref())
                .await
                .map_err(Failure::usage)?,
            Action::Diff { agent, data, .. } => diff_to_now(agent, data).await?,
        };
        writeln!(io::stdout().lock(), "{text}")?;
        Ok(Exit::Answered)
    })
}

/// The prompt that the next message of the session would be sent with.
async fn prompt_of_now(
    agent: &AgentArgs,
    data: &DataArgs,
) -> Result<(BuiltPrompt, Tokens), Failure> {
    let agent = agent.open(data, false).await?;
    let prompt = agent.session.system_prompt().await?;
    for omission in &prompt.omissions {
        let (contributor, reason) = (&omission.contributor, &omission.reason);
        terminal::status(&format!("`{contributor}` is left out: {reason}"));
    }
    let counter = agent.orchestrator.context_coordinator().counter();
    let tokens = (prompt.section_texts())
        .map(|(_, text)| counter.count_text(text))
        .collect();
    agent.orchestrator.shutdown().await;
    Ok((prompt, tokens))
}

/// The tokens of each section.
type Tokens = Vec<u32>;

async fn show(agent: &AgentArgs, data: &DataArgs, as_json: bool) -> Result<String, Failure> {
    let (prompt, tokens) = prompt_of_now(agent, data).await?;
    let sections = || prompt.section_texts().zip(&tokens);
    if as_json {
        let lines = sections().map(|((section, text), tokens)| {
            let line = json!({
                "section": section.name,
                "stability": section.stability,
                "tokens": tokens,
                "contributors": section.contributors,
                "versions": section.versions,
                "text": text,
            });
            json_escaped(&line.to_string()).into_owned()
        });
        return Ok(lines.collect::<Vec<_>>().join("\n"));
    }
    let mut rows = vec![["section", "class", "tokens", "from"].map(str::to_owned)];
    for ((section, _), tokens) in sections() {
        let (name, class) = (section.name.to_string(), section.stability.to_string());
        rows.push([name, class, tokens.to_string(), origin(section)]);
    }
    let total: u32 = tokens.iter().sum();
    rows.push(["all", "", &total.to_string(), ""].map(str::to_owned));
    Ok(format!(
        "{}\n\n{}",
        table(&rows, &[2]),
        visible(&prompt.text, None)
    ))
}

/// The contributors and versions of a section.
fn origin(section: &PromptSection) -> String {
    let contributors = section.contributors.iter().map(ToString::to_string);
    let versions = section.versions.iter().map(ToString::to_string);
    contributors.chain(versions).collect::<Vec<_>>().join(", ")
}

async fn stored_diff(data: &DataArgs, from: &str, to: Option<&str>) -> anyhow::Result<String> {
    let stores = data.stores().await?;
    let sessions = stores.coordinator();
    let before = match to {
        Some(_) => Named::find(&sessions, from, 0).await?,
        None => Named::find(&sessions, from, 1).await?,
    };
    let now = Named::find(&sessions, to.unwrap_or(from), 0).await?;
    Ok(report(&before, &now.prompt.sections, &now.title))
}

async fn diff_to_now(agent: &AgentArgs, data: &DataArgs) -> Result<String, Failure> {
    let before = last_prompt(agent, data).await.map_err(Failure::usage)?;
    let (prompt, _) = prompt_of_now(agent, data).await?;
    Ok(report(&before, &SectionRecord::of(&prompt), "now"))
}

/// The last prompt of the session that the flags continue.
async fn last_prompt(agent: &AgentArgs, data: &DataArgs) -> anyhow::Result<Named> {
    let stores = data.stores().await?;
    let name = agent.continued(&stores).await?;
    Named::find(&stores.coordinator(), &name, 0).await
}

/// A stored prompt, and its name in a report.
struct Named {
    title: String,
    prompt: PromptRecord,
}

impl Named {
    /// Finds a prompt by `NAME` or `NAME~N`, or the one that was used `back` prompts before it.
    async fn find(sessions: &SessionCoordinator, name: &str, back: usize) -> anyhow::Result<Self> {
        let (name, number) = match name.rsplit_once('~') {
            Some((name, number)) => (name, number.parse().map_err(|_| {
                anyhow!("`~{number}` is no number of prompts; write NAME~1 for the prompt before the last")
            })?),
            None => (name, 0),
        };
        let info = session_lookup::find(sessions, name).await?;
        let history = history(&info)?;
        let count = history.prompts.len();
        let Some(prompt) = history.last(number + back) else {
            bail!(
                "session `{}` remembers {count} of its prompts, and prompt ~{} is not among them",
                info.id,
                number + back
            );
        };
        let title = match number + back {
            0 => info.id.to_string(),
            back => format!("{}~{back}", info.id),
        };
        let prompt = prompt.clone();
        Ok(Self { title, prompt })
    }
}

fn history(info: &SessionInfo) -> anyhow::Result<PromptHistory> {
    let Some(stored) = info.metadata.get(PromptHistory::KEY) else {
        return Ok(PromptHistory::default());
    };
    serde_json::from_value(stored.clone()).map_err(|error| {
        anyhow!(
            "the prompts of session `{}` cannot be read: {error}",
            info.id
        )
    })
}

/// Tells what has changed, and where the cache broke.
fn report(before: &Named, now: &[SectionRecord], title: &str) -> String {
    let diff = PromptDiff::between(&before.prompt.sections, now);
    let mut lines = vec![format!("from {} to {title}", before.title)];
    lines.extend(diff.changes.iter().map(|change| format!("- {change}")));
    lines.push(match &diff.broken_at {
        None => "the cache keeps all of it".to_owned(),
        Some(section) => format!(
            "the cache keeps {} of {} bytes and ends in front of section `{section}`",
            diff.kept_bytes, diff.bytes
        ),
    });
    terminal::printable(&lines.join("\n")).into_owned()
}
