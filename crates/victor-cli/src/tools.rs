//! `victor tools`: lists and calls tools, and explains the selection for a message.

use std::io::{self, Read as _, Write as _};
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use victor_mcp::McpServers;
use victor_offline::OfflineModel;
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::config::ConfigLoader as _;
use victor_orchestrator::core::{SessionId, ToolCall, ToolOutcome, ToolSpec, TurnId};
use victor_orchestrator::tool::{GivenApproval, ToolScope, Verdict};
use victor_orchestrator::tool_selection::SelectionRequest;
use victor_text::json_escaped;

use crate::approvals::FolderApprovals;
use crate::chat::approval::{self, Answer};
use crate::chat::inquiry::Inquiry;
use crate::data::DataArgs;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupts;
use crate::settings::SettingsArgs;
use crate::toolbox::ToolsArgs;
use crate::{selection, terminal};

/// List the tools, call one, or see which ones a model would be shown
#[derive(Debug, Args)]
pub(crate) struct ToolsCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the tools, what they do to the world, and whether the mode permits them
    List {
        /// Print one tool a line as JSON, with its schema
        #[arg(long)]
        json: bool,

        #[command(flatten)]
        common: Common,
    },
    /// Call a tool as a model would: checked, within the mode, and asked about
    #[command(after_help = "Example:\n  victor tools call read_file '{\"path\": \"README.md\"}'")]
    Call {
        /// The tool
        name: String,

        /// The arguments, a JSON object; `-` reads them from standard input
        #[arg(default_value = "{}")]
        arguments: String,

        #[command(flatten)]
        common: Common,
    },
    /// Show which tools a model would be shown for a message, and why
    Explain {
        /// The message
        message: String,

        #[command(flatten)]
        common: Common,
    },
    /// Show the approvals for every conversation in the folder, given with `s!`, `p!` and `t!`
    Approvals {
        /// Forget them all
        #[arg(long)]
        forget: bool,

        #[command(flatten)]
        common: Common,
    },
}

#[derive(Debug, Args)]
struct Common {
    #[command(flatten)]
    toolbox: ToolsArgs,

    #[command(flatten)]
    settings: SettingsArgs,

    #[command(flatten)]
    data: DataArgs,
}

impl Common {
    /// Builds an orchestrator with the tools. Its model is not called.
    async fn open(
        &self,
        approvals: &FolderApprovals,
    ) -> Result<(AgentOrchestrator, Option<McpServers>), Failure> {
        let mode = self.toolbox.mode.as_deref();
        let config = self.settings.read(mode, None).map_err(Failure::usage)?;
        let timeout = config.config().settings.command_timeout;
        let servers = self.toolbox.servers()?;
        let builder = AgentOrchestrator::builder()
            .config_coordinator(Arc::new(config))
            .provider(OfflineModel::new());
        let (builder, _) = self
            .toolbox
            .offer(builder, Vec::new(), timeout, approvals.policy())?;
        let orchestrator = builder.build().map_err(Failure::usage)?;
        let mcp = self.toolbox.connect(&orchestrator, servers).await;
        Ok((orchestrator, mcp))
    }
}

pub(crate) fn run(command: &ToolsCommand) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let interrupts = Interrupts::listen()?;
        let (Action::List { common, .. }
        | Action::Call { common, .. }
        | Action::Explain { common, .. }
        | Action::Approvals { common, .. }) = &command.action;
        let approvals = common.toolbox.approvals(&common.data);
        if let Action::Approvals { forget, .. } = command.action {
            return stored(&approvals, forget);
        }
        let (orchestrator, mcp) = common.open(&approvals).await?;
        let exit = match &command.action {
            Action::Approvals { .. } => Ok(Exit::Answered), // handled above
            Action::List { json, .. } => list(&orchestrator, *json),
            Action::Call {
                name, arguments, ..
            } => {
                let can_store = approvals.are_stored();
                call(&orchestrator, name, arguments, can_store, &interrupts).await
            }
            Action::Explain { message, .. } => explain(&orchestrator, message).await,
        };
        orchestrator.shutdown().await;
        if let Some(mcp) = mcp {
            mcp.shutdown().await;
        }
        exit
    })
}

/// Shows or forgets the stored approvals.
fn stored(approvals: &FolderApprovals, forget: bool) -> Result<Exit, Failure> {
    if forget {
        approvals.forget().map_err(Failure::usage)?;
        return Ok(Exit::Answered);
    }
    let mut out = io::stdout().lock();
    for line in approvals.list() {
        writeln!(out, "{}", terminal::printable(&line))?;
    }
    Ok(Exit::Answered)
}

