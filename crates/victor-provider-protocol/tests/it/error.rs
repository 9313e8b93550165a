use victor_provider_protocol::{ProviderError, ProviderErrorKind};

#[test]
fn the_numbers_of_a_request_that_is_too_long() {
    let check = |said: [Option<u64>; 2], kept: [Option<u64>; 2]| {
        let kind = ProviderErrorKind::ContextTooLong;
        let error = ProviderError::new(kind, "p", "too long").with_overflow(said[0], said[1]);
        assert_eq!([error.context_window(), error.request_tokens()], kept);
    };
    check([None, None], [None, None]);
    check([Some(1024), Some(13_810)], [Some(1024), Some(13_810)]);
    check([Some(0), None], [None, None]);
    let most = u64::from(u32::MAX);
    check([Some(u64::MAX), Some(most)], [Some(most), Some(most)]);
}
