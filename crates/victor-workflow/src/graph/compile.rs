//! From a definition to a graph, with all faults of the definition.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::{Value, json};
use victor_core::UnknownName;
use victor_workflow_protocol::{
    Body, CallStep, DefinitionFault, InvalidWorkflow, Step, StepAction, Workflow,
};

use super::{AGENT, Action, BodyGraph, BodyId, Call, Edge, Graph, Node, TOOL, WaitFor, check};
use crate::expression::{Expression, Template};

pub(super) fn compile(
    workflow: Workflow,
    handlers: Option<&[&str]>,
) -> Result<Graph, InvalidWorkflow> {
    let mut compiler = Compiler {
        workflow: &workflow,
        handlers,
        faults: Vec::new(),
        bodies: vec![None],
        subs: BTreeMap::new(),
        open: Vec::new(),
        called: BTreeSet::new(),
    };
    let root = compiler.body(
        "",
        &workflow.steps,
        workflow.output.as_ref(),
        &Visible::root(),
    );
    compiler.bodies[0] = Some(root);
    compiler.check_whole();
    let Compiler { faults, bodies, .. } = compiler;
    if !faults.is_empty() {
        return Err(InvalidWorkflow::new(workflow.name, faults));
    }
    Ok(Graph {
        hash: workflow.hash(),
        concurrency: workflow
            .concurrency
            .map_or(usize::MAX, |limit| limit as usize),
        // A body is put in its place when it is compiled, and every one is.
        bodies: bodies.into_iter().flatten().collect(),
        workflow,
    })
}

struct Compiler<'w> {
    workflow: &'w Workflow,
    /// The handlers that there are, if that is known.
    handlers: Option<&'w [&'w str]>,
    faults: Vec<DefinitionFault>,
    bodies: Vec<Option<BodyGraph>>,
    /// The bodies of sub-workflows that were begun.
    subs: BTreeMap<&'w str, BodyId>,
    /// The sub-workflows that are being compiled, outermost first.
    open: Vec<&'w str>,
    called: BTreeSet<&'w str>,
}

/// The names that expressions of a body may use.
#[derive(Clone)]
struct Visible {
    names: Vec<&'static str>,
    steps: Vec<String>,
}

impl Visible {
    fn root() -> Self {
        Self {
            names: vec!["input", "steps", "errors", "run"],
            steps: Vec::new(),
        }
    }

    fn with(&self, names: &[&'static str]) -> Self {
        let mut visible = self.clone();
        visible.names.extend(names);
        visible
    }
}

impl<'w> Compiler<'w> {
    fn fault(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.faults.push(DefinitionFault::new(path, message));
    }

    fn check_whole(&mut self) {
        if self.workflow.name.trim().is_empty() {
            self.fault("name", "a workflow needs a name");
        }
        if self.workflow.concurrency == Some(0) {
            self.fault("concurrency", "at least 1 call must be able to run");
        }
        for name in self.workflow.workflows.keys() {
            if !self.called.contains(name.as_str()) {
                let message =
                    "no step runs this workflow: remove it, or add a step with `workflow`";
                self.fault(format!("workflows.{name}"), message);
            }
        }
    }

