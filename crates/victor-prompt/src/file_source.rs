//! Prompts in a folder.

mod names;
mod read;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::runtime::Handle;
use victor_core::{Lock, UnknownName};
use victor_prompt_protocol::{
    LATEST, PRODUCTION, PromptError, PromptReference, PromptSelector, PromptSource, PromptVersion,
    StoredPrompt, text_digest,
};

use self::names::{natural, prompt_name};
use self::read::read_text;

/// The file of labels.
const LABELS: &str = "labels.toml";

/// Size limit of a file, in bytes.
const MOST_BYTES: u64 = 256 * 1024;

/// A source of prompts in a folder.
///
/// A prompt is a folder with one file for each version, or a single file. A version of a folder is the name of its
/// file, and the newest one is the last in natural order (`9` before `10`). The version of a single file is a digest of
/// its text: another text is another version. `labels.toml` has a table of labels for each prompt.
///
/// ```text
/// prompts/
///   labels.toml      [review]
///                    production = "3"
///   review/3.md      review@3
///   review/4.md      review@4, the newest
///   greeting.md      greeting@b94d27b9934d
/// ```
///
/// Files end with `.md`, `.txt`, `.j2` or `.jinja`, hold UTF-8 and have at most 256 KiB. Names have letters, digits,
/// `-`, `_` and `.`, and do not begin with a dot. A file of a version that is changed after it was read is refused: a
/// new text is a new version.
///
/// ```
/// use victor_prompt::FilePromptSource;
/// use victor_prompt::protocol::{PromptReference, PromptSource};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let prompts = folder.path();
/// std::fs::create_dir(prompts.join("review"))?;
/// std::fs::write(prompts.join("review/3.md"), "Review the change.")?;
/// std::fs::write(prompts.join("review/4.md"), "Review the change twice.")?;
/// std::fs::write(prompts.join("labels.toml"), "[review]\nproduction = '3'")?;
///
/// let source = FilePromptSource::new(prompts);
/// let prompt = source.get_prompt(&"review".parse()?).await?.expect("it is there");
/// assert_eq!(prompt.version.to_string(), "review@3 (production)");
/// let newest = source.get_prompt(&"review:latest".parse()?).await?.expect("it is there");
/// assert_eq!(&*newest.text, "Review the change twice.");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct FilePromptSource(Arc<Folder>);

#[derive(Debug)]
struct Folder {
    path: PathBuf,
    /// The digests of the versions that were read.
    digests: Lock<BTreeMap<(String, String), String>>,
}

/// The labels of a prompt, and the versions that they point to.
type Labels = BTreeMap<String, String>;

/// A version of a prompt in the folder.
struct VersionFile {
    version: String,
    path: PathBuf,
}

impl FilePromptSource {
    /// Returns the source of the prompts in a folder. Nothing is read yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self(Arc::new(Folder {
            path: folder.into(),
            digests: Lock::default(),
        }))
    }

    /// Reads in a thread of its own where there is a runtime.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Folder) -> Result<T, PromptError> + Send + 'static,
    ) -> Result<T, PromptError> {
        let folder = Arc::clone(&self.0);
        match Handle::try_current() {
            Ok(runtime) => {
                (runtime.spawn_blocking(move || read(&folder)).await).map_err(|error| {
                    PromptError::new("the folder could not be read").with_source(error)
                })?
            }
            Err(_) => read(&folder),
        }
    }
}

impl Folder {
    fn prompt(&self, reference: &PromptReference) -> Result<Option<StoredPrompt>, PromptError> {
        let name = reference.name();
        if !prompt_name(name) {
            return Ok(None);
        }
        let single = self.single_file(name)?;
        let folder = self.path.join(name);
        match (single, folder.is_dir()) {
            (None, false) => Ok(None),
            (Some(file), true) => Err(PromptError::new(format!(
                "prompt `{name}` is there twice, as `{}` and as `{}`: remove one of them",
                file.display(),
                folder.display()
            ))),
            (Some(file), false) => self.of_single_file(reference, &file),
            (None, true) => self.of_folder(reference, &folder),
        }
    }

    fn single_file(&self, name: &str) -> Result<Option<PathBuf>, PromptError> {
        let files = files_in(&self.path)?;
        let mut files = files.into_iter().filter(|file| file.version == name);
        match (files.next(), files.next()) {
            (Some(one), Some(other)) => Err(twice(&one.path, &other.path)),
            (one, _) => Ok(one.map(|file| file.path)),
        }
    }

    fn of_single_file(
        &self,
        reference: &PromptReference,
        file: &Path,
    ) -> Result<Option<StoredPrompt>, PromptError> {
        let name = reference.name();
        let Some(text) = read_text(file, MOST_BYTES)? else {
            return Ok(None);
        };
        let current = text_digest(&text);
        let labels = self.labels(name)?;
        let Some((version, label)) = choose(reference, &labels, Some(&current)) else {
            return Ok(None);
        };
        if version == current {
            return Ok(Some(stored(name, version, label, text)));
        }
        match label {
            Some(label) => Err(dangling(name, label, version, [&current])),
            None => Ok(None),
        }
    }

