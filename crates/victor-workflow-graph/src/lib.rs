//! Draws the definition of a workflow, as Mermaid for documents and as SVG.
//!
//! [`mermaid`] returns a flowchart that GitHub, GitLab and most editors draw where it stands in Markdown. [`svg`] returns
//! a picture that needs nothing else: it follows the light or dark scheme of whoever looks at it, and has no script.
//!
//! ```
//! use victor_workflow_graph::{mermaid, svg};
//! use victor_workflow_protocol::{Step, Workflow};
//!
//! let workflow = Workflow::new("release", [
//!     Step::call("build", "build", "{{ input.name }}"),
//!     Step::approval("ok", "Ship {{ steps.build.artifact }}?"),
//!     Step::branch("route", [("steps.ok.approved", "ship")], None),
//!     Step::call("ship", "ship", "{{ steps.build }}"),
//! ]);
//! assert!(mermaid(&workflow).contains(r#"n2 -->|"steps.ok.approved"| n3"#));
//! assert!(svg(&workflow).starts_with("<svg"));
//! ```
//!
//! The layers of the picture are laid out by [`rust_sugiyama`].

mod diagram;
mod layout;
mod mermaid;
mod svg;

pub use mermaid::mermaid;
pub use svg::svg;
#[doc(no_inline)]
pub use victor_workflow_protocol as protocol;
