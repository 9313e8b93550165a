//! Attributes of a file besides its content and mode: owner and group, access list, and extended attributes.

use std::io;

use cap_std::fs::File;
use rustix::fs::{Gid, Uid, fchown, fstat};

/// Gives a file what another one has.
///
/// # Errors
///
/// Something of it may not be given, such as a foreign owner.
pub(crate) fn copy(from: &File, to: &File) -> io::Result<()> {
    let (from_stat, to_stat) = (fstat(from)?, fstat(to)?);
    let owner = (from_stat.st_uid != to_stat.st_uid).then(|| Uid::from_raw(from_stat.st_uid));
    let group = (from_stat.st_gid != to_stat.st_gid).then(|| Gid::from_raw(from_stat.st_gid));
    if owner.is_some() || group.is_some() {
        fchown(to, owner, group)?;
    }
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    extended::copy(from, to)?;
    Ok(())
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
mod extended {
    use cap_std::fs::File;
    use rustix::fs::{
        XattrFlags, fgetxattr, fgetxattr_query, flistxattr, flistxattr_query, fremovexattr,
        fsetxattr,
    };
    use rustix::io::{Errno, Result};

    /// The access list, which a new file may have from its directory.
    const ACCESS_LIST: &[u8] = b"system.posix_acl_access";

    /// Attributes that speak of the content, which is another. The kernel takes them away as well when a file is
    /// written.
    const OF_CONTENT: [&[u8]; 3] = [b"security.capability", b"security.ima", b"security.evm"];

    pub(super) fn copy(from: &File, to: &File) -> Result<()> {
        let (wanted, there) = (names(from)?, names(to)?);
        let is_list = |name: &Vec<u8>| name == ACCESS_LIST;
        if there.iter().any(is_list) && !wanted.iter().any(is_list) {
            fremovexattr(to, ACCESS_LIST)?;
        }
        for name in wanted {
            if OF_CONTENT.contains(&&*name) {
                continue;
            }
            let value = value(from, &name)?;
            if !there.contains(&name) || self::value(to, &name)? != value {
                fsetxattr(to, &*name, &value, XattrFlags::empty())?;
            }
        }
        Ok(())
    }

    fn names(file: &File) -> Result<Vec<Vec<u8>>> {
        let list = || {
            let mut list = vec![0; flistxattr_query(file)?];
            let length = flistxattr(file, &mut *list)?;
            list.truncate(length);
            Ok(list)
        };
        let list = match list() {
            Err(Errno::NOTSUP | Errno::NOSYS) => Vec::new(), // this file system has none
            list => list?,
        };
        let names = list
            .split(|byte| *byte == 0)
            .filter(|name| !name.is_empty());
        Ok(names.map(<[u8]>::to_vec).collect())
    }

    fn value(file: &File, name: &[u8]) -> Result<Vec<u8>> {
        let mut value = vec![0; fgetxattr_query(file, name)?];
        let length = fgetxattr(file, name, &mut *value)?;
        value.truncate(length);
        Ok(value)
    }
}
