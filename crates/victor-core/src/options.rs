//! The one shape of options.

/// Declares the options of a type: a struct that can grow, its defaults, and a `with_*` method for each field.
///
/// Each field names its setter and its default. The struct is `#[non_exhaustive]`, so a new option breaks nobody, and
/// derives `Debug` and `Clone`; further derives are given as attributes.
///
/// ```
/// use std::time::Duration;
///
/// victor_core::options! {
///     /// Limits of a search.
///     #[derive(PartialEq)]
///     pub struct SearchOptions {
///         /// Time limit of one request. Defaults to 30 seconds.
///         pub timeout, with_timeout: Duration = Duration::from_secs(30);
///         /// Number of hits. Defaults to 10.
///         pub limit, with_limit: usize = 10;
///         /// Language of the hits. Defaults to any.
///         pub language, with_language: Option<String> = None;
///     }
/// }
///
/// let options = SearchOptions::default().with_limit(3);
/// assert_eq!(options.limit, 3);
/// assert_eq!(options.timeout.as_secs(), 30);
/// ```
#[macro_export]
macro_rules! options {
    (
        $(#[$attribute:meta])*
        pub struct $name:ident {
            $(
                $(#[$field_attribute:meta])*
                pub $field:ident, $setter:ident: $ty:ty = $default:expr;
            )*
        }
    ) => {
        $(#[$attribute])*
        #[derive(Debug, Clone)]
        #[non_exhaustive]
        pub struct $name {
            $(
                $(#[$field_attribute])*
                pub $field: $ty,
            )*
        }

        impl ::core::default::Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl $name {
            $(
                #[doc = concat!("Sets [`", stringify!($field), "`](Self::", stringify!($field), ").")]
                #[must_use]
                pub fn $setter(mut self, $field: $ty) -> Self {
                    self.$field = $field;
                    self
                }
            )*
        }
    };
}
