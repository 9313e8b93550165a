//! Datasets, as a table.

use serde_json::json;
use victor_evaluation_formats::{DatasetError, Format, parse_dataset, read_dataset};
use victor_evaluation_protocol::EvalCase;

/// A case in one line: its name, its messages, what is expected.
fn show(case: &EvalCase) -> String {
    let turns: Vec<&str> = case.turns.iter().map(|turn| turn.input.as_str()).collect();
    format!(
        "{}: {} -> {}",
        case.id,
        turns.join(" | "),
        case.expected.text.join(" | ")
    )
}

#[track_caller]
fn check(format: Format, text: &str, expected: &[&str]) -> Vec<EvalCase> {
    let dataset = parse_dataset("suite", text, format).unwrap();
    let shown: Vec<String> = dataset.cases().iter().map(show).collect();
    assert_eq!(shown, expected);
    dataset.cases().to_vec()
}

#[track_caller]
fn check_problems(format: Format, text: &str, expected: &[&str]) {
    match parse_dataset("suite", text, format) {
        Err(DatasetError::Invalid(invalid)) => {
            assert_eq!(
                invalid.problems.len(),
                expected.len(),
                "{:?}",
                invalid.problems
            );
            for (found, expected) in invalid.problems.iter().zip(expected) {
                assert!(
                    found.contains(expected),
                    "`{found}` in place of `{expected}`"
                );
            }
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn json_lines_of_ours_and_of_inspect() {
    let text = "\u{feff}{\"input\": \"2 + 2?\", \"target\": \"4\", \"id\": \"sum\", \"group\": \"book\"}\n\
        \n\
        {\"input\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"user\", \"content\": \"b\"}]}\n\
        {\"input\": \"Which?\", \"choices\": [\"red\", \"blue\"], \"target\": [\"A\", \"red\"], \"id\": 7}\n\
        {\"id\": \"talk\", \"turns\": [{\"input\": \"Hello\"}, {\"input\": \"Bye\"}], \"expected\": {\"tools\": []}}\n";
    let cases = check(
        Format::JsonLines,
        text,
        &[
            "sum: 2 + 2? -> 4",
            "3: a | b -> ",
            "7: Which?\nA) red\nB) blue -> A | red",
            "talk: Hello | Bye -> ",
        ],
    );
    assert_eq!(cases[0].group.as_deref(), Some("book"));
    assert_eq!(cases[3].expected.tools, Some(vec![]));
    check(Format::Json, "[{\"input\": \"a\"}]", &["1: a -> "]);
    check(Format::JsonLines, "", &[]);
}

#[test]
fn every_broken_line_is_told() {
    let text = "{\"input\": \"a\"}\nnonsense\n{\"input\": 7}\n{}\n[]\n\
        {\"input\": [{\"role\": \"assistant\", \"content\": \"a\"}]}\n{\"input\": []}\n{\"turns\": 7}\n";
    check_problems(
        Format::JsonLines,
        text,
        &[
            "line 2: expected",
            "line 3: data did not match",
            "line 4: it has neither `input` nor `turns`",
            "line 5: expected an object",
            "line 6: a message of the assistant cannot be sent",
            "line 7: it has no message",
            "line 8: invalid type",
        ],
    );
    check_problems(
        Format::JsonLines,
        "{\"input\":\"a\",\"id\":\"x\"}\n{\"input\":\"b\",\"id\":\"x\"}",
        &["case 2 has the name `x`"],
    );
    check_problems(Format::Json, "{", &["EOF"]);
    check_problems(Format::Json, "{}", &["the file holds no cases"]);
}

#[test]
fn csv_with_metadata() {
    let text = "id,input,target,tags,level\na,\"1, 2 or 3?\",3,\"x, y\",easy\n,second,\"[\"\"4\"\", \"\"four\"\"]\",,\n";
    let cases = check(
        Format::Csv,
        text,
        &["a: 1, 2 or 3? -> 3", "2: second -> 4 | four"],
    );
    assert_eq!(
        (cases[0].tags.as_slice(), &cases[0].metadata["level"]),
        (&["x".to_owned(), "y".to_owned()][..], &json!("easy"))
    );
    check_problems(
        Format::Csv,
        "question\nwhy?",
        &["no column `input` among `question`"],
    );
    check_problems(
        Format::Csv,
        "input,target\na,b\nc\nd,e,f\n",
        &["line 3: 1 fields", "line 4: 3 fields"],
    );
}

#[test]
fn yaml_of_pydantic_and_promptfoo() {
    let pydantic = "
name: capitals
cases:
  - name: france
    inputs: What is the capital of France?
    expected_output: Paris
    metadata: { level: easy }
    evaluators: [EqualsExpected]
  - inputs: { question: Rome? }
";
    let cases = check(
        Format::Yaml,
        pydantic,
        &[
            "france: What is the capital of France? -> Paris",
            "2: {\"question\":\"Rome?\"} -> ",
        ],
    );
    assert_eq!(cases[0].metadata["evaluators"], json!(["EqualsExpected"]));
    let promptfoo = "
prompts: ['Say {{ word }} in {{language}}.', 'Translate {{word}}.']
defaultTest:
  vars: { language: French }
  assert: [{ type: latency, threshold: 5 }]
tests:
  - vars: { word: hello }
    assert: [{ type: icontains, value: bonjour }]
  - description: numbers
    vars: { word: 7, language: German }
    assert: [{ type: equals, value: 'sieben, not {{word}}' }]
";
    let cases = check(
        Format::Yaml,
        promptfoo,
        &[
            "1/1: Say hello in French. -> bonjour",
            "1/2: Translate hello. -> bonjour",
            "2/1 numbers: Say 7 in German. -> sieben, not 7",
            "2/2 numbers: Translate 7. -> sieben, not 7",
        ],
    );
    assert_eq!(
        cases[0].metadata["assert"].as_array().map(Vec::len),
        Some(2)
    );
    check(
        Format::Yaml,
        "- input: a\n- input: b\n  target: c\n",
        &["1: a -> ", "2: b -> c"],
    );
}

#[test]
fn broken_yaml_is_told_with_its_place() {
    check_problems(Format::Yaml, "- input: a\n  input: b\n", &["duplicate"]);
    check_problems(Format::Yaml, "- [a\n", &["line"]);
    check_problems(Format::Yaml, "cases: 7", &["`cases`: expected a list"]);
    check_problems(
        Format::Yaml,
        "cases: [7, { name: a }]",
        &["case 1: expected an object", "case 2: it has no `inputs`"],
    );
    check_problems(
        Format::Yaml,
        "prompts: ['{{a}}', '{{ a | upper }}']\ntests: [{ vars: { a: 1 } }, { vars: { b: 1 } }]",
        &[
            "test 1: `{{ a | upper }}` is more",
            "test 2: the variable `a` has no value",
            "test 2: `{{ a | upper }}` is more",
        ],
    );
    check_problems(
        Format::Yaml,
        "prompts: ['file://a.txt']\ntests: []",
        &["prompt 1: `file://a.txt`", "`prompts`: there is none"],
    );
    check_problems(
        Format::Yaml,
        "prompts: [a]\ntests: other.csv",
        &["`tests`: expected a list"],
    );
    check_problems(
        Format::Yaml,
        "prompts: ['{{a']\ntests: [{}]",
        &["`{{` without `}}`"],
    );
    check_problems(
        Format::Yaml,
        "prompts: ['{% if a %}']\ntests: [{}]",
        &["a statement"],
    );
}

#[test]
fn files_are_known_by_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Sums.CSV");
    std::fs::write(&path, "input\na\n").unwrap();
    assert_eq!(read_dataset(&path).unwrap().name(), "Sums");
    let error = read_dataset(folder.path().join("sums.txt")).unwrap_err();
    assert!(error.to_string().contains("name it .jsonl"), "{error}");
    let error = read_dataset(folder.path().join("none.csv")).unwrap_err();
    assert!(matches!(&error, DatasetError::Read { .. }), "{error}");
    std::fs::write(folder.path().join("binary.json"), [0xff, 0xfe, 0x00]).unwrap();
    assert!(read_dataset(folder.path().join("binary.json")).is_err());
}
