//! `cargo xtask tidy`: manifests, sources, documents and the top level of the repository.

mod crate_map;
mod markdown;
mod openings;
mod packages;
mod readmes;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use crate::workspace::Workspace;

/// The README says it, and CI runs it.
const TEST_COMMAND: &str = "cargo test --workspace";

/// The entries at the top level of the repository.
const TOP_LEVEL: [&str; 7] = [
    "Cargo.toml",
    "README.md",
    "benches",
    "crates",
    "docs",
    "examples",
    "xtask",
];

/// The files that tools look for there. Names that begin with a dot or with `LICENSE-` are allowed, too.
const FOR_TOOLS: [&str; 4] = ["Cargo.lock", "clippy.toml", "deny.toml", "rustfmt.toml"];

/// In a longer file, things must be searched for.
const MAX_LINES: usize = 700;

/// The marks of unfinished work.
const UNFINISHED: [&str; 3] = ["todo!(", "unimplemented!(", "#[ignore"];

/// Generates what is generated.
pub(crate) fn write(workspace: &Workspace) -> Result<()> {
    crate_map::write(workspace)?;
    readmes::write(workspace)?;
    openings::write(workspace)
}

/// Finds what is untidy.
pub(crate) fn check(workspace: &Workspace) -> Result<Vec<String>> {
    let mut findings = top_level(workspace);
    let checks = [
        test_command,
        crate_docs,
        descriptions,
        packages::check,
        readmes::check,
        sources,
        crate_map::check,
        markdown::check,
        openings::check,
    ];
    for check in checks {
        findings.extend(check(workspace)?);
    }
    Ok(findings)
}

/// The top level holds what it should and nothing else.
fn top_level(workspace: &Workspace) -> Vec<String> {
    let files = workspace.files.iter();
    let names = files.filter_map(|path| path.as_str().split('/').next());
    let present = names.collect::<BTreeSet<_>>();
    let for_tools = |name: &&str| {
        name.starts_with('.') || name.starts_with("LICENSE-") || FOR_TOOLS.contains(name)
    };
    let expected = BTreeSet::from(TOP_LEVEL);
    let missing = expected.difference(&present);
    let mut findings: Vec<_> = missing.map(|name| format!("{name}:1: missing")).collect();
    let surplus = present.difference(&expected);
    for name in surplus.filter(|name| !for_tools(name)) {
        findings.push(format!("{name}:1: does not belong at the top level"));
    }
    findings
}

/// The README and CI agree on how the tests are run.
fn test_command(workspace: &Workspace) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for (path, start) in [("README.md", ""), (".ci/run", "run ")] {
        let line = format!("{start}{TEST_COMMAND}");
        // A missing file has no lines.
        let text = workspace.read(path).unwrap_or_default();
        if !text.lines().any(|present| present.trim() == line) {
            findings.push(format!("{path}:1: has no line `{line}`"));
        }
    }
    Ok(findings)
}

/// Each library and binary begins with crate docs, and these with a sentence.
fn crate_docs(workspace: &Workspace) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    let members = workspace.members();
    for target in members.iter().flat_map(|package| &package.targets) {
        if target.is_lib() || target.is_bin() {
            let path = workspace.relative(&target.src_path);
            let text = workspace.read(path)?;
            let paragraph = text
                .lines()
                .map_while(|line| line.strip_prefix("//! "))
                .collect::<Vec<_>>()
                .join(" ");
            if paragraph.starts_with('#') || !paragraph.contains(' ') || !paragraph.ends_with('.') {
                findings.push(format!("{path}:1: begin with `//!` and a sentence"));
            }
        }
    }
    Ok(findings)
}

/// Each package has a description of its own.
fn descriptions(workspace: &Workspace) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    let mut seen = BTreeMap::new();
    for package in workspace.members() {
        let description = package.description.as_deref().map_or("", str::trim);
        let place = workspace.place(package, "description", false)?;
        if description.is_empty() {
            findings.push(format!("{place}: {} needs a description", package.name));
        } else if let Some(other) = seen.insert(description, &package.name) {
            let name = &package.name;
            findings.push(format!("{place}: {name} has the description of {other}"));
        }
    }
    Ok(findings)
}

/// Sources in `crates/` are short and finished, and re-export by name.
fn sources(workspace: &Workspace) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for (path, text) in workspace.texts("rs")? {
        let mut folders = path.components().map(|folder| folder.as_str());
        if folders.next() != Some("crates") {
            continue;
        }
        let in_src = folders.nth(1) == Some("src");
        if text.lines().count() > MAX_LINES {
            findings.push(format!("{path}:{}: too long: split it", MAX_LINES + 1));
        }
        for (index, line) in text.lines().enumerate() {
            for word in UNFINISHED.iter().filter(|word| line.contains(*word)) {
                findings.push(format!("{path}:{}: unfinished: `{word}`", index + 1));
            }
        }
        for line in glob_re_exports(&text).filter(|_| in_src) {
            findings.push(format!("{path}:{line}: re-export by name, not with `*`"));
        }
    }
    Ok(findings)
}

