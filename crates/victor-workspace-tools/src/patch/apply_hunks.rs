//! Applying hunks to a text: where they fit, and what comes of it.

use std::cmp::Reverse;
use std::collections::HashMap;

use victor_tool_protocol::ToolError;

use super::parse::{Hunk, Kind, Line};
use crate::text::{line_end, quoted};

/// The most places of a line in a text by which others are found.
const MAX_PLACES: usize = 64;

/// The text after these hunks; `shown` is what the file is called.
///
/// The lines that a hunk keeps or removes must stand in the text exactly so; only an ending of CRLF is not demanded of
/// a patch that has none, and kept. Where hunks stand is found by these lines. That is accepted if the hunks, in their
/// order, fit in one way only, or if all of them fit where they say: otherwise one cannot know what is meant.
///
/// All searches are linear in the text and the hunks, since a model can ask for the worst case.
pub(crate) fn apply(text: &str, hunks: &[Hunk<'_>], shown: &str) -> Result<String, ToolError> {
    let loose = !hunks
        .iter()
        .flat_map(|hunk| &hunk.lines)
        .any(|line| line.text.ends_with('\r'));
    let file = File::new(text, loose, shown);
    let olds: Vec<_> = hunks.iter().map(Old::new).collect();
    let mut after = After {
        text: String::with_capacity(text.len()),
        unended: false,
        last: file.ending(text.len()),
    };
    // The next line, and where it begins.
    let (mut at, mut start) = (0, 0);
    for ((hunk, old), place) in hunks.iter().zip(&olds).zip(file.places(hunks, &olds)?) {
        for line in &file.lines[at..place] {
            after.push(line, "");
            start += line.len();
        }
        at = place;
        for line in &hunk.lines {
            let there = file.lines.get(at).copied().unwrap_or_default();
            match line.kind {
                Kind::Keep => after.push(there, ""),
                Kind::Remove => {}
                Kind::Add if line.unended => after.push(line.text, ""),
                Kind::Add => after.push(line.text, file.ending(start)),
            }
            if line.kind != Kind::Add {
                at += 1;
                start += there.len();
            }
        }
        debug_assert_eq!(at, place + old.lines.len());
    }
    for line in &file.lines[at..] {
        after.push(line, "");
    }
    Ok(after.text)
}

/// A text that is put together by lines.
struct After {
    text: String,
    /// Whether its last line has no end.
    unended: bool,
    /// The line end of a line that was the last one, had none, and is no longer the last.
    last: &'static str,
}

impl After {
    fn push(&mut self, line: &str, end: &str) {
        if self.unended {
            self.text.push_str(self.last);
        }
        self.text.push_str(line);
        self.text.push_str(end);
        self.unended = !line.ends_with('\n') && end.is_empty();
    }
}

/// The old text of a hunk.
struct Old<'h> {
    lines: Vec<&'h Line<'h>>,
    /// The lines, each between line breaks.
    joined: String,
    /// Whether one of them is said to be the last one of the file.
    unended: bool,
}

impl<'h> Old<'h> {
    fn new(hunk: &'h Hunk<'_>) -> Self {
        let lines: Vec<_> = hunk
            .lines
            .iter()
            .filter(|line| line.kind != Kind::Add)
            .collect();
        Self {
            joined: joined(lines.iter().map(|line| line.text)).0,
            unended: lines.iter().any(|line| line.unended),
            lines,
        }
    }
}

/// Lines, each between line breaks, and the places of these breaks.
fn joined<'a>(lines: impl Iterator<Item = &'a str>) -> (String, Vec<usize>) {
    let (mut text, mut starts) = ("\n".to_owned(), vec![0]);
    for line in lines {
        text.push_str(line);
        starts.push(text.len());
        text.push('\n');
    }
    (text, starts)
}

struct File<'a> {
    text: &'a str,
    /// With their ends.
    lines: Vec<&'a str>,
    /// Without their ends, each between line breaks.
    joined: String,
    /// The places of the line break before each line, and of the last one.
    starts: Vec<usize>,
    /// Whether a CR at the end of a line is not compared.
    loose: bool,
    shown: &'a str,
}

impl<'a> File<'a> {
    fn new(text: &'a str, loose: bool, shown: &'a str) -> Self {
        let lines: Vec<_> = text.split_inclusive('\n').collect();
        let (joined, starts) = joined(lines.iter().map(|line| plain(line, loose)));
        Self {
            text,
            lines,
            joined,
            starts,
            loose,
            shown,
        }
    }

