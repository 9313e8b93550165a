use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::timeout;
use victor_context_protocol::{
    CompactionBudget, CompactionReport, CompactionStrategy, ContextError, ContextManager,
    ContextStats, Prepared, TokenCounter, TokenCounterExt, TooLarge, WindowRequest,
};
use victor_core::{
    Context, Coordinator, Health, Message, Messages, ModelId, Problems, Role, SessionId,
    UnknownName, contain,
};
use victor_testkit::{CharCounter, conformance};

use super::{Bug, breaks};

type Group = Vec<Arc<Message>>;

/// Leaves out the oldest steps, unless a strategy does better.
#[derive(Debug)]
struct Manager {
    bug: Bug,
    sessions: Mutex<BTreeMap<SessionId, Context>>,
    strategies: Mutex<BTreeMap<String, Arc<dyn CompactionStrategy>>>,
    problems: Problems,
}

impl Manager {
    fn new(bug: &'static str) -> Self {
        Self {
            bug: Bug::new(bug),
            sessions: Mutex::default(),
            strategies: Mutex::default(),
            problems: Problems::default(),
        }
    }

    fn is(&self, bug: &str) -> bool {
        self.bug.is(bug)
    }

    fn key(&self, session: &SessionId) -> SessionId {
        match self.bug.name {
            "mixes sessions" => SessionId::new("all"),
            _ => session.clone(),
        }
    }

    /// What must stay, and as many of the newest groups as there is room for.
    fn newest(&self, history: &Messages, target: u64) -> Messages {
        let groups = groups(history);
        let must: Vec<bool> = groups
            .iter()
            .map(|group| group.iter().any(|message| self.must_stay(history, message)))
            .collect();
        let tokens = |group: &Group| -> u64 {
            group
                .iter()
                .map(|message| u64::from(CharCounter.tokens(message)))
                .sum()
        };
        let fixed: u64 = groups
            .iter()
            .zip(&must)
            .filter(|(_, must)| **must)
            .map(|(group, _)| tokens(group))
            .sum();
        let mut left = target.saturating_sub(fixed);
        let mut kept = Vec::new();
        for (group, must) in groups.iter().zip(must).rev() {
            if must {
                kept.push(group);
            } else if tokens(group) <= left {
                left -= tokens(group);
                kept.push(group);
            } else {
                left = 0;
            }
        }
        kept.into_iter().rev().flatten().cloned().collect()
    }

    fn must_stay(&self, history: &Messages, message: &Message) -> bool {
        let is_request =
            |message: &&Arc<Message>| *message.role() == Role::User && !message.is_note();
        let first = history.iter().find(is_request);
        let last = history.iter().rfind(is_request);
        let beginning = history.iter().find(|message| *message.role() == Role::User);
        let pinned = message.is_pinned() && !self.is("unpins");
        let wanted = [
            first,
            last.filter(|_| !self.is("forgets the request")),
            beginning,
        ];
        pinned
            || *message.role() == Role::System
            || wanted
                .into_iter()
                .flatten()
                .any(|one| one.id() == message.id())
    }

    /// What the strategy makes of it, if it is right.
    async fn ask(
        &self,
        strategy: &dyn CompactionStrategy,
        context: &Context,
        target: u64,
    ) -> Result<Messages, String> {
        let budget = CompactionBudget::new(target, Arc::new(CharCounter));
        let limit = match self.bug.name {
            "waits for ever" => Duration::from_secs(1_000_000),
            _ => Duration::from_secs(1),
        };
        let answer = match self.bug.name {
            "lets panics through" => Ok(Ok(strategy.compact(context, &budget).await)),
            _ => contain(timeout(limit, strategy.compact(context, &budget))).await,
        };
        let answer = answer
            .map_err(|panicked| panicked.to_string())?
            .map_err(|_| "too slow")?
            .map_err(|error| error.to_string())?;
        let messages = answer.messages();
        let stays = context
            .messages()
            .iter()
            .filter(|message| self.must_stay(context.messages(), message))
            .all(|message| messages.iter().any(|one| one.id() == message.id()));
        if self.is("believes strategies")
            || (messages.validate().is_ok() && stays && CharCounter.tokens_of(messages) <= target)
        {
            Ok(messages.clone())
        } else {
            Err("rubbish".to_owned())
        }
    }

