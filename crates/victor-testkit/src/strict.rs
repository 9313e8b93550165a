//! Demands of the strictest servers on a request, as functions that return the faults of a body.
//!
//! There is one function for each dialect. A rule is in it if a server or a chat template is known to answer with
//! status 400 where it is broken, so that a body without a problem is accepted by all of them.
//!
//! ```
//! use serde_json::json;
//! use victor_testkit::strict;
//!
//! let message = |role: &str| json!({"role": role, "content": "a"});
//! let body = json!({"model": "m", "messages": [message("user"), message("user")]});
//! let problems = strict::chat_completions(&body).unwrap_err();
//! assert_eq!(problems, ["messages[1]: the user speaks where the model should"]);
//! ```

mod chat_completions;
mod messages;
mod report;
mod responses;

pub use chat_completions::chat_completions;
pub use messages::messages;
pub use responses::responses;
