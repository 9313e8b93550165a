//! Tracks the events of every session and exports them in batches to any number of destinations.