/// The lines of the `pub use` statements that have a `*` before their semicolon.
fn glob_re_exports(text: &str) -> impl Iterator<Item = usize> {
    text.match_indices("pub use ").filter_map(|(start, _)| {
        let line = text[..start].matches('\n').count() + 1;
        let statement = text[start..].split(';').next()?;
        let begins_line = text[..start].trim_end_matches(' ').ends_with('\n') || start == 0;
        (begins_line && statement.contains('*')).then_some(line)
    })
}

#[cfg(test)]
mod tests {
    use super::{TEST_COMMAND, check, write};
    use crate::fixture::Fixture;

    /// A workspace that is tidy.
    fn tidy() -> Fixture {
        let map = "<!-- crate-map:begin -->\n<!-- crate-map:end -->\n";
        let readme = format!("# Victor\n\n    {TEST_COMMAND}\n\n{map}");
        let fixture = Fixture::new()
            .file(".ci/run", &format!("run {TEST_COMMAND}\n"))
            .file("LICENSE-MIT", "")
            .file("README.md", &readme)
            .file("docs/architecture.md", map);
        write(&fixture.workspace()).expect("the maps to be written");
        fixture
    }

    fn passes(path: &str, text: &str) {
        assert_eq!(tidy().file(path, text).findings(check), [""; 0], "{text}");
    }

    fn fails(path: &str, text: &str, expected: &str) {
        let findings = tidy().file(path, text).findings(check);
        assert_eq!(findings, [format!("{path}:{expected}")], "{text}");
    }

    #[test]
    fn a_tidy_workspace_passes() {
        assert_eq!(tidy().findings(check), [""; 0]);
    }

    #[test]
    fn the_top_level_is_guarded() {
        fails("notes.md", "", "1: does not belong at the top level");
        let findings = super::top_level(&Fixture::new().workspace());
        assert_eq!(findings[0], "README.md:1: missing");
    }

    #[test]
    fn readme_and_ci_agree_on_the_tests() {
        let expected = "1: has no line `run cargo test --workspace`";
        fails(".ci/run", "cargo test\n", expected);
    }

    #[test]
    fn crates_begin_with_a_sentence() {
        let path = "crates/victor-core/src/lib.rs";
        let expected = "1: begin with `//!` and a sentence";
        fails(path, "mod a;\n", expected);
        fails(path, "//! Core.\n", expected);
        fails(path, "//! # The core.\n", expected);
        fails(path, "//! No full stop\n//!\n//! a.\n", expected);
        passes(path, "//! The vocabulary\n//! of Victor.\n//!\n//! x\n");
    }

    #[test]
    fn descriptions_are_there_and_differ() {
        let path = "xtask/Cargo.toml";
        let manifest = "[package]\nname = \"xtask\"\n";
        fails(path, manifest, "1: xtask needs a description");
        let manifest = format!("{manifest}description = \"About victor-core\"\n");
        fails(
            path,
            &manifest,
            "3: xtask has the description of victor-core",
        );
    }

    #[test]
    fn sources_are_short_finished_and_explicit() {
        let path = "crates/victor-core/src/new.rs";
        fails(path, &"\n".repeat(701), "701: too long: split it");
        passes(path, &"\n".repeat(700));
        fails(path, "\nfn a() { todo!() }\n", "2: unfinished: `todo!(`");
        fails(path, "#[ignore = \"slow\"]\n", "1: unfinished: `#[ignore`");
        let expected = "2: re-export by name, not with `*`";
        fails(path, "\npub use a::*;\n", expected);
        fails(path, "\n    pub use a::{\n    *,\n};\n", expected);
        passes(path, "// pub use a::*;\nuse a::*;\npub use a::A;\n");
        passes("crates/victor-core/tests/it.rs", "pub use a::*;\n");
    }

    #[test]
    fn crate_maps_follow_the_tree() {
        let fixture = tidy().package("victor-sql", "");
        let stale = "stale crate map: run `cargo xtask tidy --write`";
        let places = ["README.md:5", "docs/architecture.md:1"];
        let expected = places.map(|place| format!("{place}: {stale}"));
        assert_eq!(fixture.findings(check), expected);
        write(&fixture.workspace()).expect("the maps to be written");
        assert_eq!(fixture.findings(check), [""; 0]);
        let text = fixture.workspace().read("docs/architecture.md");
        let row = "\n| [`victor-sql`](../crates/victor-sql) | About victor-sql |\n";
        assert!(text.is_ok_and(|text| text.contains(row)));
        let expected =
            "1: no crate map between <!-- crate-map:begin --> and <!-- crate-map:end -->";
        fails("docs/architecture.md", "", expected);
    }
}
