//! The configuration of servers: the way to each, and the trust in it.

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

/// The default time limit for the start of a server.
const STARTUP_TIMEOUT: Duration = Duration::from_secs(30);

/// The configuration of one MCP server: the way to it, and the trust in it.
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
/// Arguments, values of variables and headers, and all of a URL but its host may be secret: `Debug` and errors do not
/// contain them. Values that look like [secrets](Self::secrets) are removed from results as well.
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

/// The way to a server.
#[derive(Clone)]
pub(crate) enum Transport {
    /// A child process with messages on its standard input and output.
    Stdio(Program),
    /// Streamable HTTP.
    Http { url: String, headers: HeaderMap },
}

/// The program of a server.
#[derive(Clone, Default)]
pub(crate) struct Program {
    pub(crate) command: OsString,
    pub(crate) args: Vec<OsString>,
    pub(crate) env: BTreeMap<String, OsString>,
    pub(crate) cwd: Option<PathBuf>,
}

impl McpServerConfig {
    /// A server that runs as a child process. Its environment consists of a few common variables, such as `PATH` and
    /// `HOME`, and those of [`env`](Self::env); it inherits no keys of this process.
    pub fn stdio(name: impl Into<String>, command: impl Into<OsString>) -> Self {
        let program = Program {
            command: command.into(),
            ..Program::default()
        };
        Self::new(name.into(), Transport::Stdio(program))
    }

    /// A server over streamable HTTP. Redirects are not followed.
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

    /// Adds arguments of the command. Has no effect on a server over HTTP.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        if let Transport::Stdio(program) = &mut self.transport {
            program.args.extend(args.into_iter().map(Into::into));
        }
        self
    }

    /// Sets a variable of the command's environment. Has no effect on a server over HTTP.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<OsString>) -> Self {
        if let Transport::Stdio(program) = &mut self.transport {
            program.env.insert(name.into(), value.into());
        }
        self
    }

    /// Sets the folder in which the command runs. Defaults to that of this process. Has no effect on a server over
    /// HTTP.
    #[must_use]
    pub fn cwd(mut self, folder: impl Into<PathBuf>) -> Self {
        if let Transport::Stdio(program) = &mut self.transport {
            program.cwd = Some(folder.into());
        }
        self
    }

    /// Sets a header of every request. Has no effect on a child process.
    #[must_use]
    pub fn header(mut self, name: HeaderName, mut value: HeaderValue) -> Self {
        if let Transport::Http { headers, .. } = &mut self.transport {
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        self
    }

    /// Sets the time limit for a call without a sign of life, such as progress. Defaults to the limit of the executor.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets the time limit for starting the server and for listing its tools. Defaults to 30 seconds.
    #[must_use]
    pub fn startup_timeout(mut self, timeout: Duration) -> Self {
        self.startup_timeout = timeout;
        self
    }

    /// Trusts the server's annotations about the effects of its tools. By default they are ignored and all tools count
    /// as destructive, since a malicious server would call its tools harmless. A trusted server's missing annotations
    /// have the defaults of MCP: not read-only, destructive.
    #[must_use]
    pub fn trust_annotations(mut self) -> Self {
        self.trust_annotations = true;
        self
    }

    /// Sets the effect of a tool, regardless of the server. Takes the server's name of the tool; `*` stands for any
    /// text. A name without `*` takes precedence over one with it, and a longer one over a shorter one.
    #[must_use]
    pub fn effect(mut self, tool: impl Into<String>, effect: Effect) -> Self {
        self.effects.insert(tool.into(), effect);
        self
    }

    /// Offers only tools that are allowed. Defaults to all. Takes the server's name of the tool; `*` stands for any
    /// text.
    #[must_use]
    pub fn allow(mut self, tool: impl Into<String>) -> Self {
        self.tools = self.tools.with_allowed(tool);
        self
    }

    /// Withholds a tool, even if it is allowed. Takes the server's name of the tool; `*` stands for any text.
    #[must_use]
    pub fn deny(mut self, tool: impl Into<String>) -> Self {
        self.tools = self.tools.with_denied(tool);
        self
    }

    /// Returns the effect that the configuration gives to a tool.
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

    /// Lists the entries of the configuration that match no tool of the server.
    pub(crate) fn unused(&self, tools: &[&str]) -> Vec<String> {
        let lists = [("allow", &self.tools.allow), ("deny", &self.tools.deny)]
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

    /// Removes everything that may be a secret from a text about the server.
    pub(crate) fn redact(&self, text: String) -> String {
        secrets::told(&self.transport).redact(text)
    }

    /// Returns the number of leading bytes of a text that are the end of a secret cut off before it.
    pub(crate) fn end_of_secret(&self, text: &str) -> usize {
        secrets::told(&self.transport).end_of_secret(text)
    }

    /// Returns the configured values that are secrets by name or form: variables and options such as `TOKEN` and
    /// `--api-key`, headers such as `Authorization`, passwords of URLs, and keys in their paths and queries. They are
    /// removed from results, and belong in no log and no recording.
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