    fn of_folder(
        &self,
        reference: &PromptReference,
        folder: &Path,
    ) -> Result<Option<StoredPrompt>, PromptError> {
        let name = reference.name();
        let mut files = files_in(folder)?;
        files.sort_by(|a, b| natural(&a.version, &b.version));
        if let Some(pair) = files
            .windows(2)
            .find(|pair| pair[0].version == pair[1].version)
        {
            return Err(twice(&pair[0].path, &pair[1].path));
        }
        let labels = self.labels(name)?;
        let latest = files.last().map(|file| file.version.as_str());
        let Some((version, label)) = choose(reference, &labels, latest) else {
            return Ok(None);
        };
        let text = match files.iter().find(|file| file.version == version) {
            Some(file) => read_text(&file.path, MOST_BYTES)?,
            None => None,
        };
        match (text, label) {
            (Some(text), _) => {
                self.check_unchanged(name, version, &text)?;
                Ok(Some(stored(name, version, label, text)))
            }
            (None, None) => Ok(None),
            (None, Some(label)) => {
                let versions = files.iter().map(|file| &file.version);
                Err(dangling(name, label, version, versions))
            }
        }
    }

    /// Checks that a version has the text that it had when it was first read.
    fn check_unchanged(&self, name: &str, version: &str, text: &str) -> Result<(), PromptError> {
        let mut digests = self.digests.lock();
        let key = (name.to_owned(), version.to_owned());
        let now = text_digest(text);
        let first = digests.entry(key).or_insert_with(|| now.clone());
        if *first == now {
            return Ok(());
        }
        Err(PromptError::new(format!(
            "version `{version}` of prompt `{name}` was changed, and versions never change: restore its file and save \
             the new text as another version"
        )))
    }

    /// The labels of a prompt.
    fn labels(&self, name: &str) -> Result<Labels, PromptError> {
        let path = self.path.join(LABELS);
        let Some(text) = read_text(&path, MOST_BYTES)? else {
            return Ok(Labels::new());
        };
        let bad = |why: String| PromptError::new(format!("`{}`: {why}", path.display()));
        let mut tables: BTreeMap<String, Labels> =
            toml::from_str(&text).map_err(|error| bad(error.to_string().trim_end().to_owned()))?;
        let labels = tables.remove(name).unwrap_or_default();
        if labels.contains_key(LATEST) {
            return Err(bad(format!(
                "label `{LATEST}` of prompt `{name}` is the newest version and cannot be set: remove it"
            )));
        }
        Ok(labels)
    }

    fn names(&self) -> Result<Vec<String>, PromptError> {
        let mut names = BTreeSet::new();
        for file in files_in(&self.path)? {
            names.insert(file.version);
        }
        for path in entries(&self.path)? {
            let name = path.file_name().and_then(OsStr::to_str);
            if let Some(name) = name.filter(|name| prompt_name(name))
                && path.is_dir()
                && !files_in(&path)?.is_empty()
            {
                names.insert(name.to_owned());
            }
        }
        Ok(names.into_iter().collect())
    }
}

/// Chooses the version that a reference leads to, and the label that led there.
fn choose<'a>(
    reference: &'a PromptReference,
    labels: &'a Labels,
    latest: Option<&'a str>,
) -> Option<(&'a str, Option<&'a str>)> {
    let labelled = |label: &str| {
        let (label, version) = labels.get_key_value(label)?;
        Some((version.as_str(), Some(label.as_str())))
    };
    match reference.selector() {
        PromptSelector::Version(version) => Some((version, None)),
        PromptSelector::Label(label) if **label == *LATEST => Some((latest?, Some(LATEST))),
        PromptSelector::Label(label) => labelled(label),
        _ => labelled(PRODUCTION).or_else(|| Some((latest?, None))),
    }
}

fn stored(name: &str, version: &str, label: Option<&str>, text: String) -> StoredPrompt {
    let version = PromptVersion::new(name, version);
    let version = match label {
        Some(label) => version.with_label(label),
        None => version,
    };
    StoredPrompt::new(version, text)
}

fn dangling<'a>(
    name: &str,
    label: &str,
    version: &str,
    versions: impl IntoIterator<Item = &'a String>,
) -> PromptError {
    let unknown = UnknownName::new("version", version, versions);
    PromptError::new(format!(
        "label `{label}` of prompt `{name}` leads nowhere: {unknown}"
    ))
}

fn twice(one: &Path, other: &Path) -> PromptError {
    PromptError::new(format!(
        "`{}` and `{}` have the same name but for the ending: rename one of them",
        one.display(),
        other.display()
    ))
}

/// The files with prompts in a folder, by their names without the ending.
fn files_in(folder: &Path) -> Result<Vec<VersionFile>, PromptError> {
    let files = entries(folder)?.into_iter().filter_map(|path| {
        let ending = path.extension()?.to_str()?;
        let version = path.file_stem()?.to_str()?.to_owned();
        let is_prompt = matches!(ending, "md" | "txt" | "j2" | "jinja") && prompt_name(&version);
        is_prompt.then_some(VersionFile { version, path })
    });
    Ok(files.collect())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, PromptError> {
    let failed = |error| {
        let message = format!("folder `{}` cannot be read", folder.display());
        PromptError::new(message).with_source(error)
    };
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    let paths: Result<Vec<_>, _> = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect();
    paths.map_err(failed)
}

#[async_trait]
impl PromptSource for FilePromptSource {
    fn name(&self) -> &str {
        "files"
    }

    async fn get_prompt(
        &self,
        reference: &PromptReference,
    ) -> Result<Option<StoredPrompt>, PromptError> {
        let reference = reference.clone();
        self.read(move |folder| folder.prompt(&reference)).await
    }

    async fn list_prompts(&self) -> Result<Vec<String>, PromptError> {
        self.read(Folder::names).await
    }
}
