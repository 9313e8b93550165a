//! All servers of a configuration.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use futures_util::future::join_all;
use victor_core::{Health, HealthStatus, Lock, NamePatterns};
use victor_tool_protocol::{Tool, ToolExecutor};

use crate::client::{Definition, Supervisor};
use crate::{McpClient, McpConfig};

/// The clients of all MCP servers of a configuration.
///
/// ```no_run
/// # use std::sync::Arc;
/// use victor_mcp::{McpConfig, McpServers};
/// use victor_tool_protocol::ToolExecutor;
///
/// # async fn example(executor: Arc<dyn ToolExecutor>) -> Result<(), victor_mcp::McpConfigError> {
/// let servers = McpServers::connect(&McpConfig::from_file("mcp.json")?).await;
/// servers.attach(&executor); // and the agent has their tools
/// for problem in servers.health().problems {
///     eprintln!("{problem}");
/// }
/// # Ok(())
/// # }
/// ```
///
/// A server that fails does not affect the others: [`health`](Self::health) reports it, and it is tried again after a
/// pause.
///
/// Clones share the connections, which live as long as a clone or a tool does.
#[derive(Debug, Clone)]
pub struct McpServers {
    clients: Arc<[McpClient]>,
    /// The problems of the configuration.
    problems: Arc<[String]>,
    registries: Arc<Lock<Vec<Arc<Registry>>>>,
}

impl McpServers {
    /// Connects to all servers that are not disabled, at the same time, and waits until each is connected or has
    /// failed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the call ends what was started.
    pub async fn connect(config: &McpConfig) -> Self {
        let enabled = config.servers().iter().filter(|server| !server.disabled);
        let clients = enabled.map(|server| McpClient::start(server.clone()));
        Self {
            clients: join_all(clients).await.into(),
            problems: config.problems().iter().map(ToString::to_string).collect(),
            registries: Arc::default(),
        }
    }

    /// The clients, one for each server, in the order of the configuration.
    #[must_use]
    pub fn clients(&self) -> &[McpClient] {
        &self.clients
    }

    /// The tools of all servers.
    #[must_use]
    pub fn tools(&self) -> Vec<Arc<dyn Tool>> {
        self.clients.iter().flat_map(McpClient::tools).collect()
    }

    /// Registers the tools of all servers with an executor, and keeps them in step with the servers from now on. A tool
    /// whose definition changes is unregistered and registered again, so approvals of the old one do not apply to it.
    /// While a server is down, its tools stay registered.
    ///
    /// Tools that the executor refuses, for a duplicate name or an invalid schema, are reported in
    /// [`health`](Self::health).
    pub fn attach(&self, executor: &Arc<dyn ToolExecutor>) {
        self.attach_matching(executor, NamePatterns::default());
    }

    /// Registers the tools of all servers as [`attach`](Self::attach) does, but only those whose names are permitted.
    /// They are the names that a model sees, such as `mcp_github_search`.
    pub fn attach_matching(&self, executor: &Arc<dyn ToolExecutor>, names: NamePatterns) {
        let registry = Arc::new(Registry {
            executor: Arc::downgrade(executor),
            names,
            clients: self
                .clients
                .iter()
                .map(|client| Arc::downgrade(client.supervisor()))
                .collect(),
            registered: Lock::default(),
        });
        self.registries.lock().push(Arc::clone(&registry));
        for client in &*self.clients {
            let registry = Arc::clone(&registry);
            client
                .supervisor()
                .on_listed(Box::new(move || registry.sync()));
        }
        registry.sync();
    }

    /// Returns the health of the servers: degraded if one has a problem, and unhealthy if none of them is connected.
    #[must_use]
    pub fn health(&self) -> Health {
        let healths: Vec<_> = self.clients.iter().map(McpClient::health).collect();
        let is_down = |health: &Health| health.status == HealthStatus::Unhealthy;
        let is_all_down = !healths.is_empty() && healths.iter().all(is_down);
        let mut problems = self.problems.to_vec();
        for health in healths {
            let server = health.coordinator;
            problems.extend(
                health
                    .problems
                    .into_iter()
                    .map(|problem| format!("{server}: {problem}")),
            );
        }
        for registry in &*self.registries.lock() {
            problems.extend(registry.registered.lock().refused.iter().cloned());
        }
        let mut health = Health::from_problems("mcp", problems);
        if is_all_down {
            health.status = HealthStatus::Unhealthy;
        }
        health
    }

    /// Ends all connections, as [`McpClient::shutdown`] does.
    ///
    /// # Cancel safety
    ///
    /// A dropped call may leave servers running until the clients and their tools are dropped; it can be called again.
    pub async fn shutdown(&self) {
        join_all(self.clients.iter().map(McpClient::shutdown)).await;
    }
}

/// The tools registered with one executor. It holds weak references, since executor and clients hold each other.
#[derive(Debug)]
struct Registry {
    executor: Weak<dyn ToolExecutor>,
    /// The names of the tools to register.
    names: NamePatterns,
    clients: Vec<Weak<Supervisor>>,
    /// A panic of the executor leaves what is noted registered, and at worst one tool more, which it then refuses.
    registered: Lock<Registered>,
}

#[derive(Debug, Default)]
struct Registered {
    tools: BTreeMap<String, Arc<Definition>>,
    /// The errors of refused registrations.
    refused: Vec<String>,
}

impl Registry {
    /// Brings the executor's tools in step with those of the clients.
    fn sync(&self) {
        let Some(executor) = self.executor.upgrade() else {
            return;
        };
        let mut registered = self.registered.lock();
        let supervisors = self.clients.iter().filter_map(Weak::upgrade);
        let offered: Vec<_> = supervisors
            .map(McpClient::of)
            .flat_map(|client| {
                let definitions = client.supervisor().definitions();
                let tool = |definition: &Arc<_>| (client.tool(definition), Arc::clone(definition));
                let permitted =
                    |definition: &&Arc<Definition>| self.names.permits(&definition.spec.name);
                definitions
                    .iter()
                    .filter(permitted)
                    .map(tool)
                    .collect::<Vec<_>>()
            })
            .collect();
        registered.refused.clear();
        registered.tools.retain(|name, known| {
            let stays = offered
                .iter()
                .any(|(_, offered)| Arc::ptr_eq(offered, known));
            if !stays {
                executor.unregister(name);
            }
            stays
        });
        for (tool, definition) in offered {
            let name = &definition.spec.name;
            if let Some(known) = registered.tools.get(name)
                && Arc::ptr_eq(known, &definition)
            {
                continue;
            }
            match executor.register(tool) {
                Ok(()) => drop(registered.tools.insert(name.clone(), definition)),
                Err(error) => registered.refused.push(error.to_string()),
            }
        }
    }
}
