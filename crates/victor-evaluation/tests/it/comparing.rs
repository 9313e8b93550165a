//! Summaries, comparisons, gates and calibrations.

use victor_evaluation::{Comparison, EvaluatorSummary, Gate, GateDecision, calibration};
use victor_evaluation_protocol::{EvaluationRun, Judgement, Score, Trial, TrialRecord, TrialState};

/// A run of cases, each with the scores of its trials: `-` is a trial without one, `?` a judgement that does not count.
fn run(cases: &[(&str, &str)]) -> EvaluationRun {
    let mut run = EvaluationRun::new("run", "suite", vec!["exact".into()]);
    for (case, scores) in cases {
        let (case, group) = match case.split_once('/') {
            Some((group, case)) => (case, Some(group.to_owned())),
            None => (*case, None),
        };
        for (repeat, score) in (1..).zip(scores.split(' ')) {
            let state = if score == "-" {
                TrialState::Failed
            } else {
                TrialState::Completed
            };
            let mut record = TrialRecord::new(Trial::new(case, repeat, state), group.clone());
            let judgement = match score {
                "-" => None,
                "?" => Some(Judgement::invalid("it is not clear")),
                score => {
                    let value: f64 = score.parse().unwrap();
                    Some(Score::new(value, value >= 0.5).into())
                }
            };
            record
                .judgements
                .extend(judgement.map(|judgement| ("exact".to_owned(), judgement)));
            run.trials.push(record);
        }
    }
    run
}

#[test]
fn a_summary_counts_what_has_no_score_apart() {
    let run = run(&[("a", "1 1 0"), ("b", "1 - ?"), ("c", "0 0 0"), ("d", "-")]);
    let summary = EvaluatorSummary::of(&run, "exact", 0.95);
    assert_eq!(
        (summary.scored, summary.unjudged, summary.invalid),
        (7, 2, 1)
    );
    assert!((summary.mean.unwrap() - (2.0 / 3.0 + 1.0) / 3.0).abs() < 1e-12);
    assert_eq!(summary.flaky, ["a"]);
    // A case with one score alone says nothing of two trials.
    assert_eq!(summary.pass_at.keys().copied().collect::<Vec<_>>(), [1]);
    let whole = self::run(&[("a", "1 1 0"), ("c", "0 0 0")]);
    let summary = EvaluatorSummary::of(&whole, "exact", 0.95);
    assert!(
        (summary.pass_at[&2] - 0.5).abs() < 1e-12
            && (summary.pass_hat[&2] - 1.0 / 6.0).abs() < 1e-12
    );
    assert!((summary.pass_at[&3] - 0.5).abs() < 1e-12 && summary.pass_hat[&3].abs() < 1e-12);
}

#[test]
fn cases_of_one_source_count_as_one() {
    let cases: Vec<(String, &str)> = (0..20)
        .map(|n| {
            (
                format!("s{}/{n}", n % 2),
                if n % 2 == 0 { "1" } else { "0" },
            )
        })
        .collect();
    let cases: Vec<(&str, &str)> = cases
        .iter()
        .map(|(name, score)| (name.as_str(), *score))
        .collect();
    let alone: Vec<(&str, &str)> = cases
        .iter()
        .map(|(name, score)| (&name[3..], *score))
        .collect();
    let width = |run: &EvaluationRun| {
        EvaluatorSummary::of(run, "exact", 0.95)
            .interval
            .unwrap()
            .half_width()
    };
    let (grouped, alone) = (width(&run(&cases)), width(&run(&alone)));
    assert!(grouped > 10.0 * alone, "{grouped} and {alone}");
}