    async fn compact(
        &self,
        context: &Context,
        name: Option<&str>,
        target: u64,
        limit: u64,
    ) -> Result<Prepared, ContextError> {
        let history = context.messages();
        let before = CharCounter.tokens_of(history);
        let known = self.strategies();
        let strategy = match name {
            Some(name) => match self.strategies.lock().unwrap().get(name).cloned() {
                Some(strategy) => Some(strategy),
                None if self.is("takes any name") => None,
                None => {
                    let unknown = UnknownName::new("compaction strategy", name, known);
                    return Err(unknown.into());
                }
            },
            None => None,
        };
        let strategy = strategy.filter(|_| !self.is("uses its own"));
        let mut taken = "own";
        let mut messages = None;
        if let (Some(strategy), Some(name)) = (strategy, name) {
            match self.ask(&*strategy, context, target).await {
                Ok(result) => {
                    self.problems.clear(name);
                    messages = Some(result);
                    taken = name;
                }
                Err(why) if !self.is("hides its health") => self.problems.report(name, why),
                Err(_) => {}
            }
        }
        let messages = messages.unwrap_or_else(|| self.newest(history, target));
        let mut messages = match self.bug.name {
            "answers nothing" => Messages::new(),
            "grows" => {
                let more = Message::user("The conversation was compacted. ".repeat(9));
                messages.iter().cloned().chain([Arc::new(more)]).collect()
            }
            _ => messages,
        };
        let after = CharCounter.tokens_of(&messages);
        if after > limit && !self.is("overflows") {
            return Err(too_large(after, limit));
        }
        if messages == *history {
            messages = history.clone();
        }
        let report = CompactionReport::new(
            taken,
            (history.len(), before),
            (
                messages.len(),
                if self.is("embellishes") { 0 } else { after },
            ),
        );
        let changed = messages != *history && !self.is("compacts in secret");
        let context = match self.bug.name {
            "drops metadata" => Context::new(messages),
            _ => context.with_messages(messages),
        };
        Ok(Prepared::new(context, changed.then_some(report)))
    }
}

fn too_large(tokens: u64, limit: u64) -> ContextError {
    let mut large = TooLarge::default();
    large.window = Some(limit);
    large.messages = tokens;
    ContextError::TooLarge(Box::new(large))
}

/// Calls with their results, and each other message by itself.
fn groups(history: &Messages) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for message in history {
        match groups.last_mut() {
            Some(group) if *message.role() == Role::Tool => group.push(message.clone()),
            _ => groups.push(vec![message.clone()]),
        }
    }
    groups
}

/// Leaves out calls without results, and answers to nothing.
fn mended(history: &Messages) -> Messages {
    let is_whole = |group: &Group| {
        group[0].tool_calls().all(|call| {
            group
                .iter()
                .flat_map(|message| message.tool_results())
                .any(|result| result.call_id == call.id)
        })
    };
    let groups = groups(history)
        .into_iter()
        .filter(is_whole)
        .skip_while(|group| *group[0].role() == Role::Assistant);
    groups.flatten().collect()
}

#[async_trait]
impl Coordinator for Manager {
    fn name(&self) -> &str {
        "manager"
    }

    fn health(&self) -> Health {
        self.problems.health("manager")
    }

    fn reset(&self, session: &SessionId) {
        match self.bug.name {
            "never forgets" => {}
            "forgets all" => self.sessions.lock().unwrap().clear(),
            _ => drop(self.sessions.lock().unwrap().remove(&self.key(session))),
        }
    }
}

#[async_trait]
impl ContextManager for Manager {
    fn append(&self, session: &SessionId, messages: &[Arc<Message>]) {
        let mut sessions = self.sessions.lock().unwrap();
        let context = sessions.entry(self.key(session)).or_default();
        for message in messages {
            let is = |one: &Arc<Message>| one.id() == message.id();
            let known = context.messages().iter().any(is);
            if !known || self.is("repeats") {
                context.push(message.clone());
            }
        }
    }

    fn context(&self, session: &SessionId) -> Context {
        let sessions = self.sessions.lock().unwrap();
        sessions
            .get(&self.key(session))
            .cloned()
            .unwrap_or_default()
    }

    fn set_context(&self, session: &SessionId, context: Context) {
        let mut sessions = self.sessions.lock().unwrap();
        match self.bug.name {
            "keeps metadata out" => {
                let context = Context::new(context.messages().clone());
                sessions.insert(session.clone(), context);
            }
            _ => drop(sessions.insert(self.key(session), context)),
        }
    }

    async fn prepare(
        &self,
        session: &SessionId,
        request: &WindowRequest,
    ) -> Result<Prepared, ContextError> {
        let before = self.context(session);
        if self.is("writes before it waits") {
            let short = self.newest(before.messages(), 0);
            self.set_context(session, before.with_messages(short));
        }
        self.bug.shows().await;
        if self.is("writes before it waits") {
            self.set_context(session, before.clone());
        }
        let mut context = before.clone();
        if before.messages().validate().is_err() && !self.is("mends nothing") {
            context = before.with_messages(mended(before.messages()));
        }
        let tokens = CharCounter.tokens_of(context.messages());
        let free = match self.bug.name {
            "forgets what is kept free" => request.window.unwrap(),
            _ => request.window.unwrap() - request.reserved - request.preamble,
        };
        let over = tokens * 10 > free * 8 && !self.is("never compacts");
        let mut prepared = Prepared::new(context, None);
        if request.force || over || self.is("always compacts") {
            let target = if request.force || self.is("always compacts") {
                tokens / 2
            } else {
                free / 2
            };
            let name = request.strategy.as_deref();
            let compacted = self.compact(&prepared.context, name, target, free).await;
            if self.is("compacts and fails") && compacted.is_err() {
                self.set_context(session, Context::default());
            }
            prepared = compacted?;
        } else if self.is("refuses much") && tokens > 500 {
            return Err(too_large(tokens, free));
        }
        if !self.is("keeps it as it was") {
            self.set_context(session, prepared.context.clone());
        }
        Ok(prepared)
    }

