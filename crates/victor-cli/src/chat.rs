//! `victor chat`: one message, or a conversation.

pub(crate) mod approval;
mod commands;
mod conversation;
pub(crate) mod editor;
mod input;
pub(crate) mod inquiry;
mod interactive;
mod view;

use std::io::{self, IsTerminal as _};

use anyhow::bail;
use clap::Args;

use crate::agent::AgentArgs;
use crate::data::DataArgs;
use crate::exit::{Exit, Failure};
use crate::interrupt::{GRACE, Interrupts};
use crate::terminal;

use conversation::{Conversation, End};
use view::View;

const EXAMPLES: &str = "\
Examples:
  victor chat \"Which crate retries a failed model call? Read docs/architecture.md\"
  victor chat                                 hold a conversation, with line editing and history
  victor chat < question.txt                  take the message from standard input
  git diff | victor chat \"Review this\"       send what is piped in together with a message
  victor chat --allow-write \"Write 'hello' to greeting.txt\"
  victor chat --json \"Which files are here?\"  print one event a line, for programs
  victor chat --mode plan \"How would you split notes.txt?\"
  victor chat --mcp servers.json --continue \"And now?\"
  victor chat --provider ollama --model qwen3 \"Which files are here?\"
  victor chat --server mistral --model mistral-large-latest \"Which files are here?\"
  victor chat --record tape.jsonl \"Hello\"      record the answers; --replay tape.jsonl needs no model";

const MORE: &str = "

The answer goes to standard output. Everything else, such as tool calls, tokens, time and model, goes to standard error.

Without --provider, Victor takes the first provider in the list of `--provider` whose key is set or whose server \
    runs, or else the offline model. The first line on standard error names it and gives the reason. --base-url, \
    ANTHROPIC_BASE_URL, OPENAI_BASE_URL and OLLAMA_HOST choose another server, ANTHROPIC_MODEL and OPENAI_MODEL \
    another model.

--server, or VICTOR_SERVER, names a known server, with its address, the variable of its key and its peculiarities: \
    --server kimi. With --base-url it tells the kind of a server: --server vllm --base-url http://gpu:9000/v1. \
    --provider chooses the API for a server that has more than one.

Conversations are stored in a database in the platform's data folder, or in --data-dir; --no-save stores nothing. \
    --continue continues the last session and --session NAME another one; `victor sessions` shows, exports and \
    deletes them.

The cost of model calls is kept in a ledger; `victor usage` and /usage sum it up. Prices come with the program; \
    --prices FILE, the setting `extra.prices` or a prices.toml beside the settings overrides them. --budget 2.50 ends \
    the turn that would take the session beyond that amount. The settings name budgets (`extra.budgets`), targets \
    (`extra.targets`) and the routes between them (`extra.routes`, `extra.route`).

Victor asks before it writes, runs or fetches anything, and before it calls a tool of an MCP server that may do more \
    than read, unless --yes is given. The question shows what the call would do; if that changes before the call \
    runs, Victor asks again. `y` allows the call once; `s` allows the same call, `p` every simple command of the same \
    program and `t` every call of the tool, for the rest of the conversation; `s!`, `p!` and `t!` also in later \
    conversations in the same folder (`victor tools approvals` lists and forgets these). If the question does not \
    show the whole call, only a whole word such as `yes` allows it, and `v` shows the rest. Without a terminal, the \
    answer is no.

AGENTS.md (or CLAUDE.md) in the folder and above it, up to the repository, and the skills in .agents/skills go into \
    the system prompt of a project that you trust: Victor asks once; `victor trust` shows and changes the answer, and \
    --trust and --no-trust give it for one conversation. Skills in ~/.agents/skills are always there. `victor skills` \
    lists and checks them.

Settings are read from victor.toml, victor.yaml or victor.json in the current directory, and from the environment: \
    VICTOR_MAX_TOOL_ITERATIONS=5 sets `max_tool_iterations`. VICTOR_LOG_LEVEL=debug shows the internal steps. \
    NO_COLOR is honoured.

Ctrl-C stops the turn; the text so far is kept, and the conversation continues. A second Ctrl-C leaves, as do Ctrl-D \
    and /quit.

Exit codes:
  0    answered, or the reader of the output closed it
  1    the turn failed, or the model did not answer
  2    wrong usage: flags, settings, a folder or file that cannot be read, an empty message
  129, 130, 131, 143  ended by SIGHUP (the terminal was closed), Ctrl-C, SIGQUIT or SIGTERM; commands and MCP servers
       end with the program, with all processes that they started
";

