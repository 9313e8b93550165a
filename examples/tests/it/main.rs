//! Runs every example as a person would, and compares what it prints.
//!
//! `cargo test -p examples` builds the examples before it runs this; `--test it` alone does not.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the examples print, by their names. `…` stands for anything.
macro_rules! examples {
    ($($name:ident => $expected:expr;)*) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];

        $(
            #[test]
            fn $name() {
                check(stringify!($name), $expected);
            }
        )*
    };
}

examples! {
    ab_test => "\
Sessions with the variant `two`, of 10000: about 20%
user-1 always has `control`
user-2 always has `control`
user-4 always has `two`
control: … input tokens a turn
two: … input tokens a turn
The variant `two` is cheaper: true
";
    analytics_tracking => "\
Tracked in this session: {\"feedback\": 1, \"model_call_finished\": 1, \"model_call_started\": 1, \"turn_finished\": 1, \"turn_started\": 1}
Found: feedback with {\"stars\":5,\"page\":\"settings\"}
Exported 5 events
Lines in the file: 5
";
    approvals => "\
run `write_letter`, which may change something that cannot be brought back, with {\"text\":\"Dear Ada\"}?
(a letter leaves: Dear Ada)
completed: …The letter was sent.
";
    basic_chat => "\
Response: …oordinator…(from docs/architecture.md)
Tokens used: …
";
    budget => "\
Several turns were answered: true
The context stayed within its budget: true
The last turn ended as budget
Spent: $0.0…
customer-8: completed
";
    combining_coordinators => "\
…recent…(from crates/victor-context/src/strategies/recent.rs)
Rounds of tool calls: 3
Messages in the context: 4
Model calls: 2
";
    compliance => "\
In the prompt: true
Addresses exported: 0
{\"from\":\"[email]\",\"text\":\"Call me at [phone] about [ticket].\"}
";
    context_management => "\
Initial context size: 0
After chat 1: 2
After chat 2: 4
After chat 3: 6
Context size before compaction: 6
Context size after compaction: 4
The transcript still has 6 messages
After reset: 0
";
    coordinator_state => "\
Current model: \"offline-extractive\"
Context size: 2 messages, … tokens
Total events: 4
Health: Healthy
…
  context: Healthy
…
  chat: Healthy
Usage: … tokens in 1 model calls
";
    custom_analytics_exporter => "\
Exported 5 events
database: feedback of session default with {\"stars\":5}
webhook: /analytics with \"turn_started\", \"model_call_started\", \"model_call_finished\", \"turn_finished\", \"feedback\"
Pushgateway: /metrics/job/victor-analytics
Pushgateway: victor_analytics_feedback 1
";
    custom_compaction_strategy => "\
Day …, compacted by task_aware: … messages with … tokens before, … with … after
…
What the model still sees of what the user said:
  Note of day 1: the roses were cut, …
  Note of day 9: the roses were cut, …
  Note of day 17: the roses were cut, …
  Note of day 25: the roses were cut, …
…
  Note of day 33: the roses were cut, …
…
  Note of day 40: the lawn was mowed …
The transcript has all 80 messages
";
    custom_config_provider => "\
Loaded config of user-session-123:
  temperature = 0.2, from config provider database
  max_tool_iterations = 50, from config provider database
  tool_calling_timeout = 60, from the defaults
Loaded config of user-session-456:
  temperature = null, from the defaults
  max_tool_iterations = 20, from the defaults
  tool_calling_timeout = 5, from config provider api
Loaded config of user-session-789:
  temperature = null, from the defaults
  max_tool_iterations = 20, from the defaults
  tool_calling_timeout = 60, from the defaults
";
    custom_coordinator => "\
mood: started
Found by name: true
Health: Some(Healthy)
Mood: Some(4)
After the reset: None
mood: ended
";
    custom_prompt_contributors => "\
Generated prompt:
…

## Compliance Requirements
- Follow all regulatory requirements (GDPR, HIPAA, etc.)
- Do not include personal identifiable information (PII)
- Ensure data handling meets security standards

Language: Respond in English.

## Code Style Guidelines
- Max line length: 100
- Use 4 spaces for indentation
- Follow PEP8 naming convention
- Type hints required for all functions

With compliance and Spanish, the same message took … more input tokens
";
    custom_tool => "\
User: What are 20 degrees celsius in fahrenheit?
celsius_to_fahrenheit: 20 degrees Celsius are 68 degrees Fahrenheit.
Assistant: 20 degrees Celsius are 68 degrees Fahrenheit.…
User: Add the note \"water the plants\"
add_note: Added as note 1.
Assistant: …Added as note 1.
Notes: [\"water the plants\"]
";
    deep_customization => "\
read_file: success
write_file: denied
Coordinators: …tool_analytics…
";
    error_handling => "\
Chat failed: the model call failed: refusing: the key has expired
Kind: Provider(Authentication)
Messages kept: 1
…
  context: Healthy []
  provider: Degraded [\"refusing: the key has expired\"]
…Fallback: Hello…
Messages: 2
Health: Healthy
";
    evaluation => "\
contains: 100 % passed
  at least 30 %: passed
  at least 90 %: undecided
trajectory_superset: 100 % passed
  at least 30 %: passed
  at least 90 %: undecided
";
    modes => "\
from build to plan
notes after a turn in `plan`: []
from plan to tidy
add_note: success
notes after a turn in `tidy`: [\"buy milk in mode tidy\"]
";
    multi_tenant => "\
acme:alice: plan \"free\", mode plan, 3 tool calls, from config provider table
globex:bob: plan \"enterprise\", mode build, 100 tool calls, from config provider service
initech:carol: plan null, mode build, 10 tool calls, from code
acme:alice: plan \"pro\", mode plan, 50 tool calls, from config provider table
";
    prompt_library => "\
Trust AGENTS.md, .agents/skills/release?
[base, process]
…
[project_instructions, process]
…
````AGENTS.md
Run the tests with `make check`.
````

[skills, process]
…
- release (project): Makes a release. Use when the user wants to publish.

[language, session]
Answer in German (Deutsch), …

[code_style, session]
…
- Keep lines within 100 characters.
- Indent by 4 spaces.

[task_hints, session]
…
Skill `release`, …

````release/SKILL.md
Raise the version, run the tests, tag the commit.
````
";
    recall => "\
The model sees the roses: true
The model sees the code: false
recall: Found 1 of 11 messages, best first.

#3 user, …:
The gate code is 4711.
(before, #2 assistant: …)
(after, #4 assistant: …)

";
    session_management => "\
code-review-123: 2 model calls
Session code-review-123: 8 events, 4 messages
Session docs-456: 4 events, 2 messages
After the reset of code-review-123:
Session code-review-123: 0 events, 0 messages
Session docs-456: 4 events, 2 messages
";
    settings => "\
model = \"offline-extractive\", from model provider offline
temperature = 0.2, from file …victor.toml, line 1
context_compaction_threshold = 0.7, from code
tool_calling_timeout = 30, from code
mode = \"build\", from the defaults
Metrics: false
setting `context_compaction_threshold` in code: expected above 0 and up to 1
";
    several_providers => "\
cheap is overloaded, so sure is asked
…
Cost: $…
The last turn ended as budget
All was spent in this session: true
";
    streaming => "\
[calls read_file with {\"path\":\"docs/architecture.md\"}]
[success]
…`victor-provider`…
[… pieces, … tokens]
";
    switch_provider => "\
ada: I am the first model.
bob: The first model, again.
ada: ada-model answered
ada: 4 messages kept
bob: offline-extractive answered
bob: 4 messages kept
";
    tool_execution => "\
1 success: retries: 3
2 rejected: …`read_fle`…`read_file`…
3 rejected: …/path must be a string…
";
    tool_selection => "\
keyword: read_file, …
semantic: read_file, …
hybrid: read_file, …
all: read_file, write_file, send_mail, get_forecast, list_events, convert_currency
";
    workflow => "\
The first process:
  build: \"build\" (key ends in build)
  waits for 1 step: ok
Another one, another day:
  ship: \"ship\" (key ends in ship)
  announce: \"announce\" (key ends in announce)
  ship/~undo: \"take back\" (key ends in ship/~undo)
The run has failed at announce, and what it did is undone: step `announce` failed: nobody listens
Its … records tell all of it.
";
}

#[test]
fn every_example_is_listed_and_tested() -> Result<(), Box<dyn std::error::Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest: toml::Table = std::fs::read_to_string(folder.join("Cargo.toml"))?.parse()?;
    let listed: BTreeSet<_> = manifest["example"]
        .as_array()
        .ok_or("`example` is no list")?
        .iter()
        .map(|example| (example["name"].as_str(), example["path"].as_str()))
        .collect();

    let mut files = BTreeSet::new();
    for entry in std::fs::read_dir(folder)? {
        let file = PathBuf::from(entry?.file_name());
        if file.extension().is_some_and(|extension| extension == "rs") {
            files.insert(file.display().to_string());
        }
    }
    let names: Vec<_> = files
        .iter()
        .map(|file| file.trim_end_matches(".rs"))
        .collect();
    let expected = names
        .iter()
        .zip(&files)
        .map(|(name, file)| (Some(*name), Some(file.as_str())));
    assert_eq!(listed, expected.collect());
    assert_eq!(NAMES, names);
    Ok(())
}

#[test]
fn the_pattern_stands_for_what_it_should() {
    assert!(fits("a\nb\n", "a\nb\n"));
    assert!(fits("a\n12 tokens\n", "a\n… tokens\n"));
    assert!(fits("anything", "…"));
    assert!(fits("ab b", "a…b"));
    assert!(!fits("a\nb\nc\n", "a\nb\n"));
    assert!(!fits("x a", "a…"));
    assert!(!fits("a x", "…a"));
    assert!(!fits("b a", "…a…b…"));
    assert!(!fits("ab", "ab…b"));
}

/// Runs an example without any environment, and compares its output.
fn check(name: &str, expected: &str) {
    let path = path_of(name);
    assert!(
        path.is_file(),
        "{} is missing: run `cargo test -p examples`, which builds it",
        path.display()
    );
    let output = Command::new(&path)
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .current_dir(std::env::temp_dir())
        .output()
        .unwrap_or_else(|error| panic!("{} does not start: {error}", path.display()));
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success(),
        "{name} ended with {}:\n{stderr}\n{stdout}",
        output.status
    );
    assert!(stderr.is_empty(), "{name} complains:\n{stderr}");
    assert!(
        fits(&stdout, expected),
        "{name} printed\n{stdout}\nand not\n{expected}"
    );
}

/// Where cargo puts an example: beside the folder of this test.
fn path_of(example: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let target = test.parent().and_then(Path::parent).unwrap();
    target
        .join("examples")
        .join(example)
        .with_extension(std::env::consts::EXE_EXTENSION)
}

/// Whether a text is as the pattern says, in which `…` stands for anything.
fn fits(text: &str, pattern: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('…') else {
        return text == pattern;
    };
    let Some(mut text) = text.strip_prefix(first) else {
        return false;
    };
    let pieces: Vec<&str> = rest.split('…').collect();
    let Some((last, pieces)) = pieces.split_last() else {
        return true;
    };
    for piece in pieces {
        let Some((_, after)) = text.split_once(piece) else {
            return false;
        };
        text = after;
    }
    text.ends_with(last)
}
