//! Child processes that end with the program, however it ends, and secrets that are not passed on.
//!
//! An agent starts commands and servers that start others. [`ProcessGroup`] ends all of them together: when it is
//! dropped, and also when the program ends without a chance to drop anything.
//!
//! ```
//! use tokio::process::Command;
//! use victor_process::ProcessGroup;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let mut command = Command::new("sh");
//! command.args(["-c", "sleep 600 & echo started"]);
//! let (mut child, group) = ProcessGroup::spawn(&mut command)?;
//! assert!(child.wait().await?.success());
//! group.kill_rest(); // the `sleep`
//! # Ok(())
//! # }
//! ```
//!
//! # When the program is killed
//!
//! On Unix a small watcher, a `sh` of a few hundred KiB, is started with the first group. It reads from a pipe whose
//! other end only this program holds. The system closes that end however the program ends: a signal that nobody
//! handles, `kill -9`, the lack of memory, [`std::process::exit`]. The watcher then asks the groups that are left to
//! end (`SIGTERM`), and kills them half a second later. It costs about 2 ms once, and three short writes for each
//! group.
//!
//! The system's own way on Linux, `PR_SET_PDEATHSIG`, is not used: it reaches the direct child alone, and fires when
//! the *thread* ends that has started it, which is any thread of a pool.
//!
//! # Secrets
//!
//! [`is_secret`] tells by name and by value which environment variables hold secrets. [`Secrets`] are those that the
//! program knows, and takes them out of texts.

mod group;
#[cfg(target_os = "linux")]
mod linux;
mod secret;
mod secrets;
#[cfg(unix)]
mod watcher;

pub use group::ProcessGroup;
pub use secret::{has_secret, is_secret, is_secret_name, looks_like_key, without_logins};
pub use secrets::Secrets;
