//! Renders prompts from Jinja templates, strictly and within limits.
//!
//! [`MinijinjaRenderer`] implements the extension point
//! [`PromptRenderer`](victor_prompt_protocol::PromptRenderer) with [minijinja], whose language is that of Jinja 2.
//! Templates include and extend others by the names of prompts.
//!
//! ```
//! use std::collections::BTreeMap;
//! use std::sync::Arc;
//!
//! use serde_json::json;
//! use victor_minijinja::MinijinjaRenderer;
//! use victor_minijinja::protocol::{PromptRenderer, PromptTemplate, Rendering};
//!
//! let variables = json!({ "language": "Rust" });
//! let others = BTreeMap::from([("tone".to_owned(), Some(Arc::from("Be kind.")))]);
//! let text = "You review {{ language }} code. {% include 'tone' %}";
//! let template = PromptTemplate::new("review", text, variables.as_object().unwrap(), &others);
//! let rendering = MinijinjaRenderer::default().render(&template)?;
//! let Rendering::Complete { text, .. } = rendering else { panic!("it needs nothing else") };
//! assert_eq!(text, "You review Rust code. Be kind.");
//!
//! let template = PromptTemplate::new("review", "{{ langauge }}", variables.as_object().unwrap(), &others);
//! let error = MinijinjaRenderer::default().render(&template).unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     "template `review`, line 1, column 4: unknown variable `langauge`, did you mean `language`? Known are `language`"
//! );
//! # Ok::<(), victor_minijinja::protocol::PromptError>(())
//! ```
//!
//! A prompt coordinator is given it as `PromptCoordinator::builder().renderer(MinijinjaRenderer::default())`.
//!
//! # Strictness
//!
//! A variable that there is not is an error, which names the template, the line, the column and the closest variable.
//! `{% if x is defined %}` and the filter `default` are for variables that may be missing. Nothing is escaped, since a
//! prompt is no HTML. A line that holds nothing but a block leaves nothing in the text.
//!
//! # Limits
//!
//! A template may come from a stranger: it reads no files, and [`RenderOptions`] bounds its work and its text.
//! Templates that include or extend each other in a circle are an error that names the circle.
//!
//! [minijinja]: https://docs.rs/minijinja

mod error;
mod options;
mod renderer;
mod variables;

#[doc(no_inline)]
pub use victor_core as core;
#[doc(no_inline)]
pub use victor_prompt_protocol as protocol;

pub use options::RenderOptions;
pub use renderer::MinijinjaRenderer;
