//! Single templates: what they may use, and how their errors read.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;
use victor_minijinja::protocol::{PromptRenderer, PromptTemplate, Rendering};
use victor_minijinja::{MinijinjaRenderer, RenderOptions};

/// Renders a template named `main`: its text with the variables that it depends on, the name of the template that it
/// needs, or its error.
fn render(text: &str, others: &[(&str, Option<&str>)], options: RenderOptions) -> String {
    let variables =
        json!({"language": "Rust", "user": {"name": "Ada"}, "tags": ["a", "b"], "html": "<b>"});
    let others: BTreeMap<String, Option<Arc<str>>> = (others.iter())
        .map(|(name, text)| ((*name).to_owned(), text.map(Arc::from)))
        .collect();
    let template = PromptTemplate::new("main", text, variables.as_object().unwrap(), &others);
    match MinijinjaRenderer::new(options).render(&template) {
        Ok(Rendering::Complete { text, variables }) => {
            let names: Vec<_> = variables.into_iter().collect();
            format!("{text} {names:?}")
        }
        Ok(Rendering::Needs(name)) => format!("needs {name}"),
        Ok(other) => panic!("{other:?}"),
        Err(error) => format!("error: {error}"),
    }
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(render(text, &[], RenderOptions::default()), expected);
}

#[track_caller]
fn check_with(others: &[(&str, Option<&str>)], text: &str, expected: &str) {
    assert_eq!(render(text, others, RenderOptions::default()), expected);
}

#[test]
fn a_template_is_rendered_and_tells_its_variables() {
    check("Plain.", "Plain. []");
    check(
        "{{ language }} by {{ user.name }}",
        r#"Rust by Ada ["language", "user"]"#,
    );
    check(
        "{% for tag in tags %}{{ tag }},{% endfor %}",
        r#"a,b, ["tags"]"#,
    );
    check("{{ html }}", r#"<b> ["html"]"#);
    check("{{ who | default('you') }}", r#"you ["who"]"#);
    check("{% if who is defined %}x{% endif %}", r#" ["who"]"#);
    check("{% for n in range(2) %}{{ n }}{% endfor %}", "01 []");
    check("{% set x = 1 %}{{ x }}", "1 []");
    check("{% raw %}{{ x }}{% endraw %}", "{{ x }} []");
    check(
        "a\n{% if language %}\n  b\n{% endif %}\nc",
        "a\n  b\nc [\"language\"]",
    );
}

#[test]
fn an_error_names_its_place_and_the_closest_variable() {
    let known = "Known are `html`, `language`, `tags` and `user`";
    check(
        "One.\nTwo: {{ langauge }}",
        &format!(
            "error: template `main`, line 2, column 9: unknown variable `langauge`, did you mean `language`? {known}"
        ),
    );
    check(
        "ä {% if xyz %}{% endif %}",
        "error: template `main`, line 1, column 9: unknown variable `xyz`; known are `html`, `language`, `tags` and `user`",
    );
    check(
        "{{ user.nmae.first }}",
        "error: template `main`, line 1, column 8: `.nmae.first` is undefined",
    );
    for (text, place) in [
        ("{{ language", "line 1"),
        ("a\nb {% if %}", "line 2, column 9"),
        ("{% frobnicate %}", "line 1, column 4"),
        ("{{ language | frobnicate }}", "line 1"),
    ] {
        let error = render(text, &[], RenderOptions::default());
        assert!(
            error.starts_with(&format!("error: template `main`, {place}")),
            "{text}: {error}"
        );
    }
}

#[test]
fn other_templates_are_asked_for_by_name() {
    check("{% include 'tone' %}", "needs tone");
    check("{% extends 'frame' %}", "needs frame");
    check("{% include 'tone:staging' %}", "needs tone:staging");
    let tone = ("tone", Some("Be kind to {{ user.name }}."));
    check_with(
        &[tone],
        "{% include 'tone' %}",
        r#"Be kind to Ada. ["user"]"#,
    );
    let frame = ("frame", Some("[{% block body %}{% endblock %}]"));
    check_with(
        &[frame],
        "{% extends 'frame' %}{% block body %}x{% endblock %}",
        "[x] []",
    );
    let macros = (
        "macros",
        Some("{% macro shout(x) %}{{ x | upper }}!{% endmacro %}"),
    );
    check_with(
        &[macros],
        "{% from 'macros' import shout %}{{ shout('a') }}",
        "A! []",
    );
    check_with(
        &[("tone", None)],
        "{% include 'tone' ignore missing %}x",
        "x []",
    );
    let missing = render(
        "{% include 'tone' %}",
        &[("tone", None)],
        RenderOptions::default(),
    );
    assert!(
        missing.starts_with("error: template `main`, line 1"),
        "{missing}"
    );
    assert!(missing.contains("'tone'"), "{missing}");
    let broken = ("tone", Some("Be kind.\n{{ usr }}"));
    let error = render("{% include 'tone' %}", &[broken], RenderOptions::default());
    assert!(
        error.starts_with("error: template `tone`, line 2, column 4: unknown variable `usr`"),
        "{error}"
    );
}

#[test]
fn circles_are_reported() {
    check_with(
        &[
            ("a", Some("{% include 'b' %}")),
            ("b", Some("{% include 'a' %}")),
        ],
        "{% include 'a' %}",
        "error: templates need each other in a circle: a → b → a",
    );
    check(
        "{% include 'main' %}",
        "error: templates need each other in a circle: main → main",
    );
    for (text, others) in [
        ("{% extends 'main' %}", &[][..]),
        (
            "{% extends 'a' %}",
            &[
                ("a", Some("{% extends 'b' %}")),
                ("b", Some("{% extends 'a' %}")),
            ],
        ),
    ] {
        let error = render(text, others, RenderOptions::default());
        assert!(
            error.starts_with("error: ") && error.contains("circle"),
            "{error}"
        );
    }
}

#[test]
fn work_and_text_are_bounded() {
    let endless =
        "{% for a in range(9999) %}{% for b in range(9999) %}{{ a }}{% endfor %}{% endfor %}";
    check(
        endless,
        "error: template `main`, line 1: it takes more than 100000 steps: simplify its loops",
    );
    let options = || RenderOptions::default().with_text_bytes(10);
    assert_eq!(render("0123456789", &[], options()), "0123456789 []");
    let error = render("01234567890", &[], options());
    assert!(
        error.ends_with("its text has more than 10 bytes"),
        "{error}"
    );
    let error = render("{{ 'x' * 1000000000000 }}", &[], RenderOptions::default());
    assert!(
        error.starts_with("error: template `main`, line 1"),
        "{error}"
    );
}

proptest! {
    #[test]
    fn nothing_panics_and_what_has_no_braces_stays(text in "[ -~\n{}%äλ]{0,60}") {
        let rendered = render(&text, &[], RenderOptions::default());
        if !text.contains('{') {
            // As in Jinja, one newline at the end goes.
            let text = text.strip_suffix('\n').unwrap_or(&text);
            prop_assert_eq!(rendered, format!("{text} []"));
        }
    }
}
