//! What changed, in few lines.

/// How many unchanged lines are shown around a change.
const AROUND: usize = 2;

/// How many removed, and how many added lines are shown.
const MAX_LINES: usize = 40;

/// One change as a hunk of a unified diff: all between the first and the last line that differ.
pub(crate) fn diff(old: &str, new: &str) -> String {
    let old: Vec<_> = old.lines().collect();
    let new: Vec<_> = new.lines().collect();
    let same = |(one, other): &(&&str, &&str)| one == other;
    let head = old.iter().zip(&new).take_while(same).count();
    let (old_rest, new_rest) = (&old[head..], &new[head..]);
    let backwards = old_rest.iter().rev().zip(new_rest.iter().rev());
    let tail = backwards.take_while(same).count();

    let before = &old[head.saturating_sub(AROUND)..head];
    let removed = &old_rest[..old_rest.len() - tail];
    let added = &new_rest[..new_rest.len() - tail];
    let after = &old[old.len() - tail..][..tail.min(AROUND)];

    let start = head - before.len() + 1;
    let around = before.len() + after.len();
    let mut text = format!(
        "@@ -{start},{} +{start},{} @@\n",
        around + removed.len(),
        around + added.len()
    );
    for (sign, lines) in [(' ', before), ('-', removed), ('+', added), (' ', after)] {
        for line in lines.iter().take(MAX_LINES) {
            text.push(sign);
            text.push_str(line);
            text.push('\n');
        }
        if lines.len() > MAX_LINES {
            text.push_str(&format!("[{} more lines]\n", lines.len() - MAX_LINES));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(old: &str, new: &str, expected: &str) {
        assert_eq!(diff(old, new), expected);
    }

    #[test]
    fn one_hunk_with_the_lines_around() {
        check(
            "a\nb\nc\nd\ne\n",
            "a\nb\nX\nd\ne\n",
            "@@ -1,5 +1,5 @@\n a\n b\n-c\n+X\n d\n e\n",
        );
        check(
            "1\n2\n3\n4\n5\n6\n7",
            "1\n2\n3\n5\n6\n7",
            "@@ -2,5 +2,4 @@\n 2\n 3\n-4\n 5\n 6\n",
        );
        check("", "a\n", "@@ -1,0 +1,1 @@\n+a\n");
        check("a\na\n", "a\na\na\n", "@@ -1,2 +1,3 @@\n a\n a\n+a\n");
    }

    #[test]
    fn long_changes_are_cut() {
        let found = diff(&"a\n".repeat(100), &"b\n".repeat(100));
        assert_eq!(found.lines().count(), 1 + 2 * (MAX_LINES + 1));
        assert!(found.contains("[60 more lines]"));
    }
}
