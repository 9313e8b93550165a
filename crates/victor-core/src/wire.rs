//! The rules by which stored and sent forms stay readable in both directions.
//!
//! Whatever Victor stores or sends as JSON keeps three promises:
//!
//! 1. It carries a [`FormatVersion`], so that a reader knows what it has before it, and refuses with a clear error
//!    what a later, incompatible version wrote.
//! 2. Fields that a reader does not know stay in its [`Extra`] and are written back.
//! 3. Variants that a reader does not know stay whole in the `Unknown` variant of an [`open_enum!`](crate::open_enum)
//!    or the `Other` variant of an [`open_string_enum!`](crate::open_string_enum), and are written back.
//!
//! Adding a field or a variant is therefore compatible; anything else raises the version.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use crate::JsonMap;

/// The version of a stored form: always written as `N`, read back as anything up to `N`.
///
/// A missing version reads as the current one, so that forms written by hand need not name it.
///
/// ```
/// use victor_core::wire::FormatVersion;
///
/// assert_eq!(serde_json::to_string(&FormatVersion::<2>)?, "2");
/// assert!(serde_json::from_str::<FormatVersion<2>>("1").is_ok());
/// assert!(serde_json::from_str::<FormatVersion<2>>("3").is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct FormatVersion<const N: u32>;

impl<const N: u32> Serialize for FormatVersion<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(N)
    }
}

impl<'de, const N: u32> Deserialize<'de> for FormatVersion<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            found if (1..=N).contains(&found) => Ok(Self),
            found => Err(de::Error::custom(format_args!(
                "format version {found} is not readable by this build, which reads 1 to {N}: use a later version of \
                Victor"
            ))),
        }
    }
}

/// The fields of a stored form that this version does not know, kept to be written back.
///
/// It costs one pointer while it is empty, which is nearly always. Use it with `#[serde(flatten)]`.
#[derive(Clone, Default, PartialEq)]
pub struct Extra(Option<Box<JsonMap>>);

impl Extra {
    /// The value of a field, if it is there.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.0.as_ref()?.get(field)
    }

    /// Sets a field.
    pub fn insert(&mut self, field: impl Into<String>, value: impl Into<Value>) {
        self.0
            .get_or_insert_default()
            .insert(field.into(), value.into());
    }

    /// Whether there are no fields.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|map| map.is_empty())
    }

    /// The fields and their values, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.0.iter().flat_map(|map| map.iter())
    }
}

impl std::fmt::Debug for Extra {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl From<JsonMap> for Extra {
    fn from(map: JsonMap) -> Self {
        Self((!map.is_empty()).then(|| Box::new(map)))
    }
}

impl Serialize for Extra {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Extra {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        JsonMap::deserialize(deserializer).map(Self::from)
    }
}

/// Takes the tag out of an object that is to become a variant of an open enum. Support for
/// [`open_enum!`](crate::open_enum).
#[doc(hidden)]
pub fn tag<E: de::Error>(map: &JsonMap, tag: &'static str) -> Result<String, E> {
    match map.get(tag) {
        Some(Value::String(kind)) => Ok(kind.clone()),
        Some(other) => Err(E::custom(format_args!(
            "field `{tag}` must be a string, found {other}"
        ))),
        None => Err(E::missing_field(tag)),
    }
}

/// Reads the body of a known variant of an open enum. Support for [`open_enum!`](crate::open_enum).
#[doc(hidden)]
pub fn body<T: de::DeserializeOwned, E: de::Error>(
    mut map: JsonMap,
    tag: &'static str,
    kind: &str,
) -> Result<T, E> {
    map.remove(tag);
    serde_json::from_value(Value::Object(map))
        .map_err(|error| E::custom(format_args!("in `{kind}`: {error}")))
}

/// Defines an enum whose variants are told apart by a tag, and which keeps variants that it does not know.
///
/// Every variant holds one type, which must serialize as an object. The macro derives `Serialize`, implements
/// `Deserialize` and `From` for every variant, and adds `kind()`, the tag of a value. A known tag with a body that
/// does not fit is an error, never an unknown variant.
///
/// ```
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
/// pub struct Circle { radius: f64 }
///
/// victor_core::open_enum! {
///     /// A shape.
///     #[derive(Debug, Clone, PartialEq)]
///     pub enum Shape tagged "shape" {
///         /// All points at one distance from another.
///         "circle" => Circle(Circle),
///     }
/// }
///
/// let later = r#"{"shape":"square","side":2}"#; // written by a later version
/// let shape: Shape = serde_json::from_str(later)?;
/// assert_eq!(shape.kind(), "square");
/// assert_eq!(serde_json::to_string(&shape)?, later);
/// assert!(serde_json::from_str::<Shape>(r#"{"shape":"circle"}"#).is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[macro_export]
macro_rules! open_enum {
    (
        $(#[$meta:meta])*
        pub enum $name:ident tagged $tag:literal {
            $( $(#[$variant_meta:meta])* $kind:literal => $variant:ident($body:ty), )*
        }
    ) => {
        $(#[$meta])*
        #[derive(serde::Serialize)]
        #[serde(tag = $tag)]
        #[non_exhaustive]
        pub enum $name {
            $( $(#[$variant_meta])* #[serde(rename = $kind)] $variant($body), )*
            /// A variant that this version does not know, kept whole to be written back.
            #[serde(untagged)]
            Unknown($crate::JsonMap),
        }

        impl $name {
            /// The tags of all variants that this version knows.
            pub const KINDS: &'static [&'static str] = &[$($kind),*];

            /// Returns the tag that names this variant in its stored form.
            #[must_use]
            pub fn kind(&self) -> &str {
                match self {
                    $( Self::$variant(_) => $kind, )*
                    Self::Unknown(map) => map.get($tag).and_then(|kind| kind.as_str()).unwrap_or_default(),
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let map = <$crate::JsonMap as serde::Deserialize>::deserialize(deserializer)?;
                let kind = $crate::wire::tag::<D::Error>(&map, $tag)?;
                match kind.as_str() {
                    $( $kind => $crate::wire::body(map, $tag, $kind).map(Self::$variant), )*
                    _ => Ok(Self::Unknown(map)),
                }
            }
        }

        $( impl From<$body> for $name {
            fn from(body: $body) -> Self {
                Self::$variant(body)
            }
        } )*
    };
}

/// Defines an enum whose variants are strings on the wire, and which keeps strings that it does not know.
///
/// The macro adds `as_str()` and implements `Display`, `From<&str>`, `Serialize` and `Deserialize`.
///
/// ```
/// victor_core::open_string_enum! {
///     /// A colour.
///     pub enum Colour {
///         /// Like a rose.
///         Red = "red",
///     }
/// }
///
/// assert_eq!(Colour::from("red"), Colour::Red);
/// assert_eq!(Colour::from("mauve").as_str(), "mauve");
/// ```
#[macro_export]
macro_rules! open_string_enum {
    (
        $(#[$meta:meta])*
        pub enum $name:ident { $( $(#[$variant_meta:meta])* $variant:ident = $text:literal, )* }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $( $(#[$variant_meta])* $variant, )*
            /// A value that this version does not know, kept to be written back.
            Other(Box<str>),
        }

        impl $name {
            /// The value as it is stored and sent.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $( Self::$variant => $text, )*
                    Self::Other(text) => text,
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $( $text => Self::$variant, )*
                    other => Self::Other(other.into()),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                Ok(Self::from(&*text))
            }
        }
    };
}
