//! Datasets read from files, also those of other tools.
//!
//! [`read_dataset`] tells the form by the name of the file, and the tool by its fields:
//!
//! | file | form |
//! |---|---|
//! | `.jsonl` | a case in each line: ours ([`EvalCase`]), or `input` and `target` as inspect-ai has them |
//! | `.json` | a list of such cases |
//! | `.csv` | a header with `input`, and `target`, `id`, `group`, `tags`; further columns are metadata |
//! | `.yaml`, `.yml` | a list of cases, or `cases` of pydantic-evals, or `prompts` and `tests` of promptfoo |
//!
//! Every broken line is told at once, with its number.
//!
//! ```
//! use victor_evaluation_formats::{Format, parse_dataset};
//!
//! let text = "{\"input\": \"2 + 2?\", \"target\": \"4\"}\n{\"input\": \"3 + 3?\", \"target\": [\"6\", \"six\"]}\n";
//! let dataset = parse_dataset("sums", text, Format::JsonLines)?;
//! assert_eq!(dataset.cases()[1].expected.text, ["6", "six"]);
//! # Ok::<(), victor_evaluation_formats::DatasetError>(())
//! ```
//!
//! [`EvalCase`]: victor_evaluation_protocol::EvalCase

mod csv;
mod dataset;
mod promptfoo;
mod pydantic;
mod record;
mod template;
mod yaml;

pub use dataset::{DatasetError, Format, parse_dataset, read_dataset};
#[doc(no_inline)]
pub use victor_evaluation_protocol as protocol;
