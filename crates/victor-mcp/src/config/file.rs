//! The JSON file in which MCP clients keep their servers.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use victor_core::{Effect, JsonMap, NamePatterns, closest};
use victor_http::header::{HeaderName, HeaderValue};
use victor_process::Secrets;

use super::expand::expand;
use super::{McpConfigError, McpServerConfig, Program, Transport};

/// The longest time that can be set. A number that would be more is in milliseconds, as some clients have it.
const MAX_SECONDS: f64 = 3_600.0;

/// Keys that other clients have and that are not needed here. Those by which a call would run unasked are among them:
/// approval is a matter of policy, and not of the file that names the servers.
const OF_OTHERS: [&str; 8] = [
    "alwaysAllow",
    "autoApprove",
    "description",
    "gallery",
    "icon",
    "name",
    "trust",
    "version",
];

/// Keys that are read.
const KNOWN: [&str; 22] = [
    "allow",
    "args",
    "command",
    "cwd",
    "deny",
    "disabled",
    "disabledTools",
    "effects",
    "enabled",
    "enabledTools",
    "env",
    "excludeTools",
    "headers",
    "httpUrl",
    "includeTools",
    "isActive",
    "serverUrl",
    "startup_timeout",
    "timeout",
    "tools",
    "trust_annotations",
    "url",
];

/// The MCP servers of a configuration, in the order of their names.
///
/// The form is that of other MCP clients, so their files can be used:
///
/// ```
/// use victor_mcp::McpConfig;
///
/// let config = McpConfig::parse("mcp.json", r#"{
///     "mcpServers": {
///         "files": {
///             "command": "npx",
///             "args": ["-y", "@modelcontextprotocol/server-filesystem", "${HOME:-/tmp}"],
///             "effects": { "read_*": "read_only", "list_*": "read_only" },
///             "deny": ["move_file"]
///         },
///         "tracker": {
///             "type": "http",
///             "url": "https://tracker.example/mcp",
///             "headers": { "Authorization": "Bearer ${TRACKER_TOKEN:-none}" },
///             "timeout": 120,
///             "trust_annotations": true
///         }
///     }
/// }"#)?;
/// let names: Vec<_> = config.servers().iter().map(|server| server.name()).collect();
/// assert_eq!(names, ["files", "tracker"]);
/// # Ok::<(), victor_mcp::McpConfigError>(())
/// ```
///
/// # Keys of a server
///
/// | key | meaning |
/// |---|---|
/// | `command`, `args`, `env`, `cwd` | a server that is started, see [`McpServerConfig::stdio`] |
/// | `url`, `headers` | a server that is reached through HTTP; `serverUrl` and `httpUrl` are the same as `url` |
/// | `type` | `stdio`, `http` or `streamable-http`; it follows from the other keys |
/// | `disabled` | whether it is left out; `enabled` and `isActive` are its opposite |
/// | [`timeout`], [`startup_timeout`] | in seconds up to 3600, or in milliseconds above that |
/// | [`effects`] | an object from tools to `read_only`, `idempotent`, `write` or `destructive` |
/// | [`allow`] | a list of tools; also called `tools`, `includeTools` or `enabledTools` |
/// | [`deny`] | a list of tools; also called `excludeTools` or `disabledTools` |
/// | `trust_annotations` | see [`McpServerConfig::trust_annotations`] |
///
/// [`timeout`]: McpServerConfig::timeout
/// [`startup_timeout`]: McpServerConfig::startup_timeout
/// [`effects`]: McpServerConfig::effect
/// [`allow`]: McpServerConfig::allow
/// [`deny`]: McpServerConfig::deny
///
/// In the strings of the first two rows, `${NAME}`, `${NAME:-default}` and `${env:NAME}` stand for variables of the
/// environment. Where a client calls `mcpServers` `servers`, that is read; what else stands beside it is not.
///
/// # What is wrong with an entry
///
/// A server that cannot be used as it is written is left out, and the others are not: [`problems`](Self::problems)
/// names it. Keys that are not known are passed over and named as well, unless one is nearly a key that is: a `dennny`
/// that meant `deny` must not offer what was to be denied. A server that is disabled may be wrong.
#[derive(Debug, Clone, Default)]
pub struct McpConfig {
    servers: Vec<McpServerConfig>,
    problems: Arc<[McpConfigError]>,
}

