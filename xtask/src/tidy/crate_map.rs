//! The crate map: a table of the crates in documents, generated from the tree.

use anyhow::Result;

use crate::workspace::Workspace;

/// The documents that hold the map, and the way from each to the root.
/// One that is missing has no map either.
const DOCUMENTS: [(&str, &str); 2] = [("README.md", ""), ("docs/architecture.md", "../")];

/// The lines around it.
const BEGIN: &str = "<!-- crate-map:begin -->\n";
const END: &str = "<!-- crate-map:end -->\n";

/// Each map is that of the tree.
pub(super) fn check(workspace: &Workspace) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for (path, to_root) in DOCUMENTS {
        let text = workspace.read(path).unwrap_or_default();
        let Some((before, map, _)) = split(&text) else {
            let (begin, end) = (BEGIN.trim(), END.trim());
            findings.push(format!("{path}:1: no crate map between {begin} and {end}"));
            continue;
        };
        if map != table(workspace, to_root) {
            let place = format!("{path}:{}", before.lines().count() + 1);
            findings.push(format!(
                "{place}: stale crate map: run `cargo xtask tidy --write`"
            ));
        }
    }
    Ok(findings)
}

/// Brings each map up to date.
pub(super) fn write(workspace: &Workspace) -> Result<()> {
    for (path, to_root) in DOCUMENTS {
        if let Some((before, _, after)) = split(&workspace.read(path).unwrap_or_default()) {
            let table = table(workspace, to_root);
            workspace.write(path, &format!("{before}{BEGIN}{table}{END}{after}"))?;
        }
    }
    Ok(())
}

/// Returns the texts before, between and after the markers.
fn split(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (map, after) = rest.split_once(END)?;
    Some((before, map, after))
}

fn table(workspace: &Workspace, to_root: &str) -> String {
    let mut table = String::from("| crate | what it is |\n|---|---|\n");
    let mut crates = workspace.members();
    crates.retain(|package| workspace.is_in_crates(package));
    for package in crates {
        let (name, description) = (&package.name, package.description.as_deref().unwrap_or(""));
        table += &format!("| [`{name}`]({to_root}crates/{name}) | {description} |\n");
    }
    table
}