    fn observe_usage(&self, session: &SessionId, _model: &ModelId, reported: u64) {
        if self.is("takes reports to heart") && reported > 1_000_000 {
            self.set_context(session, Context::default());
        }
    }

    async fn compact_context(&self, context: &Context) -> Result<Prepared, ContextError> {
        let half = CharCounter.tokens_of(context.messages()) / 2;
        let prepared = self.compact(context, None, half, u64::MAX).await?;
        if self.is("keeps what is beside") {
            self.set_context(&SessionId::new("beside"), prepared.context.clone());
        }
        Ok(prepared)
    }

    fn stats(&self, session: &SessionId) -> ContextStats {
        let mut stats = ContextStats::default();
        for message in self.context(session).messages() {
            let tokens = u64::from(CharCounter.tokens(message));
            stats.messages += 1;
            stats.tokens += tokens;
            *stats.tokens_by_part.entry("all".into()).or_default() += tokens;
            let role = message.role().to_string();
            *stats.tokens_by_role.entry(role).or_default() += tokens;
        }
        match self.bug.name {
            "miscounts" => stats.tokens += 1,
            "loses parts" => stats.tokens_by_part.clear(),
            _ => {}
        }
        stats
    }

    fn register_strategy(&self, name: &str, strategy: Arc<dyn CompactionStrategy>) {
        let name = match self.bug.name {
            "knows strategies by their own names" => strategy.name().to_owned(),
            _ => name.to_owned(),
        };
        self.strategies.lock().unwrap().insert(name, strategy);
    }

    fn strategies(&self) -> Vec<String> {
        let names = self.strategies.lock().unwrap();
        names.keys().cloned().collect()
    }

    fn counter(&self) -> Arc<dyn TokenCounter> {
        Arc::new(CharCounter)
    }
}

#[tokio::test(start_paused = true)]
async fn a_right_manager_passes() {
    conformance::context_manager(|| Manager::new("none")).await;
}

#[tokio::test(start_paused = true)]
async fn each_law_can_be_broken() {
    const STAYS: &str =
        "what the system says, what is pinned, and the user's first and last request stay";
    for (bug, law) in [
        (
            "mixes sessions",
            "a session has what was appended to it, in order",
        ),
        (
            "repeats",
            "a message that comes again is not appended again",
        ),
        (
            "keeps metadata out",
            "a context that is put in place is there as it is, with its metadata",
        ),
        ("never forgets", "a reset empties the session"),
        ("forgets all", "sessions are independent"),
        (
            "miscounts",
            "statistics have the number of messages and their tokens",
        ),
        (
            "loses parts",
            "the tokens of all roles, and of all parts, add up",
        ),
        ("mends nothing", "a context that was prepared is valid"),
        ("panics", "no call panics"),
        (
            "never compacts",
            "a context that was prepared fits into the window",
        ),
        (
            "forgets what is kept free",
            "a context that was prepared fits into the window",
        ),
        (
            "overflows",
            "a context that was prepared fits into the window",
        ),
        (
            "always compacts",
            "a context that is far below the window stays as it is",
        ),
        ("unpins", STAYS),
        ("forgets the request", STAYS),
        ("answers nothing", STAYS),
        ("drops metadata", "metadata stays"),
        ("compacts in secret", "a compaction is reported"),
        ("grows", "a compaction never makes a context larger"),
        ("embellishes", "a report has the sizes before and after"),
        (
            "keeps it as it was",
            "a context that was prepared is the session's",
        ),
        ("refuses much", "what fits is not refused"),
        (
            "compacts and fails",
            "a context that cannot be made to fit is as it was",
        ),
        (
            "keeps what is beside",
            "to compact a context of no session leaves every session as it is",
        ),
        (
            "takes any name",
            "a strategy that there is not is refused by its name",
        ),
        (
            "knows strategies by their own names",
            "the strategies that are registered are known",
        ),
        ("uses its own", "the strategy that a request names is used"),
        (
            "believes strategies",
            "a strategy that does not work is mended or replaced",
        ),
        ("lets panics through", "no call panics"),
        ("waits for ever", "every call ends"),
        ("hides its health", "health shows what does not work"),
        (
            "writes before it waits",
            "a dropped call leaves the context as it was",
        ),
        (
            "takes reports to heart",
            "reports of usage leave the context as it is",
        ),
    ] {
        breaks(law, conformance::context_manager(|| Manager::new(bug))).await;
    }
}
