//! Contracts of metrics: recording measurements and exporting them.