    fn body(
        &mut self,
        path: &str,
        steps: &'w [Step],
        output: Option<&'w Value>,
        outer: &Visible,
    ) -> BodyGraph {
        let at = |index: usize| match path {
            "" => format!("steps[{index}]"),
            path => format!("{path}.steps[{index}]"),
        };
        if steps.is_empty() {
            self.fault(join(path, "steps"), "at least one step is needed");
        }
        let mut ids: HashMap<Arc<str>, usize> = HashMap::new();
        for (index, step) in steps.iter().enumerate() {
            let is_new = ids.insert(step.id.as_str().into(), index).is_none();
            if !is_name(&step.id) {
                let message = format!(
                    "`{}` is no name of a step; expected letters, digits, `_` and `-`, beginning with a letter",
                    step.id
                );
                self.fault(format!("{}.id", at(index)), message);
            } else if !is_new || outer.steps.contains(&step.id) {
                let message = format!("there is already a step `{}`: choose another name", step.id);
                self.fault(format!("{}.id", at(index)), message);
            }
        }
        let mut visible = outer.clone();
        visible
            .steps
            .extend(steps.iter().map(|step| step.id.clone()));
        let mut nodes: Vec<_> = steps
            .iter()
            .enumerate()
            .map(|(index, step)| self.node(&at(index), step, &ids, &visible))
            .collect();
        self.connect(steps, &ids, &mut nodes, &at);
        check::check(&nodes, |index, field, message| {
            let path = join(&at(index), field);
            self.faults.push(DefinitionFault::new(path, message));
        });
        let output = output.map(|output| self.template(&join(path, "output"), output, &visible));
        BodyGraph { nodes, ids, output }
    }

    /// Draws the edges.
    fn connect(
        &mut self,
        steps: &'w [Step],
        ids: &HashMap<Arc<str>, usize>,
        nodes: &mut [Node],
        at: &dyn Fn(usize) -> String,
    ) {
        let mut edges: BTreeSet<(usize, usize)> = BTreeSet::new();
        for (index, node) in nodes.iter().enumerate() {
            if let Action::Branch { cases, otherwise } = &node.action {
                let targets = cases.iter().map(|(_, to)| to).chain(otherwise);
                edges.extend(targets.map(|to| (index, *to)));
            }
        }
        let choices = edges.clone();
        for (index, step) in steps.iter().enumerate() {
            match &step.after {
                Some(names) => {
                    for (place, name) in names.iter().enumerate() {
                        let path = format!("{}.after[{place}]", at(index));
                        if let Some(from) = self.step(&path, name, ids) {
                            edges.insert((from, index));
                        }
                    }
                }
                None => {
                    let is_target = choices.iter().any(|(_, to)| *to == index);
                    edges.extend((!is_target && index > 0).then(|| (index - 1, index)));
                }
            }
        }
        for (from, to) in edges {
            let is_choice = choices.contains(&(from, to));
            nodes[from].next.push(Edge { to, is_choice });
            nodes[to].edges += 1;
        }
    }

    /// The place of a step of the body.
    fn step(&mut self, path: &str, name: &str, ids: &HashMap<Arc<str>, usize>) -> Option<usize> {
        let found = ids.get(name).copied();
        if found.is_none() {
            let mut known: Vec<_> = ids.iter().map(|(name, index)| (*index, &**name)).collect();
            known.sort_unstable();
            let known = known.into_iter().map(|(_, name)| name);
            self.fault(path, UnknownName::new("step", name, known).to_string());
        }
        found
    }

    fn node(
        &mut self,
        path: &str,
        step: &'w Step,
        ids: &HashMap<Arc<str>, usize>,
        visible: &Visible,
    ) -> Node {
        let inner = format!("{path}.{}", step.action.kind());
        let action = self.action(&inner, step, ids, visible);
        let when = step.when.as_deref();
        let when = when.and_then(|when| self.expression(&format!("{path}.when"), when, visible));
        if step.retry.as_ref().is_some_and(|retry| retry.attempts == 0) {
            self.fault(
                format!("{path}.retry.attempts"),
                "at least 1 attempt is needed",
            );
        }
        if step.retry.is_some() && !matches!(action, Action::Call(_)) {
            let message = format!(
                "a step of kind `{}` is not attempted again: put `retry` to the calls in it, or remove it",
                step.action.kind()
            );
            self.fault(format!("{path}.retry"), message);
        }
        let compensate = step.compensate.as_ref().map(|call| {
            let visible = visible.with(&["output"]);
            self.call(&format!("{path}.compensate"), call, &visible)
        });
        Node {
            id: step.id.as_str().into(),
            kind: step.action.kind(),
            action,
            when,
            join: step.join,
            edges: 0,
            next: Vec::new(),
            retry: step.retry.clone(),
            timeout: step.timeout,
            on_failure: step.on_failure,
            compensate,
        }
    }

