//! Doc comments that open with a question word, counted per crate against a budget that only falls.
//!
//! "What is said to the model" is a clause without a head; "The message shown to the model" stands alone. The budget is
//! what is left of the old way, and [`write()`] never raises it.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use crate::workspace::Workspace;

/// The number of such openings that each crate may have. A crate that is not in it has none.
const BUDGET: &str = "xtask/openings.toml";

const QUESTION_WORDS: [&str; 6] = ["What", "Who", "Which", "How", "Where", "When"];

type Counts = BTreeMap<String, usize>;

/// No crate has more openings than its budget, and none has fewer: a lower count is the next budget.
pub(super) fn check(workspace: &Workspace) -> Result<Vec<String>> {
    let budget = budget(workspace)?;
    let mut findings = Vec::new();
    for (name, places) in openings(workspace)? {
        let allowed = budget.get(&name).copied().unwrap_or(0);
        if places.len() > allowed {
            let first = &places[0];
            let count = places.len();
            let others: Vec<_> = places.iter().skip(1).take(4).map(String::as_str).collect();
            findings.push(format!(
                "{first}: {count} doc comments of `{name}` open with a question word, and {allowed} may: begin with a \
                 noun or a verb in the third person (also {})",
                others.join(", ")
            ));
        } else if places.len() < allowed {
            let count = places.len();
            findings.push(format!(
                "{BUDGET}:1: `{name}` has {count} openings, not {allowed}: run `cargo xtask tidy --write`"
            ));
        }
    }
    Ok(findings)
}

/// Lowers the budget to the present counts, where these are lower.
pub(super) fn write(workspace: &Workspace) -> Result<()> {
    let mut budget = budget(workspace)?;
    let counts = openings(workspace)?;
    budget.retain(|name, allowed| {
        *allowed = counts.get(name).map_or(0, Vec::len).min(*allowed);
        *allowed > 0
    });
    if budget.is_empty() && workspace.read(BUDGET).is_err() {
        return Ok(());
    }
    let mut text = String::from(
        "# Doc comments that still open with a question word, per crate. `cargo xtask tidy --write` lowers these \
        numbers; nothing raises them.\n",
    );
    for (name, allowed) in budget {
        text += &format!("{name} = {allowed}\n");
    }
    workspace.write(BUDGET, &text)
}

fn budget(workspace: &Workspace) -> Result<Counts> {
    // Without the file, no crate may have any.
    let text = workspace.read(BUDGET).unwrap_or_default();
    toml::from_str(&text).context(BUDGET)
}

/// The places of such openings by crate. A crate without any has an empty list.
fn openings(workspace: &Workspace) -> Result<BTreeMap<String, Vec<String>>> {
    let mut openings = BTreeMap::new();
    let texts = workspace.texts("rs")?;
    for package in workspace.members() {
        let folder = package
            .manifest_path
            .parent()
            .map(|path| workspace.relative(path));
        let Some(folder) = folder else { continue };
        let source = folder.join("src");
        let places: &mut Vec<_> = openings.entry(package.name.to_string()).or_default();
        for (path, text) in texts.iter().filter(|(path, _)| path.starts_with(&source)) {
            places.extend(lines(text).map(|line| format!("{path}:{line}")));
        }
    }
    Ok(openings)
}

/// The numbers of the lines with which a doc comment opens in such a way.
fn lines(text: &str) -> impl Iterator<Item = usize> {
    let mut in_doc = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let doc = doc(line);
        let opens = doc.is_some() && !in_doc;
        in_doc = doc.is_some();
        (opens && doc.is_some_and(asks)).then_some(index + 1)
    })
}

/// The text of a line of a doc comment.
fn doc(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let text = line
        .strip_prefix("///")
        .or_else(|| line.strip_prefix("//!"))?;
    (!text.starts_with('/')).then(|| text.trim_start())
}

fn asks(doc: &str) -> bool {
    let word = doc.split(|letter: char| !letter.is_alphabetic()).next();
    word.is_some_and(|word| QUESTION_WORDS.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::{BUDGET, check, lines, write};
    use crate::fixture::Fixture;

    #[track_caller]
    fn found(text: &str, expected: &[usize]) {
        assert_eq!(lines(text).collect::<Vec<_>>(), expected, "{text}");
    }

    #[test]
    fn only_the_first_line_of_a_doc_comment_opens_it() {
        found("/// What is left.\nstruct A;\n", &[1]);
        found("//! How it works.\n", &[1]);
        found("    /// Who asks,\n    /// and when.\n", &[1]);
        found(
            "/// The name.\n/// What else.\nfn a() {}\n/// Where.\n",
            &[4],
        );
        found("// What is left.\n//// What.\nlet a = 1; // How\n", &[]);
        found("/// Whether it is. \n/// However.\n", &[]);
        found("/// Whatever it is.\n", &[]);
    }

    const PATH: &str = "crates/victor-core/src/new.rs";

    fn with(openings: usize, budget: &str) -> Fixture {
        let text = "/// What it is.\nstruct A;\n".repeat(openings);
        Fixture::new().file(PATH, &text).file(BUDGET, budget)
    }

    #[test]
    fn the_budget_only_falls() {
        let fixture = with(2, "victor-core = 2\n");
        assert_eq!(fixture.findings(check), [""; 0]);

        let findings = with(2, "victor-core = 1\n").findings(check);
        assert_eq!(findings.len(), 1);
        let start = "crates/victor-core/src/new.rs:1: 2 doc comments of `victor-core` open with a question word, and 1 \
            may:";
        assert!(findings[0].starts_with(start), "{findings:?}");
        assert!(findings[0].ends_with("(also crates/victor-core/src/new.rs:3)"));
        assert_eq!(with(1, "").findings(check).len(), 1);

        let fixture = with(1, "victor-core = 3\nvictor-gone = 4\n");
        let expected = "xtask/openings.toml:1: `victor-core` has 1 openings, not 3: run `cargo xtask tidy --write`";
        assert_eq!(fixture.findings(check), [expected]);
        write(&fixture.workspace()).expect("the budget to be written");
        assert_eq!(fixture.findings(check), [""; 0]);
        let text = fixture.workspace().read(BUDGET).expect("the budget");
        assert!(text.ends_with("\nvictor-core = 1\n"), "{text}");

        let fixture = with(2, "victor-core = 1\n");
        write(&fixture.workspace()).expect("the budget to be written");
        assert_eq!(fixture.findings(check).len(), 1, "it is not raised");
    }
}
