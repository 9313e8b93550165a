//! Loads layered settings from defaults, file, environment, code and providers, and knows where each came from.
