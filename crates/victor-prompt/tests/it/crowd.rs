//! Many contributors, and bad ones among them.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use victor_core::Coordinator;
use victor_prompt::{PromptCoordinator, PromptOptions};
use victor_prompt_protocol::{Contribution, PromptBuilder, PromptContext, Stability};

use crate::fakes::{Act, Fake, Told, build, left_out};

#[tokio::test(start_paused = true)]
async fn of_fifty_contributors_five_fail_five_hang_and_five_panic() {
    let names: Vec<&'static str> = (0..50)
        .map(|number| &*Box::leak(format!("c{number:02}").into_boxed_str()))
        .collect();
    let prompt = PromptCoordinator::builder()
        .template("default", "Base.")
        .build();
    let mut expected = vec!["Base.".to_owned()];
    let mut broken = Vec::new();
    for (number, name) in names.iter().copied().enumerate() {
        let (act, reason) = match number % 10 {
            3 => (Act::Fail, "no rules: file not found"),
            5 => (Act::Hang, "gave no answer within 5s"),
            7 => (Act::Panic, "panicked: out of cheese"),
            _ => (Act::SayAfter(number as u64 % 3, name), ""),
        };
        prompt.add_contributor(Fake::new(name, -(number as i32), act));
        if reason.is_empty() {
            expected.push(name.to_owned());
        } else {
            broken.push(format!("{name}: {reason}"));
        }
    }
    let start = Instant::now();
    let built = build(&prompt).await;
    assert_eq!(start.elapsed(), Duration::from_secs(5));
    assert_eq!(&*built.text, expected.join("\n\n"));
    assert_eq!(left_out(&prompt, &built), broken);
    assert_eq!(broken.len(), 15);
}

#[tokio::test]
async fn megabytes_are_cut_and_health_tells() {
    let options = PromptOptions::default().with_contribution_tokens(1_000);
    let told = Told::new("flood", 50, |cx: &PromptContext| {
        let size = cx
            .get_str("size")
            .and_then(|size| size.parse().ok())
            .unwrap_or(8_000_000);
        Contribution::from("é".repeat(size)).with_stability(Stability::Session)
    });
    let prompt = PromptCoordinator::builder()
        .template("default", "Base.")
        .options(options)
        .contributor(told.clone())
        .contributor(Told::always("small", "Small.".into()))
        .build();
    for _ in 0..2 {
        let built = build(&prompt).await;
        let flood = "é".repeat(2_000);
        let note = "[The rest, 15996000 bytes, was too long and is left out.]";
        assert_eq!(
            &*built.text,
            format!("Base.\n\n{flood}\n\n{note}\n\nSmall.")
        );
        assert_eq!(built.omissions, []);
        assert_eq!(
            prompt.health().problems,
            [
                "flood: its contribution was cut to 1000 tokens; 15996000 of 16000000 bytes were left out"
            ]
        );
    }
    assert_eq!(told.asked(), 1);
    let small = PromptContext::from_iter([("size", "10")]);
    let built = prompt.build_system_prompt(&small).await;
    assert_eq!(
        &*built.text,
        format!("Base.\n\n{}\n\nSmall.", "é".repeat(10))
    );
    assert!(prompt.health().is_healthy());
}

#[tokio::test]
async fn a_token_counter_decides_about_the_size() {
    let prompt = PromptCoordinator::builder()
        .options(PromptOptions::default().with_contribution_tokens(10))
        .token_counter(Arc::new(victor_testkit::CharCounter))
        .contributor(Told::always("ten", "éééééééééé".into()))
        .build();
    assert!(build(&prompt).await.text.ends_with("éééééééééé"));
    assert!(prompt.health().is_healthy());
}
