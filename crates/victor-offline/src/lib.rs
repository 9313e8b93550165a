//! An extractive model that needs no network, for first runs, demos, tests and dry runs.
