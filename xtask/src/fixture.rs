//! A small workspace in a temporary directory, for tests to break.

use std::fs;

use anyhow::Result;
use tempfile::TempDir;
use xshell::{Shell, cmd};

use crate::workspace::Workspace;

/// A workspace with a crate or two on each floor that keeps to the layers. Methods replace what is
/// there, so that a test states only what it breaks.
#[derive(Debug)]
pub(crate) struct Fixture(TempDir);

impl Fixture {
    pub(crate) fn new() -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        let shell = Shell::new().expect("a shell");
        shell.change_dir(directory.path());
        cmd!(shell, "git init --quiet")
            .quiet()
            .run()
            .expect("git to be installed");
        let members = r#"members = ["crates/*", "xtask", "examples", "benches"]"#;
        let tool = "@victor-tool optional = true\n[features]\ndefault = [\"victor-tool\"]";
        Self(directory)
            .file(".gitignore", "/target\n")
            .file(
                "Cargo.toml",
                &format!("[workspace]\n{members}\nexclude = [\"target\"]\n"),
            )
            .package("victor-core", "")
            .package(
                "victor-chat-protocol",
                "[dependencies]\n@victor-tool-protocol",
            )
            .package("victor-tool-protocol", "[dependencies]\n@victor-core")
            .package("victor-chat", "[dependencies]\n@victor-chat-protocol")
            .package("victor-tool", "[dev-dependencies]\n@victor-testkit")
            .package("victor-guard", "")
            .package("victor-http", "")
            .package("victor-lexical", "")
            .package("victor-rewind", "[dependencies]\n@victor-core")
            .package("victor-text", "")
            .package("victor-offline", "[dependencies]\n@victor-http")
            .package("victor-testkit", "[dependencies]\n@victor-core")
            .package("victor-orchestrator", &format!("[dependencies]\n{tool}"))
            .package("xtask", "")
            .package(
                "examples",
                "[dependencies]\n@victor-offline\n@victor-testkit",
            )
            .package("benches", "")
    }

    /// Writes a file.
    pub(crate) fn file(self, path: &str, text: &str) -> Self {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("the folder to be made");
        fs::write(path, text).expect("the file to be written");
        self
    }

    /// Writes a package whose manifest goes on with `rest` at its seventh line, where `@name more`
    /// is short for `name = { path = "..", more }`. Names that are not ours are stand-ins for the
    /// outside world.
    pub(crate) fn package(self, name: &str, rest: &str) -> Self {
        let mut manifest =
            format!("[package]\nname = \"{name}\"\ndescription = \"About {name}\"\n");
        manifest += "version = \"0.1.0\"\nedition = \"2024\"\npublish = false\n";
        for line in rest.lines() {
            manifest += &line.strip_prefix('@').map_or(line.to_owned(), |line| {
                let (name, more) = line.split_once(' ').unwrap_or((line, ""));
                format!(
                    "{name} = {{ path = {:?}, {more} }}",
                    self.0.path().join(folder(name))
                )
            });
            manifest.push('\n');
        }
        let folder = folder(name);
        self.file(&format!("{folder}/Cargo.toml"), &manifest).file(
            &format!("{folder}/src/lib.rs"),
            &format!("//! The crate `{name}`.\n"),
        )
    }

    /// The workspace as the checks see it.
    pub(crate) fn workspace(&self) -> Workspace {
        let directory = self.0.path().to_str().expect("a name in UTF-8");
        Workspace::load(directory).expect("a workspace that cargo accepts")
    }

    /// Returns the findings of a check.
    pub(crate) fn findings(&self, check: fn(&Workspace) -> Result<Vec<String>>) -> Vec<String> {
        check(&self.workspace()).expect("a check that can be made")
    }
}

fn folder(name: &str) -> String {
    match name {
        "xtask" | "examples" | "benches" => name.to_owned(),
        _ if name.starts_with("victor-") => format!("crates/{name}"),
        _ => format!("target/outside/{name}"),
    }
}