impl McpConfig {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`McpConfigError`]: the file cannot be read, is not JSON, or has no servers in it.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, McpConfigError> {
        let file = path.as_ref().display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&file, &text),
            Err(source) => Err(McpConfigError::Read { file, source }),
        }
    }

    /// Reads a text, which errors call `file`.
    ///
    /// # Errors
    ///
    /// [`McpConfigError`]: the text is not JSON, or has no servers in it.
    pub fn parse(file: &str, text: &str) -> Result<Self, McpConfigError> {
        Self::parse_with(file, text, &|name| std::env::var(name).ok())
    }

    /// Reads a text with variables from elsewhere than the environment.
    ///
    /// # Errors
    ///
    /// [`McpConfigError`]: the text is not JSON, or has no servers in it.
    pub fn parse_with(
        file: &str,
        text: &str,
        variables: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, McpConfigError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text); // as editors on Windows write it
        // The message of a syntax error would be no secret, but its place says as much.
        let mut root: Value =
            serde_json::from_str(text).map_err(|error| McpConfigError::Syntax {
                file: file.to_owned(),
                line: error.line(),
                column: error.column(),
            })?;
        let mut object = |key| {
            root.get_mut(key)
                .filter(|value| value.is_object())
                .map(Value::take)
        };
        let servers = object("mcpServers").or_else(|| object("servers"));
        let Some(Value::Object(entries)) = servers else {
            let file = file.to_owned();
            return Err(McpConfigError::NoServers { file });
        };
        let entries: BTreeMap<_, _> = entries.into_iter().collect();
        let (mut servers, mut problems) = (Vec::new(), Vec::new());
        for (name, value) in entries {
            let mut wrong = Vec::new();
            let is_disabled = is_disabled(&value);
            match server(&name, value, variables, &mut wrong) {
                Ok(server) => servers.push(server),
                Err(why) => wrong.push(why),
            }
            if is_disabled {
                continue;
            }
            problems.extend(wrong.into_iter().map(|Wrong { key, reason }| {
                let (file, server) = (file.to_owned(), name.clone());
                McpConfigError::Invalid {
                    file,
                    server,
                    key,
                    reason,
                }
            }));
        }
        Ok(Self {
            servers,
            problems: problems.into(),
        })
    }

    /// Returns the problems of the file: servers that are left out, and keys that are ignored. They are part of the
    /// [health](crate::McpServers::health) as well.
    #[must_use]
    pub fn problems(&self) -> &[McpConfigError] {
        &self.problems
    }

    /// The servers, also those that are disabled.
    #[must_use]
    pub fn servers(&self) -> &[McpServerConfig] {
        &self.servers
    }

    /// The [secrets](McpServerConfig::secrets) of all servers.
    #[must_use]
    pub fn secrets(&self) -> Secrets {
        let mut all = Secrets::default();
        for server in &self.servers {
            all.extend(server.secrets().iter());
        }
        all
    }
}

impl FromIterator<McpServerConfig> for McpConfig {
    fn from_iter<T: IntoIterator<Item = McpServerConfig>>(servers: T) -> Self {
        Self {
            servers: servers.into_iter().collect(),
            problems: Arc::default(),
        }
    }
}

/// A problem of a key.
struct Wrong {
    key: String,
    reason: String,
}

/// A value with the key that leads to it, so that errors can name it. They never show the value.
struct Field<'a> {
    key: String,
    value: Value,
    variables: &'a dyn Fn(&str) -> Option<String>,
}

