//! The declaration of one setting.

use std::fmt;

use serde_json::{Value, json};

/// Declaration of a setting: its key, its scope, the values it takes and its documentation.
///
/// [`Settings::declarations`](crate::Settings::declarations) lists all of them.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Setting {
    /// Key in files and in the answers of providers. The environment variable is `VICTOR_` and the key in capitals.
    pub key: &'static str,
    /// Reach of a value: one session, the whole process, or nothing yet.
    pub scope: SettingScope,
    /// Kind of value.
    pub kind: SettingKind,
    /// Whether the setting may be absent (`null`).
    pub is_optional: bool,
    /// Values of this kind that are valid.
    pub range: SettingRange,
    /// Lines of the documentation, as they stand in the source.
    pub(crate) lines: &'static [&'static str],
}

/// Reach of a setting's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SettingScope {
    /// Read for every turn, so that a [`ConfigProvider`](crate::ConfigProvider) may answer differently for each
    /// session.
    Session,
    /// Read once, when the program starts. A provider's value has no effect; the loader ignores and reports it.
    Process,
    /// Reserved for a coordinator to come: valid, so that files can be written ahead, and without effect so far.
    Reserved,
}

/// Kind of value that a setting takes. Displayed as messages name it: "a whole number, 0 or more".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SettingKind {
    /// Text.
    Text,
    /// `true` or `false`.
    Boolean,
    /// Number, which may have a fraction.
    Number,
    /// Whole number from 0 to `max`.
    Whole {
        /// Largest number that can be held.
        max: u64,
    },
    /// Table of values by their names.
    Table,
}

/// Range of a setting. Displayed as messages name it: "from 0 to 2".
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum SettingRange {
    /// Every value of the kind.
    Any,
    /// This number and every larger one.
    AtLeast(u32),
    /// Every number between the two, both included.
    FromTo(f64, f64),
    /// Every number above the first, up to the second and including it.
    AboveUpTo(f64, f64),
    /// Any text but the empty one; the words say what the text is.
    NotEmpty(&'static str),
}

impl Setting {
    /// Returns the documentation as one paragraph, with its default at the end.
    #[must_use]
    pub fn description(&self) -> String {
        let lines = self.lines.iter().map(|line| line.trim());
        lines.collect::<Vec<_>>().join(" ")
    }

    /// Returns the JSON Schema of the values that this setting takes.
    pub(crate) fn json_schema(&self, default: Value) -> Value {
        let name = match self.kind {
            SettingKind::Text => "string",
            SettingKind::Boolean => "boolean",
            SettingKind::Number => "number",
            SettingKind::Whole { .. } => "integer",
            SettingKind::Table => "object",
        };
        let mut schema = json!({ "description": self.description(), "type": name });
        if self.is_optional {
            schema["type"] = json!([name, "null"]);
        }
        if let SettingKind::Whole { max } = self.kind {
            schema["minimum"] = 0.into();
            schema["maximum"] = max.into();
        }
        match self.range {
            SettingRange::Any => {}
            SettingRange::AtLeast(least) => schema["minimum"] = least.into(),
            SettingRange::FromTo(from, to) => {
                schema["minimum"] = from.into();
                schema["maximum"] = to.into();
            }
            SettingRange::AboveUpTo(above, to) => {
                schema["exclusiveMinimum"] = above.into();
                schema["maximum"] = to.into();
            }
            SettingRange::NotEmpty(_) => schema["minLength"] = 1.into(),
        }
        if !default.is_null() {
            schema["default"] = default;
        }
        schema
    }
}

impl SettingRange {
    /// Whether a number, or the length of a text, is in this range.
    pub(crate) fn contains(self, size: f64) -> bool {
        match self {
            Self::Any => true,
            Self::AtLeast(least) => size >= least.into(),
            Self::FromTo(from, to) => (from..=to).contains(&size),
            Self::AboveUpTo(above, to) => size > above && size <= to,
            Self::NotEmpty(_) => size > 0.0,
        }
    }
}

impl fmt::Display for SettingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("a text"),
            Self::Boolean => f.write_str("true or false"),
            Self::Table => f.write_str("a table of values by their names"),
            Self::Number => f.write_str("a number"),
            Self::Whole { max: u64::MAX } => f.write_str("a whole number, 0 or more"),
            Self::Whole { max } => write!(f, "a whole number from 0 to {max}"),
        }
    }
}

impl fmt::Display for SettingRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any value"),
            Self::AtLeast(least) => write!(f, "at least {least}"),
            Self::FromTo(from, to) => write!(f, "from {from} to {to}"),
            Self::AboveUpTo(above, to) => write!(f, "above {above} and up to {to}"),
            Self::NotEmpty(what) => f.write_str(what),
        }
    }
}

/// Type of a setting's field.
pub(crate) trait SettingValue {
    const KIND: SettingKind;
    const IS_OPTIONAL: bool = false;

    /// The number that a range limits: the value itself, or the length of a text. `None` where there is none.
    fn size(&self) -> Option<f64> {
        None
    }
}

impl<T: SettingValue> SettingValue for Option<T> {
    const KIND: SettingKind = T::KIND;
    const IS_OPTIONAL: bool = true;

    fn size(&self) -> Option<f64> {
        self.as_ref()?.size()
    }
}

/// Says which kind of value a type is, and how to get the number that a range limits.
macro_rules! setting_value {
    ($($ty:ty => $kind:expr $(, |$value:ident| $size:expr)?;)*) => {
        $(impl SettingValue for $ty {
            const KIND: SettingKind = $kind;

            $(fn size(&self) -> Option<f64> {
                let $value = self;
                Some($size)
            })?
        })*
    };
}

setting_value! {
    bool => SettingKind::Boolean;
    f64 => SettingKind::Number, |value| *value;
    u32 => SettingKind::Whole { max: u32::MAX as u64 }, |value| f64::from(*value);
    u64 => SettingKind::Whole { max: u64::MAX }, |value| *value as f64;
    String => SettingKind::Text, |value| value.len() as f64;
    victor_core::ModelId => SettingKind::Text, |value| value.as_str().len() as f64;
    victor_core::JsonMap => SettingKind::Table;
}
