//! Runs in the data folder.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use victor_evaluation::protocol::EvaluationRun;
use victor_orchestrator::core::UnknownName;

use crate::data::DataArgs;
use crate::exit::Failure;
use crate::folder_record;

/// The folder of the runs: `NAME.json` when one has ended, and `NAME.jsonl` with the trials of one that has begun.
#[derive(Debug)]
pub(super) struct Runs(PathBuf);

/// Checks the name of a run, which is that of a file.
pub(super) fn name(text: &str) -> Result<String, String> {
    let is_fine = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if text.is_empty() || text.starts_with('.') || text.len() > 100 || !text.chars().all(is_fine) {
        return Err(
            "write at most 100 letters, digits, `-`, `_` and `.`, and no `.` first".to_owned(),
        );
    }
    Ok(text.to_owned())
}

/// Returns the name of a run that was given none.
pub(super) fn default_name(dataset: &str, word: &str) -> String {
    let dataset = dataset
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' });
    let dataset: String = dataset.take(40).collect();
    format!(
        "{}-{word}",
        if dataset.is_empty() { "run" } else { &dataset }
    )
}

impl Runs {
    pub(super) fn new(data: &DataArgs) -> anyhow::Result<Self> {
        Ok(Self(data.path()?.join("evaluations")))
    }

    /// Returns the file of the trials of a run, and creates its folder.
    pub(super) fn log(&self, name: &str) -> anyhow::Result<PathBuf> {
        fs::create_dir_all(&self.0)
            .with_context(|| format!("`{}` cannot be created", self.0.display()))?;
        Ok(self.0.join(format!("{name}.jsonl")))
    }

    pub(super) fn write(&self, run: &EvaluationRun) -> anyhow::Result<()> {
        let path = self.0.join(format!("{}.json", run.name));
        let bytes = serde_json::to_vec(run)?;
        folder_record::write(&path, &bytes)
            .with_context(|| format!("`{}` cannot be written", path.display()))
    }

    /// Reads a run by its name or its file.
    pub(super) fn read(&self, run: &str) -> Result<EvaluationRun, Failure> {
        let stored = self.0.join(format!("{run}.json"));
        let path = if stored.is_file() {
            stored
        } else {
            PathBuf::from(run)
        };
        if !path.is_file() {
            return Err(Failure::usage(UnknownName::new("run", run, self.names()?)));
        }
        let text =
            fs::read(&path).with_context(|| format!("`{}` cannot be read", path.display()))?;
        let parsed = serde_json::from_slice(&text);
        Ok(parsed.with_context(|| format!("`{}` holds no run", path.display()))?)
    }

    /// Returns the names of the runs that have ended, in alphabetical order.
    pub(super) fn names(&self) -> anyhow::Result<Vec<String>> {
        let Ok(files) = fs::read_dir(&self.0) else {
            return Ok(Vec::new());
        };
        let mut names = Vec::new();
        for file in files {
            let path = file?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                names.extend(
                    path.file_stem()
                        .map(Path::new)
                        .map(|name| name.display().to_string()),
                );
            }
        }
        names.sort();
        Ok(names)
    }
}
