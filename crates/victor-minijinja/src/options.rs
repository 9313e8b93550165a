//! Limits of rendering.

victor_core::options! {
    /// Limits of a [`MinijinjaRenderer`](crate::MinijinjaRenderer).
    #[derive(PartialEq, Eq)]
    pub struct RenderOptions {
        /// Work that one rendering may take, in instructions of the template engine. Defaults to 100,000.
        pub fuel, with_fuel: u64 = 100_000;
        /// Size limit of the text that is rendered, in bytes. Defaults to 1 MiB.
        pub text_bytes, with_text_bytes: usize = 1024 * 1024;
    }
}
