//! A list of plug-ins.

use std::fmt;
use std::sync::Arc;

use victor_core::Lock;

/// A list of plug-ins with unique names: highest priority first, and in order of addition where priorities are equal.
///
/// A change makes a new list, so that whoever reads the list holds no lock and sees it unchanged to the end.
///
/// ```
/// use std::sync::Arc;
///
/// use victor_guard::Plugins;
///
/// let plugins: Plugins<str> = Plugins::default();
/// plugins.add("clock", 50, Arc::from("the time"))?;
/// plugins.add("weather", 90, Arc::from("the sky"))?;
/// let names: Vec<_> = plugins.list().iter().map(|plugin| plugin.name().to_owned()).collect();
/// assert_eq!(names, ["weather", "clock"]);
///
/// let error = plugins.add("clock", 10, Arc::from("another one")).unwrap_err();
/// assert_eq!(error.to_string(), "the name `clock` is taken: choose another one");
/// # Ok::<(), victor_guard::NameTaken>(())
/// ```
pub struct Plugins<P: ?Sized>(Lock<Arc<[Plugin<P>]>>);

/// A plug-in in a list, with its name and priority as they were when it was added.
pub struct Plugin<P: ?Sized> {
    name: Arc<str>,
    priority: i32,
    inner: Arc<P>,
}

/// An error: a plug-in of this name is in the list already.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the name `{name}` is taken: choose another one")]
#[non_exhaustive]
pub struct NameTaken {
    /// The name.
    pub name: String,
}

impl<P: ?Sized> Plugins<P> {
    /// Adds a plug-in under its name.
    ///
    /// # Errors
    ///
    /// Another plug-in has that name. The list is unchanged.
    pub fn add(&self, name: &str, priority: i32, plugin: Arc<P>) -> Result<(), NameTaken> {
        let mut list = self.0.lock();
        if find(&list, name).is_some() {
            return Err(NameTaken {
                name: name.to_owned(),
            });
        }
        insert(&mut list, name.into(), priority, plugin);
        Ok(())
    }

    /// Adds a plug-in under `name`, or under `name (2)`, `name (3)` and so on where that is taken. The plug-in is made
    /// with the name that is its own.
    pub fn add_numbered(&self, name: &str, priority: i32, make: impl FnOnce(&str) -> Arc<P>) {
        let mut list = self.0.lock();
        let mut free = name.to_owned();
        let mut number = 1;
        while find(&list, &free).is_some() {
            number += 1;
            free = format!("{name} ({number})");
        }
        let plugin = make(&free);
        insert(&mut list, free.into(), priority, plugin);
    }

    /// Removes the plug-in of a name and returns it, if there is one.
    pub fn remove(&self, name: &str) -> Option<Arc<P>> {
        let mut list = self.0.lock();
        let removed = Arc::clone(&find(&list, name)?.inner);
        *list = (list.iter())
            .filter(|plugin| &*plugin.name != name)
            .cloned()
            .collect();
        Some(removed)
    }

    /// Returns the plug-in of a name, if there is one.
    pub fn get(&self, name: &str) -> Option<Arc<P>> {
        find(&self.0.lock(), name).map(|plugin| Arc::clone(&plugin.inner))
    }

    /// Returns the plug-ins as they are at this moment, in order.
    pub fn list(&self) -> Arc<[Plugin<P>]> {
        Arc::clone(&self.0.lock())
    }
}

fn find<'a, P: ?Sized>(list: &'a [Plugin<P>], name: &str) -> Option<&'a Plugin<P>> {
    list.iter().find(|plugin| &*plugin.name == name)
}

fn insert<P: ?Sized>(list: &mut Arc<[Plugin<P>]>, name: Arc<str>, priority: i32, inner: Arc<P>) {
    let place = list.partition_point(|other| other.priority >= priority);
    let plugin = Plugin {
        name,
        priority,
        inner,
    };
    let (before, after) = list.split_at(place);
    *list = (before.iter().cloned())
        .chain([plugin])
        .chain(after.iter().cloned())
        .collect();
}

impl<P: ?Sized> Plugin<P> {
    /// Its name, which no other plug-in of the list has.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its priority; the highest comes first.
    pub fn priority(&self) -> i32 {
        self.priority
    }

    /// The plug-in itself.
    pub fn inner(&self) -> &Arc<P> {
        &self.inner
    }
}

impl<P: ?Sized> Default for Plugins<P> {
    fn default() -> Self {
        Self(Lock::new(Arc::from([])))
    }
}

impl<P: ?Sized> Clone for Plugin<P> {
    fn clone(&self) -> Self {
        Self {
            name: Arc::clone(&self.name),
            priority: self.priority,
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<P: ?Sized> fmt::Debug for Plugins<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.list().iter()).finish()
    }
}

impl<P: ?Sized> fmt::Debug for Plugin<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin")
            .field("name", &self.name)
            .field("priority", &self.priority)
            .finish_non_exhaustive()
    }
}