#[test]
fn a_comparison_goes_pair_by_pair() {
    let before = run(&[
        ("a", "1 1"),
        ("b", "0 0"),
        ("c", "1 0"),
        ("gone", "1"),
        ("e", "1 1"),
    ]);
    let after = run(&[
        ("a", "0 0"),
        ("b", "1 1"),
        ("c", "0 1"),
        ("new", "1"),
        ("e", "1 0"),
    ]);
    let comparison = Comparison::of(&before, &after, "exact", 0.95).unwrap();
    let paired = comparison.paired.as_ref().unwrap();
    assert_eq!(paired.pairs, 4);
    assert!((paired.difference - -0.125).abs() < 1e-12, "{paired:?}");
    assert_eq!(
        comparison.regressions,
        ["a"],
        "what trials of one case differ in is no regression"
    );
    assert_eq!(comparison.improvements, ["b"]);
    assert_eq!(
        (comparison.only_before, comparison.only_after),
        (vec!["gone".to_owned()], vec!["new".to_owned()])
    );
    let error = Comparison::of(&before, &after, "exakt", 0.95).unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("did you mean `exact`"), "{source}");
    let nothing = Comparison::of(&run(&[]), &after, "exact", 0.95).unwrap();
    assert_eq!(nothing.paired, None);
}

#[test]
fn a_gate_decides_by_the_interval() {
    use GateDecision::{Failed, Passed, Undecided};
    let passes = |count: usize, of: usize| -> Vec<(String, &str)> {
        (0..of)
            .map(|n| (format!("c{n}"), if n < count { "1" } else { "0" }))
            .collect()
    };
    let check = |cases: &[(String, &str)], least: f64, expected: GateDecision| {
        let cases: Vec<(&str, &str)> = cases
            .iter()
            .map(|(name, score)| (name.as_str(), *score))
            .collect();
        let summary = EvaluatorSummary::of(&run(&cases), "exact", 0.95);
        assert_eq!(
            Gate::MinPass(least).decide(&summary),
            expected,
            "{summary:?}"
        );
    };
    check(&passes(3, 3), 0.9, Undecided);
    check(&passes(100, 100), 0.9, Passed);
    check(&passes(80, 100), 0.9, Failed);
    check(&passes(90, 100), 0.9, Undecided);
    check(&[], 0.9, Undecided);
    let mut with_error = passes(100, 100);
    with_error.push(("error".into(), "-"));
    check(&with_error, 0.9, Undecided);

    let difference = |before: &[(String, &str)], after: &[(String, &str)]| {
        let [before, after] = [before, after].map(|cases| {
            let cases: Vec<(&str, &str)> = cases
                .iter()
                .map(|(name, score)| (name.as_str(), *score))
                .collect();
            run(&cases)
        });
        Gate::NoWorseBy(0.05)
            .decide_difference(&Comparison::of(&before, &after, "exact", 0.95).unwrap())
    };
    assert_eq!(difference(&passes(80, 100), &passes(80, 100)), Passed);
    assert_eq!(difference(&passes(80, 100), &passes(60, 100)), Failed);
    assert_eq!(difference(&passes(8, 10), &passes(7, 10)), Undecided);
    assert_eq!(difference(&passes(80, 100), &passes(80, 90)), Undecided);
    assert_eq!(GateDecision::Undecided.to_string(), "undecided");
}

#[test]
fn a_judge_is_held_against_people() {
    let mut run = run(&[
        ("a", "1"),
        ("b", "1"),
        ("c", "0"),
        ("d", "0"),
        ("e", "1"),
        ("f", "-"),
    ]);
    for (record, label) in run.trials.iter_mut().zip([1.0, 0.0, 0.0, 1.0]) {
        record.labels.insert("exact".into(), label);
    }
    let found = calibration(&run, "exact");
    assert_eq!((found.labelled, found.agreement), (4, Some(0.5)));
    assert_eq!(found.false_passes, [("b".to_owned(), 1)]);
    assert_eq!(found.false_failures, [("d".to_owned(), 1)]);
    assert!(found.alpha.unwrap() < 0.2, "{found:?}");
    assert_eq!(
        calibration(&self::run(&[("a", "1")]), "exact").agreement,
        None
    );
}

#[test]
fn a_run_is_read_back_as_it_was_written() {
    let run = run(&[("g/a", "1 ? -"), ("g/b", "0.5")]);
    let text = serde_json::to_string(&run).unwrap();
    assert_eq!(serde_json::from_str::<EvaluationRun>(&text).unwrap(), run);
    let later = text.replace("\"version\":1", "\"version\":2");
    assert!(serde_json::from_str::<EvaluationRun>(&later).is_err());
}
