//! Changes as a unified diff.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;

use super::names::quoted;

/// The number of unchanged lines around a change.
const AROUND: usize = 3;

/// The most removed or added lines in a row that an excerpt shows.
const MAX_LINES: usize = 40;

/// The most different lines for which the smallest difference is looked for: its cost grows with their square.
const MAX_DIFFERENT: usize = 1_000;

/// The most comparisons for it, however few lines differ: among many equal lines, each may be compared very often.
const MAX_COMPARED: usize = 20_000_000;

/// The extent to which a diff is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All of it, so that it could be applied.
    Whole,
    /// Of many lines one after the other the first ones.
    Excerpt,
}

/// The lines before a file's hunks, which name the file.
pub(crate) fn header(old: Option<&Path>, new: Option<&Path>) -> String {
    let name = |prefix: &str, path: Option<&Path>| match path {
        Some(path) => quoted(&format!("{prefix}{}", path.display())),
        None => "/dev/null".to_owned(),
    };
    let mut text = String::new();
    if let (Some(from), Some(to)) = (old, new)
        && from != to
    {
        let [from, to] = [from, to].map(|path| quoted(&path.display().to_string()));
        text = format!(
            "diff --git {} {}\nrename from {from}\nrename to {to}\n",
            name("a/", old),
            name("b/", new)
        );
    }
    text + &format!("--- {}\n+++ {}\n", name("a/", old), name("b/", new))
}

/// The hunks that lead from one text to the other.
pub(crate) fn hunks(old: &str, new: &str, extent: Extent) -> String {
    let old: Vec<_> = old.split_inclusive('\n').collect();
    let new: Vec<_> = new.split_inclusive('\n').collect();
    let changes = changes(&old, &new);
    let mut text = String::new();
    // Changes so near to each other that the lines around them would meet share a hunk.
    for group in changes.chunk_by(|one, next| next.old.start - one.old.end <= 2 * AROUND) {
        let (first, last) = (&group[0], &group[group.len() - 1]);
        let before = first.old.start.min(AROUND);
        let after = (old.len() - last.old.end).min(AROUND);
        let whole = |first: &Range<usize>, last: &Range<usize>| {
            let (start, end) = (first.start - before, last.end + after);
            // An empty range is named by the line before it, as is the custom.
            (start + usize::from(start < end), end - start)
        };
        let (old_start, old_count) = whole(&first.old, &last.old);
        let (new_start, new_count) = whole(&first.new, &last.new);
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            text,
            "@@ -{old_start},{old_count} +{new_start},{new_count} @@"
        );
        let mut at = first.old.start - before;
        for change in group {
            write_lines(&mut text, ' ', &old[at..change.old.start], Extent::Whole);
            write_lines(&mut text, '-', &old[change.old.clone()], extent);
            write_lines(&mut text, '+', &new[change.new.clone()], extent);
            at = change.old.end;
        }
        write_lines(&mut text, ' ', &old[at..at + after], Extent::Whole);
    }
    text
}

fn write_lines(text: &mut String, sign: char, lines: &[&str], extent: Extent) {
    let shown = match extent {
        Extent::Excerpt => lines.len().min(MAX_LINES),
        Extent::Whole => lines.len(),
    };
    for line in &lines[..shown] {
        text.push(sign);
        text.push_str(line);
        if !line.ends_with('\n') {
            text.push_str("\n\\ No newline at end of file\n");
        }
    }
    if shown < lines.len() {
        let _ = writeln!(text, "[{} more lines]", lines.len() - shown);
    }
}

/// Lines of the old text in whose place there are lines of the new one.
struct Change {
    old: Range<usize>,
    new: Range<usize>,
}

