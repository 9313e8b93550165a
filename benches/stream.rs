//! What it costs to bring an answer to whoever reads it, piece by piece.
//!
//! Run with `cargo bench -p benches --bench stream`. `turn` is a whole turn that is streamed, with a model that answers
//! in so many pieces; `from_bytes` has them decoded from bytes of Chat Completions as well. What a piece costs is the
//! difference between many and one, by their number.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use victor_core::Context;
use victor_orchestrator::provider::ChatProvider;

use benches::{ByteModel, InstantModel, QUESTION, orchestrator, runtime, warm_session};

fn turn(c: &mut Criterion, name: &str, pieces: usize, model: impl ChatProvider) {
    let runtime = runtime();
    let orchestrator = orchestrator(model);
    let session = runtime.block_on(warm_session(&orchestrator, name, &Context::default()));
    let mut group = c.benchmark_group("stream");
    group.throughput(Throughput::Elements(pieces as u64));
    group.bench_function(BenchmarkId::new(name, pieces), |b| {
        b.to_async(&runtime).iter(async || {
            let mut stream = session.stream_chat(QUESTION);
            let mut length = 0;
            while let Some(event) = stream.next().await {
                length += event.expect("an event").content().len();
            }
            length
        });
    });
    group.finish();
}

fn stream(c: &mut Criterion) {
    for pieces in [1, 1_001] {
        let model = InstantModel {
            more_pieces: pieces - 1,
            ..InstantModel::default()
        };
        turn(c, "turn", pieces, model);
        turn(c, "from_bytes", pieces, ByteModel::new(pieces));
    }
}

criterion_group!(benches, stream);
criterion_main!(benches);
