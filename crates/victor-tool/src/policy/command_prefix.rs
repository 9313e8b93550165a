//! Command lines of one program, for approvals that count for all of them.

use serde_json::Value;
use victor_core::ToolCall;
use victor_text::is_hidden;

use crate::arguments::canonical;

/// The argument that holds a command line.
const COMMAND: &str = "command";

/// Programs that run what their arguments say, so that an approval of them would be one of everything.
const LAUNCHERS: &[&str] = &[
    "ash",
    "awk",
    "bash",
    "builtin",
    "bun",
    "bunx",
    "busybox",
    "chroot",
    "command",
    "coproc",
    "csh",
    "dash",
    "deno",
    "doas",
    "docker",
    "env",
    "eval",
    "exec",
    "expect",
    "find",
    "fish",
    "flock",
    "gawk",
    "ionice",
    "ksh",
    "lua",
    "make",
    "mawk",
    "nawk",
    "nice",
    "node",
    "nohup",
    "npx",
    "osascript",
    "parallel",
    "perl",
    "php",
    "pkexec",
    "podman",
    "powershell",
    "pwsh",
    "python",
    "python2",
    "python3",
    "ruby",
    "script",
    "setpriv",
    "setsid",
    "sh",
    "source",
    "ssh",
    "stdbuf",
    "strace",
    "su",
    "sudo",
    "systemd-run",
    "taskset",
    "tclsh",
    "time",
    "timeout",
    "trap",
    "unshare",
    "uv",
    "uvx",
    "watch",
    "xargs",
    "zsh",
];

/// Characters by which a shell runs more than one program, or writes to a file.
const OPERATORS: &[char] = &[';', '&', '|', '<', '>', '(', ')', '$', '`'];

/// The program with which the command line of a call begins, if an approval may count for
/// [all such command lines](victor_tool_protocol::ApprovalScope::Prefix).
///
/// A call has one if its argument `command` is one simple command: a program by name, which does not run other
/// programs as shells, `sudo` or `python` do, and arguments without operators of the shell, such as `;`, `|`, `>` or
/// `$`.
///
/// ```
/// use victor_core::ToolCall;
/// use victor_tool::command_prefix;
///
/// let program = |arguments: &str| command_prefix(&ToolCall::new("1", "run_command", arguments));
/// assert_eq!(program(r#"{"command":"git status --short"}"#).as_deref(), Some("git"));
/// assert_eq!(program(r#"{"command":"git status; rm -rf ."}"#), None);
/// assert_eq!(program(r#"{"command":"sh -c ls"}"#), None);
/// assert_eq!(program(r#"{"path":"a.txt"}"#), None);
/// ```
#[must_use]
pub fn command_prefix(call: &ToolCall) -> Option<String> {
    Line::of(call).map(|line| line.program)
}

/// A call whose command line is one simple command.
pub(crate) struct Line {
    pub(crate) program: String,
    /// The other arguments of the call, as they are compared.
    pub(crate) others: String,
}

impl Line {
    pub(crate) fn of(call: &ToolCall) -> Option<Self> {
        let mut arguments = call.parse_arguments().ok()?;
        let argument = arguments.remove(COMMAND)?;
        let command = argument.as_str()?;
        if command.contains(|char| is_hidden(char) || OPERATORS.contains(&char)) {
            return None;
        }
        let program = command.split(' ').next()?;
        let plain = |char: char| char.is_ascii_alphanumeric() || "_./+-".contains(char);
        let name = program.rsplit('/').next()?;
        let is_program = name.starts_with(|char: char| char.is_ascii_alphanumeric())
            && program.chars().all(plain)
            && !LAUNCHERS.contains(&name);
        is_program.then(|| Self {
            program: program.to_owned(),
            others: canonical(Value::Object(arguments)),
        })
    }
}
