//! The README of each crate: its crate docs, as a page of the registry shows them.
//!
//! Written by hand, it would tell of a crate that was. Links of rustdoc lose their target there, and code its hidden
//! lines.

use anyhow::Result;
use cargo_metadata::Package;
use cargo_metadata::camino::Utf8PathBuf;

use crate::workspace::Workspace;

/// Each crate that is published has the README that follows from its crate docs.
pub(super) fn check(workspace: &Workspace) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for package in workspace.published() {
        let path = path(workspace, package);
        if workspace.read(&path).unwrap_or_default() != readme(workspace, package)? {
            findings.push(format!("{path}:1: stale: run `cargo xtask tidy --write`"));
        }
    }
    Ok(findings)
}

/// Brings each README up to date.
pub(super) fn write(workspace: &Workspace) -> Result<()> {
    for package in workspace.published() {
        let readme = readme(workspace, package)?;
        workspace.write(path(workspace, package), &readme)?;
    }
    Ok(())
}

fn path(workspace: &Workspace, package: &Package) -> Utf8PathBuf {
    workspace.folder(package).join("README.md")
}

fn readme(workspace: &Workspace, package: &Package) -> Result<String> {
    let name = &package.name;
    let library = package.targets.iter().find(|target| target.is_lib());
    let root = library.or(package.targets.first());
    let source = match root {
        Some(target) => workspace.read(workspace.relative(&target.src_path))?,
        None => String::new(),
    };
    let docs = page(&source);
    let reference = match library {
        Some(_) => format!(" The reference is on [docs.rs](https://docs.rs/{name})."),
        None => String::new(),
    };
    let home = match &package.repository {
        Some(repository) => format!("[Victor]({repository})"),
        None => "Victor".to_owned(),
    };
    let licence = "Licensed under either of Apache License 2.0 or MIT license, as you like.";
    Ok(format!(
        "# {name}\n\n{docs}\n## Part of Victor\n\nThis crate is a part of {home}, an agent orchestrator made of small \
         crates.{reference}\n\n{licence}\n"
    ))
}

/// Returns the crate docs of a source file as a page of Markdown.
fn page(source: &str) -> String {
    let docs = source
        .lines()
        .map_while(|line| line.strip_prefix("//!"))
        .map(|line| line.strip_prefix(' ').unwrap_or(line));
    let mut page = String::new();
    // The language of the fence that is open.
    let mut fence: Option<&str> = None;
    for line in docs {
        match (line.strip_prefix("```"), fence) {
            (Some(info), None) => {
                let language = language(info);
                fence = Some(language);
                page += &format!("```{language}\n");
            }
            (Some(_), Some(_)) => {
                fence = None;
                page += "```\n";
            }
            (None, Some("rust")) if line == "#" || line.starts_with("# ") => {}
            (None, Some(_)) => page += &format!("{line}\n"),
            (None, None) if line.starts_with('#') => page += &format!("#{line}\n"),
            (None, None) if is_rustdoc_definition(line) => {}
            (None, None) => page += &format!("{}\n", unlinked(line)),
        }
    }
    page
}

/// Returns the language of a fence, which rustdoc takes for Rust where none is named.
fn language(info: &str) -> &str {
    const ATTRIBUTES: [&str; 5] = ["rust", "no_run", "compile_fail", "ignore", "should_panic"];
    let first = info.split([',', ' ']).next().unwrap_or_default();
    if first.is_empty() || ATTRIBUTES.contains(&first) {
        "rust"
    } else {
        first
    }
}

/// Whether a line defines the target of a link that only rustdoc can follow.
fn is_rustdoc_definition(line: &str) -> bool {
    let label = line.strip_prefix('[');
    let target = label.and_then(|label| label.split_once("]: "));
    target.is_some_and(|(_, target)| !target.contains("://"))
}

/// Returns a line whose links to items are their text alone: `` [`X`] `` and `` [`X`](y::X) `` are `` `X` ``.
fn unlinked(line: &str) -> String {
    let mut rest = line;
    let mut text = String::new();
    while let Some((before, link)) = rest.split_once('[') {
        let (Some((label, after)), false) = (link.split_once(']'), in_code(before)) else {
            text += &format!("{before}[");
            rest = link;
            continue;
        };
        let target = after
            .strip_prefix('(')
            .and_then(|target| target.split_once(')'));
        text += before;
        match target {
            Some((target, _)) if target.contains("://") => text += &format!("[{label}]({target})"),
            None if !label.starts_with('`') => text += &format!("[{label}]"),
            _ => text += label,
        }
        rest = target.map_or(after, |(_, after)| after);
    }
    text + rest
}

/// Whether the end of a text is inside a code span.
fn in_code(text: &str) -> bool {
    text.matches('`').count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::{check, page, write};
    use crate::fixture::Fixture;

    #[test]
    fn readmes_follow_the_crate_docs() {
        let manifest =
            "[package]\nname = \"victor-new\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
        let fixture = Fixture::new()
            .file("crates/victor-new/Cargo.toml", manifest)
            .file("crates/victor-new/src/lib.rs", "//! Something new.\n");
        let stale = "crates/victor-new/README.md:1: stale: run `cargo xtask tidy --write`";
        assert_eq!(fixture.findings(check), [stale]);
        write(&fixture.workspace()).expect("the READMEs to be written");
        assert_eq!(fixture.findings(check), [""; 0]);
        let fixture = fixture.file("crates/victor-new/src/lib.rs", "//! Something else.\n");
        assert_eq!(fixture.findings(check), [stale]);
    }

    #[test]
    fn crate_docs_become_a_page() {
        let cases = [
            ("//! One.\n//!\n//! Two.\nmod a;\n//! no", "One.\n\nTwo.\n"),
            ("//! # Where\n", "## Where\n"),
            (
                "//! See [`X`] and [`y`](a::y) of `a[0]`.\n",
                "See `X` and `y` of `a[0]`.\n",
            ),
            (
                "//! [Web](https://a.b/c), [words](crate::x)\n",
                "[Web](https://a.b/c), words\n",
            ),
            ("//! an [aside] here\n", "an [aside] here\n"),
            (
                "//! [x]: crate::X\n//! [y]: https://a.b\n",
                "[y]: https://a.b\n",
            ),
            (
                "//! ```\n//! # hidden\n//! #[test]\n//! #\n//! shown();\n//! ```\n",
                "```rust\n#[test]\nshown();\n```\n",
            ),
            (
                "//! ```no_run\n//! [`a`];\n//! ```\n",
                "```rust\n[`a`];\n```\n",
            ),
            (
                "//! ```text\n//! # kept\n//! ```\n",
                "```text\n# kept\n```\n",
            ),
            ("//! ```toml,no_run\n//! ```\n", "```toml\n```\n"),
        ];
        for (source, expected) in cases {
            assert_eq!(page(source), expected, "{source}");
        }
    }
}
