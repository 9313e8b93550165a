//! Choices that are the same in every process.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};

/// Hashes a value without the random keys of the standard library's maps.
pub(crate) fn fixed_hash(value: impl Hash) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(value)
}
