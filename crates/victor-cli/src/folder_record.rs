//! Records about folders, such as approvals and trust, each in a file of the data folder.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Returns the path of the record of this kind about `folder`; `None` if the data folder lies in `folder`, where those
/// who are judged could write it.
pub(crate) fn path(data: &Path, folder: &Path, kind: &str) -> io::Result<Option<PathBuf>> {
    let data = std::path::absolute(data)?;
    // The data folder may not exist yet, and its path may lead through links.
    let real = data.ancestors().find_map(|path| path.canonicalize().ok());
    if real.is_none_or(|real| real.starts_with(folder)) || data.starts_with(folder) {
        return Ok(None);
    }
    let digest = hmac_sha256::Hash::hash(folder.as_os_str().as_encoded_bytes());
    let name: String = digest[..16].iter().map(|b| format!("{b:02x}")).collect();
    Ok(Some(data.join(kind).join(format!("{name}.json"))))
}

/// Replaces a file atomically; only its owner may read it.
pub(crate) fn write(file: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let part = file.with_extension(format!("{}.part", std::process::id()));
    let mut options = fs::File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&part).and_then(|mut part| {
        part.write_all(bytes)?;
        part.sync_all()
    });
    let renamed = written.and_then(|()| fs::rename(&part, file));
    if renamed.is_err() {
        let _ = fs::remove_file(&part); // there may be none
    }
    renamed
}