fn changes(old: &[&str], new: &[&str]) -> Vec<Change> {
    let same = |(one, other): &(&&str, &&str)| one == other;
    let head = old.iter().zip(new).take_while(same).count();
    let backwards = old[head..].iter().rev().zip(new[head..].iter().rev());
    let tail = backwards.take_while(same).count();
    let (old_end, new_end) = (old.len() - tail, new.len() - tail);

    // Lines are compared often, and therefore as numbers.
    let mut numbers = HashMap::new();
    let mut number = |line| {
        let next = numbers.len();
        *numbers.entry(line).or_insert(next)
    };
    let old_middle: Vec<_> = old[head..old_end].iter().map(&mut number).collect();
    let new_middle: Vec<_> = new[head..new_end].iter().map(&mut number).collect();

    let mut changes = Vec::new();
    let (mut old_at, mut new_at) = (head, head);
    let kept = kept(&old_middle, &new_middle)
        .into_iter()
        .rev()
        .map(|(old, new)| (head + old, head + new));
    for (old, new) in kept.chain([(old_end, new_end)]) {
        if old_at < old || new_at < new {
            changes.push(Change {
                old: old_at..old,
                new: new_at..new,
            });
        }
        (old_at, new_at) = (old + 1, new + 1);
    }
    changes
}

