//! Files of datasets.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;
use victor_evaluation_protocol::{Dataset, EvalCase, InvalidDataset};

use crate::record::case_of;
use crate::{csv, promptfoo, pydantic, yaml};

/// The largest file that is read, in bytes: 256 MiB.
const MAX_BYTES: u64 = 256 << 20;

/// The form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// A case in each line, as JSON. Empty lines are passed over.
    JsonLines,
    /// A list of cases, as JSON.
    Json,
    /// A case in each row, behind a header.
    Csv,
    /// A list of cases, or the file of pydantic-evals or promptfoo, as YAML.
    Yaml,
}

/// A dataset that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// The file cannot be read.
    #[error("`{}` cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// The name of the file tells no form.
    #[error("`{}` has no form that is known: name it .jsonl, .json, .csv, .yaml or .yml", path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// Parts of the file are no cases.
    #[error(transparent)]
    Invalid(#[from] InvalidDataset),
}

impl Format {
    /// The form of a file by its name.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        Some(match extension.as_str() {
            "jsonl" | "ndjson" => Self::JsonLines,
            "json" => Self::Json,
            "csv" => Self::Csv,
            "yaml" | "yml" => Self::Yaml,
            _ => return None,
        })
    }
}

/// Reads the dataset of a file. Its name is that of the file without its extension.
///
/// # Errors
///
/// The file cannot be read, is larger than 256 MiB, has a name that tells no form, or has parts that are no cases: all of
/// these are named, with their lines.
pub fn read_dataset(path: impl AsRef<Path>) -> Result<Dataset, DatasetError> {
    let path = path.as_ref();
    let failed = |source| DatasetError::Read {
        path: path.to_owned(),
        source,
    };
    let format = Format::of(path).ok_or_else(|| DatasetError::UnknownFormat {
        path: path.to_owned(),
    })?;
    if fs::metadata(path).map_err(failed)?.len() > MAX_BYTES {
        return Err(failed(io::Error::other(
            "it is larger than 256 MiB: split it",
        )));
    }
    let text = fs::read_to_string(path).map_err(failed)?;
    let name = path.file_stem().map(|name| name.to_string_lossy());
    parse_dataset(&name.unwrap_or_default(), &text, format)
}

/// Reads a dataset from a text.
///
/// # Errors
///
/// Parts of the text are no cases: all of these are named, with their lines.
pub fn parse_dataset(name: &str, text: &str, format: Format) -> Result<Dataset, DatasetError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut cases = Cases::default();
    match format {
        Format::JsonLines => {
            for (line, text) in (1..)
                .zip(text.lines())
                .filter(|(_, text)| !text.trim().is_empty())
            {
                let value = serde_json::from_str(text).map_err(|error| error.to_string());
                cases.push(
                    &format!("line {line}"),
                    value.and_then(|value| case_of(value, &line.to_string())),
                );
            }
        }
        Format::Json => {
            let value = serde_json::from_str(text).map_err(|error| invalid(error.to_string()))?;
            cases.push_list(value)?;
        }
        Format::Csv => csv::read(text, &mut cases),
        Format::Yaml => {
            let value = yaml::parse(text).map_err(invalid)?;
            match &value {
                Value::Object(file) if file.contains_key("cases") => {
                    pydantic::read(file, &mut cases);
                }
                Value::Object(file)
                    if file.contains_key("tests") || file.contains_key("prompts") =>
                {
                    promptfoo::read(file, &mut cases);
                }
                _ => cases.push_list(value)?,
            }
        }
    }
    let Cases { cases, problems } = cases;
    if !problems.is_empty() {
        return Err(InvalidDataset::new(problems).into());
    }
    Ok(Dataset::new(name, cases)?)
}

/// Cases and problems in the order of a file.
#[derive(Default)]
pub(crate) struct Cases {
    cases: Vec<EvalCase>,
    problems: Vec<String>,
}

impl Cases {
    /// Takes a case, or what is wrong with it.
    pub(crate) fn push(&mut self, place: &str, case: Result<EvalCase, String>) {
        match case {
            Ok(case) => self.cases.push(case),
            Err(problem) => self.problem(place, &problem),
        }
    }

    pub(crate) fn problem(&mut self, place: &str, problem: &str) {
        self.problems.push(format!("{place}: {problem}"));
    }

    fn push_list(&mut self, value: Value) -> Result<(), DatasetError> {
        let Value::Array(list) = value else {
            let known =
                "a list of cases, `cases` of pydantic-evals, or `prompts` and `tests` of promptfoo";
            return Err(invalid(format!(
                "the file holds no cases: expected {known}"
            )));
        };
        for (number, value) in (1..).zip(list) {
            self.push(
                &format!("case {number}"),
                case_of(value, &number.to_string()),
            );
        }
        Ok(())
    }
}

fn invalid(problem: impl Into<String>) -> DatasetError {
    InvalidDataset::new(vec![problem.into()]).into()
}
