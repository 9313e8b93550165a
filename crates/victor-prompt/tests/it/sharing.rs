//! Equal prompts are one text.

use std::sync::Arc;

use victor_prompt::{PromptCoordinator, PromptOptions};
use victor_prompt_protocol::{PromptBuilder, PromptContext};

use crate::fakes::{Act, Fake, build, coordinator};

async fn repeat(prompt: &PromptCoordinator, fact: &str) -> Arc<str> {
    prompt
        .build_system_prompt(&PromptContext::from_iter([("fact", fact)]))
        .await
        .text
}

#[tokio::test]
async fn equal_prompts_share_their_text_and_others_do_not() {
    let prompt = coordinator(&[Fake::new("a", 1, Act::Repeat)]);
    let (rain, sun) = (repeat(&prompt, "rain").await, repeat(&prompt, "sun").await);
    assert_ne!(rain, sun);
    assert!(Arc::ptr_eq(&rain, &repeat(&prompt, "rain").await));
    assert!(Arc::ptr_eq(&sun, &repeat(&prompt, "sun").await));
}

#[tokio::test]
async fn the_base_prompt_alone_is_never_copied() {
    let fake = Fake::new("a", 1, Act::Say(""));
    let prompt = coordinator(std::slice::from_ref(&fake));
    let alone = build(&prompt).await.text;
    fake.becomes(Act::Fail);
    assert!(Arc::ptr_eq(&alone, &build(&prompt).await.text));
}

#[tokio::test]
async fn what_is_remembered_is_limited() {
    let options = PromptOptions::default().with_shared_texts(1);
    let prompt = PromptCoordinator::builder()
        .options(options)
        .contributor(Fake::new("a", 1, Act::Repeat))
        .build();
    let rain = repeat(&prompt, "rain").await;
    repeat(&prompt, "sun").await;
    assert!(!Arc::ptr_eq(&rain, &repeat(&prompt, "rain").await));
}

#[tokio::test]
async fn contributions_are_asked_for_anew() {
    let fake = Fake::new("a", 1, Act::Say("old"));
    let prompt = coordinator(std::slice::from_ref(&fake));
    assert_eq!(&*build(&prompt).await.text, "Base.\n\nold");
    fake.becomes(Act::Say("new"));
    assert_eq!(&*build(&prompt).await.text, "Base.\n\nnew");
}
