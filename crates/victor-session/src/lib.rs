//! Runs one turn at a time per session, keeps transcripts and resets or closes sessions.
