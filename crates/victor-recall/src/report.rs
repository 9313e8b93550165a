//! The texts that the model is given.

use std::fmt::Write as _;

use victor_core::Message;

use crate::memory::{Memory, Passage};
use crate::text::{beginning, pieces, text};

/// The number of bytes of a message that are shown at once when it is asked for.
const PAGE: usize = 8_000;

/// The number of bytes of a neighbour that are shown.
const NEIGHBOUR: usize = 120;

/// Reports the results of a search.
pub(crate) fn found(memory: &Memory, passages: &[&Passage]) -> String {
    let all = memory.messages().len();
    let mut report = format!("Found {} of {all} messages, best first.\n", passages.len());
    for passage in passages {
        let whole = text(&memory.messages()[passage.place].message);
        let shown = whole[passage.bytes.clone()].trim();
        // Writing to a `String` cannot fail.
        let _ = write!(report, "\n{}\n{shown}\n", heading(memory, passage.place));
        if passage.bytes.len() < whole.len() {
            let page = pieces(&whole, PAGE).take_while(|page| page.start <= passage.bytes.start);
            let call = call(passage.place, page.count());
            let length = whole.len();
            let _ = writeln!(report, "[a part, of {length} bytes; for the rest: {call}]");
        }
        neighbours(memory, passage.place, &mut report);
    }
    report
}

/// A page of a message, counted from 1; none if the message has no such page.
pub(crate) fn page(memory: &Memory, place: usize, page: usize) -> Option<String> {
    let whole = text(&memory.messages()[place].message);
    let pages: Vec<_> = pieces(&whole, PAGE).collect();
    let mut report = heading(memory, place) + "\n";
    // Writing to a `String` cannot fail.
    let _ = match pages.get(page.checked_sub(1)?) {
        Some(bytes) => writeln!(report, "{}", &whole[bytes.clone()]),
        None if page == 1 => writeln!(report, "[nothing but a search of the conversation]"),
        None => return None,
    };
    if pages.len() > 1 {
        let _ = match page < pages.len() {
            true => {
                let next = call(place, page + 1);
                writeln!(report, "[page {page} of {}; the next: {next}]", pages.len())
            }
            false => writeln!(report, "[page {page}, the last]"),
        };
    }
    neighbours(memory, place, &mut report);
    Some(report)
}

/// The call that shows a page of a message.
fn call(place: usize, page: usize) -> String {
    match page {
        1 => format!(r#"recall {{"query": "", "message": "{}"}}"#, place + 1),
        _ => format!(
            r#"recall {{"query": "", "message": "{}", "page": {page}}}"#,
            place + 1
        ),
    }
}

/// Returns the position of a message, its author and its time.
fn heading(memory: &Memory, place: usize) -> String {
    let remembered = &memory.messages()[place];
    let at = format!("{:.0}", remembered.at).replacen('T', " ", 1);
    let minute = at
        .rsplit_once(':')
        .map_or(at.as_str(), |(minute, _)| minute);
    format!("{}, {minute} UTC:", name(place, &remembered.message))
}

fn name(place: usize, message: &Message) -> String {
    format!("#{} {}", place + 1, message.role().as_str())
}

/// Appends the beginnings of the messages before and after one.
fn neighbours(memory: &Memory, place: usize, report: &mut String) {
    let messages = memory.messages();
    let before = place.checked_sub(1).map(|before| ("before", before));
    for (which, place) in before.into_iter().chain([("after", place + 1)]) {
        let Some(neighbour) = messages.get(place) else {
            continue;
        };
        let begins = beginning(&text(&neighbour.message), NEIGHBOUR);
        if !begins.is_empty() {
            let name = name(place, &neighbour.message);
            // Writing to a `String` cannot fail.
            let _ = writeln!(report, "({which}, {name}: {begins})");
        }
    }
}
