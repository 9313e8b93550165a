//! Liveness of processes on the same machine, so that nobody waits for the leases of one that has ended.
//!
//! On Linux. Elsewhere processes have no marks, and none is known to have ended.

/// Returns this process in words by which others on the same machine know it; none where they could not see it.
///
/// On Linux these are the boot of the machine, the process's namespace, its number and when it started, since a number
/// alone is used again (`proc(5)`).
#[must_use]
#[cfg(target_os = "linux")]
pub fn mark() -> Option<String> {
    let id = std::process::id();
    let started = linux::started(id).ok()??;
    Some(format!("{} {id} {started}", linux::place()?))
}

/// Whether the process of this mark is certain to have ended.
#[must_use]
#[cfg(target_os = "linux")]
pub fn has_ended(mark: &str) -> bool {
    let Some((place, id, started)) = linux::parse(mark) else {
        return false;
    };
    linux::place().is_some_and(|here| here == place)
        && match linux::started(id) {
            Ok(found) => found.is_none_or(|found| found != started),
            Err(error) => error.kind() == std::io::ErrorKind::NotFound && linux::shows_others(),
        }
}

#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn mark() -> Option<String> {
    None
}

#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn has_ended(_mark: &str) -> bool {
    false
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::io;

    /// The boot and process namespace in which process numbers mean the same.
    pub(super) fn place() -> Option<String> {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let namespace = fs::read_link("/proc/self/ns/pid").ok()?;
        Some(format!("linux {} {}", boot.trim(), namespace.display()))
    }

    /// Start of a process in ticks since the boot; none if it has ended and only its parent does not know yet.
    pub(super) fn started(id: u32) -> io::Result<Option<u64>> {
        let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
        // The name, in parentheses, may have anything in it.
        let (_, fields) = stat.rsplit_once(')').unwrap_or_default();
        let mut fields = fields.split_ascii_whitespace();
        let is_over = matches!(fields.next(), Some("Z" | "X" | "x"));
        let started = fields.nth(18).and_then(|field| field.parse().ok());
        match started {
            Some(_) if is_over => Ok(None),
            Some(started) => Ok(Some(started)),
            None => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    /// Whether processes of other users can be seen, so that one that is not seen is not there.
    pub(super) fn shows_others() -> bool {
        fs::exists("/proc/1/stat").unwrap_or_default()
    }

    /// The place, the number and the start of a process.
    pub(super) fn parse(mark: &str) -> Option<(&str, u32, u64)> {
        let (rest, started) = mark.rsplit_once(' ')?;
        let (place, id) = rest.rsplit_once(' ')?;
        Some((place, id.parse().ok()?, started.parse().ok()?))
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_lives_is_told_from_one_that_has_ended() {
        let own = mark().unwrap();
        assert!(!has_ended(&own), "{own}");
        // Another one has the number now.
        assert!(has_ended(&format!("{own}0")));

        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let started = linux::started(child.id()).unwrap().unwrap();
        let mark = format!("{} {} {started}", linux::place().unwrap(), child.id());
        assert!(!has_ended(&mark), "{mark}");
        child.kill().unwrap();
        // Nobody has waited for it yet, and then somebody has.
        while !has_ended(&mark) {
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert!(has_ended(&mark));

        // Of what is elsewhere, nothing is known.
        for unknown in [
            "",
            "linux",
            "linux boot pid:[1] 1 1",
            &mark.replacen(' ', " x", 1),
        ] {
            assert!(!has_ended(unknown), "{unknown}");
        }
    }
}
