//! A small cache by content.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Remembers values by the content that they were made of, at most so many.
///
/// There are two generations: what is looked up moves to the young one, and when that is full it becomes the old one
/// and the old one is forgotten. So the values that are in use stay, without a list that says when each was used.
#[derive(Debug)]
pub(crate) struct Cache<V> {
    half: usize,
    generations: Mutex<Generations<V>>,
}

#[derive(Debug)]
struct Generations<V> {
    young: HashMap<Key, V>,
    old: HashMap<Key, V>,
}

/// A hash of 128 bits, so that two contents never share one in practice.
pub(crate) type Key = (u64, u64);

/// The key of a content.
pub(crate) fn key(content: &(impl Hash + ?Sized)) -> Key {
    let hash = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        salt.hash(&mut hasher);
        content.hash(&mut hasher);
        hasher.finish()
    };
    (hash(0), hash(1))
}

impl<V: Clone> Cache<V> {
    pub(crate) fn new(capacity: usize) -> Self {
        let generations = Generations {
            young: HashMap::new(),
            old: HashMap::new(),
        };
        Self {
            half: (capacity / 2).max(1),
            generations: Mutex::new(generations),
        }
    }

    pub(crate) fn get(&self, key: Key) -> Option<V> {
        let mut generations = self.lock();
        if let Some(value) = generations.young.get(&key) {
            return Some(value.clone());
        }
        let value = generations.old.remove(&key)?;
        self.put(&mut generations, key, value.clone());
        Some(value)
    }

    pub(crate) fn insert(&self, key: Key, value: V) {
        self.put(&mut self.lock(), key, value);
    }

    fn put(&self, generations: &mut Generations<V>, key: Key, value: V) {
        if generations.young.len() >= self.half {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(key, value);
    }

    fn lock(&self) -> MutexGuard<'_, Generations<V>> {
        // Nothing panics under the lock, and a value is there or not.
        self.generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_there_are_never_more_than_allowed() {
        let cache = Cache::new(10);
        for number in 0..1000 {
            cache.insert(key(&number), number);
            assert_eq!(cache.get(key(&0)), Some(0));
            assert_eq!(cache.get(key(&number)), Some(number));
            let generations = cache.lock();
            assert!(generations.young.len() + generations.old.len() <= 10);
        }
        assert_eq!(cache.get(key(&1)), None);
    }

    #[test]
    fn contents_have_keys_of_their_own() {
        assert_ne!(key("ab"), key("ba"));
        assert_eq!(key("ab"), key(&String::from("ab")));
        assert_ne!(key("ab").0, key("ab").1);
    }
}
