//! A server that does what a test wants: the test itself, started again as a process of its own.

use std::io::{BufRead as _, Write as _};
use std::path::PathBuf;
use std::process::exit;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use victor_mcp::McpServerConfig;

const SCRIPT: &str = "VICTOR_MCP_SCRIPT";
const FOLDER: &str = "VICTOR_MCP_FOLDER";

/// The path of the function in which it stands.
macro_rules! here {
    () => {{
        fn here() {}
        std::any::type_name_of_val(&here)
    }};
}
pub(crate) use here;

/// Whether this is the process that plays the server of the test `here`.
pub(crate) fn is_server(here: &str) -> bool {
    std::env::var(SCRIPT).is_ok_and(|script| script == here)
}

/// The configuration of the server that the test `here` plays, and a folder for it.
pub(crate) fn process(here: &str) -> (McpServerConfig, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let test = here
        .strip_prefix("it::")
        .unwrap()
        .split("::{{closure}}")
        .next()
        .unwrap();
    let test = test.strip_suffix("::here").unwrap_or(test);
    let config = McpServerConfig::stdio("scripted", std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(SCRIPT, here)
        .env(FOLDER, folder.path())
        .startup_timeout(Duration::from_secs(60));
    (config, folder)
}

/// The configuration of a server that plays `script`, and a folder for it. In the process of that server, it plays the
/// script and does not return.
pub(crate) fn scripted(here: &str, script: impl FnOnce(&mut Script)) -> (McpServerConfig, TempDir) {
    if is_server(here) {
        script(&mut Script::new());
        exit(0);
    }
    process(here)
}

/// The server's side of the conversation.
pub(crate) struct Script {
    /// The number of starts of the server.
    pub(crate) run: usize,
    /// The notifications that it received.
    pub(crate) heard: Vec<String>,
    /// The revision that it answers with; that of the client by default.
    pub(crate) version: Option<&'static str>,
    /// Its answer to `server/discover`, without the `id`. Defaults to an unknown method.
    pub(crate) probed: fn() -> Value,
    pub(crate) folder: PathBuf,
}

impl Script {
    fn new() -> Self {
        let folder = PathBuf::from(std::env::var_os(FOLDER).unwrap());
        let run = std::fs::read_dir(&folder).unwrap().count() + 1;
        std::fs::write(folder.join(format!("run {run}")), "").unwrap();
        Self {
            run,
            heard: Vec::new(),
            version: None,
            probed: || json!({ "jsonrpc": "2.0", "error": { "code": -32601, "message": "what?" } }),
            folder,
        }
    }

    /// The next message. When there is none, the server ends.
    pub(crate) fn next(&mut self) -> Value {
        let mut line = String::new();
        if std::io::stdin().lock().read_line(&mut line).unwrap() == 0 {
            std::fs::write(self.folder.join("ended by itself"), "").unwrap();
            exit(0);
        }
        serde_json::from_str(&line).unwrap()
    }

    /// Writes a line, or a piece of one. When nobody reads it, the server ends.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let mut output = std::io::stdout().lock();
        if output
            .write_all(bytes)
            .and_then(|()| output.flush())
            .is_err()
        {
            exit(1);
        }
    }

    pub(crate) fn say(&mut self, message: &Value) {
        self.write(format!("{message}\n").as_bytes());
    }

    pub(crate) fn notify(&mut self, method: &str) {
        self.say(&json!({ "jsonrpc": "2.0", "method": method }));
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "callers have made it for this"
    )]
    pub(crate) fn answer(&mut self, request: &Value, result: Value) {
        self.say(&json!({ "jsonrpc": "2.0", "id": request["id"], "result": result }));
    }

    pub(crate) fn text(&mut self, request: &Value, text: &str) {
        let result = json!({ "content": [{ "type": "text", "text": text }] });
        self.answer(request, result);
    }

    /// Serves as servers do: `list` says which tools there are, `call` is told of calls with the name of the tool.
    pub(crate) fn serve(
        &mut self,
        mut list: impl FnMut(&mut Self) -> Value,
        mut call: impl FnMut(&mut Self, &Value, &str),
    ) {
        loop {
            let message = self.next();
            match message["method"].as_str().unwrap_or_default() {
                "server/discover" => {
                    let mut answer = (self.probed)();
                    answer["id"] = message["id"].clone();
                    self.say(&answer);
                }
                "initialize" => {
                    let version = self
                        .version
                        .map_or(message["params"]["protocolVersion"].clone(), Into::into);
                    self.answer(
                        &message,
                        json!({
                            "protocolVersion": version,
                            "capabilities": { "tools": { "listChanged": true } },
                            "serverInfo": { "name": "scripted", "version": "1" },
                        }),
                    );
                }
                "tools/list" => {
                    let listed = list(self);
                    let page = if listed.is_array() {
                        json!({ "tools": listed })
                    } else {
                        listed
                    };
                    self.answer(&message, page);
                }
                "tools/call" => {
                    let tool = message["params"]["name"].as_str().unwrap().to_owned();
                    call(self, &message, &tool);
                }
                other => self.heard.push(other.to_owned()),
            }
        }
    }

    /// Serves one tool, `do`.
    pub(crate) fn serve_do(&mut self, mut call: impl FnMut(&mut Self, &Value)) {
        self.serve(
            |_| json!([{ "name": "do", "inputSchema": {} }]),
            |server, request, _| call(server, request),
        );
    }
}