    /// A line without its ending.
    fn plain(&self, index: usize) -> &'a str {
        plain(self.lines[index], self.loose)
    }

    /// The line ending for what is put in at this place of the text.
    fn ending(&self, at: usize) -> &'static str {
        if self.loose {
            line_end(self.text, at)
        } else {
            "\n"
        }
    }

    fn is(&self, index: usize, line: &Line<'_>) -> bool {
        index < self.lines.len()
            && self.plain(index) == line.text
            && !(line.unended && self.lines[index].ends_with('\n'))
    }

    fn fits(&self, at: usize, old: &Old<'_>) -> bool {
        at + old.lines.len() <= self.lines.len()
            && old
                .lines
                .iter()
                .zip(at..)
                .all(|(line, index)| self.is(index, line))
    }

    /// The only place for lines that are said to be the last ones, if they are.
    fn at_the_end(&self, old: &Old<'_>) -> Option<usize> {
        let at = self.lines.len().checked_sub(old.lines.len())?;
        self.fits(at, old).then_some(at)
    }

    /// The first line, from this one on, at which these lines stand.
    fn first(&self, old: &Old<'_>, from: usize) -> Option<usize> {
        if old.unended {
            return self.at_the_end(old).filter(|at| *at >= from);
        }
        let start = *self.starts.get(from)?;
        let at = start + self.joined[start..].find(&old.joined)?;
        self.starts.binary_search(&at).ok()
    }

    /// The last line at which these lines stand, if they must end before the line `to`.
    fn last(&self, old: &Old<'_>, to: usize) -> Option<usize> {
        if old.unended {
            return self.at_the_end(old).filter(|at| at + old.lines.len() <= to);
        }
        let at = self.joined[..=*self.starts.get(to)?].rfind(&old.joined)?;
        self.starts.binary_search(&at).ok()
    }

    /// Finds the places of the hunks.
    fn places(&self, hunks: &[Hunk<'_>], olds: &[Old<'_>]) -> Result<Vec<usize>, ToolError> {
        let mut first = Vec::new();
        let mut from = 0;
        for (index, old) in olds.iter().enumerate() {
            if old.lines.is_empty() && !self.lines.is_empty() {
                return Err(self.refused(
                    hunks,
                    index,
                    "has neither context nor removed lines, so that it would fit anywhere: add lines around it",
                ));
            }
            let place = self
                .first(old, from)
                .ok_or_else(|| self.misfit(hunks, index, old, from))?;
            first.push(place);
            from = place + old.lines.len();
        }
        let mut last = Vec::new();
        let mut to = self.lines.len();
        for old in olds.iter().rev() {
            // There is one, since there is a first one.
            let place = self.last(old, to).unwrap_or_default();
            last.push(place);
            to = place;
        }
        last.reverse();
        let Some(index) = (0..first.len()).find(|&index| first[index] != last[index]) else {
            return Ok(first);
        };
        let stated: Option<Vec<_>> = hunks
            .iter()
            .map(|hunk| hunk.start?.checked_sub(1))
            .collect();
        if let Some(stated) = stated {
            let fit = stated.iter().zip(olds).all(|(at, old)| self.fits(*at, old));
            let ends = stated
                .iter()
                .zip(olds)
                .map(|(at, old)| at + old.lines.len());
            if fit && ends.zip(&stated[1..]).all(|(end, next)| end <= *next) {
                return Ok(stated);
            }
        }
        let next = |at: &usize| self.first(&olds[index], at + 1);
        let all: Vec<_> = std::iter::successors(self.first(&olds[index], 0), next)
            .take(10)
            .map(|at| (at + 1).to_string())
            .collect();
        let what = format!(
            "fits in more than one place, at the lines {}: add more lines around it, or say exactly with which line it \
             begins",
            all.join(", ")
        );
        Err(self.refused(hunks, index, &what))
    }

    /// Describes the misfit of a hunk behind this line: the difference to the place where it comes nearest to fitting.
    fn misfit(&self, hunks: &[Hunk<'_>], index: usize, old: &Old<'_>, from: usize) -> ToolError {
        if let Some(before) = self.first(old, 0).filter(|before| *before < from) {
            let what = format!(
                "fits at line {} only, where the hunk before it stands or behind which it stands: put the hunks in the \
                 order of the file, and let them not overlap",
                before + 1
            );
            return self.refused(hunks, index, &what);
        }
        let stated = hunks[index].start.unwrap_or(1).saturating_sub(1);
        let lines: Vec<_> = (0..self.lines.len())
            .map(|index| self.plain(index))
            .collect();
        let wanted: Vec<_> = old.lines.iter().map(|line| line.text).collect();
        let best = nearest(&lines, &wanted, stated)
            .unwrap_or_else(|| stated.min(lines.len().saturating_sub(1)));
        let differs = old
            .lines
            .iter()
            .zip(best..)
            .find(|(line, index)| !self.is(*index, line));
        let Some((line, at)) = differs else {
            return self.refused(hunks, index, "does not fit");
        };
        let there = match self.lines.get(at) {
            None => format!("the file has only {} lines", self.lines.len()),
            Some(_) if self.plain(at) == line.text => "a line break follows there".to_owned(),
            Some(_) => format!("there is {}", quoted(self.plain(at))),
        };
        let wanted = if line.unended {
            " as the last, without a line break"
        } else {
            ""
        };
        let what = format!(
            "does not fit: line {} should be {}{wanted}, but {there}; read the file again and copy its lines exactly",
            at + 1,
            quoted(line.text)
        );
        self.refused(hunks, index, &what)
    }

    fn refused(&self, hunks: &[Hunk<'_>], index: usize, what: &str) -> ToolError {
        ToolError::InvalidArguments(format!(
            "hunk {} of `{}` (line {} of the patch) {what}; nothing was changed",
            index + 1,
            self.shown,
            hunks[index].at
        ))
    }
}

/// A line without its end; with `loose`, CRLF is one.
fn plain(line: &str, loose: bool) -> &str {
    let line = line.strip_suffix('\n').unwrap_or(line);
    if loose {
        line.strip_suffix('\r').unwrap_or(line)
    } else {
        line
    }
}

/// The line at which these lines come nearest to standing in a text: where most of them do, and of several such places
/// the one nearest to the line `stated`. None if no line tells.
///
/// Lines that occur very often tell nothing, so the work is bounded by the number of lines.
pub(crate) fn nearest(lines: &[&str], wanted: &[&str], stated: usize) -> Option<usize> {
    let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
    for line in wanted {
        if !line.trim().is_empty() {
            places.entry(line).or_default();
        }
    }
    for (index, line) in lines.iter().enumerate() {
        if let Some(places) = places.get_mut(line)
            && places.len() <= MAX_PLACES
        {
            places.push(index);
        }
    }
    let mut votes: HashMap<usize, usize> = HashMap::new();
    for (index, line) in wanted.iter().enumerate() {
        let places = places.get(line).filter(|places| places.len() <= MAX_PLACES);
        for start in places
            .into_iter()
            .flatten()
            .filter_map(|at| at.checked_sub(index))
        {
            *votes.entry(start).or_default() += 1;
        }
    }
    let better =
        |(start, votes): &(usize, usize)| (*votes, Reverse((start.abs_diff(stated), *start)));
    votes.into_iter().max_by_key(better).map(|(start, _)| start)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::patch::parse::parse;

    proptest! {
        /// The searches find what looking at each line finds.
        #[test]
        fn lines_are_found_where_they_are(
            text in "[ab]{0,2}(\r?\n[ab]{0,2}){0,12}\n?",
            wanted in prop::collection::vec("[ab]{0,2}", 1..4),
            unended in any::<bool>(),
            from in 0_usize..14,
        ) {
            let file = File::new(&text, true, "f");
            let mut lines: Vec<_> = wanted
                .iter()
                .map(|text| Line { kind: Kind::Keep, text, unended: false })
                .collect();
            lines.last_mut().unwrap().unended = unended;
            let hunk = Hunk { at: 1, start: None, lines };
            let old = Old::new(&hunk);
            let all: Vec<_> = (0..=file.lines.len()).filter(|at| file.fits(*at, &old)).collect();
            let first = all.iter().find(|at| **at >= from).copied();
            let to = from.min(file.lines.len());
            let last = all.iter().rfind(|at| **at + wanted.len() <= to).copied();
            prop_assert_eq!(file.first(&old, from), first);
            prop_assert_eq!(file.last(&old, to), last);
        }
    }

    #[test]
    fn the_nearest_place_has_most_of_the_lines() {
        let check = |text: &str, wanted: &str, stated, expected| {
            let lines: Vec<_> = text.split(' ').collect();
            let wanted: Vec<_> = wanted.split(' ').collect();
            assert_eq!(nearest(&lines, &wanted, stated), expected);
        };
        check("a b c d", "b x d", 0, Some(1));
        check("a b a b", "a x", 0, Some(0));
        check("a b a b", "a x", 3, Some(2));
        check("a b", "x", 0, None);
        check("b c", "a b c", 0, None); // it would begin before the text
    }

    #[test]
    fn the_worst_cases_take_no_time() {
        let (text, context) = ("a\n".repeat(1_000_000), " a\n".repeat(100_000));
        let check = |start: &str, last: &str, expected: Result<usize, &str>| {
            let patch = format!("--- a/f\n+++ b/f\n@@ -{start} +1 @@\n{context}{last}\n");
            let hunks = parse(&patch).unwrap().remove(0).hunks;
            match (apply(&text, &hunks, "f"), expected) {
                (Ok(after), Ok(lines)) => assert_eq!(after.lines().count(), lines),
                (Err(error), Err(said)) => assert!(error.to_string().contains(said), "{error}"),
                (found, _) => panic!("{found:?}"),
            }
        };
        check(
            "1",
            "-b",
            Err("line 100001 should be \"b\", but there is \"a\""),
        );
        check(
            "?",
            "-a",
            Err("fits in more than one place, at the lines 1, 2, 3"),
        );
        check("9", "-a", Ok(999_999));
        // Blank lines at the end, of which none is one of the hunk.
        check(
            "9,100001",
            &format!("-a{}", "\n".repeat(100_000)),
            Ok(999_999),
        );
    }
}
