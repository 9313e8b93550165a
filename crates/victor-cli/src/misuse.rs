//! The message about a wrong command line.

use clap::error::ErrorKind;

use crate::exit::Exit;
use crate::terminal;

/// Prints the requested help or version, or one line about the mistake.
pub(crate) fn explain(error: &clap::Error) -> Exit {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // A closed pipe is not an error.
            let _ = error.print();
            Exit::Answered
        }
        _ => {
            terminal::error(&one_line(&error.to_string()));
            Exit::Usage
        }
    }
}

/// Returns the first paragraphs of the message of clap, about the mistake and its remedy, without the usage.
fn one_line(text: &str) -> String {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let about = text
        .split("\n\n")
        .take_while(|paragraph| !paragraph.starts_with("Usage:"));
    let about = about.filter(|paragraph| !paragraph.starts_with("For more information"));
    let sentences: Vec<String> = about
        .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    format!("{}; see `victor --help`", sentences.join("; "))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[track_caller]
    fn check(arguments: &[&str], expected: &str) {
        let error = crate::Cli::try_parse_from(["victor"].iter().chain(arguments)).unwrap_err();
        assert_eq!(
            one_line(&error.to_string()),
            format!("{expected}; see `victor --help`")
        );
    }

    #[test]
    fn faults_are_said_in_one_line() {
        check(
            &["chat", "--modl", "x", "hello"],
            "unexpected argument '--modl' found; tip: a similar argument exists: '--model'",
        );
        check(
            &["chat", "--provider", "nobody", "hello"],
            &format!(
                "invalid value 'nobody' for '--provider <NAME>' [possible values: {}]",
                crate::provider::names().join(", ")
            ),
        );
        check(
            &["chat", "--json", "--quiet", "--root"],
            "a value is required for '--root <DIR>' but none was supplied",
        );
        check(&["chat", "one", "two"], "unexpected argument 'two' found");
        check(
            &["chta"],
            "unrecognized subcommand 'chta'; tip: a similar subcommand exists: 'chat'",
        );
    }
}
