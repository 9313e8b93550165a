//! A map that forgets.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::mem;

/// A map of limited size that keeps the values used last.
///
/// It has two generations. A value that is looked up or inserted moves to the young one; when that is full it becomes
/// the old one, and what was in the old one is forgotten. So values in use stay, and nothing has to be sorted or
/// searched: at least the last half of the capacity is kept, and never more than the capacity.
///
/// ```
/// use victor_core::RecentMap;
///
/// let mut squares = RecentMap::new(4);
/// for number in 0..100 {
///     squares.insert(number, number * number);
///     assert_eq!(squares.get(&0), Some(&mut 0)); // in use, so it stays
/// }
/// assert_eq!(squares.get(&99), Some(&mut 9801));
/// assert_eq!(squares.get(&50), None);
/// ```
#[derive(Debug, Clone)]
pub struct RecentMap<K, V> {
    half: usize,
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Clone + Eq + Hash, V> RecentMap<K, V> {
    /// Creates a map of at most `capacity` values, and at least two.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            half: (capacity / 2).max(1),
            young: HashMap::new(),
            old: HashMap::new(),
        }
    }

    /// Returns the value of a key, which counts as used.
    pub fn get<Q>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        if !self.young.contains_key(key) {
            let (key, value) = self.old.remove_entry(key)?;
            self.insert(key, value);
        }
        self.young.get_mut(key)
    }

    /// Returns the value of a key, which does not count as used.
    #[must_use]
    pub fn peek<Q>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// Returns the value of a key, which counts as used. It is made if there is none.
    #[expect(clippy::missing_panics_doc, reason = "it is there")]
    pub fn get_or_default(&mut self, key: &K) -> &mut V
    where
        V: Default,
    {
        // A key that is there is not copied.
        if !self.young.contains_key(key) {
            let known = self.old.remove_entry(key);
            let (key, value) = known.unwrap_or_else(|| (key.clone(), V::default()));
            self.insert(key, value);
        }
        self.young.get_mut(key).expect("it was there, or is now")
    }

    /// Sets the value of a key.
    pub fn insert(&mut self, key: K, value: V) {
        drop(self.make_room_for(&key));
        self.old.remove(&key);
        self.young.insert(key, value);
    }

    /// Removes and returns the value of a key.
    pub fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.young.remove(key).or_else(|| self.old.remove(key))
    }

    /// Makes room for the next use of `key`, and returns what is forgotten for it.
    ///
    /// It is called by the other methods. Call it before them where values take long to drop and the map is behind a
    /// lock: then the values can be dropped when the lock is free again.
    pub fn make_room_for(&mut self, key: &K) -> HashMap<K, V> {
        if self.young.len() < self.half || self.young.contains_key(key) {
            return HashMap::new();
        }
        let in_use = self.old.remove_entry(key);
        let full = mem::take(&mut self.young);
        self.young.extend(in_use);
        mem::replace(&mut self.old, full)
    }

    /// Raises the capacity, so that none of the last `count` values that were inserted is forgotten.
    pub fn reserve(&mut self, count: usize) {
        self.half = self.half.max(count);
    }

    /// Returns the number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// Returns whether there are no values.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::RecentMap;

    #[test]
    fn what_is_used_stays_and_there_are_never_more_than_allowed() {
        let mut recent = RecentMap::new(10);
        for number in 0..1000 {
            *recent.get_or_default(&number) = number;
            assert_eq!(recent.get(&0), Some(&mut 0));
            assert_eq!(recent.get(&number), Some(&mut { number }));
            assert!(recent.len() <= 10);
        }
        assert_eq!(recent.get(&1), None);
        assert_eq!(recent.remove(&0), Some(0));
        assert_eq!(recent.get(&0), None);
    }

    #[test]
    fn as_many_are_kept_as_there_is_room_made_for() {
        let mut recent = RecentMap::new(10);
        recent.reserve(100);
        for number in 0..1000_u32 {
            recent.insert(number, number);
            let last = number.saturating_sub(99);
            assert_eq!(recent.peek(&last), Some(&last));
        }
        assert_eq!(recent.peek(&1), None);
    }

    #[test]
    fn a_value_is_there_once() {
        let mut recent = RecentMap::new(4);
        for number in 0..3 {
            recent.insert(number, "first");
        }
        recent.insert(0, "second");
        assert_eq!(recent.len(), 3);
        assert_eq!(recent.remove(&0), Some("second"));
        assert_eq!(recent.peek(&0), None);
    }

    #[test]
    fn room_is_made_once_and_not_at_the_cost_of_the_key() {
        let mut recent = RecentMap::new(2);
        recent.insert("a", 1);
        recent.insert("b", 2);
        assert!(recent.make_room_for(&"b").is_empty());
        assert!(recent.make_room_for(&"a").is_empty());
        assert_eq!(recent.get("a"), Some(&mut 1));
        assert_eq!(
            recent.make_room_for(&"c").into_values().collect::<Vec<_>>(),
            [2]
        );
        assert!(recent.make_room_for(&"c").is_empty());
        recent.insert("c", 3);
        assert_eq!((recent.peek("a"), recent.len()), (Some(&1), 2));
    }

    #[test]
    fn there_is_always_room_for_one() {
        for capacity in [0, 1] {
            let mut recent = RecentMap::new(capacity);
            recent.insert("a", 1);
            assert_eq!(recent.get("a"), Some(&mut 1));
        }
    }
}
