//! Which servers there are, and how far each is trusted.

mod error;
mod expand;
mod file;
mod secrets;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use victor_core::{Effect, NamePatterns, matches_pattern};
use victor_http::header::{HeaderMap, HeaderName, HeaderValue};
use victor_process::Secrets;

pub use error::McpConfigError;
pub use file::McpConfig;

/// How long a server may take to start, unless its configuration says otherwise.
const STARTUP_TIMEOUT: Duration = Duration::from_secs(30);

/// One MCP server: how it is reached, and how far it is trusted.
///
/// ```
/// use victor_core::Effect;
/// use victor_mcp::McpServerConfig;
///
/// let files = McpServerConfig::stdio("files", "npx")
///     .args(["-y", "@modelcontextprotocol/server-filesystem", "/tmp"])
///     .deny("move_*")
///     .effect("read_text_file", Effect::ReadOnly);
/// assert_eq!(files.name(), "files");
/// ```
///
/// Arguments, values of variables and of headers, and all of a URL but its host may be secret. None of them is in its
/// `Debug` or in an error, and what looks like a [secret](Self::secrets) is in no result.
#[derive(Clone)]
pub struct McpServerConfig {
    pub(crate) name: String,
    pub(crate) transport: Transport,
    pub(crate) disabled: bool,
    pub(crate) timeout: Option<Duration>,
    pub(crate) startup_timeout: Duration,
    pub(crate) trust_annotations: bool,
    effects: BTreeMap<String, Effect>,
    pub(crate) tools: NamePatterns,
}

/// How a server is reached.
#[derive(Clone)]
pub(crate) enum Transport {
    /// It is a child process that is spoken to through its standard input and output.
    Stdio(Program),
    /// It answers HTTP requests.
    Http { url: String, headers: HeaderMap },
}

/// What is started.
#[derive(Clone, Default)]
pub(crate) struct Program {
    pub(crate) command: OsString,
    pub(crate) args: Vec<OsString>,
    pub(crate) env: BTreeMap<String, OsString>,
    pub(crate) cwd: Option<PathBuf>,
}

impl McpServerConfig {
    /// A server that is started as a child process. It is given the few variables of the environment that programs need
    /// in general, such as `PATH` and `HOME`, and those of [`env`](Self::env); no keys of this process.
    pub fn stdio(name: impl Into<String>, command: impl Into<OsString>) -> Self {
        let program = Program {
            command: command.into(),
            ..Program::default()
        };
        Self::new(name.into(), Transport::Stdio(program))
    }

    /// A server that is reached through streamable HTTP. Redirects are not followed.
    pub fn http(name: impl Into<String>, url: impl Into<String>) -> Self {
        let (url, headers) = (url.into(), HeaderMap::new());
        Self::new(name.into(), Transport::Http { url, headers })
    }

    fn new(name: String, transport: Transport) -> Self {
        Self {
            name,
            transport,
            disabled: false,
            timeout: None,
            startup_timeout: STARTUP_TIMEOUT,
            trust_annotations: false,
            effects: BTreeMap::new(),
            tools: NamePatterns::default(),
        }
    }

