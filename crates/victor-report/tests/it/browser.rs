//! The page in a real browser.

use std::path::Path;
use std::process::Command;

use victor_report::{ReportData, render};
use victor_testkit::browser;

use crate::sample::sample;

/// Clicks everything that has something to say, and reports what came of it.
const CLICKS: &str = r#"<script>
addEventListener("load", () => {
  let said = 0;
  for (const part of document.querySelectorAll("svg rect, svg g, .bar i")) {
    const tip = part.closest("figure").querySelector(".tip");
    tip.textContent = "";
    (part.tagName === "g" ? part.firstElementChild : part).dispatchEvent(new MouseEvent("click", { bubbles: true }));
    said += tip.textContent.length > 5;
  }
  const root = document.documentElement;
  const small = [...document.querySelectorAll("svg text")].filter((text) => text.getBoundingClientRect().height > 0);
  const least = Math.min(...small.map((text) => text.getBoundingClientRect().height));
  const colour = getComputedStyle(document.body).backgroundColor;
  console.log(`RESULT said=${said} overflow=${root.scrollWidth - innerWidth} width=${innerWidth} text=${Math.round(least)} page=${colour} END`);
});
</script></body>"#;

/// Shows the page in a frame of this width, and returns what the browser says. `more` are further arguments.
fn show(browser: &Path, data: &ReportData, width: u32, more: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let page = render(data).replace("</body>", CLICKS);
    std::fs::write(folder.path().join("page.html"), page).unwrap();
    let frame = format!(
        "<!DOCTYPE html><body style=\"margin:0\"><iframe src=\"page.html\" style=\"border:0;width:{width}px;height:4000px\"></iframe>"
    );
    let outer = folder.path().join("outer.html");
    std::fs::write(&outer, frame).unwrap();
    let profile = format!(
        "--user-data-dir={}",
        folder.path().join("profile").display()
    );
    let output = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--enable-logging=stderr",
            "--virtual-time-budget=5000",
            "--window-size=1300,4000",
            "--dump-dom",
        ])
        .args(more)
        .arg(profile)
        .arg(format!("file://{}", outer.display()))
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_browser_shows_it_without_errors_on_a_phone_and_in_the_dark() {
    let Some(browser) = browser() else { return };
    for (width, dark) in [(390, false), (1200, false), (390, true)] {
        let more: &[&str] = if dark {
            &["--blink-settings=preferredColorScheme=0"]
        } else {
            &[]
        };
        let said = show(&browser, &sample(), width, more);
        let console = said.lines().filter(|line| line.contains("CONSOLE"));
        let console: Vec<_> = console.collect();
        let [result] = &console[..] else {
            panic!("{width}: errors of the page, or no result: {console:#?}\n{said}");
        };
        let value = |key: &str| {
            let begin = result.split(&format!(" {key}=")).nth(1).unwrap();
            begin
                .split(if key == "page" { " END" } else { " " })
                .next()
                .unwrap()
                .to_owned()
        };
        let number = |key: &str| value(key).parse::<i64>().unwrap();
        assert_eq!(number("width"), i64::from(width), "{result}");
        assert!(number("overflow") <= 0, "wider than the screen: {result}");
        assert!(
            number("said") > 100,
            "parts that are tapped say something: {result}"
        );
        assert!(number("text") >= 8, "letters are too small: {result}");
        let is_dark = value("page") == "rgb(21, 23, 26)";
        assert_eq!(is_dark, dark, "{result}");
    }
}
