//! Pointers and layers as implementations of a trait.

/// Writes the methods of an implementation that passes calls on: for a pointer to a value that implements the trait, so
/// that methods which take `impl Trait` accept a shared value as well as a plain one, or for a layer around one.
///
/// The methods are listed with their signatures; each calls that of the value. Asynchronous ones, as `async_trait`
/// declares them, pass on the future of the value and allocate none of their own. For that, each reference among their
/// arguments names its lifetime, in the order of the arguments. Deny `clippy::missing_trait_methods`, so that no method
/// with a default is left out.
///
/// ```
/// # use async_trait::async_trait;
/// # use std::sync::Arc;
/// #[async_trait]
/// trait Store: Send + Sync {
///     fn name(&self) -> &str;
///     async fn put(&self, key: &str, value: &[u8]) -> usize;
/// }
///
/// #[deny(clippy::missing_trait_methods)]
/// impl<T: Store + ?Sized> Store for Arc<T> {
///     victor_core::forward! {
///         fn name(&self) -> &str;
///         async fn put<'a, 'b>(&self, key: &'a str, value: &'b [u8]) -> usize;
///     }
/// }
///
/// # struct Nowhere;
/// # #[async_trait]
/// # impl Store for Nowhere {
/// #     fn name(&self) -> &str { "nowhere" }
/// #     async fn put(&self, key: &str, value: &[u8]) -> usize { key.len() + value.len() }
/// # }
/// fn name_of(store: impl Store) -> String {
///     store.name().to_owned()
/// }
/// let shared: Arc<dyn Store> = Arc::new(Nowhere);
/// assert_eq!(name_of(shared.clone()), name_of(Nowhere));
/// # let mut put = shared.put("key", b"value");
/// # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// # assert_eq!(put.as_mut().poll(&mut context), std::task::Poll::Ready(8));
/// ```
///
/// A layer around an implementation names the field that holds it, and lists the methods that it passes on:
///
/// ```
/// trait Store {
///     fn name(&self) -> &str;
///     fn size(&self) -> usize;
/// }
///
/// struct Doubled<S> {
///     inner: S,
/// }
///
/// #[deny(clippy::missing_trait_methods)]
/// impl<S: Store> Store for Doubled<S> {
///     victor_core::forward! {
///         inner =>
///         fn name(&self) -> &str;
///     }
///
///     fn size(&self) -> usize {
///         2 * self.inner.size()
///     }
/// }
///
/// # struct One;
/// # impl Store for One {
/// #     fn name(&self) -> &str { "one" }
/// #     fn size(&self) -> usize { 1 }
/// # }
/// let store = Doubled { inner: One };
/// assert_eq!((store.name(), store.size()), ("one", 2));
/// ```
#[macro_export]
macro_rules! forward {
    (@receiver $this:tt) => { (**$this) };
    (@receiver $this:tt $field:ident) => { $this.$field };
    (@methods [$($field:ident)?]) => {};
    (
        @methods [$($field:ident)?]
        fn $name:ident(&self $(, $argument:ident: $ty:ty)* $(,)?) $(-> $output:ty)?;
        $($rest:tt)*
    ) => {
        fn $name(&self $(, $argument: $ty)*) $(-> $output)? {
            $crate::forward!(@receiver self $($field)?).$name($($argument),*)
        }
        $crate::forward! { @methods [$($field)?] $($rest)* }
    };
    (
        @methods [$($field:ident)?]
        async fn $name:ident $(<$($lifetime:lifetime),+>)? (&self $(, $argument:ident: $ty:ty)* $(,)?) -> $output:ty;
        $($rest:tt)*
    ) => {
        fn $name<'shared, $($($lifetime,)+)? 'async_trait>(
            &'shared self
            $(, $argument: $ty)*
        ) -> ::std::pin::Pin<
            ::std::boxed::Box<dyn ::std::future::Future<Output = $output> + ::std::marker::Send + 'async_trait>,
        >
        where
            'shared: 'async_trait,
            $($($lifetime: 'async_trait,)+)?
            Self: 'async_trait,
        {
            $crate::forward!(@receiver self $($field)?).$name($($argument),*)
        }
        $crate::forward! { @methods [$($field)?] $($rest)* }
    };
    ($field:ident => $($methods:tt)*) => {
        $crate::forward! { @methods [$field] $($methods)* }
    };
    ($($methods:tt)*) => {
        $crate::forward! { @methods [] $($methods)* }
    };
}
