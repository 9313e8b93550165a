//! No link of a Markdown file into the repository is dead.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use cargo_metadata::camino::{Utf8Component, Utf8Path, Utf8PathBuf};

use crate::workspace::Workspace;

/// Each link means a file or folder that is there and, in a Markdown file, a heading that is there.
pub(super) fn check(workspace: &Workspace) -> Result<Vec<String>> {
    let documents: BTreeMap<_, _> = workspace.texts("md")?.into_iter().collect();
    // As for git, a folder is there if a file is in it.
    let is_there = |path: &Utf8Path| workspace.files.iter().any(|file| file.starts_with(path));
    let is_alive = |document: &Utf8Path, link: &str| {
        let (target, anchor) = link.split_once('#').unwrap_or((link, ""));
        let Some(path) = resolve(document, target) else {
            return false;
        };
        let text = documents.get(path.as_path()).filter(|_| !anchor.is_empty());
        is_there(&path) && text.is_none_or(|text| anchors(text).contains(anchor))
    };
    let mut findings = Vec::new();
    for (document, text) in &documents {
        for (number, line) in prose(text) {
            // Code spans are not links.
            let line: String = line.split('`').step_by(2).collect();
            for link in links(&line).filter(|link| !is_alive(document, link)) {
                findings.push(format!("{document}:{number}: dead link: {link}"));
            }
        }
    }
    Ok(findings)
}

/// The path that a link means: relative to its document, or to the root if it begins with `/`.
/// None if it leaves the repository.
fn resolve(document: &Utf8Path, target: &str) -> Option<Utf8PathBuf> {
    if target.is_empty() {
        return Some(document.to_owned());
    }
    let mut path = match target.strip_prefix('/') {
        Some(_) => Utf8PathBuf::new(),
        None => document.parent()?.to_owned(),
    };
    for component in Utf8Path::new(target).components() {
        match component {
            Utf8Component::Normal(name) => path.push(name),
            Utf8Component::ParentDir if !path.pop() => return None,
            _ => {}
        }
    }
    Some(path)
}

/// The lines outside fenced code, and their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fence = None;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let line = line.trim();
        let marks = &line[..line.len() - line.trim_start_matches(['`', '~']).len()];
        match fence {
            None if marks.len() >= 3 => fence = Some(marks),
            None => return true,
            Some(opening) if marks == line && marks.starts_with(opening) => fence = None,
            Some(_) => {}
        }
        false
    })
}

/// The targets in the repository that a line links to: inline, by definition, or in HTML.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let label = line
        .trim_start()
        .strip_prefix('[')
        .filter(|label| !label.starts_with('^'));
    let definition = label.and_then(|label| label.split_once(']')?.1.strip_prefix(": "));
    between(line, "](", ")")
        .chain(between(line, "href=\"", "\""))
        .chain(between(line, "src=\"", "\""))
        .chain(definition)
        // A title may follow the target, and angle brackets may enclose it.
        .filter_map(|target| target.split_whitespace().next())
        .map(|target| target.trim_matches(['<', '>']))
        .filter(|target| !target.contains(':'))
}

/// Returns the texts between two marks, wherever these are.
fn between<'a>(line: &'a str, open: &'a str, close: &'a str) -> impl Iterator<Item = &'a str> {
    let rests = line.split(open).skip(1);
    rests.filter_map(move |rest| rest.split(close).next())
}

/// Returns the meanings of `#..` in a document: headings as GitHub spells them, and the `id` of elements.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    let mut times = BTreeMap::<String, usize>::new();
    for (_, line) in prose(text) {
        anchors.extend(between(line, "id=\"", "\"").map(str::to_owned));
        let heading = line.trim_start_matches('#');
        if heading.len() < line.len() && heading.starts_with(' ') {
            let slug = slug(heading);
            let times = times.entry(slug.clone()).or_default();
            anchors.insert(match *times {
                0 => slug,
                times => format!("{slug}-{times}"),
            });
            *times += 1;
        }
    }
    anchors
}

/// GitHub's name for a heading: lower case, of links the text, no punctuation, spaces as hyphens.
fn slug(heading: &str) -> String {
    let mut text = heading.trim_matches([' ', '#']).to_lowercase();
    while let Some(start) = text.find("](") {
        let target = text[start..].find(')').unwrap_or(0);
        text.replace_range(start..=start + target, "");
    }
    text.retain(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    text.replace(' ', "-")
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::fixture::Fixture;

    /// Asserts which links are dead in a document that has another with headings beside it.
    fn finds(text: &str, expected: &[&str]) {
        let headings = "# One `two`: [three](a.md)!\n## Twice\n## Twice\n<a id=\"here\"></a>\n\
                        ```\n# No heading\n```\n";
        let fixture = Fixture::new().file("docs/a.md", headings);
        let findings = fixture.file("docs/new.md", text).findings(check);
        let expected = expected
            .iter()
            .map(|link| format!("docs/new.md:1: dead link: {link}"));
        assert_eq!(findings, expected.collect::<Vec<_>>(), "{text}");
    }

    #[test]
    fn live_links_pass() {
        finds("[a](a.md) [b](../crates/victor-core) [c](/Cargo.toml)", &[]);
        finds(
            "![a](../xtask/src/lib.rs \"title\") <img src=\"a.md\">",
            &[],
        );
        finds(
            "# Top\n[a](#top) [b](a.md#one-two-three) [c](a.md#here)",
            &[],
        );
        finds("[a](a.md#twice) [b](a.md#twice-1)", &[]);
        finds("[web](https://example.org/x#y) `[code](nowhere)`", &[]);
        finds("[^1]: a note\n[i]: a.md\n", &[]);
        finds("```rust\n[a](b)\n```\n~~~~\n~~~\n[a](b)\n~~~~\n", &[]);
    }

    #[test]
    fn dead_links_are_found() {
        finds("[a](b.md) and [c](<d.md>)", &["b.md", "d.md"]);
        finds("see [a](../../outside.md)", &["../../outside.md"]);
        finds("[a]: ../target/x", &["../target/x"]);
        finds("<a href=\"b.md\">b</a>", &["b.md"]);
        finds("[a](a.md#three) [b](#top)", &["a.md#three", "#top"]);
        finds("[a](a.md#twice-2)", &["a.md#twice-2"]);
        finds("[a](a.md#no-heading)", &["a.md#no-heading"]);
    }
}
