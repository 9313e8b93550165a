//! The key of a content in a cache.

use std::hash::{DefaultHasher, Hash, Hasher};

/// A hash of 128 bits, so that two contents never share one in practice.
pub(crate) type ContentKey = (u64, u64);

/// Returns the key of a content.
pub(crate) fn content_key(content: &(impl Hash + ?Sized)) -> ContentKey {
    let hash = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        salt.hash(&mut hasher);
        content.hash(&mut hasher);
        hasher.finish()
    };
    (hash(0), hash(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_content_has_its_own_key() {
        assert_ne!(content_key("ab"), content_key("ba"));
        assert_eq!(content_key("ab"), content_key(&String::from("ab")));
        assert_ne!(content_key("ab").0, content_key("ab").1);
    }
}
