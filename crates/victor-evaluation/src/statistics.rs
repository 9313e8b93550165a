//! Statistics of scores: means with intervals, repeated trials, agreement of judges, and differences of two runs.
//!
//! Values are those of [inspect-ai](https://inspect.aisi.org.uk/) 0.3.285 to nine digits, as a test shows, with one
//! difference: where a value is not defined, such as the interval of a single score, there is `None` in place of zero.
//! No function takes a value that is not finite; such a score is invalid before it comes here.

mod agreement;
mod interval;
mod paired;
mod repeated;
mod sample;

pub use agreement::{Scale, krippendorff_alpha};
pub use interval::{Interval, bootstrap_interval, student_interval, wilson_interval};
pub use paired::Paired;
pub use repeated::{pass_at_k, pass_hat_k};
pub use sample::{Sample, mean};

#[cfg(test)]
mod tests {
    //! Expected values were computed by inspect-ai 0.3.285: `mean`, `stderr`, `std`, `ci`, `ci_wilson` and
    //! `krippendorff_alpha` of `inspect_ai.scorer`.

    use super::*;

    const NINE_DIGITS: f64 = 1e-9;

    const MIXED: [f64; 10] = [1.0, 0.0, 1.0, 1.0, 0.5, 0.25, 1.0, 0.0, 0.75, 1.0];

    fn is_near(found: f64, expected: f64) -> bool {
        (found - expected).abs() <= NINE_DIGITS
    }

    struct Expected {
        mean: f64,
        error: f64,
        deviation: f64,
        at_95: (f64, f64),
        at_90: (f64, f64),
        wilson: (f64, f64),
    }

    #[track_caller]
    fn check(sample: &Sample, expected: &Expected) {
        let bounds =
            |interval: Option<Interval>| interval.map(|found| (found.lower, found.upper)).unwrap();
        let at_95 = bounds(student_interval(sample, 0.95));
        let at_90 = bounds(student_interval(sample, 0.9));
        let wilson = bounds(wilson_interval(sample, 0.95));
        for (name, found, expected) in [
            ("mean", sample.mean().unwrap(), expected.mean),
            (
                "standard error",
                sample.standard_error().unwrap(),
                expected.error,
            ),
            ("deviation", sample.deviation().unwrap(), expected.deviation),
            ("lower bound at 95 %", at_95.0, expected.at_95.0),
            ("upper bound at 95 %", at_95.1, expected.at_95.1),
            ("lower bound at 90 %", at_90.0, expected.at_90.0),
            ("upper bound at 90 %", at_90.1, expected.at_90.1),
            ("lower bound of Wilson", wilson.0, expected.wilson.0),
            ("upper bound of Wilson", wilson.1, expected.wilson.1),
        ] {
            assert!(
                is_near(found, expected),
                "{name}: {found} in place of {expected}"
            );
        }
    }

    #[test]
    fn means_and_intervals_are_those_of_inspect() {
        check(
            &Sample::of(&MIXED),
            &Expected {
                mean: 0.65,
                error: 0.135_400_640_077_266_02,
                deviation: 0.428_174_419_288_837_65,
                at_95: (0.343_702_472_201_751_3, 0.956_297_527_798_248_7),
                at_90: (0.401_795_335_584_431_7, 0.898_204_664_415_568_3),
                wilson: (0.353_670_723_511_168_9, 0.863_069_436_529_964_5),
            },
        );
        check(
            &Sample::of(&[1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0]),
            &Expected {
                mean: 0.833_333_333_333_333_4,
                error: 0.112_366_643_743_873_67,
                deviation: 0.389_249_472_080_761_44,
                at_95: (0.586_016_017_963_763_5, 1.080_650_648_702_903_3),
                at_90: (0.631_535_783_704_985_1, 1.035_130_882_961_681_7),
                wilson: (0.551_969_137_747_026_7, 0.953_034_857_816_144_6),
            },
        );
        check(
            &Sample::of(&[1.0; 5]),
            &Expected {
                mean: 1.0,
                error: 0.0,
                deviation: 0.0,
                at_95: (1.0, 1.0),
                at_90: (1.0, 1.0),
                wilson: (0.565_517_535_216_825_4, 1.0),
            },
        );
        let groups = [2, 3, 2, 3].into_iter().scan(0, |from, length| {
            *from += length;
            Some(MIXED[*from - length..*from].to_vec())
        });
        check(
            &Sample::of_groups(groups.collect()),
            &Expected {
                mean: 0.65,
                error: 0.076_157_731_058_639_07,
                deviation: 0.428_174_419_288_837_65,
                at_95: (0.407_632_110_173_644_1, 0.892_367_889_826_356),
                at_90: (0.470_773_180_449_127_86, 0.829_226_819_550_872_2),
                wilson: (0.227_867_849_702_804_94, 0.921_178_518_204_122_4),
            },
        );
    }

