//! A mutex that outlives a panic.

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// A mutex without poison: after a panic of one holder, the next one gets the value as it was left.
///
/// Victor contains panics of foreign code and goes on, so a poisoned mutex would turn one failed call into the failure
/// of every later one. It is right where each change under the lock is whole at every point that may panic; where a
/// change takes several steps, use [`std::sync::Mutex`].
///
/// ```
/// use victor_core::Lock;
///
/// let turns = Lock::new(0);
/// *turns.lock() += 1;
/// assert_eq!(turns.into_inner(), 1);
/// ```
#[derive(Debug, Default)]
pub struct Lock<T: ?Sized>(Mutex<T>);

impl<T> Lock<T> {
    /// Guards `value`.
    pub const fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    /// Returns the value; nobody else can hold it any more.
    pub fn into_inner(self) -> T {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: ?Sized> Lock<T> {
    /// Waits for the lock, and holds it until the guard is dropped. Do not hold it across an await point.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the value without locking; the exclusive borrow proves that nobody holds it.
    pub fn get_mut(&mut self) -> &mut T {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A lock for many readers or one writer, without poison; the counterpart of [`Lock`] for what is read far more often
/// than it is written.
#[derive(Debug, Default)]
pub struct SharedLock<T: ?Sized>(RwLock<T>);

impl<T> SharedLock<T> {
    /// Guards `value`.
    pub const fn new(value: T) -> Self {
        Self(RwLock::new(value))
    }
}

impl<T: ?Sized> SharedLock<T> {
    /// Waits until nobody writes. Do not hold the guard across an await point.
    pub fn read(&self) -> RwLockReadGuard<'_, T> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nobody reads or writes. Do not hold the guard across an await point.
    pub fn write(&self) -> RwLockWriteGuard<'_, T> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contain_sync;

    #[test]
    fn a_panic_of_a_holder_leaves_the_value() {
        let mut numbers = Lock::new(vec![1]);
        let panicked = contain_sync(|| {
            numbers.lock().push(2);
            let _guard = numbers.lock();
            panic!("while it is held");
        });
        assert!(panicked.is_err());
        numbers.lock().push(3);
        assert_eq!(numbers.get_mut(), &[1, 2, 3]);
        assert_eq!(numbers.into_inner(), [1, 2, 3]);
    }

    #[test]
    fn a_panic_of_a_writer_leaves_the_value_to_readers_and_writers() {
        let numbers = SharedLock::new(vec![1]);
        let panicked = contain_sync(|| {
            let mut numbers = numbers.write();
            numbers.push(2);
            panic!("while it is held");
        });
        assert!(panicked.is_err());
        assert_eq!(*numbers.read(), [1, 2]);
        numbers.write().push(3);
        assert_eq!(*numbers.read(), [1, 2, 3]);
    }
}