/// The pairs of lines that stay, from the last to the first, after E. Myers, "An O(ND) difference algorithm and its
/// variations". None of them, if too much differs.
fn kept(old: &[usize], new: &[usize]) -> Vec<(usize, usize)> {
    let (old_len, new_len) = (old.len().cast_signed(), new.len().cast_signed());
    let max = (old.len() + new.len()).min(MAX_DIFFERENT).cast_signed();
    // How far each diagonal (the old position minus the new one) has got; what each round began with is kept.
    let mut reached = vec![0_isize; 2 * max.cast_unsigned() + 3];
    let index = |diagonal: isize| (max + 1 + diagonal).cast_unsigned();
    let mut rounds: Vec<Vec<isize>> = Vec::new();
    // The diagonal from which a round comes to another: the one that had got further.
    let origin = |reached: &dyn Fn(isize) -> isize, round: isize, diagonal: isize| {
        let down = diagonal == -round
            || (diagonal != round && reached(diagonal - 1) < reached(diagonal + 1));
        if down { diagonal + 1 } else { diagonal - 1 }
    };
    let mut compared = 0;
    for round in 0..=max {
        if compared > MAX_COMPARED {
            break;
        }
        rounds.push(reached[index(-round - 1)..=index(round + 1)].to_vec());
        for diagonal in (-round..=round).step_by(2) {
            let from = origin(&|d| reached[index(d)], round, diagonal);
            let mut x = reached[index(from)] + isize::from(from < diagonal);
            let equal = |x: isize| {
                let (x, y) = (x.cast_unsigned(), (x - diagonal).cast_unsigned());
                x < old.len() && y < new.len() && old[x] == new[y]
            };
            while equal(x) {
                x += 1;
                compared += 1;
            }
            reached[index(diagonal)] = x;
            if x < old_len || x - diagonal < new_len {
                continue;
            }
            // The end is reached: back along the way that led here.
            let (mut x, mut diagonal, mut kept) = (x, diagonal, Vec::new());
            for (round, reached) in rounds.iter().enumerate().rev() {
                let round = round.cast_signed();
                let reached = |d: isize| reached[(d + round + 1).cast_unsigned()];
                let from = origin(&reached, round, diagonal);
                let start = reached(from) + isize::from(from < diagonal);
                let pairs = (start..x).rev();
                kept.extend(pairs.map(|x| (x.cast_unsigned(), (x - diagonal).cast_unsigned())));
                (x, diagonal) = (reached(from), from);
            }
            return kept;
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(old: &str, new: &str, expected: &str) {
        assert_eq!(hunks(old, new, Extent::Whole), expected);
    }

    #[test]
    fn changes_with_the_lines_around_them() {
        check(
            "a\nb\nc\n",
            "a\nX\nc\n",
            "@@ -1,3 +1,3 @@\n a\n-b\n+X\n c\n",
        );
        check(
            "1\n2\n3\n4\n5\n6\n7\n8\n9\n",
            "1\n2\n3\n4\n6\n7\n8\n9\n",
            "@@ -2,7 +2,6 @@\n 2\n 3\n 4\n-5\n 6\n 7\n 8\n",
        );
        check("", "a\n", "@@ -0,0 +1,1 @@\n+a\n");
        check("a\n", "", "@@ -1,1 +0,0 @@\n-a\n");
        check("a\na\n", "a\na\na\n", "@@ -1,2 +1,3 @@\n a\n a\n+a\n");
        check("a\n", "a\n", "");
        check("", "", "");
    }

    #[test]
    fn the_end_of_the_last_line_counts() {
        let none = "\\ No newline at end of file\n";
        check("a", "a\n", &format!("@@ -1,1 +1,1 @@\n-a\n{none}+a\n"));
        check("a\n", "a", &format!("@@ -1,1 +1,1 @@\n-a\n+a\n{none}"));
        check(
            "a\nb",
            "c\nb",
            &format!("@@ -1,2 +1,2 @@\n-a\n+c\n b\n{none}"),
        );
        check("a\r\n", "a\n", "@@ -1,1 +1,1 @@\n-a\r\n+a\n");
    }

    #[test]
    fn changes_far_from_each_other_have_hunks_of_their_own() {
        let lines = |from: usize, to: usize| (from..=to).map(|n| format!("{n}\n")).collect();
        let around = |from, to| -> String { (from..=to).map(|n| format!(" {n}\n")).collect() };
        let old: String = lines(1, 20);
        let new = old.replace("5\n", "five\n").replace("12\n", "");
        let one = format!("{}-12\n{}", around(6, 11), around(13, 14));
        check(
            &old,
            &new,
            // The 5 of 15 is another change, four lines further on.
            &format!(
                "@@ -2,17 +2,16 @@\n{}-5\n+five\n{one}-15\n+1five\n{}",
                around(2, 4),
                around(16, 18)
            ),
        );
        let new = old.replace("\n5\n", "\n").replace("13\n", "");
        let second = format!(
            "@@ -10,7 +9,6 @@\n{}-13\n{}",
            around(10, 12),
            around(14, 16)
        );
        let first = format!("@@ -2,7 +2,6 @@\n{}-5\n{}", around(2, 4), around(6, 8));
        check(&old, &new, &(first + &second));
    }

    #[test]
    fn an_excerpt_has_the_first_of_many_lines() {
        let (old, new) = ("a\n".repeat(100), "b\n".repeat(100));
        let found = hunks(&old, &new, Extent::Excerpt);
        assert_eq!(found.lines().count(), 1 + 2 * (MAX_LINES + 1));
        assert!(found.contains("[60 more lines]"));
        let whole = hunks(&old, &new, Extent::Whole);
        assert_eq!(whole.lines().count(), 1 + 200);
    }

    #[test]
    fn texts_that_have_nothing_in_common_are_told_apart_in_time() {
        let text = |from: usize| (from..from + 100_000).map(|n| format!("{n}\n")).collect();
        let (old, new): (String, String) = (text(0), text(1_000_000));
        let whole = hunks(&old, &new, Extent::Whole);
        assert!(whole.starts_with("@@ -1,100000 +1,100000 @@\n-0\n"));
    }

    #[test]
    fn files_are_named_as_git_does() {
        let check = |old: Option<&str>, new: Option<&str>, expected: &str| {
            assert_eq!(header(old.map(Path::new), new.map(Path::new)), expected);
        };
        check(Some("x"), Some("x"), "--- a/x\n+++ b/x\n");
        check(None, Some("x y"), "--- /dev/null\n+++ b/x y\n");
        check(Some("ä"), None, "--- a/ä\n+++ /dev/null\n");
        check(
            Some("x"),
            Some("y"),
            "diff --git a/x b/y\nrename from x\nrename to y\n--- a/x\n+++ b/y\n",
        );
        let odd = "a\n\"\\\t\u{1}";
        check(
            None,
            Some(odd),
            "--- /dev/null\n+++ \"b/a\\n\\\"\\\\\\t\\001\"\n",
        );
    }
}
