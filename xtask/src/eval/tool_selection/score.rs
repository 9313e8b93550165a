//! The quality of rankings.

use std::fmt;

/// At how many ranks it is looked how much was found.
const CUTS: [usize; 3] = [1, 5, 10];

/// The mean of rankings: recall at 1, 5 and 10, which is the share of the expected that is among the first so many, and
/// the reciprocal rank of the first that was expected.
#[derive(Debug, Default)]
pub(crate) struct Score {
    recalls: [f64; CUTS.len()],
    reciprocal_rank: f64,
    rankings: usize,
}

impl Score {
    /// Adds a ranking, best first, and what was expected of it.
    pub(crate) fn add(&mut self, ranking: &[usize], expected: &[usize]) {
        for (sum, cut) in self.recalls.iter_mut().zip(CUTS) {
            let first = &ranking[..ranking.len().min(cut)];
            let found = expected.iter().filter(|one| first.contains(one));
            *sum += found.count() as f64 / expected.len() as f64;
        }
        let hit = ranking.iter().position(|found| expected.contains(found));
        self.reciprocal_rank += hit.map_or(0.0, |rank| 1.0 / (rank + 1) as f64);
        self.rankings += 1;
    }
}

impl fmt::Display for Score {
    /// The recalls and the reciprocal rank, each in five characters and parted by one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for recall in self.recalls {
            write!(f, "{:5.3} ", recall / self.rankings as f64)?;
        }
        write!(f, "{:5.3}", self.reciprocal_rank / self.rankings as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::Score;

    #[test]
    fn recall_and_reciprocal_rank() {
        let check = |rankings: &[(&[usize], &[usize])], expected: &str| {
            let mut score = Score::default();
            for (ranking, expected) in rankings {
                score.add(ranking, expected);
            }
            assert_eq!(score.to_string(), expected);
        };
        check(&[(&[7, 8, 9], &[7])], "1.000 1.000 1.000 1.000");
        check(&[(&[7, 8, 9], &[9, 8])], "0.000 1.000 1.000 0.500");
        check(
            &[(&[0, 1, 2, 3, 4, 5, 6], &[4, 5])],
            "0.000 0.500 1.000 0.200",
        );
        check(&[(&[], &[1])], "0.000 0.000 0.000 0.000");
        let two: [(&[usize], &[usize]); 2] = [(&[1], &[1]), (&[2], &[1])];
        check(&two, "0.500 0.500 0.500 0.500");
    }
}
