//! A browser for pages and pictures.

use std::path::PathBuf;

/// Returns the place of Chromium, for tests that have a page or a picture seen by a browser; `None` where it is not
/// installed, which is said on stderr.
///
/// # Panics
///
/// It is not installed, and `CI` is set: nothing may be passed over there.
#[must_use]
pub fn browser() -> Option<PathBuf> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let mut all = std::env::split_paths(&paths).map(|folder| folder.join("chromium"));
    let found = all.find(|path| path.is_file());
    if found.is_none() {
        let advice = "install chromium to have what is drawn seen by a browser";
        assert!(std::env::var_os("CI").is_none(), "{advice}");
        #[expect(clippy::print_stderr, reason = "whoever runs the tests is to see it")]
        {
            eprintln!("SKIPPED: {advice}");
        }
    }
    found
}