/// Whether an entry says that its server is not to be used.
fn is_disabled(entry: &Value) -> bool {
    entry["disabled"] == true || entry["enabled"] == false || entry["isActive"] == false
}

/// Reads an entry. What is passed over is added to `wrong_keys`.
fn server(
    name: &str,
    value: Value,
    variables: &dyn Fn(&str) -> Option<String>,
    wrong_keys: &mut Vec<Wrong>,
) -> Result<McpServerConfig, Wrong> {
    let wrong = |key: &str, reason: &str| Wrong {
        key: key.to_owned(),
        reason: reason.to_owned(),
    };
    let Value::Object(map) = value else {
        return Err(wrong("mcpServers", "must hold an object for it"));
    };
    let has = |key: &str| map.contains_key(key);
    let url = ["url", "serverUrl", "httpUrl"]
        .into_iter()
        .find(|key| has(key));
    let mut config = match (has("command"), url) {
        (true, None) => McpServerConfig::stdio(name, ""),
        (false, Some(_)) => McpServerConfig::http(name, ""),
        (true, Some(url)) => return Err(wrong(url, "cannot stand beside `command`")),
        (false, None) => return Err(wrong("command", "is missing, and so is `url`")),
    };
    for (key, value) in map {
        let field = Field {
            key,
            value,
            variables,
        };
        match (&*field.key, &mut config.transport) {
            ("command", Transport::Stdio(Program { command, .. })) => {
                *command = field.text()?.into();
            }
            ("args", Transport::Stdio(program)) => {
                let args = field.list()?.into_iter().map(Field::text);
                program.args = args.map(|arg| Ok(arg?.into())).collect::<Result<_, _>>()?;
            }
            ("env", Transport::Stdio(program)) => {
                for field in field.map()? {
                    program.env.insert(field.name(), field.text()?.into());
                }
            }
            ("cwd", Transport::Stdio(program)) => program.cwd = Some(field.text()?.into()),
            ("url" | "serverUrl" | "httpUrl", Transport::Http { url, .. }) => {
                *url = field.text()?;
            }
            ("headers", Transport::Http { headers, .. }) => {
                for field in field.map()? {
                    let header = HeaderName::try_from(field.name())
                        .map_err(|_| field.wrong("is no name of a header"))?;
                    let key = field.key.clone();
                    let mut value = HeaderValue::try_from(field.text()?)
                        .map_err(|_| wrong(&key, "is no value of a header"))?;
                    value.set_sensitive(true);
                    headers.insert(header, value);
                }
            }
            ("type" | "transportType", transport) => match (field.value.as_str(), transport) {
                (Some("stdio" | "local"), Transport::Stdio(_))
                | (
                    Some("http" | "remote" | "streamable-http" | "streamableHttp"),
                    Transport::Http { .. },
                ) => {}
                (Some("sse"), _) => {
                    let reason = "is `sse`, which MCP has given up: use `http` and the URL for it";
                    return Err(field.wrong(reason));
                }
                _ => {
                    return Err(field.wrong(
                        "does not fit: it is `stdio` with `command`, and `http` with `url`",
                    ));
                }
            },
            ("disabled", _) => config.disabled |= field.switch()?,
            ("enabled" | "isActive", _) => config.disabled |= !field.switch()?,
            ("timeout", _) => config.timeout = Some(field.seconds()?),
            ("startup_timeout", _) => config.startup_timeout = field.seconds()?,
            ("trust_annotations", _) => config.trust_annotations = field.switch()?,
            ("effects", _) => {
                for field in field.map()? {
                    config.effects.insert(field.name(), field.effect()?);
                }
            }
            ("tools", _) if field.value.is_array() => {
                config.tools = field
                    .names()?
                    .into_iter()
                    .fold(config.tools, NamePatterns::with_allowed);
            }
            ("allow" | "includeTools" | "enabledTools", _) => {
                config.tools = field
                    .names()?
                    .into_iter()
                    .fold(config.tools, NamePatterns::with_allowed);
            }
            ("deny" | "excludeTools" | "disabledTools", _) => {
                config.tools = field
                    .names()?
                    .into_iter()
                    .fold(config.tools, NamePatterns::with_denied);
            }
            (key, _) if OF_OTHERS.contains(&key) => {}
            (key, _) => match meant(key) {
                Some(meant) => {
                    let reason = format!("is not a key of a server: did you mean `{meant}`?");
                    return Err(field.wrong(&reason));
                }
                None => wrong_keys.push(field.wrong("is not known here, and passed over")),
            },
        }
    }
    Ok(config)
}

