//! Contracts of tool selection: which of many tools a model is shown.
