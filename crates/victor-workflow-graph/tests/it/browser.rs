//! The picture in a real browser.

use std::path::Path;
use std::process::Command;

use victor_testkit::browser;
use victor_workflow_graph::svg;
use victor_workflow_protocol::{Step, Workflow};

use crate::drawings::release;

/// Measures the picture: words that leave their node, nodes that overlap, and the colours.
const MEASURE: &str = r#"<script>
addEventListener("load", () => {
  const inside = (a, b) => a.left >= b.left - 1 && a.right <= b.right + 1 && a.top >= b.top - 1 && a.bottom <= b.bottom + 1;
  const apart = (a, b) => a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top;
  const box = (node) => node.querySelector(".node, .group").getBoundingClientRect();
  const nodes = [...document.querySelectorAll("svg g")];
  let out = 0, over = 0;
  for (const node of nodes) {
    const own = [...node.children].filter((part) => part.tagName === "text");
    out += own.filter((text) => !inside(text.getBoundingClientRect(), box(node))).length;
    out += node.parentElement.closest("g") && !inside(box(node), box(node.parentElement.closest("g"))) ? 1 : 0;
    over += nodes.filter((other) => other !== node && !other.contains(node) && !node.contains(other) && !apart(box(other), box(node))).length;
  }
  const paper = getComputedStyle(document.querySelector(".paper")).fill;
  console.log(`RESULT nodes=${nodes.length} out=${out} over=${over} paper=${paper} END`);
});
</script>"#;

#[track_caller]
fn check(workflow: &Workflow, more: &[&str], expected: &str) {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    std::fs::write(
        &page,
        format!(
            "<!DOCTYPE html><meta charset=\"utf-8\"><body>{}{MEASURE}",
            svg(workflow)
        ),
    )
    .unwrap();
    let found = show(&browser, folder.path(), &page, more);
    assert_eq!(found, expected, "{}", workflow.name);
}

fn show(browser: &Path, folder: &Path, page: &Path, more: &[&str]) -> String {
    let output = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ])
        .args([
            "--disable-dev-shm-usage",
            "--enable-logging=stderr",
            "--virtual-time-budget=5000",
            "--dump-dom",
        ])
        .args(more)
        .arg(format!(
            "--user-data-dir={}",
            folder.join("profile").display()
        ))
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    let result = log
        .split_once("RESULT ")
        .and_then(|(_, rest)| rest.split_once(" END"));
    result
        .unwrap_or_else(|| panic!("the browser has said nothing: {log}"))
        .0
        .to_owned()
}

#[test]
fn every_word_is_in_its_node_in_both_schemes() {
    check(
        &release(),
        &[],
        "nodes=15 out=0 over=0 paper=rgb(255, 255, 255)",
    );
    let dark = ["--blink-settings=preferredColorScheme=0"];
    check(
        &release(),
        &dark,
        "nodes=15 out=0 over=0 paper=rgb(13, 17, 23)",
    );
}

#[test]
fn sixty_steps_and_long_names_are_legible() {
    let name = |place: usize| {
        format!(
            "a_step_with_a_name_that_is_much_longer_than_anybody_would_like_{place}{}",
            "x".repeat(place)
        )
    };
    let steps = (0..60_usize).map(|place| {
        let before = [place.saturating_sub(1), place / 2, place / 3].map(name);
        let before = before.into_iter().take(place.min(1 + place % 3));
        Step::call(name(place), "h".repeat(70), "")
            .after(before)
            .when("input.a_condition_that_is_long_as_well > 0")
    });
    check(
        &Workflow::new("sixty", steps),
        &[],
        "nodes=60 out=0 over=0 paper=rgb(255, 255, 255)",
    );
}
