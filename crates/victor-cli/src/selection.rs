//! The selection of tools, in words.

use victor_orchestrator::tool_selection::Selection;

/// Lists which tools a model is shown, and why each one is shown or hidden.
pub(crate) fn describe(selection: &Selection) -> String {
    let shown = selection.tools.len();
    let mut text = format!(
        "{shown} of {} tools are shown, chosen by `{}`",
        selection.decisions.len(),
        selection.strategy
    );
    if let Some(problem) = &selection.problem {
        text += &format!("; {problem}");
    }
    for decision in selection.decisions.iter() {
        let mark = if decision.shown { '+' } else { '-' };
        let reason = decision.reason.as_str().replace('_', " ");
        text += &format!("\n{mark} {:<24} {reason}", decision.tool);
        if let Some(score) = decision.score {
            text += &format!(" ({score:.3})");
        }
    }
    text
}
