//! Applying hunks to a text: where they fit, and what comes of it.

use victor_tool_protocol::ToolError;

use crate::patch::{Hunk, Kind, Line};

/// The text after these hunks; `shown` is what the file is called.
///
/// The lines that a hunk keeps or removes must stand in the text exactly so; only an ending of CRLF is not demanded of
/// a patch that has none, and kept. Where hunks stand is found by these lines. That is accepted if the hunks, in their
/// order, fit in one way only, or if all of them fit where they say: otherwise one cannot know what is meant.
pub(crate) fn apply(text: &str, hunks: &[Hunk<'_>], shown: &str) -> Result<String, ToolError> {
    let file = File {
        lines: text.split_inclusive('\n').collect(),
        loose: !hunks
            .iter()
            .flat_map(|hunk| &hunk.lines)
            .any(|line| line.text.ends_with('\r')),
        shown,
    };
    let olds: Vec<Vec<&Line<'_>>> = hunks.iter().map(old_lines).collect();
    let mut pieces: Vec<String> = Vec::new();
    let mut at = 0;
    for ((hunk, old), place) in hunks.iter().zip(&olds).zip(file.places(hunks, &olds)?) {
        pieces.extend(file.lines[at..place].iter().map(|line| (*line).to_owned()));
        at = place;
        for line in &hunk.lines {
            match line.kind {
                Kind::Keep => pieces.push(file.lines[at].to_owned()),
                Kind::Remove => {}
                Kind::Add => {
                    let ending = if line.unended { "" } else { file.ending(at) };
                    pieces.push(format!("{}{ending}", line.text));
                }
            }
            at += usize::from(line.kind != Kind::Add);
        }
        debug_assert_eq!(at, place + old.len());
    }
    pieces.extend(file.lines[at..].iter().map(|line| (*line).to_owned()));
    // What was the last line, without a line break, may not be the last any more.
    let before_last = pieces.len().saturating_sub(1);
    for piece in &mut pieces[..before_last] {
        if !piece.ends_with('\n') {
            piece.push_str(file.ending(file.lines.len()));
        }
    }
    Ok(pieces.concat())
}

/// The lines that must be there.
fn old_lines<'h, 'a>(hunk: &'h Hunk<'a>) -> Vec<&'h Line<'a>> {
    hunk.lines
        .iter()
        .filter(|line| line.kind != Kind::Add)
        .collect()
}

struct File<'a> {
    lines: Vec<&'a str>,
    /// Whether a CR at the end of a line is not compared.
    loose: bool,
    shown: &'a str,
}

impl File<'_> {
    /// A line without its ending.
    fn plain(&self, index: usize) -> &str {
        let line = self.lines[index];
        let line = line.strip_suffix('\n').unwrap_or(line);
        if self.loose {
            line.strip_suffix('\r').unwrap_or(line)
        } else {
            line
        }
    }

    /// The line ending for what is added before this line: that of the line before it, or of the first one.
    fn ending(&self, index: usize) -> &'static str {
        let mut before = self.lines[..index].iter().rev();
        let like = before
            .find(|line| line.ends_with('\n'))
            .or(self.lines.first());
        let crlf = like.is_some_and(|line| line.ends_with("\r\n"));
        if self.loose && crlf { "\r\n" } else { "\n" }
    }

    fn is(&self, index: usize, line: &Line<'_>) -> bool {
        index < self.lines.len()
            && self.plain(index) == line.text
            && !(line.unended && self.lines[index].ends_with('\n'))
    }

    fn fits(&self, at: usize, old: &[&Line<'_>]) -> bool {
        at + old.len() <= self.lines.len()
            && old
                .iter()
                .zip(at..)
                .all(|(line, index)| self.is(index, line))
    }

    /// Where the hunks stand.
    fn places(&self, hunks: &[Hunk<'_>], olds: &[Vec<&Line<'_>>]) -> Result<Vec<usize>, ToolError> {
        let mut first = Vec::new();
        let mut from = 0;
        for (index, old) in olds.iter().enumerate() {
            if old.is_empty() && !self.lines.is_empty() {
                return Err(self.refused(
                    hunks,
                    index,
                    "has neither context nor removed lines, so that it would fit anywhere: add lines around it",
                ));
            }
            let place = (from..=self.lines.len()).find(|at| self.fits(*at, old));
            let place = place.ok_or_else(|| self.misfit(hunks, index, old, from))?;
            first.push(place);
            from = place + old.len();
        }
        let mut last = Vec::new();
        let mut to = self.lines.len();
        for old in olds.iter().rev() {
            let mut places = (0..=to.saturating_sub(old.len())).rev();
            // There is one, since there is a first one.
            let place = places.find(|at| self.fits(*at, old)).unwrap_or_default();
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
            let ends = stated.iter().zip(olds).map(|(at, old)| at + old.len());
            if fit && ends.zip(&stated[1..]).all(|(end, next)| end <= *next) {
                return Ok(stated);
            }
        }
        let all = (0..=self.lines.len()).filter(|at| self.fits(*at, &olds[index]));
        let all: Vec<_> = all.take(10).map(|at| (at + 1).to_string()).collect();
        let what = format!(
            "fits in more than one place, at the lines {}: add more lines around it, or say exactly with which line it \
             begins",
            all.join(", ")
        );
        Err(self.refused(hunks, index, &what))
    }

    /// What to tell of a hunk that does not fit behind this line: the difference to where it comes nearest to fitting.
    fn misfit(
        &self,
        hunks: &[Hunk<'_>],
        index: usize,
        old: &[&Line<'_>],
        from: usize,
    ) -> ToolError {
        if let Some(before) = (0..from).find(|at| self.fits(*at, old)) {
            let what = format!(
                "fits at line {} only, where the hunk before it stands or behind which it stands: put the hunks in the \
                 order of the file, and let them not overlap",
                before + 1
            );
            return self.refused(hunks, index, &what);
        }
        let stated = hunks[index].start.unwrap_or(1).saturating_sub(1);
        let likeness = |at: usize| {
            old.iter()
                .zip(at..)
                .filter(|(line, index)| self.is(*index, line))
                .count()
        };
        let best = (0..self.lines.len())
            .max_by_key(|at| (likeness(*at), std::cmp::Reverse(at.abs_diff(stated))));
        let best = best.unwrap_or_default();
        let differs = old
            .iter()
            .zip(best..)
            .find(|(line, index)| !self.is(*index, line));
        let Some((line, at)) = differs else {
            return self.refused(hunks, index, "does not fit");
        };
        let there = match self.lines.get(at) {
            None => format!("the file has only {} lines", self.lines.len()),
            Some(_) if self.plain(at) == line.text => "a line break follows there".to_owned(),
            Some(_) => format!("there is {}", excerpt(self.plain(at))),
        };
        let wanted = if line.unended {
            " as the last, without a line break"
        } else {
            ""
        };
        let what = format!(
            "does not fit: line {} should be {}{wanted}, but {there}; read the file again and copy its lines exactly",
            at + 1,
            excerpt(line.text)
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

/// A line in quotes, so that white space is seen.
fn excerpt(line: &str) -> String {
    let shown = &line[..line.floor_char_boundary(200)];
    let cut = if shown.len() < line.len() { "…" } else { "" };
    format!("{shown:?}{cut}")
}
