//! Counts what does not depend on how busy the machine is.
use benches::{InstantModel, QUESTION, history, orchestrator, warm_session};

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let arguments: Vec<String> = std::env::args().collect();
    let number = |n: usize| arguments.get(n).and_then(|a| a.parse::<usize>().ok());
    let (tool, length, turns) = (
        arguments[1] == "tool",
        number(2).unwrap_or(10),
        number(3).unwrap_or(1000),
    );
    runtime.block_on(async {
        let model = InstantModel {
            calls_tool: tool,
            more_pieces: number(4).unwrap_or(0),
        };
        let orchestrator = orchestrator(model);
        let session = warm_session(&orchestrator, "s", &history(length)).await;
        let began = std::time::Instant::now();
        for _ in 0..turns {
            session.chat(QUESTION).await.expect("an answer");
        }
        println!("{:?} a turn", began.elapsed() / turns as u32);
        if turns < 1000 {
            let info = allocation_counter::measure(|| {
                futures_util::FutureExt::now_or_never(session.chat(QUESTION))
                    .expect("ready")
                    .expect("answer");
            });
            println!("{info:?}");
        }
    });
}