    fn action(
        &mut self,
        path: &str,
        step: &'w Step,
        ids: &HashMap<Arc<str>, usize>,
        visible: &Visible,
    ) -> Action {
        match &step.action {
            StepAction::Call(call) => Action::Call(self.call(path, call, visible)),
            StepAction::Agent(agent) => {
                let input = serde_json::to_value(agent).unwrap_or_default();
                Action::Call(self.call_of(path, AGENT, path, &input, visible))
            }
            StepAction::Tool(tool) => {
                let input = json!({ "name": tool.name, "arguments": tool.arguments });
                Action::Call(self.call_of(path, TOOL, path, &input, visible))
            }
            StepAction::Transform(value) => Action::Transform(self.template(path, value, visible)),
            StepAction::Branch(branch) => {
                if branch.cases.is_empty() {
                    self.fault(format!("{path}.cases"), "a branch needs at least one case");
                }
                let mut cases = Vec::new();
                for (place, case) in branch.cases.iter().enumerate() {
                    let path = format!("{path}.cases[{place}]");
                    let when = self.expression(&format!("{path}.when"), &case.when, visible);
                    let to = self.step(&format!("{path}.then"), &case.then, ids);
                    cases.extend(when.zip(to));
                }
                let otherwise = branch.otherwise.as_deref();
                let otherwise =
                    otherwise.and_then(|name| self.step(&format!("{path}.else"), name, ids));
                Action::Branch { cases, otherwise }
            }
            StepAction::Map(map) => {
                if map.concurrency == Some(0) {
                    self.fault(
                        format!("{path}.concurrency"),
                        "at least 1 item must be worked on",
                    );
                }
                let over = self.expression(&format!("{path}.over"), &map.over, visible);
                let inner = visible.with(&["item", "index"]);
                let body = self.reserve();
                self.bodies[body] = Some(self.body(path, &map.steps, map.output.as_ref(), &inner));
                match over {
                    Some(over) => Action::Map {
                        over,
                        limit: map.concurrency.unwrap_or(u32::MAX),
                        body,
                    },
                    None => faulty(),
                }
            }
            StepAction::Loop(repeat) => {
                if repeat.max == 0 {
                    self.fault(format!("{path}.max"), "a loop needs a bound of at least 1");
                }
                let inner = visible.with(&["last", "iteration"]);
                let until = repeat.until.as_deref();
                let until = until
                    .and_then(|until| self.expression(&format!("{path}.until"), until, &inner));
                let body = self.reserve();
                self.bodies[body] =
                    Some(self.body(path, &repeat.steps, repeat.output.as_ref(), &inner));
                Action::Loop {
                    until,
                    max: repeat.max,
                    body,
                }
            }
            StepAction::Approval(approval) => Action::Approval {
                prompt: self.template(&format!("{path}.prompt"), &json!(approval.prompt), visible),
                show: self.template(&format!("{path}.show"), &json!(approval.show), visible),
            },
            StepAction::Wait(wait) => match (&wait.event, wait.time, &wait.until) {
                (Some(event), None, None) => Action::Wait(WaitFor::Event(event.clone())),
                (None, Some(time), None) => Action::Wait(WaitFor::Time(time)),
                (None, None, Some(until)) => {
                    let until = self.expression(&format!("{path}.until"), until, visible);
                    until.map_or_else(faulty, |until| Action::Wait(WaitFor::Until(until)))
                }
                _ => {
                    self.fault(path, "expected one of `event`, `for` and `until`");
                    faulty()
                }
            },
            StepAction::Workflow(sub) => {
                let input = self.template(&format!("{path}.input"), &sub.input, visible);
                match self.sub(path, &sub.name) {
                    Some(body) => Action::Workflow { input, body },
                    None => faulty(),
                }
            }
            _ => {
                self.fault(
                    path,
                    "this build does not know such steps: use a later version of Victor",
                );
                faulty()
            }
        }
    }

