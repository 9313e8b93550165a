//! What the router adds to a call of the bare provider.
//!
//! Run with `cargo bench -p benches --bench router`. `bare` is the provider alone, `one` a router of one target, and
//! `ten` a route of ten targets with limits, circuit breakers, a ledger and prices.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use victor_orchestrator::coordinators::provider::ProviderCoordinator;
use victor_orchestrator::provider::{ChatProvider, ProviderRouter};

use benches::{InstantModel, route_of_one, route_of_ten, routed_request, runtime};

fn router(c: &mut Criterion) {
    let runtime = runtime();
    let mut group = c.benchmark_group("router");
    let request = routed_request();
    group.bench_function("bare", |b| {
        b.to_async(&runtime).iter(|| {
            let request = black_box(&request).clone();
            async move {
                let stream = InstantModel::default().stream_chat(&request).await;
                stream.expect("it answers").completion().await
            }
        });
    });
    let mut bench = |name: &str, router: ProviderCoordinator| {
        group.bench_function(name, |b| {
            b.to_async(&runtime).iter(|| {
                let request = black_box(&request).clone();
                async { router.stream_chat(request).completion().await }
            });
        });
    };
    bench("one", route_of_one());
    bench("ten", route_of_ten());
    group.finish();
}

criterion_group!(benches, router);
criterion_main!(benches);
