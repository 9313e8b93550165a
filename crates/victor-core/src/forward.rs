//! Pointers as implementations of a trait.

/// Writes the methods of an implementation for a pointer to a value that implements the trait, so that methods which
/// take `impl Trait` accept a shared value as well as a plain one.
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
#[macro_export]
macro_rules! forward {
    () => {};
    (
        fn $name:ident(&self $(, $argument:ident: $ty:ty)* $(,)?) $(-> $output:ty)?;
        $($rest:tt)*
    ) => {
        fn $name(&self $(, $argument: $ty)*) $(-> $output)? {
            (**self).$name($($argument),*)
        }
        $crate::forward! { $($rest)* }
    };
    (
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
            (**self).$name($($argument),*)
        }
        $crate::forward! { $($rest)* }
    };
}
