//! Exporters that come with the crate, and decorators around any exporter.

mod batch;
mod blocking;
mod console;
mod filter;
mod json_lines;
mod numbers;
mod part;
mod redact;
mod tee;

pub use batch::BatchExporter;
pub use console::ConsoleExporter;
pub use filter::FilterExporter;
pub use json_lines::JsonLinesExporter;
pub use redact::{PatternError, RedactExporter, Redactor};
pub use tee::TeeExporter;
