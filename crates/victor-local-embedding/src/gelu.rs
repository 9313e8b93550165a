//! The activation of BERT.

use std::f32::consts::FRAC_1_SQRT_2;

/// The Gaussian error linear unit: `x` times the chance that a normal variable is below `x`.
pub(crate) fn gelu(x: f32) -> f32 {
    0.5 * x * (1.0 + erf(x * FRAC_1_SQRT_2))
}

/// The error function with an error of less than 1e-6, as `x` times a fraction of two polynomials in the square of `x`.
///
/// It has no branches and no exponential function, so the compiler turns a loop of it into vector instructions. The
/// coefficients are a least-squares fit, reweighted until the largest error was smallest, on 0 to [`BOUND`].
fn erf(x: f32) -> f32 {
    /// Beyond it the function is 1 or -1 in single precision.
    const BOUND: f32 = 3.8;
    const NUMERATOR: [f32; 6] = [
        -1.709_337_1e-6,
        2.980_388_4e-4,
        0.011_585_122,
        0.076_156_18,
        0.394_134_3,
        1.128_377,
    ];
    const DENOMINATOR: [f32; 5] = [0.002_760_369, 0.030_692_916, 0.195_122_7, 0.682_599_55, 1.0];
    let x = x.clamp(-BOUND, BOUND);
    let square = x * x;
    let polynomial =
        |coefficients: &[f32]| coefficients.iter().fold(0.0, |sum, c| sum * square + c);
    x * polynomial(&NUMERATOR) / polynomial(&DENOMINATOR)
}

#[cfg(test)]
mod tests {
    use super::gelu;

    #[test]
    fn the_approximation_is_as_good_as_single_precision() {
        // From the error function of Python's `math`.
        let expected = [
            (-10.0, 0.0),
            (-4.0, -1.266_849_7e-4),
            (-1.0, -0.158_655_25),
            (-0.1, -0.046_017_216),
            (0.0, 0.0),
            (0.5, 0.345_731_23),
            (2.0, 1.954_499_7),
            (5.0, 4.999_998_6),
            (100.0, 100.0),
        ];
        for (x, y) in expected {
            assert!(
                (gelu(x) - y).abs() <= 2e-6 * x.abs().max(1.0),
                "{x}: {} instead of {y}",
                gelu(x)
            );
        }
    }
}
