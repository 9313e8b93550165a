//! Prompts: versions that never change, and labels that move.

use std::collections::BTreeSet;

use victor_prompt_protocol::PromptSource;

use crate::home::on_both;

on_both! {
    async fn the_same_text_again_is_no_new_version(home: Home) {
        let prompts = home.open("prompts").await.prompt_source();
        for (text, version) in [("a", "1"), ("a", "1"), ("b", "2"), ("a", "3"), ("a", "3")] {
            let published = prompts.publish("review", text).await.unwrap();
            assert_eq!((&*published.version, published.label), (version, None));
        }
    }

    async fn a_label_points_to_a_version_that_there_is(home: Home) {
        let prompts = home.open("prompts").await.prompt_source();
        prompts.publish("review", "a").await.unwrap();
        prompts.publish("review", "b").await.unwrap();
        for (name, label, version, expected) in [
            ("review", "production", "3", "prompt `review`: unknown version `3`; known are `1` and `2`"),
            ("review", "production", "01", "prompt `review`: unknown version `01`, did you mean `1`? Known are `1` and `2`"),
            ("reviews", "production", "1", "prompt `reviews`: unknown version `1`: there is none"),
            ("review", "latest", "1", "label `latest` is the newest version and cannot be set: choose another label"),
        ] {
            let error = prompts.set_label(name, label, version).await.unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
        for text in ["a\0", ""] {
            assert_eq!(prompts.publish("nul", text).await.is_err(), text.contains('\0'));
        }
        assert!(prompts.publish("n\0", "a").await.is_err());
    }

    async fn writers_side_by_side_get_versions_of_their_own(home: Home) {
        let one = home.open("prompts").await.prompt_source();
        let other = home.open("prompts").await.prompt_source();
        let writers: Vec<_> = (0..20)
            .map(|number| {
                let prompts = [&one, &other][number % 2].clone();
                tokio::spawn(async move {
                    let text = format!("text {number}");
                    prompts.publish("review", &text).await.unwrap().version
                })
            })
            .collect();
        let mut versions = BTreeSet::new();
        for writer in writers {
            versions.insert(writer.await.unwrap().to_string());
        }
        assert_eq!(versions.len(), 20);
        for version in versions {
            let reference = format!("review@{version}").parse().unwrap();
            assert!(one.get_prompt(&reference).await.unwrap().is_some());
        }
    }
}
