//! Adds sections to the system prompt that depend on what is asked: compliance, language and code style.
//!
//! ```sh
//! cargo run -p examples --example custom_prompt_contributors
//! ```

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;
use victor_offline::OfflineModel;
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::chat::ChatInput;
use victor_orchestrator::coordinators::prompt::PromptCoordinator;
use victor_orchestrator::prompt::{Contribution, PromptContext, PromptContributor, PromptError};

#[derive(Debug)]
struct CompliancePromptContributor;

#[async_trait]
impl PromptContributor for CompliancePromptContributor {
    fn name(&self) -> &str {
        "compliance"
    }

    fn priority(&self) -> i32 {
        80 // stands first
    }

    async fn get_contribution(&self, context: &PromptContext) -> Result<Contribution, PromptError> {
        if context.get_bool("requires_compliance") != Some(true) {
            return Ok(Contribution::nothing());
        }
        Ok("## Compliance Requirements\n\
            - Follow all regulatory requirements (GDPR, HIPAA, etc.)\n\
            - Do not include personal identifiable information (PII)\n\
            - Ensure data handling meets security standards"
            .into())
    }
}

#[derive(Debug)]
struct CodeStylePromptContributor {
    max_line_length: usize,
    indentation: &'static str,
    naming_convention: &'static str,
}

#[async_trait]
impl PromptContributor for CodeStylePromptContributor {
    fn name(&self) -> &str {
        "code_style"
    }

    fn priority(&self) -> i32 {
        60
    }

    async fn get_contribution(&self, context: &PromptContext) -> Result<Contribution, PromptError> {
        if context.get_str("task") != Some("code_generation") {
            return Ok(Contribution::nothing());
        }
        let Self {
            max_line_length,
            indentation,
            naming_convention,
        } = self;
        Ok(format!(
            "## Code Style Guidelines\n\
             - Max line length: {max_line_length}\n\
             - Use {indentation} for indentation\n\
             - Follow {naming_convention} naming convention\n\
             - Type hints required for all functions"
        )
        .into())
    }
}

#[derive(Debug)]
struct MultilingualPromptContributor;

#[async_trait]
impl PromptContributor for MultilingualPromptContributor {
    fn name(&self) -> &str {
        "multilingual"
    }

    fn priority(&self) -> i32 {
        70
    }

    async fn get_contribution(&self, context: &PromptContext) -> Result<Contribution, PromptError> {
        let instruction = match context.get_str("language") {
            Some("es") => "Responde en español.",
            Some("fr") => "Réponds en français.",
            Some("de") => "Antworte auf Deutsch.",
            Some("ja") => "日本語で回答してください。",
            _ => "Respond in English.",
        };
        Ok(format!("Language: {instruction}").into())
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let prompt_coordinator = PromptCoordinator::new([
        Arc::new(CompliancePromptContributor),
        Arc::new(CodeStylePromptContributor {
            max_line_length: 100,
            indentation: "4 spaces",
            naming_convention: "PEP8",
        }),
        Arc::new(MultilingualPromptContributor),
    ]);
    let orchestrator = AgentOrchestrator::builder()
        .provider(OfflineModel::new())
        .prompt_coordinator(Arc::new(prompt_coordinator))
        .build()?;

    // The base prompt, and then the sections in the order of their priorities.
    let context = PromptContext::from_iter([
        ("task", json!("code_generation")),
        ("requires_compliance", json!(true)),
        ("language", json!("en")),
    ]);
    let prompt = orchestrator
        .prompt_coordinator()
        .build_system_prompt(&context)
        .await;
    println!("Generated prompt:\n{}", prompt.text);

    // In a turn, the contributors see the facts that come with the message.
    let plain = orchestrator.session("plain").chat("Hello!").await?;
    let spanish = ChatInput::from("Hello!")
        .with("language", "es")
        .with("requires_compliance", true);
    let strict = orchestrator.session("strict").chat(spanish).await?;
    let longer = strict.usage.input_tokens() - plain.usage.input_tokens();
    println!("\nWith compliance and Spanish, the same message took {longer} more input tokens");
    Ok(())
}
