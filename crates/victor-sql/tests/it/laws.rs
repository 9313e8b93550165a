//! The laws that every store keeps.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use victor_analytics_protocol::AnalyticsExporter as _;
use victor_core::SessionId;
use victor_prompt_protocol::PromptSource;
use victor_sql::{SqlPromptSource, SqlReceiptStore, SqlResultStore, SqlWorkflowJournal};
use victor_testkit::conformance::{self, PromptShelf};

use crate::home::on_both;

/// A name that no other call returns.
fn fresh() -> String {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("fresh{number}")
}

/// A database of prompts.
struct Shelf(Arc<SqlPromptSource>);

#[async_trait]
impl PromptShelf for Shelf {
    fn source(&self) -> &dyn PromptSource {
        &*self.0
    }

    async fn publish(&self, name: &str, text: &str) -> String {
        self.0
            .publish(name, text)
            .await
            .unwrap()
            .version
            .to_string()
    }

    async fn label(&self, name: &str, label: &str, version: &str) {
        self.0.set_label(name, label, version).await.unwrap();
    }
}

on_both! {
    async fn prompts_keep_the_laws(home: Home) {
        conformance::prompt_source(&Shelf(home.open("prompts").await.prompt_source())).await;
    }

    async fn sessions_keep_the_laws(home: Home) {
        conformance::session_store(async || {
            home.open(&fresh()).await.session_store()
        })
        .await;
    }

    async fn sessions_are_durable(home: Home) {
        conformance::durable_session_store(async || {
            home.open("durable").await.session_store()
        })
        .await;
    }

    async fn checkpoints_keep_the_laws(home: Home) {
        conformance::checkpoint_store(async |name| home.open(name).await.checkpoint_store()).await;
    }

    async fn results_keep_the_laws(home: Home) {
        let make = async || SqlResultStore::clone(&*home.open(&fresh()).await.result_store());
        conformance::result_store(make).await;
    }

    async fn receipts_keep_the_laws(home: Home) {
        let make = async || SqlReceiptStore::clone(&*home.open(&fresh()).await.receipt_store());
        conformance::receipt_store(make).await;
    }

    async fn exporters_keep_the_laws(home: Home) {
        conformance::analytics_exporter(&*home.open("events").await.analytics_exporter()).await;
    }

    async fn stored_events_are_found(home: Home) {
        let events = home.open("events").await.analytics_exporter();
        events.export(&conformance::stored_events()).await.unwrap();
        conformance::event_store(&*events).await;
    }

    async fn the_outbox_keeps_the_laws(home: Home) {
        conformance::event_outbox(async || home.open("outbox").await.event_outbox().with_limit(100)).await;
    }

    async fn shared_outboxes_keep_the_laws(home: Home) {
        // What one process has taken is another one's at once.
        let make = async || home.open("outbox").await.event_outbox().with_limit(100).shared(Duration::ZERO);
        conformance::event_outbox(make).await;
    }

    async fn logs_of_turns_keep_the_laws(home: Home) {
        conformance::turn_event_log(async || home.open("turns").await.turn_log()).await;
    }

    async fn journals_of_workflows_keep_the_laws(home: Home) {
        let make = async || SqlWorkflowJournal::clone(&*home.open(&fresh()).await.workflow_journal());
        conformance::workflow_journal(make).await;
    }

    async fn the_ledger_keeps_the_laws(home: Home) {
        conformance::ledger_store(home.open("ledger").await.ledger_store()).await;
    }

    async fn settings_keep_the_laws(home: Home) {
        let provider = home.open("settings").await.config_provider();
        let sessions = ["", "a", "b"].map(SessionId::from);
        for session in [None, Some(&sessions[0]), Some(&sessions[1])] {
            let model = json!(format!("{session:?}"));
            provider.set(session, "model", &model).await.unwrap();
        }
        provider.set(None, "temperature", &json!(0.5)).await.unwrap();
        conformance::config_provider(&*provider, &sessions).await;
    }
}
