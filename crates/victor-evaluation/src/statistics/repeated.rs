//! Repeated trials of one case.

use super::sample::float;

/// The probability that at least one of `k` trials passes, estimated without bias from `passed` of `total` trials
/// ([Chen et al. 2021](https://arxiv.org/abs/2107.03374)); none where there are fewer than `k` trials, or `k` is zero.
#[must_use]
pub fn pass_at_k(total: usize, passed: usize, k: usize) -> Option<f64> {
    none_of(total, total.checked_sub(passed)?, k).map(|none| 1.0 - none)
}

/// The probability that all of `k` trials pass, estimated without bias from `passed` of `total` trials
/// ([Yao et al. 2024](https://arxiv.org/abs/2406.12045)); none where there are fewer than `k` trials, or `k` is zero.
#[must_use]
pub fn pass_hat_k(total: usize, passed: usize, k: usize) -> Option<f64> {
    none_of(total, passed, k)
}

/// The share of choices of `k` out of `total` that take from the `among` alone.
fn none_of(total: usize, among: usize, k: usize) -> Option<f64> {
    if k == 0 || k > total || among > total {
        return None;
    }
    if among < k {
        return Some(0.0);
    }
    // C(among, k) / C(total, k), factor by factor, so that nothing overflows.
    Some(
        (0..k)
            .map(|taken| float(among - taken) / float(total - taken))
            .product(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(total: usize, passed: usize, k: usize, at: Option<f64>, hat: Option<f64>) {
        for (found, expected) in [
            (pass_at_k(total, passed, k), at),
            (pass_hat_k(total, passed, k), hat),
        ] {
            let is_near = |(found, expected): (f64, f64)| (found - expected).abs() < 1e-12;
            assert_eq!(found.is_some(), expected.is_some(), "{found:?}");
            assert!(
                found.zip(expected).is_none_or(is_near),
                "{found:?} in place of {expected:?}"
            );
        }
    }

    #[test]
    fn of_few_and_of_many() {
        check(5, 3, 1, Some(0.6), Some(0.6));
        check(5, 3, 2, Some(0.9), Some(0.3));
        check(5, 5, 5, Some(1.0), Some(1.0));
        check(5, 0, 5, Some(0.0), Some(0.0));
        check(5, 1, 5, Some(1.0), Some(0.0));
        // Fewer trials than asked for: nobody knows.
        check(2, 2, 3, None, None);
        check(2, 2, 0, None, None);
        check(0, 0, 1, None, None);
        check(2, 3, 1, None, None);
    }
}
