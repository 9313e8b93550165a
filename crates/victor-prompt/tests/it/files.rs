//! Prompts in a folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use async_trait::async_trait;
use tempfile::TempDir;
use victor_prompt::FilePromptSource;
use victor_prompt_protocol::PromptSource;
use victor_testkit::conformance::{PromptShelf, prompt_source};

/// A folder, and a source that reads it.
struct Shelf {
    folder: TempDir,
    source: FilePromptSource,
    labels: Mutex<Vec<(String, String, String)>>,
}

impl Shelf {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            source: FilePromptSource::new(folder.path()),
            folder,
            labels: Mutex::default(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Asks for a prompt: its version and text, `none`, or the error.
    async fn ask(&self, reference: &str) -> String {
        match self.source.get_prompt(&reference.parse().unwrap()).await {
            Ok(Some(prompt)) => format!("{}: {}", prompt.version, prompt.text),
            Ok(None) => "none".to_owned(),
            Err(error) => {
                let folder = self.folder.path().display().to_string();
                victor_core::with_causes(&error).replace(&folder, "DIR")
            }
        }
    }
}

#[async_trait]
impl PromptShelf for Shelf {
    fn source(&self) -> &dyn PromptSource {
        &self.source
    }

    async fn publish(&self, name: &str, text: &str) -> String {
        let count = fs::read_dir(self.path(name)).map_or(0, Iterator::count);
        let version = (count + 1).to_string();
        self.write(&format!("{name}/{version}.md"), text);
        version
    }

    async fn label(&self, name: &str, label: &str, version: &str) {
        let text = {
            let mut labels = self.labels.lock().unwrap();
            labels.retain(|(one, other, _)| (&**one, &**other) != (name, label));
            labels.push((name.to_owned(), label.to_owned(), version.to_owned()));
            let lines = labels.iter();
            let lines = lines
                .map(|(name, label, version)| format!("\"{name}\".\"{label}\" = \"{version}\"\n"));
            lines.collect::<String>()
        };
        self.write("labels.toml", text);
    }
}

#[tokio::test]
async fn the_laws_of_sources() {
    prompt_source(&Shelf::new()).await;
}

#[tokio::test]
async fn the_version_of_a_single_file_is_its_text() {
    let shelf = Shelf::new();
    shelf.write("greeting.md", "hello world");
    // The digest is that of `printf 'hello world' | sha256sum`.
    assert_eq!(
        shelf.ask("greeting").await,
        "greeting@b94d27b9934d: hello world"
    );
    assert_eq!(
        shelf.ask("greeting:latest").await,
        "greeting@b94d27b9934d (latest): hello world"
    );
    shelf.write("greeting.md", "hello");
    assert_eq!(shelf.ask("greeting").await, "greeting@2cf24dba5fb0: hello");
    assert_eq!(shelf.ask("greeting@b94d27b9934d").await, "none");
    assert_eq!(shelf.source.list_prompts().await.unwrap(), ["greeting"]);
}

#[tokio::test]
async fn what_is_no_prompt_is_refused_with_its_place() {
    let shelf = Shelf::new();
    shelf.write("huge.md", "x".repeat(256 * 1024 + 1));
    shelf.write("binary.md", b"ab\xff\xfe");
    shelf.write("nul.md", "ab\0c");
    fs::create_dir(shelf.path("folder.md")).unwrap();
    shelf.write("both.md", "1");
    shelf.write("both/1.md", "1");
    shelf.write("endings.md", "1");
    shelf.write("endings.txt", "1");
    shelf.write("twins/1.md", "1");
    shelf.write("twins/1.txt", "1");
    shelf.write("largest.md", "x".repeat(256 * 1024));
    for (name, expected) in [
        ("huge", "`DIR/huge.md` has more than 256 KiB: shorten it"),
        ("binary", "`DIR/binary.md` is no text: byte 2 is not UTF-8"),
        ("nul", "`DIR/nul.md` is no text: byte 2 is NUL"),
        ("folder", "`DIR/folder.md` is no regular file"),
        (
            "both",
            "prompt `both` is there twice, as `DIR/both.md` and as `DIR/both`: remove one of them",
        ),
    ] {
        assert_eq!(shelf.ask(name).await, expected);
    }
    for name in ["endings", "twins"] {
        let error = shelf.ask(name).await;
        assert!(
            error.ends_with("have the same name but for the ending: rename one of them"),
            "{error}"
        );
    }
    assert!(shelf.ask("largest").await.starts_with("largest@"));
}

#[tokio::test]
async fn a_version_that_was_changed_is_refused() {
    let shelf = Shelf::new();
    shelf.write("review/1.md", "One.");
    assert_eq!(shelf.ask("review").await, "review@1: One.");
    shelf.write("review/1.md", "Another one.");
    let refused = "version `1` of prompt `review` was changed, and versions never change: restore its file and save \
                   the new text as another version";
    assert_eq!(shelf.ask("review").await, refused);
    shelf.write("review/1.md", "One.");
    shelf.write("review/2.md", "Another one.");
    assert_eq!(shelf.ask("review").await, "review@2: Another one.");
    assert_eq!(shelf.ask("review@1").await, "review@1: One.");
}

#[tokio::test]
async fn a_broken_file_of_labels_tells_its_place() {
    let shelf = Shelf::new();
    shelf.write("review/1.md", "One.");
    shelf.write("review/2.md", "Two.");
    shelf.write("single.md", "One.");
    for (labels, expected) in [
        ("[review]\nproduction = 1", "line 2, column 14"),
        ("[review]\nproduction = \"1", "line 2, column"),
        (
            "[review]\nlatest = \"1\"",
            "label `latest` of prompt `review` is the newest version and cannot be set: remove it",
        ),
        (
            "[review]\nproduction = \"3\"",
            "label `production` of prompt `review` leads nowhere: unknown version `3`",
        ),
    ] {
        shelf.write("labels.toml", labels);
        let error = shelf.ask("review").await;
        assert!(error.contains(expected), "{labels}: {error}");
    }
    shelf.write("labels.toml", "[single]\nproduction = \"0123456789ab\"");
    let error = shelf.ask("single").await;
    assert!(
        error.starts_with("label `production` of prompt `single` leads nowhere"),
        "{error}"
    );
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_an_error() {
    let source = FilePromptSource::new(Path::new("/there/is/no/such/folder"));
    let error = source
        .get_prompt(&"review".parse().unwrap())
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "folder `/there/is/no/such/folder` cannot be read"
    );
    assert!(source.list_prompts().await.is_err());
}

#[cfg(unix)]
#[tokio::test]
async fn a_pipe_is_not_waited_for() {
    let shelf = Shelf::new();
    let path = shelf.path("pipe.md");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    assert_eq!(shelf.ask("pipe").await, "`DIR/pipe.md` is no regular file");
}
