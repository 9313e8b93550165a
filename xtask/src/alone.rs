//! `cargo xtask alone`: every crate compiles by itself.
//!
//! When a whole workspace is built, a crate gets the features of its dependencies that any other
//! member asks for, so one that forgets to ask for a feature compiles all the same. Whoever depends
//! on that crate alone then finds out.

use anyhow::Result;
use xshell::Shell;

use crate::cargo::cargo;
use crate::workspace::Workspace;

/// Finds the crates that do not compile by themselves, or without their default features.
pub(crate) fn check(workspace: &Workspace) -> Result<Vec<String>> {
    let shell = Shell::new()?;
    shell.change_dir(workspace.root());
    let mut findings = Vec::new();
    for package in workspace.members() {
        if !workspace.is_in_crates(package) {
            continue;
        }
        let name = package.name.as_str();
        let bare = package
            .features
            .contains_key("default")
            .then_some("--no-default-features");
        for flag in [None].into_iter().chain(bare.map(Some)) {
            let command = cargo(&shell).args(["check", "--quiet", "--package", name]);
            if command.args(flag).run().is_err() {
                let manifest = workspace.relative(&package.manifest_path);
                let flag = flag.map(|flag| format!(" {flag}")).unwrap_or_default();
                findings.push(format!(
                    "{manifest}:1: does not compile by itself: cargo check --package {name}{flag}"
                ));
            }
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::fixture::Fixture;

    #[test]
    fn every_crate_must_ask_for_the_features_that_it_needs() {
        let shy = "//! Shy.\n#[cfg(feature = \"open\")]\npub fn open() {}\n";
        let fixture = Fixture::new()
            .package("victor-core", "[features]\nopen = []")
            .file("crates/victor-core/src/lib.rs", shy)
            .package(
                "victor-http",
                "[dependencies]\n@victor-core features = [\"open\"]",
            );
        assert_eq!(fixture.findings(check), [""; 0]);

        let uses = "//! Uses what it has not asked for.\npub fn f() { victor_core::open() }\n";
        let fixture = fixture
            .package("victor-offline", "[dependencies]\n@victor-core")
            .file("crates/victor-offline/src/lib.rs", uses);
        assert_eq!(
            fixture.findings(check),
            [
                "crates/victor-offline/Cargo.toml:1: does not compile by itself: \
                 cargo check --package victor-offline"
            ]
        );
    }
}