    fn sub(&mut self, path: &str, name: &str) -> Option<BodyId> {
        let workflows = &self.workflow.workflows;
        let Some((name, Body { steps, output, .. })) = workflows.get_key_value(name) else {
            let error = UnknownName::new("workflow", name, workflows.keys());
            self.fault(format!("{path}.name"), error.to_string());
            return None;
        };
        self.called.insert(name);
        if let Some(first) = self.open.iter().position(|open| *open == name) {
            let mut cycle: Vec<_> = self.open[first..].to_vec();
            cycle.push(name);
            let message = format!(
                "the workflows {} run each other without a bound: repeat steps in a loop with `max`",
                cycle.join(" → ")
            );
            self.fault(format!("{path}.name"), message);
            return None;
        }
        if let Some(body) = self.subs.get(name.as_str()) {
            return Some(*body);
        }
        let body = self.reserve();
        self.open.push(name);
        let path = format!("workflows.{name}");
        self.bodies[body] = Some(self.body(&path, steps, output.as_ref(), &Visible::root()));
        self.open.pop();
        self.subs.insert(name, body);
        Some(body)
    }

    fn reserve(&mut self) -> BodyId {
        self.bodies.push(None);
        self.bodies.len() - 1
    }

    fn call(&mut self, path: &str, call: &CallStep, visible: &Visible) -> Call {
        let (name, input) = (format!("{path}.handler"), format!("{path}.input"));
        self.call_of(&name, &call.handler, &input, &call.input, visible)
    }

    fn call_of(
        &mut self,
        name: &str,
        handler: &str,
        path: &str,
        input: &Value,
        visible: &Visible,
    ) -> Call {
        if let Some(known) = self.handlers.filter(|known| !known.contains(&handler)) {
            let error = UnknownName::new("handler", handler, known.iter().copied());
            self.fault(name, error.to_string());
        }
        Call {
            handler: handler.into(),
            input: self.template(path, input, visible),
        }
    }

    fn expression(&mut self, path: &str, text: &str, visible: &Visible) -> Option<Expression> {
        match Expression::parse(text) {
            Ok(expression) => {
                let template = Template::from(expression);
                self.check_names(path, &template, visible);
                match template {
                    Template::Hole(expression) => Some(expression),
                    _ => None,
                }
            }
            Err(message) => {
                self.fault(path, message);
                None
            }
        }
    }

    fn template(&mut self, path: &str, value: &Value, visible: &Visible) -> Template {
        match Template::parse(value) {
            Ok(template) => {
                self.check_names(path, &template, visible);
                template
            }
            Err(message) => {
                self.fault(path, message);
                Template::Constant(Value::Null)
            }
        }
    }

    fn check_names(&mut self, path: &str, template: &Template, visible: &Visible) {
        let mut names = Vec::new();
        template.names(&mut names);
        names.sort_unstable();
        for name in names {
            let mut parts = name.split('.');
            let root = parts.next().unwrap_or_default();
            let steps = matches!(root, "steps" | "errors");
            if !visible.names.contains(&root) && !is_global(root) {
                let error = UnknownName::new("name", root, visible.names.iter().copied());
                self.fault(path, error.to_string());
            } else if let Some(step) = parts.next().filter(|_| steps)
                && !visible.steps.iter().any(|known| known == step)
            {
                let error = UnknownName::new("step", step, &visible.steps);
                self.fault(path, error.to_string());
            }
        }
    }
}

/// The place of an action that has a fault, so that the graph is never run.
fn faulty() -> Action {
    Action::Transform(Template::Constant(Value::Null))
}

/// Functions that every expression has.
fn is_global(name: &str) -> bool {
    matches!(name, "range" | "dict" | "loop")
}

fn join(path: &str, field: &str) -> String {
    match path {
        "" => field.to_owned(),
        path => format!("{path}.{field}"),
    }
}

fn is_name(text: &str) -> bool {
    let is_tail = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(is_tail)
}