    /// The name, which is part of the names of its tools.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Adds arguments of the command. Of a server that is reached through HTTP, it changes nothing.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        if let Transport::Stdio(program) = &mut self.transport {
            program.args.extend(args.into_iter().map(Into::into));
        }
        self
    }

    /// Sets a variable of the command's environment. Of a server that is reached through HTTP, it changes nothing.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<OsString>) -> Self {
        if let Transport::Stdio(program) = &mut self.transport {
            program.env.insert(name.into(), value.into());
        }
        self
    }

    /// Sets the folder in which the command runs; that of this process by default. Of a server that is reached through
    /// HTTP, it changes nothing.
    #[must_use]
    pub fn cwd(mut self, folder: impl Into<PathBuf>) -> Self {
        if let Transport::Stdio(program) = &mut self.transport {
            program.cwd = Some(folder.into());
        }
        self
    }

    /// Sets a header of every request. Of a server that is a child process, it changes nothing.
    #[must_use]
    pub fn header(mut self, name: HeaderName, mut value: HeaderValue) -> Self {
        if let Transport::Http { headers, .. } = &mut self.transport {
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        self
    }

    /// Sets how long a call may take without a sign of life; by default, what the executor says. A server that reports
    /// progress gives signs of life.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets how long the server may take to start and to list its tools. 30 s by default.
    #[must_use]
    pub fn startup_timeout(mut self, timeout: Duration) -> Self {
        self.startup_timeout = timeout;
        self
    }

    /// Believes what the server says of the effects of its tools. By default it is not believed, and its tools count as
    /// destructive, for whoever lies says that a tool is harmless. What a trusted server does not say has MCP's defaults:
    /// not read-only, destructive.
    #[must_use]
    pub fn trust_annotations(mut self) -> Self {
        self.trust_annotations = true;
        self
    }

    /// Says what a tool does to the world, whatever the server says. The tool is named as by the server; `*` stands for
    /// any text. A name without `*` goes before one with it, and a longer one before a shorter.
    #[must_use]
    pub fn effect(mut self, tool: impl Into<String>, effect: Effect) -> Self {
        self.effects.insert(tool.into(), effect);
        self
    }

    /// Offers only tools that are allowed; without it, all are. The tool is named as by the server; `*` stands for any
    /// text.
    #[must_use]
    pub fn allow(mut self, tool: impl Into<String>) -> Self {
        self.tools = self.tools.with_allowed(tool);
        self
    }

    /// Does not offer a tool, also if it is allowed. The tool is named as by the server; `*` stands for any text.
    #[must_use]
    pub fn deny(mut self, tool: impl Into<String>) -> Self {
        self.tools = self.tools.with_denied(tool);
        self
    }

    /// What the configuration says that a tool does.
    pub(crate) fn effect_of(&self, tool: &str) -> Option<Effect> {
        let exact = self.effects.get(tool);
        let patterns = self
            .effects
            .iter()
            .filter(|(name, _)| matches_pattern(name, tool));
        exact
            .or_else(|| {
                patterns
                    .max_by_key(|(name, _)| name.len())
                    .map(|(_, effect)| effect)
            })
            .copied()
    }

    /// What of the configuration names no tool of the server.
    pub(crate) fn unused(&self, tools: &[&str]) -> Vec<String> {
        let lists = [("allow", &self.tools.allow), ("deny", &self.tools.deny)];
        let lists = lists
            .into_iter()
            .flat_map(|(key, names)| names.iter().map(move |name| (key, name)));
        let effects = self.effects.keys().map(|name| ("effects", name));
        lists
            .chain(effects)
            .filter(|(_, name)| {
                **name != "*" && !tools.iter().any(|tool| matches_pattern(name, tool))
            })
            .map(|(key, name)| format!("`{key}` names `{name}`, which the server does not offer"))
            .collect()
    }

    /// Takes what the server was told, and what may be a secret, out of what is said of it.
    pub(crate) fn redact(&self, text: String) -> String {
        secrets::told(&self.transport).redact(text)
    }

    /// How many bytes at the beginning of a text are the end of a secret whose beginning is not there.
    pub(crate) fn end_of_secret(&self, text: &str) -> usize {
        secrets::told(&self.transport).end_of_secret(text)
    }

    /// What the server is told that is a secret by its name or its look: values of variables and options such as `TOKEN`
    /// and `--api-key`, of headers such as `Authorization`, passwords of URLs, and keys in their paths and queries. It is
    /// taken out of results, and belongs in no log and no recording.
    #[must_use]
    pub fn secrets(&self) -> Secrets {
        secrets::sure(&self.transport)
    }
}

impl fmt::Debug for McpServerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("McpServerConfig");
        shown.field("name", &self.name);
        match &self.transport {
            Transport::Stdio(program) => shown
                .field("command", &program.command)
                .field("args", &program.args.len())
                .field("env", &program.env.keys())
                .field("cwd", &program.cwd),
            Transport::Http { url, headers } => shown
                .field("url", &without_secrets(url))
                .field("headers", &headers.keys()),
        };
        shown
            .field("disabled", &self.disabled)
            .field("timeout", &self.timeout)
            .field("trust_annotations", &self.trust_annotations)
            .field("effects", &self.effects)
            .field("tools", &self.tools)
            .finish_non_exhaustive()
    }
}

/// The scheme and the host of a URL: paths of MCP servers often hold a key.
fn without_secrets(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_denied_is_not_offered_though_it_be_allowed() {
        let all = McpServerConfig::stdio("s", "c");
        assert!(all.tools.permits("anything"));
        let some = all.allow("read_*").allow("list").deny("read_secret*");
        assert!(some.tools.permits("read_file") && some.tools.permits("list"));
        assert!(!some.tools.permits("write_file") && !some.tools.permits("read_secrets"));
        let effect = some
            .effect("re*", Effect::Write)
            .effect("read_*", Effect::ReadOnly)
            .effect("read_x", Effect::Destructive);
        assert_eq!(effect.effect_of("read_x"), Some(Effect::Destructive));
        assert_eq!(effect.effect_of("read_y"), Some(Effect::ReadOnly));
        assert_eq!(effect.effect_of("rewrite"), Some(Effect::Write));
        assert_eq!(effect.effect_of("other"), None);
        let unused = effect.unused(&["read_file", "list"]);
        assert_eq!(unused.len(), 2, "{unused:?}"); // the denial, and the effect of `read_x`
    }

    #[test]
    fn what_a_server_was_told_as_a_secret_is_not_shown() {
        let program = McpServerConfig::stdio("s", "c")
            .args(["--key=secret-1"])
            .env("A", "secret")
            .env("TOKEN", "secret-2");
        assert_eq!(program.redact("bad key secret-2!".into()), "bad key ***!");
        assert_eq!(program.end_of_secret("ret-2, and secret-2"), "ret-2".len());
        assert_eq!(program.end_of_secret("nothing of it"), 0);
        let http = McpServerConfig::http("s", "https://u:secret-3@host:1/secret-4?key=secret-5")
            .header(
                HeaderName::from_static("authorization"),
                HeaderValue::from_static("Bearer secret-6"),
            );
        assert_eq!(http.redact("no secret-6, secret-5".into()), "no ***, ***");
        let shown = format!("{program:?} {http:?}");
        assert!(!shown.contains("secret"), "{shown}");
        assert!(shown.contains("TOKEN") && shown.contains("authorization"));
        assert!(shown.contains("https://host:1\""), "{shown}");
    }
}
