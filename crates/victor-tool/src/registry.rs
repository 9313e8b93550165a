//! The tools there are.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use serde_json::Value;
use tokio::sync::Semaphore;
use victor_core::{SharedLock, ToolSpec, closest, contain_sync};
use victor_text::{excerpt, listed};
use victor_tool_protocol::{RegisterError, Tool, ToolLimits};

use crate::arguments::Schema;
use crate::contained::ContainedTool;

/// Up to how many names of tools are told to a model that called one that does not exist.
const FEW: usize = 20;

/// A tool with its schema, compiled once. Spec and limits are those that it was registered with.
#[derive(Debug)]
pub(crate) struct Registered {
    pub(crate) tool: ContainedTool,
    pub(crate) spec: Arc<ToolSpec>,
    pub(crate) schema: Schema,
    pub(crate) limits: ToolLimits,
    /// One for each call that may run at the same time, where that is limited.
    pub(crate) permits: Option<Arc<Semaphore>>,
    /// The name of the tool in the health.
    pub(crate) component: String,
    /// Whether it is a tool of the coordinator, whose results are within the limits by themselves.
    pub(crate) is_builtin: bool,
}

impl Registered {
    fn new(tool: Arc<dyn Tool>, is_builtin: bool) -> Result<Self, RegisterError> {
        let told = contain_sync(|| (tool.spec().clone(), tool.limits()));
        let tool = ContainedTool::new(tool);
        let (spec, limits) = told.map_err(RegisterError::Panicked)?;
        if !is_name(&spec.name) {
            return Err(RegisterError::InvalidName(spec.name));
        }
        let permits = |calls: usize| Semaphore::new(calls.clamp(1, Semaphore::MAX_PERMITS));
        Ok(Self {
            tool,
            schema: compile(&spec)?,
            permits: limits.max_concurrent.map(permits).map(Arc::new),
            component: format!("tool `{}`", spec.name),
            spec: Arc::new(spec),
            limits,
            is_builtin,
        })
    }
}

/// The tools there are, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Registry(SharedLock<Tools>);

#[derive(Debug, Default)]
struct Tools {
    in_order: Vec<Arc<Registered>>,
    by_name: HashMap<String, Arc<Registered>>,
    specs: OnceLock<Arc<[ToolSpec]>>,
}

impl Registry {
    pub(crate) fn register(
        &self,
        tool: Arc<dyn Tool>,
        is_builtin: bool,
    ) -> Result<(), RegisterError> {
        let registered = Arc::new(Registered::new(tool, is_builtin)?);
        let name = registered.spec.name.clone();
        let mut tools = self.0.write();
        if tools.by_name.contains_key(&name) {
            return Err(RegisterError::Duplicate(name));
        }
        tools.by_name.insert(name, Arc::clone(&registered));
        tools.in_order.push(registered);
        tools.specs = OnceLock::new();
        Ok(())
    }

    pub(crate) fn unregister(&self, name: &str) -> bool {
        let mut tools = self.0.write();
        let Some(removed) = tools.by_name.remove(name) else {
            return false;
        };
        tools.in_order.retain(|tool| tool.spec.name != name);
        tools.specs = OnceLock::new();
        drop(tools);
        // Somebody else's code runs when a tool is dropped, perhaps for long.
        drop(removed);
        true
    }

    pub(crate) fn specs(&self) -> Arc<[ToolSpec]> {
        let tools = self.0.read();
        let collect = || {
            tools
                .in_order
                .iter()
                .map(|tool| ToolSpec::clone(&tool.spec))
                .collect()
        };
        Arc::clone(tools.specs.get_or_init(collect))
    }

    /// The tool of this name, or what a model is told that called for it.
    pub(crate) fn find(&self, name: &str) -> Result<Arc<Registered>, String> {
        let tools = self.0.read();
        tools
            .by_name
            .get(name)
            .cloned()
            .ok_or_else(|| unknown(name, &tools))
    }

    /// Whether calls of the tool are barriers.
    pub(crate) fn is_sequential(&self, name: &str) -> bool {
        let tools = self.0.read();
        (tools.by_name.get(name)).is_some_and(|tool| tool.limits.sequential)
    }
}

fn unknown(name: &str, tools: &Tools) -> String {
    let names = || tools.in_order.iter().map(|tool| tool.spec.name.as_str());
    // No tool has a longer name, and comparing is quadratic.
    let name = excerpt(name, 64);
    let mut message = format!("there is no tool named `{name}`");
    if let Some(meant) = closest(&name, names()) {
        message.push_str(&format!("; did you mean `{meant}`?"));
    }
    match tools.in_order.len() {
        0 => message.push_str("; there are no tools at all: answer without"),
        1..=FEW => {
            message.push_str("; the tools are ");
            message.push_str(&listed(names(), "and"));
        }
        _ => message.push_str("; call only tools that you were offered"),
    }
    message
}

fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

fn compile(spec: &ToolSpec) -> Result<Schema, RegisterError> {
    let invalid = |message: String| RegisterError::InvalidSchema {
        tool: spec.name.clone(),
        message,
    };
    if spec.input_schema.get("type").and_then(Value::as_str) != Some("object") {
        return Err(invalid(
            "it must describe an object, with `\"type\": \"object\"` at the top".to_owned(),
        ));
    }
    // Schemas come from anywhere, and what compiles them is not ours.
    contain_sync(|| Schema::compile(&spec.input_schema))
        .unwrap_or_else(|panicked| Err(panicked.to_string()))
        .map_err(invalid)
}
