//! Names and order of plug-ins.

use std::sync::Arc;

use victor_guard::Plugins;

/// The names in order, with the number that each plug-in is.
#[track_caller]
fn check(plugins: &Plugins<i32>, expected: &[(&str, i32)]) {
    let list = plugins.list();
    let found: Vec<_> = (list.iter())
        .map(|plugin| (plugin.name(), **plugin.inner()))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn the_highest_priority_comes_first_and_equal_ones_as_they_were_added() {
    let plugins = Plugins::default();
    for (name, priority, number) in [("a", 50, 1), ("b", 90, 2), ("c", 50, 3), ("d", -5, 4)] {
        plugins.add(name, priority, Arc::new(number)).unwrap();
    }
    check(&plugins, &[("b", 2), ("a", 1), ("c", 3), ("d", 4)]);
    assert_eq!(plugins.list()[0].priority(), 90);
    assert_eq!(plugins.get("c").as_deref(), Some(&3));
    assert_eq!(plugins.get("e"), None);
}

#[test]
fn a_name_that_is_taken_is_an_error_or_gets_a_number() {
    let plugins = Plugins::default();
    plugins.add("x", 50, Arc::new(1)).unwrap();
    assert_eq!(plugins.add("x", 90, Arc::new(2)).unwrap_err().name, "x");
    check(&plugins, &[("x", 1)]);

    for number in [2, 3] {
        plugins.add_numbered("x", 50, |name| {
            assert_eq!(name, format!("x ({number})"));
            Arc::new(number)
        });
    }
    check(&plugins, &[("x", 1), ("x (2)", 2), ("x (3)", 3)]);
    // A number that has become free is given again.
    assert_eq!(plugins.remove("x (2)").as_deref(), Some(&2));
    plugins.add_numbered("x", 50, |_| Arc::new(4));
    check(&plugins, &[("x", 1), ("x (3)", 3), ("x (2)", 4)]);
}

#[test]
fn a_list_that_is_being_read_does_not_change() {
    let plugins = Plugins::default();
    plugins.add("a", 50, Arc::new(1)).unwrap();
    let before = plugins.list();
    plugins.add("b", 60, Arc::new(2)).unwrap();
    assert_eq!(plugins.remove("a").as_deref(), Some(&1));
    assert_eq!(plugins.remove("a"), None);
    assert_eq!((before.len(), before[0].name()), (1, "a"));
    check(&plugins, &[("b", 2)]);
}
