//! Answers as values of a type.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use victor_chat_protocol::{Approval, ChatInput, SuspendedTurn};
use victor_session_loader::TurnOrder;
use victor_structured_output::schemars::JsonSchema;
use victor_structured_output::{OutputForm, Typed, TypedChatError};

use crate::{AgentOrchestrator, Session};

/// The name of the form, and of the tool by which it is given.
const NAME: &str = "final_answer";

impl AgentOrchestrator {
    /// Sends a message in the default session and returns the answer as a value of `T`.
    ///
    /// Tools are called on the way as in every turn. The answer is JSON that fits the schema of `T`: the provider holds
    /// the model to it where it can, and otherwise the model gives it by calling a tool, `final_answer`, which is
    /// offered beside the others. An answer that does not fit the schema, or that serde cannot read, is asked for again
    /// with the reason, three times at most and within the limits of the turn.
    ///
    /// # Errors
    ///
    /// The turn failed, it ended before there was an answer, or the answer does not fit; see [`TypedChatError`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the call ends the turn at once and leaves a conversation that can go on.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use schemars::JsonSchema;
    /// use serde::Deserialize;
    /// use victor_orchestrator::AgentOrchestrator;
    /// # use std::sync::Arc;
    /// # use serde_json::json;
    ///
    /// #[derive(Deserialize, JsonSchema)]
    /// struct City {
    ///     name: String,
    ///     /// How many people live there.
    ///     population: u64,
    /// }
    ///
    /// # let tokyo = json!({"name": "Tokyo", "population": 14_000_000});
    /// # let model = Arc::new(victor_testkit::ScriptedModel::new().calls("final_answer", tokyo));
    /// let orchestrator = AgentOrchestrator::builder().provider(model).build()?;
    /// let city = orchestrator.chat_typed::<City>("Which is the largest city of Japan?").await?.value;
    /// assert_eq!((city.name.as_str(), city.population), ("Tokyo", 14_000_000));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn chat_typed<T: DeserializeOwned + JsonSchema + 'static>(
        &self,
        input: impl Into<ChatInput>,
    ) -> Result<Typed<T>, TypedChatError> {
        let session = self.session(self.session_id().clone());
        session.chat_typed(input).await
    }

    /// Takes a turn of [`chat_typed`](Self::chat_typed) up again, in its own session, with what a person decided about
    /// the calls that wait for approval.
    ///
    /// # Errors
    ///
    /// Those of [`chat_typed`](Self::chat_typed), and [`ChatError::Resume`](victor_chat_protocol::ChatError::Resume) if
    /// the conversation has gone on without it.
    pub async fn resume_typed<T: DeserializeOwned + JsonSchema + 'static>(
        &self,
        turn: SuspendedTurn,
        approvals: impl IntoIterator<Item = Approval>,
    ) -> Result<Typed<T>, TypedChatError> {
        let form = Arc::new(OutputForm::<T>::new(NAME));
        let approvals = approvals.into_iter().collect();
        let order = TurnOrder::resume(turn, approvals).with_check(form.clone());
        form.read_answer(self.run(order)).await
    }
}

impl Session {
    /// Sends a message and returns the answer as a value of `T`; see [`AgentOrchestrator::chat_typed`].
    ///
    /// # Errors
    ///
    /// The turn failed, it ended before there was an answer, or the answer does not fit; see [`TypedChatError`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the call ends the turn at once and leaves a conversation that can go on.
    pub async fn chat_typed<T: DeserializeOwned + JsonSchema + 'static>(
        &self,
        input: impl Into<ChatInput>,
    ) -> Result<Typed<T>, TypedChatError> {
        let tools = self.orchestrator.tool_coordinator().specs();
        let mut name = NAME.to_owned();
        while tools.iter().any(|tool| tool.name == name) {
            name.push('_');
        }
        let form = Arc::new(OutputForm::<T>::new(&name));
        let order = TurnOrder::answer(self.id.clone(), input.into(), self.policy)
            .with_tags(self.tags.clone())
            .with_output(form.contract().clone())
            .with_check(form.clone());
        form.read_answer(self.orchestrator.run(order)).await
    }
}
