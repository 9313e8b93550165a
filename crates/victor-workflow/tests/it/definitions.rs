//! Faults of definitions, each with its place.

use std::collections::BTreeSet;

use victor_workflow::from_yaml;

/// Checks the faults of a definition with these steps. An `@` stands before the place of each.
#[track_caller]
fn check(steps: &str, expected: &[&str]) {
    let lines: Vec<_> = steps.lines().map(|line| format!("  {line}\n")).collect();
    check_whole(&format!("name: w\nsteps:\n{}", lines.concat()), expected);
}

#[track_caller]
fn check_whole(marked: &str, expected: &[&str]) {
    let mut marks = BTreeSet::new();
    for (number, line) in marked.lines().enumerate() {
        let columns = line.match_indices('@').enumerate();
        marks.extend(columns.map(|(before, (at, _))| Some((number + 1, at + 1 - before))));
    }
    let text = marked.replace('@', "");
    let faults = from_yaml(&text).map_or_else(|error| error.faults, |_| Vec::new());
    let found: Vec<_> = faults.iter().map(ToString::to_string).collect();
    let words = |fault: &str| fault.split_once(": ").map(|(_, words)| words.to_owned());
    let is_right = found.len() == expected.len()
        && found
            .iter()
            .zip(expected)
            .all(|(found, expected)| words(found).is_some_and(|words| words.starts_with(expected)));
    assert!(is_right, "{text}\nhas {found:#?}\nand not {expected:#?}");
    let places: BTreeSet<_> = faults.iter().map(|fault| fault.position).collect();
    assert_eq!(places, marks, "{marked}\nhas {found:#?}");
}

#[test]
fn a_definition_without_faults_is_read() {
    check(
        "- { id: a, transform: 1 }\n- { id: b, transform: '{{ steps.a }}' }",
        &[],
    );
    check(
        "- { id: a, branch: { cases: [{ when: 'input.x', then: b }], else: c } }\n\
         - { id: b, transform: 1 }\n- { id: c, transform: 2 }\n- { id: d, transform: 3, after: [b, c] }",
        &[],
    );
    check_whole(
        r#"{ "name": "w", "steps": [{ "id": "a", "transform": 1 }] }"#,
        &[],
    );
}

#[test]
fn unknown_names_are_told_with_line_and_column() {
    check(
        "- { id: a, transform: 1 }\n- { id: b, transform: 1, after: [a, @aa] }",
        &["steps[1].after[1]: unknown step `aa`, did you mean `a`?"],
    );
    check(
        "- { id: a, branch: { cases: [{ when: '1', then: @c }] } }",
        &["steps[0].branch.cases[0].then: unknown step `c`"],
    );
    check(
        "- { id: a, transform: @'{{ inptu }}' }",
        &["steps[0].transform: unknown name `inptu`, did you mean `input`?"],
    );
    check(
        "- id: a\n  map:\n    over: input\n    steps:\n      - { id: b, transform: @'{{ item + steps.z }}' }",
        &["steps[0].map.steps[0].transform: unknown step `z`"],
    );
    check(
        "- { id: a, transform: @'{{ item }}' }",
        &["steps[0].transform: unknown name `item`"],
    );
    check(
        "- { id: a, workflow: { name: @sub } }",
        &["steps[0].workflow.name: unknown workflow `sub`: there is none"],
    );
}

#[test]
fn unknown_keys_and_later_versions_are_refused() {
    check(
        "- { id: a, transform: 1, @retires: 3 }",
        &["steps[0]: unknown key `retires`, did you mean `retry`?"],
    );
    check_whole(
        "name: w\nversion: @2\nsteps: []",
        &["version: format version 2 is not readable"],
    );
    check_whole(
        "@name: w\nname: v\nsteps: []",
        &["duplicate entry with key \"name\""],
    );
    check_whole("name: [\n@", &["did not find expected node content"]);
}

#[test]
fn all_faults_are_told_at_once() {
    check(
        "- { id: a, @tranform: 1 }\n\
         - { id: b, call: { handler: h, @inptu: 1 }, retry: { attempts: @many } }\n\
         - { id: c, after: @d, branch: { cases: [{ when: @'input.', then: a }] } }\n\
         - { id: e, loop: @{ until: last }, after: b }\n\
         - { id: f, transform: 1, join: @most, after: e }\n\
         - @{ id: g, transform: 1, wait: { for: 1s } }\n\
         - { id: h, transform: '{{ steps.e }}', on_failure: @stop }",
        &[
            "steps[0]: unknown key `tranform`, did you mean `transform`?",
            "steps[1].call: unknown key `inptu`, did you mean `input`?",
            "steps[1].retry.attempts: invalid type: string \"many\", expected a whole number",
            "steps[2].after[0]: unknown step `d`",
            "steps[2].branch.cases[0].when: `input.`: syntax error",
            "steps[3].loop: missing field `max`",
            "steps[4].join: unknown join `most`; expected merge, all, any",
            "steps[5]: step `g` must do one thing",
            "steps[6].on_failure: unknown variant `stop`, expected `fail` or `continue`",
        ],
    );
}

