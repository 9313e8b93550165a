//! The crate through its public API.

mod bm25;
mod embedder;
mod terms;

use victor_lexical::fuse;

#[test]
fn rankings_are_fused_by_share_of_their_highest_score() {
    let check = |rankings: &[(&[f32], f32)], expected: &[f32]| {
        assert_eq!(fuse(rankings), expected, "{rankings:?}");
    };
    check(&[], &[]);
    check(&[(&[4.0, 1.0], 1.0)], &[1.0, 0.25]);
    check(&[(&[4.0, 1.0], 0.5), (&[0.0, 0.2], 2.0)], &[0.5, 2.125]);
    check(&[(&[2.0, -1.0], 1.0)], &[1.0, -0.5]);
    // Without a score above 0 there is nothing to compare with.
    check(&[(&[0.0, -1.0], 1.0), (&[1.0, 2.0], 1.0)], &[0.5, 1.0]);
    check(&[(&[1.0], 1.0), (&[1.0, 2.0], 1.0)], &[1.5, 1.0]);
}
