//! The measures of a run, and which a budget may ask for in vain.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};

/// Measures by name. Times are in nanoseconds.
pub(crate) type Values = BTreeMap<String, f64>;

/// The measures of a run, and those that it has left out. The group of a measure is its name up to the first slash.
#[derive(Debug, Default)]
pub(crate) struct Measures {
    values: Values,
    /// The groups of which nothing was left out.
    whole: BTreeSet<String>,
    left_out: BTreeSet<String>,
    others_left_out: bool,
}

impl Measures {
    /// Adds measures of groups that may have more.
    pub(crate) fn add(&mut self, values: Values) -> Result<()> {
        for (name, value) in values {
            ensure!(value.is_finite(), "measure `{name}` is {value}");
            let before = self.values.insert(name.clone(), value);
            ensure!(before.is_none(), "measure `{name}` was taken twice");
        }
        Ok(())
    }

    /// Adds measures that are all of their groups.
    pub(crate) fn add_group(&mut self, values: Values) -> Result<()> {
        let groups = values.keys().map(|name| group(name).to_owned());
        self.whole.extend(groups);
        self.add(values)
    }

    /// Notes that a group is left out.
    pub(crate) fn leave_out(&mut self, group: &str) {
        self.left_out.insert(group.to_owned());
    }

    /// Notes that every group may have more measures that are left out, but those that are added
    /// as a whole.
    pub(crate) fn leave_out_others(&mut self) {
        self.others_left_out = true;
    }

    /// Whether a measure that is not here would be here in a run that leaves nothing out, as far as
    /// this run can tell.
    pub(crate) fn may_lack(&self, name: &str) -> bool {
        let group = group(name);
        self.left_out.contains(group) || self.others_left_out && !self.whole.contains(group)
    }

    pub(crate) fn values(&self) -> &Values {
        &self.values
    }

    pub(crate) fn into_values(self) -> Values {
        self.values
    }
}

fn group(name: &str) -> &str {
    name.split('/').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::{Measures, Values};

    fn one(name: &str, value: f64) -> Values {
        Values::from([(name.to_owned(), value)])
    }

    #[test]
    fn a_measure_is_a_number_and_taken_once() {
        let mut measures = Measures::default();
        measures.add(one("a/1", 1.0)).expect("a measure");
        let twice = measures.add(one("a/1", 1.0)).expect_err("it is there");
        assert_eq!(twice.to_string(), "measure `a/1` was taken twice");
        let odd = measures.add(one("a/2", f64::NAN)).expect_err("no number");
        assert_eq!(odd.to_string(), "measure `a/2` is NaN");
    }

    #[test]
    fn only_what_was_left_out_may_be_missing() {
        let mut measures = Measures::default();
        measures.add_group(one("a/1", 1.0)).expect("a measure");
        measures.add(one("b/1", 1.0)).expect("a measure");
        let lacks = |measures: &Measures| ["a/2", "b/2", "c/1"].map(|name| measures.may_lack(name));
        assert_eq!(lacks(&measures), [false, false, false]);
        measures.leave_out("c");
        assert_eq!(lacks(&measures), [false, false, true]);
        measures.leave_out_others();
        assert_eq!(lacks(&measures), [false, true, true]);
    }
}
