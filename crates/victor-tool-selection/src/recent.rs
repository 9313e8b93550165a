//! A map that forgets.

use std::collections::HashMap;
use std::hash::Hash;

/// A map that holds a limited number of values, and forgets those that were not asked for longest.
///
/// There are two generations: what is asked for moves to the young one, and when that is full it becomes the old one and
/// the old one is forgotten. So what is in use stays, without a list that says when each was used.
#[derive(Debug)]
pub(crate) struct Recent<K, V> {
    half: usize,
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Clone + Eq + Hash, V> Recent<K, V> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            half: (capacity / 2).max(1),
            young: HashMap::new(),
            old: HashMap::new(),
        }
    }

    pub(crate) fn get(&mut self, key: &K) -> Option<&mut V> {
        if !self.young.contains_key(key) {
            let (key, value) = self.old.remove_entry(key)?;
            self.insert(key, value);
        }
        self.young.get_mut(key)
    }

    /// The value of a key, which counts as not having been asked for.
    pub(crate) fn peek(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// Makes room, so that none of the last `count` values that were inserted is forgotten.
    pub(crate) fn reserve(&mut self, count: usize) {
        self.half = self.half.max(count);
    }

    pub(crate) fn get_or_default(&mut self, key: &K) -> &mut V
    where
        V: Default,
    {
        if self.get(key).is_none() {
            self.insert(key.clone(), V::default());
        }
        self.young.entry(key.clone()).or_default()
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        if self.young.len() >= self.half {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        self.young.remove(key).or_else(|| self.old.remove(key))
    }
}

#[cfg(test)]
mod tests {
    use super::Recent;

    #[test]
    fn what_is_used_stays_and_there_are_never_more_than_allowed() {
        let mut recent = Recent::new(10);
        for number in 0..1000 {
            *recent.get_or_default(&number) = number;
            assert_eq!(recent.get(&0), Some(&mut 0));
            assert_eq!(recent.get(&number), Some(&mut { number }));
            assert!(recent.young.len() + recent.old.len() <= 10);
        }
        assert_eq!(recent.get(&1), None);
        assert_eq!(recent.remove(&0), Some(0));
        assert_eq!(recent.get(&0), None);
    }

    #[test]
    fn as_many_are_kept_as_there_is_room_made_for() {
        let mut recent = Recent::new(10);
        recent.reserve(100);
        for number in 0..1000_u32 {
            recent.insert(number, number);
            let last = number.saturating_sub(99);
            assert_eq!(recent.peek(&last), Some(&last));
        }
        assert_eq!(recent.peek(&1), None);
    }
}
