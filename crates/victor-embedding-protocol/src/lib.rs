//! Contract of embedders, which turn texts into vectors.