/// Send a message, or hold a conversation
///
/// Without a MESSAGE, a conversation is held; if standard input is not a terminal, one message is read from it instead.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}{MORE}"))]
pub(crate) struct ChatArgs {
    /// The message; `-` reads it from standard input. Input through a pipe is sent together with a MESSAGE
    message: Option<String>,

    #[command(flatten)]
    pub(crate) agent: AgentArgs,

    /// Hold a conversation even if standard input is not a terminal: each line is a message
    #[arg(long, short, conflicts_with = "message")]
    interactive: bool,

    /// Print every event as a line of JSON, and nothing else, on standard output
    #[arg(long)]
    json: bool,

    /// Print the answer and errors only
    #[arg(long, short)]
    quiet: bool,

    #[command(flatten)]
    pub(crate) data: DataArgs,
}

impl ChatArgs {
    /// Returns the one message to send; `None` for a conversation.
    fn message(&self) -> anyhow::Result<Option<String>> {
        let terminal = io::stdin().is_terminal();
        let message = match &self.message {
            Some(message) if message == "-" => input::all()?,
            Some(message) if terminal => message.clone(),
            Some(message) => match input::beside_message()? {
                Some(text) => with_input(message, &text),
                None => message.clone(),
            },
            None if self.interactive || terminal => return Ok(None),
            None => input::all()?,
        };
        if message.trim().is_empty() {
            bail!("the message is empty: give one, as in `victor chat \"Which files are here?\"`");
        }
        Ok(Some(message))
    }
}

/// Joins message and input; the input is fenced, so that the model can tell them apart.
fn with_input(message: &str, input: &str) -> String {
    // A fence that the input cannot close.
    let longest = input.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}\n{input}\n{fence}\n\n{message}")
}

/// Sends a message, or holds a conversation.
pub(crate) fn run(args: ChatArgs) -> Result<Exit, Failure> {
    converse(args, false)
}

/// Continues a session, and completes its last turn first if that is open.
pub(crate) fn resume(args: ChatArgs) -> Result<Exit, Failure> {
    converse(args, true)
}

fn converse(args: ChatArgs, resumed: bool) -> Result<Exit, Failure> {
    // A resumed turn needs no message.
    let message = match resumed && args.message.is_none() {
        true => None,
        false => args.message().map_err(Failure::usage)?,
    };
    // The turn runs in the main thread; the others run tools in parallel and listen for signals.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let exit = runtime.block_on(chat(args, message, resumed));
    // A tool that still runs in a thread of its own cannot be stopped; do not wait for it.
    runtime.shutdown_timeout(GRACE);
    exit
}

async fn chat(args: ChatArgs, message: Option<String>, resumed: bool) -> Result<Exit, Failure> {
    let interrupts = Interrupts::listen()?;
    let agent = args.agent.open(&args.data, args.json).await?;
    if !args.quiet {
        terminal::status(&agent.about);
    }
    let view = View::new(args.json, args.quiet);
    let mut conversation = Conversation::new(
        agent.session,
        view,
        interrupts,
        agent.hints,
        agent.workspace,
        agent.approvals.are_stored(),
        agent.memory,
    );
    let running = conversation.session.running().await?;
    let open = conversation.session.open_turn().await?;
    let exit = match open {
        None if let Some(lease) = running => {
            let works = format!(
                "{} is working on this session, since {:.0}",
                lease.owner.name, lease.since
            );
            if resumed {
                terminal::error(&format!("{works}; a running turn cannot be resumed"));
                Ok(Some(End::Left(Exit::Failed)))
            } else {
                if message.is_none() {
                    let remark = format!("{works}; messages are refused until it has ended");
                    conversation.view.status(&remark);
                }
                Ok(None)
            }
        }
        Some(turn) if resumed => conversation.resume(turn).await.map(Some),
        Some(_) => {
            conversation.view.status(&format!(
                "the last turn of this session has not ended: `victor sessions resume {}` resumes it, and a new \
                 message abandons it",
                conversation.session.id()
            ));
            Ok(None)
        }
        None => Ok(None),
    };
    let exit = match (exit, message) {
        (Ok(Some(End::Left(exit))), _) => Ok(exit),
        (Ok(_), Some(message)) => conversation.send(message).await.map(End::exit),
        (Ok(Some(end)), None) if !io::stdin().is_terminal() && !args.interactive => Ok(end.exit()),
        (Ok(_), None) => interactive::run(&mut conversation, &args.data).await,
        (Err(error), _) => Err(error),
    };
    agent.services.close(&agent.orchestrator).await;
    let exit = exit?;
    if let Some(remark) = agent.recording.finish()?
        && !args.quiet
    {
        terminal::status(&remark);
    }
    Ok(exit)
}
