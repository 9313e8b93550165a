//! The number of crates that each of ours brings, itself included: the list of `cargo tree` with default features, each
//! version once. Every package is asked for alone, so that no other member of the workspace switches features on.

use std::collections::BTreeSet;

use anyhow::Result;
use xshell::Shell;

use super::measures::Values;
use crate::cargo::cargo;
use crate::workspace::Workspace;

/// The crates that people take alone, and the whole.
const WEIGHED: [&str; 3] = ["victor-context", "victor-chat", "victor-orchestrator"];

/// Weighs these crates, and all contracts together.
pub(crate) fn weigh(workspace: &Workspace, shell: &Shell) -> Result<Values> {
    let members = workspace.members().into_iter();
    let contracts = members
        .map(|package| package.name.as_str())
        .filter(|name| *name == "victor-core" || name.ends_with("-protocol"));
    let alone = WEIGHED.map(|name| (name, vec![name]));
    let mut values = Values::new();
    for (name, packages) in alone
        .into_iter()
        .chain([("protocols", contracts.collect())])
    {
        let mut crates = BTreeSet::new();
        for package in packages {
            let command = cargo(shell).args(["tree", "--edges", "normal", "--prefix", "none"]);
            crates.extend(listed(&command.args(["--package", package]).read()?));
        }
        values.insert(format!("weight/{name}"), crates.len() as f64);
    }
    Ok(values)
}

/// The crates in a listing, with their versions. What follows these, such as `(proc-macro)` or the
/// `(*)` of repetitions, is no part of a crate.
fn listed(tree: &str) -> impl Iterator<Item = (String, String)> {
    tree.lines().filter_map(|line| {
        let mut words = line.split_whitespace().map(str::to_owned);
        Some((words.next()?, words.next()?))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use xshell::Shell;

    use super::{listed, weigh};
    use crate::fixture::Fixture;

    #[test]
    fn a_crate_counts_once_for_each_version() {
        let tree = "victor-chat v0.1.0 (/work/crates/victor-chat)\nserde v1.0.228\n\
                    serde_derive v1.0.228 (proc-macro)\nsyn v2.0.1\n\nserde v1.0.228 (*)\nsyn v3.0.0\n";
        let crates: BTreeSet<_> = listed(tree).collect();
        assert_eq!(crates.len(), 5);
    }

    #[test]
    fn only_normal_dependencies_weigh_and_protocols_are_weighed_together() {
        let fixture = Fixture::new()
            .package("victor-context", "[build-dependencies]\n@cc")
            .package("cc", "");
        let workspace = fixture.workspace();
        let shell = Shell::new().expect("a shell");
        shell.change_dir(workspace.root());
        let values = weigh(&workspace, &shell).expect("packages to weigh");
        let values: Vec<_> = values
            .iter()
            .map(|(name, value)| (&**name, *value))
            .collect();
        let expected = [
            ("weight/protocols", 3.0),
            ("weight/victor-chat", 4.0),
            ("weight/victor-context", 1.0),
            ("weight/victor-orchestrator", 2.0),
        ];
        assert_eq!(values, expected);
    }
}
