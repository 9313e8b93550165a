//! Packages that will be published: all that the registry and docs.rs show of them.

use anyhow::Result;
use cargo_metadata::{DependencyKind, Package};
use serde_json::json;

use crate::workspace::Workspace;

/// The licence texts, which each package carries by itself.
const LICENCES: [&str; 2] = ["LICENSE-APACHE", "LICENSE-MIT"];

/// Each package that will be published has keywords, categories and the licence texts, shows all of its features on
/// docs.rs, and can be published before the crates that its tests use.
pub(super) fn check(workspace: &Workspace) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for package in workspace.published() {
        let (name, folder) = (&package.name, workspace.folder(package));
        let manifest = folder.join("Cargo.toml");
        if package.keywords.is_empty() || package.categories.is_empty() {
            findings.push(format!(
                "{manifest}:1: {name} needs keywords and categories"
            ));
        }
        let all_features = &package.metadata["docs"]["rs"]["all-features"];
        if !package.features.is_empty() && *all_features != json!(true) {
            findings.push(format!(
                "{manifest}:1: {name} has features and needs `[package.metadata.docs.rs]` with `all-features = true`"
            ));
        }
        for licence in LICENCES {
            if workspace.read(folder.join(licence)).ok() != workspace.read(licence).ok() {
                findings.push(format!(
                    "{folder}/{licence}:1: make it a link: `ln -s ../../{licence} {folder}/`"
                ));
            }
        }
        findings.extend(dev_dependencies(workspace, package)?);
    }
    Ok(findings)
}

/// Internal dev-dependencies are named by path alone: a version would want the other crate on the registry first, and
/// that one perhaps this.
fn dev_dependencies(workspace: &Workspace, package: &Package) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for dependency in &package.dependencies {
        let for_tests = dependency.kind == DependencyKind::Development;
        let versioned = dependency.req.to_string() != "*";
        if for_tests && versioned && workspace.member(dependency).is_some() {
            let place = workspace.declaration(package, dependency)?;
            let rule = "by path alone: a version makes a publish cycle";
            findings.push(format!("{place}: {} {rule}", dependency.name));
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::fixture::Fixture;

    /// Asserts the findings about a package whose manifest goes on with `rest`.
    fn finds(rest: &str, licence: &str, expected: &[&str]) {
        let folder = "crates/victor-new";
        let manifest = format!(
            "[package]\nname = \"victor-new\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{rest}\n"
        );
        let fixture = Fixture::new()
            .file("LICENSE-APACHE", "")
            .file("LICENSE-MIT", "MIT")
            .file(&format!("{folder}/Cargo.toml"), &manifest)
            .file(&format!("{folder}/src/lib.rs"), "")
            .file(&format!("{folder}/LICENSE-APACHE"), "")
            .file(&format!("{folder}/LICENSE-MIT"), licence);
        let expected: Vec<_> = expected
            .iter()
            .map(|finding| format!("{folder}/{finding}"))
            .collect();
        assert_eq!(fixture.findings(check), expected, "{rest}");
    }

    const METADATA: &str = "keywords = [\"agent\"]\ncategories = [\"science\"]\n";

    #[test]
    fn what_the_registry_shows_is_there() {
        finds(METADATA, "MIT", &[]);
        finds("publish = false", "other", &[]);
        finds(
            "",
            "MIT",
            &["Cargo.toml:1: victor-new needs keywords and categories"],
        );
        let advice = "LICENSE-MIT:1: make it a link: `ln -s ../../LICENSE-MIT crates/victor-new/`";
        finds(METADATA, "other", &[advice]);
        let features = format!("{METADATA}[features]\nmore = []\n");
        let advice = "Cargo.toml:1: victor-new has features and needs `[package.metadata.docs.rs]` with \
                      `all-features = true`";
        finds(&features, "MIT", &[advice]);
        let shown = format!("{features}[package.metadata.docs.rs]\nall-features = true\n");
        finds(&shown, "MIT", &[]);
    }

    #[test]
    fn internal_dev_dependencies_have_no_version() {
        let dependency = "[dev-dependencies]\nvictor-testkit = { path = \"../victor-testkit\"";
        finds(&format!("{METADATA}{dependency} }}"), "MIT", &[]);
        let advice = "Cargo.toml:8: victor-testkit by path alone: a version makes a publish cycle";
        finds(
            &format!("{METADATA}{dependency}, version = \"0.1.0\" }}"),
            "MIT",
            &[advice],
        );
    }
}
