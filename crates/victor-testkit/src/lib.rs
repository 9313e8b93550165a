//! Scripted models, fault injectors and conformance suites for testing Victor crates and their replacements.
