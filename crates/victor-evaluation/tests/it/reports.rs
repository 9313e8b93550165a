//! Reports.

use victor_evaluation::evaluators::{Contains, Exact};
use victor_evaluation::report::{html, junit, markdown};
use victor_evaluation::{Comparison, Summary};
use victor_evaluation_protocol::{EvaluationRun, RunOptions};

use crate::puppet::Puppet;
use crate::runs::run;

/// A run with everything that may stand in a report, and names that mean something to XML.
async fn sample() -> EvaluationRun {
    let cases = [
        "well -> well",
        "<b>&\"'\u{7} -> other",
        "fail",
        "no | expectation",
    ];
    let plan = Puppet::default()
        .plan(&cases)
        .evaluator(Exact)
        .evaluator(Contains);
    run(plan.options(RunOptions::default().with_repeats(2))).await
}

#[tokio::test]
async fn junit_counts_what_stands_in_it() {
    let xml = junit(&sample().await);
    assert_eq!(xml.matches("<testcase ").count(), 16, "{xml}");
    let suite = "<testsuite name=\"exact\" tests=\"8\" failures=\"2\" errors=\"2\" skipped=\"2\"";
    assert!(xml.contains(suite), "{xml}");
    assert!(
        xml.contains("name=\"&lt;b&gt;&amp;&quot;&#39;\u{fffd} #1\""),
        "{xml}"
    );
    assert!(
        xml.contains("<failure message=\"expected `other`\"/>"),
        "{xml}"
    );
    assert!(
        xml.contains("<error message=\"failed: the message is empty"),
        "{xml}"
    );
}

#[tokio::test]
async fn markdown_tells_the_difference() {
    let (before, mut after) = (sample().await, sample().await);
    "after".clone_into(&mut after.name);
    let comparison = Comparison::of(&before, &after, "exact", 0.95).unwrap();
    let text = markdown(&Summary::of(&after, 0.95), &[comparison]);
    for line in [
        "# after",
        "| exact | 50.0 % | 9.5 to 90.5 % | 0.500 |",
        "Trials: 6 completed, 2 failed. 90 tokens, $0.000006 of known cost.",
        "`exact`: one of 2 trials passes 50.0 %, all of 2 pass 50.0 %.",
        "## `exact` beside run",
        "+0.000 over 2 cases",
    ] {
        assert!(text.contains(line), "`{line}` is missing in\n{text}");
    }
}

#[tokio::test]
async fn a_page_has_no_markup_of_strangers() {
    let run = sample().await;
    let comparison = Comparison::of(&run, &run, "exact", 0.95).unwrap();
    let page = html(&run, &[comparison], 0.95);
    assert!(
        page.contains("&lt;b&gt;&amp;") && !page.contains("<b>&"),
        "{page}"
    );
    assert_eq!(page.matches("<details").count(), 8);
    assert_eq!(
        page.matches("<details").count(),
        page.matches("</details>").count()
    );
    assert!(
        !page.contains("http") && !page.contains("<script"),
        "a page needs no network and no script"
    );
    if let Some(folder) = std::env::var_os("VICTOR_REPORTS") {
        std::fs::write(std::path::Path::new(&folder).join("evaluation.html"), page).unwrap();
    }
}