    #[test]
    fn agreement_is_that_of_inspect() {
        let units: Vec<Vec<f64>> = vec![
            vec![1.0, 1.0, 0.0],
            vec![0.0, 0.0, 0.0],
            vec![1.0, 1.0],
            vec![0.0, 1.0, 1.0],
            vec![2.0, 2.0, 2.0],
            vec![3.0, 2.0, 3.0],
            vec![1.0],
            vec![4.0, 4.0, 5.0],
        ];
        for (scale, expected) in [
            (Scale::Nominal, 0.515_923_566_878_980_9),
            (Scale::Ordinal, 0.892_062_549_485_352_4),
            (Scale::Interval, 0.910_693_301_997_649_9),
        ] {
            let found = krippendorff_alpha(&units, scale).unwrap();
            assert!(
                is_near(found, expected),
                "{scale:?}: {found} in place of {expected}"
            );
        }
        assert_eq!(krippendorff_alpha(&[vec![1.0]], Scale::Nominal), None);
        assert_eq!(
            krippendorff_alpha(&[vec![1.0, 1.0]], Scale::Ordinal),
            Some(1.0)
        );
    }

    #[test]
    fn what_is_not_defined_is_none() {
        for few in [
            Sample::of(&[]),
            Sample::of(&[1.0]),
            Sample::of_groups(vec![vec![], vec![1.0, 0.0]]),
        ] {
            assert_eq!(student_interval(&few, 0.95), None);
            assert_eq!(bootstrap_interval(&few, 0.95, 100, 1), None);
        }
        let sample = Sample::of(&MIXED);
        for level in [0.0, 1.0, -1.0, 2.0, f64::NAN] {
            assert_eq!(student_interval(&sample, level), None);
            assert_eq!(wilson_interval(&sample, level), None);
            assert_eq!(bootstrap_interval(&sample, level, 100, 1), None);
            assert_eq!(Paired::of_differences(&sample, level), None);
        }
        assert_eq!(wilson_interval(&Sample::of(&[2.0, 0.0]), 0.95), None);
        assert_eq!(bootstrap_interval(&sample, 0.95, 0, 1), None);
    }

    #[test]
    fn the_bootstrap_is_near_the_t_interval_and_repeats() {
        let sample = Sample::of(&[MIXED, MIXED, MIXED].concat());
        let student = student_interval(&sample, 0.95).unwrap();
        let bootstrap = bootstrap_interval(&sample, 0.95, 4_000, 7).unwrap();
        assert!(
            (student.lower - bootstrap.lower).abs() < 0.02,
            "{student:?} and {bootstrap:?}"
        );
        assert!(
            (student.upper - bootstrap.upper).abs() < 0.02,
            "{student:?} and {bootstrap:?}"
        );
        assert_eq!(bootstrap_interval(&sample, 0.95, 4_000, 7), Some(bootstrap));
    }

    #[test]
    fn a_difference_has_its_certainty() {
        // Student's sleep data (1908): R's t.test(extra ~ group, paired = TRUE) gives t = 4.0621, p = 0.002833 and
        // 0.7001 to 2.4599.
        let differences = Sample::of(&[1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]);
        let paired = Paired::of_differences(&differences, 0.95).unwrap();
        let interval = paired.interval.unwrap();
        assert!((paired.difference - 1.58).abs() < 1e-12);
        assert!(
            (interval.lower - 0.7001).abs() < 5e-5 && (interval.upper - 2.4599).abs() < 5e-5,
            "{interval:?}"
        );
        assert!(
            (paired.p_value.unwrap() - 0.002_833).abs() < 5e-7,
            "{paired:?}"
        );
        assert!(
            (paired.effect_size.unwrap() - 4.0621 / 10_f64.sqrt()).abs() < 5e-5,
            "{paired:?}"
        );
        // The quantiles of 9 degrees of freedom are 2.262157 and 0.883404, the standard error 0.388962.
        assert!(
            (paired.minimum_detectable.unwrap() - 1.223_504).abs() < 5e-5,
            "{paired:?}"
        );
        let equal = Paired::of_differences(&Sample::of(&[0.0; 4]), 0.95).unwrap();
        assert_eq!((equal.p_value, equal.effect_size), (Some(1.0), None));
    }
}
