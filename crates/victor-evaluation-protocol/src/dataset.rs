//! Sets of cases.

use std::collections::HashSet;
use std::fmt;

use crate::EvalCase;

/// A set of cases whose names differ, each with at least one message.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    name: String,
    cases: Vec<EvalCase>,
}

impl Dataset {
    /// A dataset. It may be empty; a run of it is then, too.
    ///
    /// # Errors
    ///
    /// Two cases have one name, a case has no name or no message. All of these are named.
    pub fn new(name: impl Into<String>, cases: Vec<EvalCase>) -> Result<Self, InvalidDataset> {
        let mut names = HashSet::new();
        let mut problems = Vec::new();
        for (index, case) in cases.iter().enumerate() {
            let place = index + 1;
            if case.id.is_empty() {
                problems.push(format!("case {place} has no name"));
            } else if !names.insert(case.id.as_str()) {
                problems.push(format!(
                    "case {place} has the name `{}`, as one before it",
                    case.id
                ));
            }
            if case.turns.is_empty() {
                problems.push(format!("case {place} (`{}`) has no message", case.id));
            }
        }
        if problems.is_empty() {
            let name = name.into();
            Ok(Self { name, cases })
        } else {
            Err(InvalidDataset { problems })
        }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The cases.
    #[must_use]
    pub fn cases(&self) -> &[EvalCase] {
        &self.cases
    }

    /// The dataset with the cases that are wanted.
    #[must_use]
    pub fn filter(mut self, is_wanted: impl Fn(&EvalCase) -> bool) -> Self {
        self.cases.retain(is_wanted);
        self
    }
}

/// The problems of a dataset, all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidDataset {
    /// One sentence for each problem, with its place.
    pub problems: Vec<String>,
}

impl InvalidDataset {
    /// A dataset with these problems.
    #[must_use]
    pub fn new(problems: Vec<String>) -> Self {
        Self { problems }
    }
}

impl fmt::Display for InvalidDataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the dataset has {} problems: ", self.problems.len())?;
        f.write_str(&self.problems.join("; "))
    }
}

impl std::error::Error for InvalidDataset {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_named() {
        let mut silent = EvalCase::new("c", "");
        silent.turns.clear();
        let cases = vec![
            EvalCase::new("a", "1"),
            EvalCase::new("a", "2"),
            EvalCase::new("", "3"),
            silent,
        ];
        let error = Dataset::new("d", cases).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the dataset has 3 problems: case 2 has the name `a`, as one before it; case 3 has no name; case 4 (`c`) \
             has no message"
        );
        assert!(Dataset::new("d", vec![]).unwrap().cases().is_empty());
    }
}
