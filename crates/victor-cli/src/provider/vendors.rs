//! The providers, one file and one row each.

mod anthropic;
mod offline;
mod ollama;
mod openai;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use super::environment::variable;
use super::vendor::Vendor;

/// The provider that answers where the environment has none.
pub(super) const OFFLINE: &Vendor = &offline::VENDOR;

/// The provider of a server that is named without one.
pub(super) const COMPATIBLE: &Vendor = &openai::VENDOR;

/// All providers, in the order in which the environment is searched for them.
pub(super) const VENDORS: [&Vendor; 5] = [
    &anthropic::VENDOR,
    &openai::VENDOR,
    &openai::RESPONSES,
    &ollama::VENDOR,
    &offline::VENDOR,
];

/// The steps after which the environment has a provider.
pub(super) fn remedies() -> Vec<&'static str> {
    VENDORS.iter().filter_map(|vendor| vendor.remedy).collect()
}

/// The keys that the environment has, which must not be in a recording.
pub(crate) fn secrets() -> impl Iterator<Item = String> {
    let variables = VENDORS.iter().flat_map(|vendor| (vendor.key_variables)());
    // What is shorter is no secret, and might be part of any word.
    variables.map(variable).filter(|value| value.len() >= 8)
}

/// The names of the providers, as errors list them.
pub(crate) fn names() -> Vec<&'static str> {
    let vendors = VENDORS.iter().map(|vendor| vendor.id);
    [Choice::AUTO].into_iter().chain(vendors).collect()
}

/// The value of `--provider`; none leaves it to the environment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Choice(pub(super) Option<&'static Vendor>);

impl Choice {
    /// The value that leaves it to the environment.
    pub(super) const AUTO: &'static str = "auto";

    pub(super) fn parser() -> impl TypedValueParser<Value = Self> {
        let auto = "The first of these whose key is set or whose server runs; else offline";
        let auto = PossibleValue::new(Self::AUTO).help(auto);
        let vendors = VENDORS.iter();
        let vendors = vendors.map(|vendor| PossibleValue::new(vendor.id).help(vendor.about));
        PossibleValuesParser::new([auto].into_iter().chain(vendors))
            .map(|name| Self::named(&name).unwrap_or(Self(None)))
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        let mut vendors = VENDORS.into_iter();
        match name {
            Self::AUTO => Some(Self(None)),
            name => vendors
                .find(|vendor| vendor.id == name)
                .map(|vendor| Self(Some(vendor))),
        }
    }

    pub(super) fn name(self) -> &'static str {
        self.0.map_or(Self::AUTO, |vendor| vendor.id)
    }
}
