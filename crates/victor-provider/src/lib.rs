//! Routes model calls to a provider and holds the one retry loop.