/// The key that was meant by one that is not known.
fn meant(key: &str) -> Option<&'static str> {
    // Other clients may have keys of their own that begin or end like ours; a misspelling has about the same length.
    let is_misspelt =
        |known: &&str| key.len() > 3 && *known != key && known.len().abs_diff(key.len()) <= 2;
    closest(key, KNOWN).filter(is_misspelt)
}

impl Field<'_> {
    fn wrong(&self, reason: &str) -> Wrong {
        Wrong {
            key: self.key.clone(),
            reason: reason.to_owned(),
        }
    }

    /// The last piece of the key.
    fn name(&self) -> String {
        let name = self.key.split_once('.');
        name.map_or(&*self.key, |(_, name)| name).to_owned()
    }

    fn plain(self) -> Result<String, Wrong> {
        let wrong = self.wrong("must be a string");
        match self.value {
            Value::String(text) => Ok(text),
            _ => Err(wrong),
        }
    }

    fn text(self) -> Result<String, Wrong> {
        let (key, variables) = (self.key.clone(), self.variables);
        let text = self.plain()?;
        expand(&text, variables).map_err(|variable| Wrong {
            key,
            reason: format!("needs the variable `{variable}`, which is not set and has no default"),
        })
    }

    fn list(self) -> Result<Vec<Self>, Wrong> {
        let wrong = self.wrong("must be a list");
        let Value::Array(values) = self.value else {
            return Err(wrong);
        };
        let items = values.into_iter().enumerate().map(|(index, value)| Self {
            key: format!("{}[{index}]", self.key),
            value,
            variables: self.variables,
        });
        Ok(items.collect())
    }

    fn map(self) -> Result<Vec<Self>, Wrong> {
        let wrong = self.wrong("must be an object");
        let Value::Object(map) = self.value else {
            return Err(wrong);
        };
        Ok(fields(map, &self.key, self.variables))
    }

    fn names(self) -> Result<Vec<String>, Wrong> {
        self.list()?.into_iter().map(Self::plain).collect()
    }

    fn switch(self) -> Result<bool, Wrong> {
        let wrong = || self.wrong("must be `true` or `false`");
        self.value.as_bool().ok_or_else(wrong)
    }

    fn seconds(self) -> Result<Duration, Wrong> {
        match self.value.as_f64() {
            Some(seconds) if seconds > 0.0 && seconds <= MAX_SECONDS => {
                Ok(Duration::from_secs_f64(seconds))
            }
            Some(millis) if millis > 0.0 && millis <= MAX_SECONDS * 1_000.0 => {
                Ok(Duration::from_secs_f64(millis / 1_000.0))
            }
            _ => Err(self.wrong("must be a number of seconds, more than 0 and at most 3600")),
        }
    }

    fn effect(self) -> Result<Effect, Wrong> {
        let reason = "must be `read_only`, `idempotent`, `write` or `destructive`";
        let wrong = self.wrong(reason);
        serde_json::from_value(self.value).map_err(|_| wrong)
    }
}

fn fields<'a>(
    map: JsonMap,
    key: &str,
    variables: &'a dyn Fn(&str) -> Option<String>,
) -> Vec<Field<'a>> {
    let fields = map.into_iter().map(|(name, value)| Field {
        key: format!("{key}.{name}"),
        value,
        variables,
    });
    fields.collect()
}