#[test]
fn edges_that_lead_nowhere_are_told() {
    check(
        "- { id: a, transform: 1, after: @[b] }\n- { id: b, transform: 1, after: [a] }",
        &["steps[0].after: the steps a → b → a are a cycle without a bound"],
    );
    check(
        "- { id: a, transform: 1, after: @[a] }",
        &["steps[0].after: the steps a → a are a cycle"],
    );
    let branch = "- { id: r, branch: { cases: [{ when: '1', then: a }], else: b } }\n\
                  - { id: a, transform: 1 }\n- { id: b, transform: 2 }\n";
    check(
        &format!(
            "{branch}- {{ id: c, transform: 3, after: [a, b], join: @all }}\n- @{{ id: d, transform: 4 }}"
        ),
        &[
            "steps[3].join: the join of step `c` can never complete: it waits for 2 edges, and at most 1",
            "steps[4].after: nothing leads to step `d`",
        ],
    );
    check(
        &format!("{branch}- {{ id: c, transform: 3, after: [a, b], join: @{{ at_least: 2 }} }}"),
        &["steps[3].join: the join of step `c` can never complete"],
    );
    check(
        &format!("{branch}- {{ id: c, transform: 3, after: [a, b], join: @{{ at_least: 3 }} }}"),
        &["steps[3].join: the join of step `c` waits for 3 of its 2 edges"],
    );
    for join in ["any", "merge", "{ at_least: 1 }"] {
        check(
            &format!("{branch}- {{ id: c, transform: 3, after: [a, b], join: {join} }}"),
            &[],
        );
    }
}

#[test]
fn bounds_are_needed() {
    let body = "steps: [{ id: b, transform: 1 }]";
    check(
        &format!("- {{ id: a, loop: {{ until: 'last', max: @0, {body} }} }}"),
        &["steps[0].loop.max: a loop needs a bound of at least 1"],
    );
    check(
        &format!("- {{ id: a, loop: @{{ until: 'last', {body} }} }}"),
        &["steps[0].loop: missing field `max`"],
    );
    check(
        &format!("- {{ id: a, map: {{ over: input, concurrency: @0, {body} }} }}"),
        &["steps[0].map.concurrency"],
    );
    check(
        "- { id: a, wait: @{} }",
        &["steps[0].wait: expected one of `event`, `for` and `until`"],
    );
    check(
        "- { id: a, transform: 1, retry: @{ attempts: 2 } }",
        &["steps[0].retry: a step of kind `transform`"],
    );
    check_whole(
        "name: @''\nsteps: @[]\nconcurrency: @0",
        &[
            "name: a workflow needs a name",
            "steps: at least one step is needed",
            "concurrency: at least 1 call",
        ],
    );
    let text = "name: w\nsteps: [{ id: a, workflow: { name: x } }]\nworkflows:\n  \
                x: { steps: [{ id: b, workflow: { name: y } }] }\n  \
                y: { steps: [{ id: c, workflow: { name: @x } }] }\n  z: @{ steps: [{ id: d, transform: 1 }] }";
    check_whole(
        text,
        &[
            "workflows.y.steps[0].workflow.name: the workflows x → y → x run each other without a bound",
            "workflows.z: no step runs this workflow",
        ],
    );
}

#[test]
fn names_are_unique_and_plain() {
    check(
        "- { id: a, transform: 1 }\n- { id: @a, transform: 2 }",
        &["steps[1].id: there is already a step `a`"],
    );
    check(
        "- { id: @'a/b', transform: 1 }",
        &["steps[0].id: `a/b` is no name of a step"],
    );
    check(
        "- { id: a, map: { over: input, steps: [{ id: @a, transform: 1 }] } }",
        &["steps[0].map.steps[0].id: there is already a step `a`"],
    );
}

#[test]
fn the_definitions_of_the_documentation_have_no_fault() {
    let text = include_str!("../../../../docs/workflows.md");
    let blocks = text.split("```yaml\n").skip(1);
    // Others are parts of one.
    let blocks: Vec<_> = blocks.filter(|block| block.starts_with("name:")).collect();
    assert!(blocks.len() > 1);
    for block in blocks {
        check_whole(block.split("```").next().unwrap(), &[]);
    }
}
