//! Composes the coordinators into an agent orchestrator.
