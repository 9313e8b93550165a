//! Definitions in YAML, with line and column of each fault.

mod form;
mod place;

use serde_json::Value;
use victor_workflow_protocol::{DefinitionFault, InvalidWorkflow, Workflow};

use self::form::Form;
use crate::graph::Graph;

/// Reads a definition in YAML and checks it. JSON is YAML, too.
///
/// # Errors
///
/// [`InvalidWorkflow`] has all faults in the order of their places, each with its line and column: those of the form,
/// such as unknown keys, and those of the workflow. A text that is no YAML has one.
///
/// ```
/// let text = "
/// name: greet
/// steps:
///   - id: who
///     call: { handler: directory, input: '{{ input.user }}' }
///   - id: greeting
///     transfrom: Hello, {{ steps.whom.name }}!
/// ";
/// let error = victor_workflow::from_yaml(text).unwrap_err();
/// let expected = "line 7, column 5: steps[1]: unknown key `transfrom`, did you mean `transform`?";
/// assert!(error.faults[0].to_string().starts_with(expected), "{error}");
/// ```
pub fn from_yaml(text: &str) -> Result<Workflow, InvalidWorkflow> {
    read(text, None)
}

/// Reads a definition as [`from_yaml`] does, and checks that there are no other handlers in it than these.
///
/// # Errors
///
/// Those of [`from_yaml`], and a fault for each step whose handler is not among them.
///
/// ```
/// let text = "{ name: greet, steps: [{ id: who, call: { handler: directroy } }] }";
/// let error = victor_workflow::from_yaml_for(text, &["agent", "directory"]).unwrap_err();
/// assert!(error.to_string().contains("unknown handler `directroy`, did you mean `directory`?"), "{error}");
/// ```
pub fn from_yaml_for(text: &str, handlers: &[&str]) -> Result<Workflow, InvalidWorkflow> {
    read(text, Some(handlers))
}

fn read(text: &str, handlers: Option<&[&str]>) -> Result<Workflow, InvalidWorkflow> {
    let document = document(text).map_err(|error| invalid(&error))?;
    let name = document["name"].as_str().unwrap_or_default().to_owned();
    let Form {
        workflow,
        mut faults,
        is_whole,
    } = form::read(document);
    match workflow.map(|workflow| Graph::checked(workflow, handlers)) {
        Some(Ok(graph)) if faults.is_empty() => return Ok(graph.workflow),
        Some(Ok(_)) | None => {}
        Some(Err(error)) => {
            // A sub-workflow may be run by a step that could not be read.
            let is_certain =
                |fault: &DefinitionFault| is_whole || !fault.path.starts_with("workflows.");
            faults.extend(
                error
                    .faults
                    .into_iter()
                    .filter(is_certain)
                    .map(|fault| (fault, None)),
            );
        }
    }
    let mut faults: Vec<_> = faults
        .into_iter()
        .map(|(fault, key)| {
            let position = place::find(text, &fault.path, key.as_deref());
            fault.at(position)
        })
        .collect();
    faults.sort_by_key(|fault| fault.position);
    Err(InvalidWorkflow::new(name, faults))
}

/// The values of a text. Merge keys are resolved, and two equal keys are an error.
fn document(text: &str) -> Result<Value, yaml_serde::Error> {
    let mut document: yaml_serde::Value = yaml_serde::from_str(text)?;
    document.apply_merge()?;
    yaml_serde::from_value(document)
}

/// The error of a text that cannot be read at all.
fn invalid(error: &yaml_serde::Error) -> InvalidWorkflow {
    let position = error.location().map(|at| (at.line(), at.column()));
    // The position is told beside the words.
    let words = error.to_string();
    let end = words.rfind(" at line ").unwrap_or(words.len());
    InvalidWorkflow::new(
        "",
        vec![DefinitionFault::new("", &words[..end]).at(position)],
    )
}
