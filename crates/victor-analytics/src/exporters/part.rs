//! Results of a part of a batch.

use victor_analytics_protocol::ExportResult;

/// Turns the result of a part of a batch into that of the batch. `places` are those of the part's events in the batch
/// of `count`; the others are dealt with as soon as all before them are.
pub(super) fn of_batch(result: ExportResult, places: &[usize], count: usize) -> ExportResult {
    let claimed = result.exported_count.saturating_add(result.rejected.len());
    let dealt = match places.get(claimed) {
        Some(place) if !result.success => *place,
        _ => count,
    };
    let arrived = dealt.saturating_sub(result.rejected.len());
    match result.success {
        true => ExportResult::exported(arrived),
        false => {
            let error = result
                .error
                .unwrap_or_else(|| "not all events arrived".into());
            ExportResult::failed(arrived, error)
        }
    }
    .with_rejected(result.rejected)
}

#[cfg(test)]
mod tests {
    use victor_analytics_protocol::RejectedEvent;
    use victor_core::EventId;

    use super::*;

    #[test]
    fn what_is_left_out_is_dealt_with_once_all_before_it_is() {
        let check = |result, places: &[usize], arrived| {
            let result = of_batch(result, places, 6);
            assert_eq!(result.exported_count, arrived, "{result:?}");
        };
        check(ExportResult::exported(2), &[1, 3], 6);
        check(ExportResult::failed(0, "x"), &[1, 3], 1);
        check(ExportResult::failed(1, "x"), &[1, 3], 3);
        check(ExportResult::failed(2, "x"), &[1, 3], 6);
        check(ExportResult::failed(9, "x"), &[1, 3], 6);
        let rejected = || RejectedEvent::new(EventId::from_u128(1), "no event");
        check(
            ExportResult::failed(0, "x").with_rejected([rejected()]),
            &[1, 3],
            2,
        );
        check(
            ExportResult::exported(1).with_rejected([rejected()]),
            &[1, 3],
            5,
        );
    }
}
