//! The JSON file in which MCP clients keep their servers.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use victor_core::{Effect, JsonMap};
use victor_http::header::{HeaderName, HeaderValue};
use victor_process::Secrets;

use super::expand::expand;
use super::{McpConfigError, McpServerConfig, Program, Transport};

/// The longest time that can be set: what is longer was meant in milliseconds.
const MAX_SECONDS: f64 = 3_600.0;

/// Keys that other clients have and that are not needed here. Those by which a call would run unasked are among them:
/// approval is a matter of policy, and not of the file that names the servers.
const OF_OTHERS: [&str; 5] = ["alwaysAllow", "autoApprove", "description", "icon", "trust"];

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
/// | `disabled` | whether it is left out |
/// | `timeout`, `startup_timeout` | in seconds, see [`McpServerConfig::timeout`] and [`McpServerConfig::startup_timeout`] |
/// | `effects` | an object from tools to `read_only`, `idempotent`, `write` or `destructive`, see [`McpServerConfig::effect`] |
/// | `allow`, `deny` | lists of tools, see [`McpServerConfig::allow`] and [`McpServerConfig::deny`]; other clients call them `includeTools` or `enabledTools`, and `excludeTools` or `disabledTools` |
/// | `trust_annotations` | see [`McpServerConfig::trust_annotations`] |
///
/// In the strings of the first two rows, `${NAME}`, `${NAME:-default}` and `${env:NAME}` stand for variables of the
/// environment. Keys that only other clients need are passed over; any other key is an error. What stands in the file
/// beside `mcpServers` is not looked at.
#[derive(Debug, Clone, Default)]
pub struct McpConfig {
    servers: Vec<McpServerConfig>,
}

impl McpConfig {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`McpConfigError`]: the file cannot be read, is not JSON, or makes no sense.
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
    /// [`McpConfigError`]: the text is not JSON, or makes no sense.
    pub fn parse(file: &str, text: &str) -> Result<Self, McpConfigError> {
        Self::parse_with(file, text, &|name| std::env::var(name).ok())
    }

    /// Reads a text with variables from elsewhere than the environment.
    ///
    /// # Errors
    ///
    /// [`McpConfigError`]: the text is not JSON, or makes no sense.
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
        let servers = root.get_mut("mcpServers").map(Value::take);
        let Some(Value::Object(servers)) = servers else {
            let file = file.to_owned();
            return Err(McpConfigError::NoServers { file });
        };
        let servers: BTreeMap<_, _> = servers.into_iter().collect();
        let servers = servers.into_iter().map(|(name, value)| {
            server(&name, value, variables).map_err(|Wrong { key, reason }| {
                McpConfigError::Invalid {
                    file: file.to_owned(),
                    server: name,
                    key,
                    reason,
                }
            })
        });
        Ok(Self {
            servers: servers.collect::<Result<_, _>>()?,
        })
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
        }
    }
}

/// What is wrong with which key.
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

fn server(
    name: &str,
    value: Value,
    variables: &dyn Fn(&str) -> Option<String>,
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
                    let header = HeaderName::try_from(field.name());
                    let header = header.map_err(|_| field.wrong("is no name of a header"))?;
                    let key = field.key.clone();
                    let value = HeaderValue::try_from(field.text()?);
                    let mut value = value.map_err(|_| wrong(&key, "is no value of a header"))?;
                    value.set_sensitive(true);
                    headers.insert(header, value);
                }
            }
            ("type" | "transportType", transport) => match (field.value.as_str(), transport) {
                (Some("stdio"), Transport::Stdio(_))
                | (Some("http" | "streamable-http" | "streamableHttp"), Transport::Http { .. }) => {
                }
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
            ("disabled", _) => config.disabled = field.switch()?,
            ("timeout", _) => config.timeout = Some(field.seconds()?),
            ("startup_timeout", _) => config.startup_timeout = field.seconds()?,
            ("trust_annotations", _) => config.trust_annotations = field.switch()?,
            ("effects", _) => {
                for field in field.map()? {
                    config.effects.insert(field.name(), field.effect()?);
                }
            }
            ("allow" | "includeTools" | "enabledTools", _) => {
                config.allow.extend(field.names()?);
            }
            ("deny" | "excludeTools" | "disabledTools", _) => config.deny.extend(field.names()?),
            (key, _) if OF_OTHERS.contains(&key) => {}
            _ => return Err(field.wrong("is no key of such a server")),
        }
    }
    Ok(config)
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
