//! The names of a server's tools.

/// The longest name that providers accept.
const MAX: usize = 64;

/// `mcp_{server}_{tool}`, in the letters that providers accept. A name that is not that as it stands, because of a
/// character or of its length, ends with a hash of what it was, so that no two tools of a server share a name.
pub(super) fn tool_name(server: &str, tool: &str) -> String {
    let plain = format!("mcp_{server}_{tool}");
    let is_allowed = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-');
    if plain.len() <= MAX && plain.chars().all(is_allowed) {
        return plain;
    }
    let hash = format!("_{:08x}", hash(&[server, tool]));
    let shown = plain
        .chars()
        .map(|char| if is_allowed(char) { char } else { '_' });
    shown.take(MAX - hash.len()).collect::<String>() + &hash
}

/// FNV-1a, since the name of a tool must be the same tomorrow, and the hashes of the standard library need not be.
pub(super) fn hash(texts: &[&str]) -> u32 {
    let bytes = texts.iter().flat_map(|text| text.bytes().chain([0xff]));
    bytes.fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_fits_stays() {
        assert_eq!(tool_name("files", "read-file"), "mcp_files_read-file");
        let longest = "x".repeat(MAX - "mcp_s_".len());
        assert_eq!(tool_name("s", &longest), format!("mcp_s_{longest}"));
    }

    #[test]
    fn other_names_are_made_to_fit_and_stay_apart() {
        assert_eq!(tool_name("s", "a.b"), "mcp_s_a_b_98a38127");
        let names: std::collections::BTreeSet<_> = ["a.b", "a_b", "a/b", "ä", "ö", "", "a b"]
            .map(|tool| tool_name("s", tool))
            .into();
        assert_eq!(names.len(), 7, "{names:?}");
        let long = |end: &str| tool_name("server", &("x".repeat(100) + end));
        assert!(long("1") != long("2") && long("1").len() == MAX);
        assert_ne!(tool_name("a.", "b"), tool_name("a", ".b"));
    }
}