fn list(orchestrator: &AgentOrchestrator, as_json: bool) -> Result<Exit, Failure> {
    let mut out = io::stdout().lock();
    let specs = orchestrator.tool_coordinator().specs();
    for spec in specs.iter() {
        let denied = denied(orchestrator, spec);
        if as_json {
            let mut line = serde_json::to_value(spec).unwrap_or_default();
            line["permitted"] = json!(denied.is_none());
            writeln!(out, "{}", json_escaped(&line.to_string()))?;
            continue;
        }
        let effect = effect(spec);
        let about = spec.description.lines().next().unwrap_or_default();
        let about = about.split(". ").next().unwrap_or_default();
        let remark = denied.map(|_| " (not in this mode)").unwrap_or_default();
        writeln!(
            out,
            "{}",
            terminal::printable(&format!("{:<20} {effect:<12}{remark} {about}", spec.name))
        )?;
    }
    Ok(Exit::Answered)
}

async fn call(
    orchestrator: &AgentOrchestrator,
    name: &str,
    arguments: &str,
    can_store: bool,
    interrupts: &Interrupts,
) -> Result<Exit, Failure> {
    let mut arguments = arguments.to_owned();
    if arguments == "-" {
        arguments.clear();
        let read = io::stdin().lock().read_to_string(&mut arguments);
        read.context("the arguments cannot be read from standard input")
            .map_err(Failure::usage)?;
    }
    let tools = orchestrator.tool_coordinator();
    let mut call = ToolCall::new("1", name, arguments);
    let mut scope = ToolScope::new(SessionId::default(), TurnId::generate());
    // As in a turn: an approved call is reviewed again, and asked about again if it has changed.
    loop {
        let calls = std::slice::from_ref(&call);
        let verdict = tools.review_tool_calls(calls, &scope).await.pop();
        match verdict.unwrap_or_else(Verdict::undecided) {
            Verdict::Ask {
                question,
                preview,
                evidence,
                definition,
                ..
            } => {
                let inquiry = Inquiry {
                    question: &question,
                    call: &call,
                    preview: preview.as_ref(),
                    can_store,
                };
                match approval::ask(&inquiry) {
                    Answer::Yes(granted) => {
                        let given = GivenApproval::new(call.id.clone(), granted, definition);
                        scope.approvals = vec![given.with_evidence(evidence.clone())];
                        call.evidence = evidence;
                    }
                    Answer::Stop => return Ok(Exit::Interrupted),
                    Answer::No | Answer::Nobody => return Ok(Exit::Failed),
                }
            }
            verdict => match verdict.refusal(&call) {
                None => break,
                Some(refused) if refused.outcome == ToolOutcome::Rejected => {
                    return Err(Failure::usage(anyhow!(refused.text().into_owned())));
                }
                Some(refused) => {
                    terminal::error(&refused.text());
                    return Ok(Exit::Failed);
                }
            },
        }
    }
    let mut results = tools.run_tool_calls(vec![call], &scope);
    let guard = interrupts.during_call();
    let ended = tokio::select! {
        ended = results.next_result() => ended,
        () = guard.dropped() => return Ok(guard.signal().unwrap_or(Exit::Interrupted)),
    };
    drop(guard);
    let Some(result) = ended else {
        terminal::error("the tool returned no result");
        return Ok(Exit::Failed);
    };
    let text = result.text();
    if result.outcome == ToolOutcome::Success {
        writeln!(
            io::stdout().lock(),
            "{}",
            terminal::printable(text.trim_end())
        )?;
        return Ok(Exit::Answered);
    }
    terminal::error(&text);
    Ok(Exit::Failed)
}

async fn explain(orchestrator: &AgentOrchestrator, message: &str) -> Result<Exit, Failure> {
    let Some(selector) = orchestrator.tool_selection_coordinator() else {
        return Err(Failure::usage(anyhow!(
            "there is no tool selection here: all tools are shown"
        )));
    };
    let specs = orchestrator.tool_coordinator().specs();
    let permitted = specs
        .iter()
        .filter(|spec| denied(orchestrator, spec).is_none());
    let permitted: Arc<[ToolSpec]> = permitted.cloned().collect();
    let request = SelectionRequest::new(SessionId::default(), message);
    let selection = selector.select_tools(&request, &permitted).await;
    writeln!(
        io::stdout().lock(),
        "{}",
        terminal::printable(&selection::describe(&selection))
    )?;
    Ok(Exit::Answered)
}

/// Returns why the mode denies a tool, if it does.
fn denied(orchestrator: &AgentOrchestrator, spec: &ToolSpec) -> Option<String> {
    let modes = orchestrator.mode_coordinator()?;
    modes
        .permits(&SessionId::default(), spec)
        .reason()
        .map(str::to_owned)
}

/// Returns the effect as files spell it.
fn effect(spec: &ToolSpec) -> String {
    match serde_json::to_value(spec.effect) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}
