use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use tokio::time::{sleep, timeout};
use victor_core::{Coordinator, ModelId, SessionId, TurnId, Usage, contain};
use victor_provider_protocol::{
    Capabilities, CapabilitySource, ChatProvider, ChatRequest, CompletionEvent, CompletionStream,
    LedgerEntry, LedgerError, LedgerQuery, LedgerReader, LedgerTotal, ProviderError,
    ProviderErrorKind, ProviderRouter, RetryNotice, Route,
};
use victor_testkit::conformance;

use super::breaks;

type Target = (Arc<dyn ChatProvider>, ModelId);

/// Tries three times.
#[derive(Debug)]
struct Router {
    bug: &'static str,
    target: Arc<Mutex<Target>>,
    sessions: Mutex<HashMap<SessionId, Target>>,
    windows: Arc<Mutex<HashMap<ModelId, u64>>>,
    book: Arc<Book>,
}

/// A ledger in memory.
#[derive(Debug, Default)]
struct Book(Mutex<Vec<LedgerEntry>>);

impl Book {
    fn sum(&self, counts: impl Fn(&LedgerEntry) -> bool) -> LedgerTotal {
        let mut sum = LedgerTotal::default();
        for entry in self.0.lock().unwrap().iter().filter(|entry| counts(entry)) {
            sum += entry;
        }
        sum
    }
}

#[async_trait]
impl LedgerReader for Book {
    fn total(&self) -> LedgerTotal {
        self.sum(|_| true)
    }

    fn by_model(&self) -> BTreeMap<(Arc<str>, ModelId), LedgerTotal> {
        let entries = self.0.lock().unwrap();
        LedgerTotal::group(&*entries, |entry| {
            (entry.target.clone(), entry.model.clone())
        })
    }

    fn session(&self, session: &SessionId) -> LedgerTotal {
        self.sum(|entry| entry.session.as_ref() == Some(session))
    }

    fn turn(&self, turn: TurnId) -> Option<LedgerTotal> {
        Some(self.sum(|entry| entry.turn == Some(turn)))
    }

    async fn entries(&self, query: &LedgerQuery) -> Result<Vec<LedgerEntry>, LedgerError> {
        let entries = self.0.lock().unwrap();
        Ok(entries
            .iter()
            .filter(|entry| query.matches(entry))
            .cloned()
            .collect())
    }
}

impl Router {
    fn new(bug: &'static str, provider: Arc<dyn ChatProvider>, model: ModelId) -> Self {
        Self {
            bug,
            target: Arc::new(Mutex::new((provider, model))),
            sessions: Mutex::default(),
            windows: Arc::default(),
            book: Arc::default(),
        }
    }

    /// What the router has learned of a model, beside what its provider says.
    fn learned(&self, mut capabilities: Capabilities, model: &ModelId) -> Capabilities {
        let windows = self.windows.lock().unwrap();
        let window = windows.get(model).filter(|_| self.bug != "forgets windows");
        if let Some(window) = window {
            capabilities.context_window = Some(*window);
            capabilities.source = CapabilitySource::Learned;
        }
        capabilities
    }

    fn target(&self) -> Target {
        self.target.lock().unwrap().clone()
    }

    fn target_of(&self, session: Option<&SessionId>) -> Target {
        let sessions = self.sessions.lock().unwrap();
        let target = session.and_then(|session| sessions.get(session));
        target.cloned().unwrap_or_else(|| self.target())
    }
}

impl Coordinator for Router {
    fn name(&self) -> &str {
        "router"
    }

    fn reset(&self, session: &SessionId) {
        if self.bug != "keeps the sessions for ever" {
            self.sessions.lock().unwrap().remove(session);
        }
    }
}

/// One request: what it is about, and where it stands.
struct Attempts {
    bug: &'static str,
    current: Arc<Mutex<Target>>,
    provider: Arc<dyn ChatProvider>,
    request: ChatRequest,
    stream: Option<CompletionStream>,
    attempt: u32,
    shown: bool,
    used: Usage,
    ended: bool,
    waiting: bool,
    queued: Option<CompletionEvent>,
    windows: Arc<Mutex<HashMap<ModelId, u64>>>,
    book: Arc<Book>,
    runs: bool,
}

impl Drop for Attempts {
    fn drop(&mut self) {
        if self.runs && !self.is("forgets what was dropped") {
            self.enter(Usage::default());
        }
        if self.is("leaks streams") {
            let _leaked: &mut _ = Box::leak(Box::new(self.stream.take()));
        }
        if self.is("goes on unheard") && self.waiting {
            let (provider, request) = (self.provider.clone(), self.request.clone());
            tokio::spawn(async move { drop(provider.stream_chat(&request).await) });
        }
    }
}

impl Attempts {
    fn is(&self, bug: &str) -> bool {
        self.bug == bug
    }

    /// Writes an attempt down that has ended.
    fn enter(&mut self, usage: Usage) {
        self.runs = false;
        let model = self.request.model.clone().unwrap();
        let provider = self.provider.name();
        let mut entry = LedgerEntry::begin(provider, provider, model, self.attempt);
        entry.session.clone_from(&self.request.session);
        entry.turn = self.request.turn;
        entry.usage = usage;
        if self.is("forgets sessions") {
            entry.session = None;
        }
        self.book.0.lock().unwrap().push(entry);
    }

    async fn next(&mut self) -> Option<Result<CompletionEvent, ProviderError>> {
        if let Some(event) = self.queued.take() {
            return Some(Ok(event));
        }
        if self.ended {
            return None;
        }
        loop {
            if self.is("follows switches") {
                self.provider = self.current.lock().unwrap().0.clone();
            }
            if self.stream.is_none() {
                self.attempt += 1;
                self.runs = true;
                match open(self.bug, &*self.provider, &self.request).await {
                    Ok(stream) => self.stream = Some(stream),
                    Err(error) => return Some(self.fail(error).await),
                }
            }
            let limit = match self.bug {
                "waits for ever" => Duration::from_secs(1_000_000),
                "is impatient" => Duration::from_millis(10),
                _ => Duration::from_secs(60),
            };
            let stream = self.stream.as_mut().unwrap();
            let event = match timeout(limit, contain(stream.next())).await {
                Ok(Ok(event)) => event?,
                Ok(Err(panicked)) => Err(panic_error(&panicked.to_string())),
                Err(_) => Err(ProviderError::new(
                    ProviderErrorKind::Timeout,
                    "",
                    "silence",
                )),
            };
            match event {
                Ok(CompletionEvent::Working) if !self.is("passes signs of life on") => {}
                Ok(CompletionEvent::TextDelta(_)) if self.is("swallows text") => self.shown = true,
                Ok(CompletionEvent::Finished(mut answer)) => {
                    self.ended = true;
                    self.enter(answer.usage.clone());
                    if self.is("edits answers") {
                        answer.parts.clear();
                    }
                    if !self.is("forgets usage") {
                        answer.usage += &self.used;
                    }
                    return Some(Ok(CompletionEvent::Finished(answer)));
                }
                Ok(event) => {
                    self.shown |= matches!(event, CompletionEvent::TextDelta(_))
                        || matches!(event, CompletionEvent::ThinkingDelta(_))
                            && !self.is("shows thoughts twice");
                    return Some(Ok(event));
                }
                Err(error) => return Some(self.fail(error).await),
            }
        }
    }

    async fn fail(&mut self, mut error: ProviderError) -> Result<CompletionEvent, ProviderError> {
        if !self.is("keeps streams") {
            self.stream = None;
        } else if let Some(stream) = self.stream.take() {
            let _leaked: &mut _ = Box::leak(Box::new(stream));
        }
        self.used += &*error.usage;
        self.runs = false;
        if !self.is("forgets failed attempts") {
            self.enter((*error.usage).clone());
        }
        if let Some(window) = error.context_window() {
            let model = match self.bug {
                "learns of every model" => "another".into(),
                _ => self.request.model.clone().unwrap(),
            };
            self.windows.lock().unwrap().insert(model, window);
        }
        let transient = match self.is("retries in vain") {
            true => error.kind.is_transient(),
            false => error.is_transient(),
        };
        let asks_for_days = error.retry_after > Some(Duration::from_secs(3_600));
        let passes = transient && (!asks_for_days || self.is("waits for days"))
            || self.is("retries everything");
        let most = match self.bug {
            "never retries" => 1,
            "never gives up" => 20_000,
            _ => 3,
        };
        let again = !self.shown || self.is("shows twice") || self.is("withdraws in secret");
        if !passes || !again || self.attempt >= most {
            self.ended = true;
            if !self.is("forgets the usage of errors") {
                *error.usage = self.used.clone();
            }
            error.provider = self.provider.name().to_owned().into();
            if self.is("renames errors") {
                error.kind = ProviderErrorKind::Other("failed".into());
            }
            return Err(error);
        }
        let wait = error.retry_after.unwrap_or(Duration::from_secs(1));
        let wait = match self.bug {
            "is in a hurry" => wait.min(Duration::from_secs(5)),
            _ => wait,
        };
        self.waiting = true;
        sleep(wait).await;
        self.waiting = false;
        let number = self.attempt - u32::from(self.is("counts from nought"));
        let notice = RetryNotice::new(number, error.kind, error.message, wait);
        let retrying = CompletionEvent::Retrying(notice);
        let withdraws = self.shown && self.is("withdraws in secret");
        if withdraws || (self.attempt == 2 && self.is("withdraws what nobody saw")) {
            self.shown = false;
            self.queued = Some(retrying);
            return Ok(CompletionEvent::Withdrawn);
        }
        Ok(retrying)
    }
}

async fn open(
    bug: &str,
    provider: &dyn ChatProvider,
    request: &ChatRequest,
) -> Result<CompletionStream, ProviderError> {
    if bug == "lets panics through" {
        return provider.stream_chat(request).await;
    }
    contain(provider.stream_chat(request))
        .await
        .unwrap_or_else(|panicked| Err(panic_error(&panicked.to_string())))
}

fn panic_error(message: &str) -> ProviderError {
    ProviderError::new(ProviderErrorKind::Panicked, "", message)
}

impl ProviderRouter for Router {
    fn stream_chat(&self, mut request: ChatRequest) -> CompletionStream {
        let (provider, model) = self.target_of(request.session.as_ref());
        if request.model.is_none() || self.bug == "knows one model" {
            request.model = Some(model);
        }
        if self.bug == "drops tools" {
            request.tools = Arc::default();
        }
        let attempts = Attempts {
            bug: self.bug,
            current: self.target.clone(),
            provider,
            request,
            stream: None,
            attempt: 0,
            shown: false,
            used: Usage::default(),
            ended: false,
            waiting: false,
            queued: None,
            windows: self.windows.clone(),
            book: self.book.clone(),
            runs: false,
        };
        let events = stream::unfold(attempts, async |mut attempts| {
            let event = attempts.next().await?;
            Some((event, attempts))
        });
        let (hidden, quiet) = (self.bug == "retries in secret", self.bug);
        let events = events.filter(move |event| {
            let notice = matches!(event, Ok(CompletionEvent::Retrying(_)));
            std::future::ready(!(hidden && notice))
        });
        if quiet != "works in secret" {
            return CompletionStream::new(events);
        }
        let (sender, receiver) = tokio::sync::mpsc::channel(9);
        tokio::spawn(async move {
            let mut events = Box::pin(events);
            while let Some(event) = events.next().await {
                let _nobody = sender.send(event).await;
            }
        });
        CompletionStream::new(stream::unfold(receiver, async |mut receiver| {
            let event = receiver.recv().await?;
            Some((event, receiver))
        }))
    }

    fn switch_provider(&self, provider: Arc<dyn ChatProvider>, model: ModelId) {
        let mut target = self.target.lock().unwrap();
        match self.bug {
            "stays where it is" => {}
            "switches the provider alone" => target.0 = provider,
            _ => *target = (provider, model),
        }
    }

    fn switch_session(&self, session: &SessionId, provider: Arc<dyn ChatProvider>, model: ModelId) {
        let session = match self.bug {
            "switches another session" => "other".into(),
            _ => session.clone(),
        };
        if self.bug != "knows no sessions" {
            let mut sessions = self.sessions.lock().unwrap();
            sessions.insert(session, (provider, model));
        }
    }

    fn session_route(&self, session: &SessionId) -> Route {
        let (provider, model) = self.target_of(Some(session));
        Route::new(provider.name(), model)
    }

    fn session_capabilities(&self, session: &SessionId, model: &ModelId) -> Capabilities {
        let target = match self.bug {
            "sees no switch of a session" => self.target(),
            _ => self.target_of(Some(session)),
        };
        self.learned(target.0.capabilities(model), model)
    }

    fn ledger(&self) -> Option<Arc<dyn LedgerReader>> {
        Some(self.book.clone())
    }

    fn route(&self) -> Route {
        let (provider, model) = self.target();
        Route::new(provider.name(), model)
    }

    fn capabilities(&self, model: &ModelId) -> Capabilities {
        match self.bug {
            "guesses capabilities" => Capabilities::default(),
            _ => self.learned(self.target().0.capabilities(model), model),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_right_router_passes() {
    conformance::provider_router(|provider, model| Router::new("none", provider, model)).await;
}

#[tokio::test(start_paused = true)]
async fn each_law_can_be_broken() {
    for (bug, law) in [
        ("stays where it is", "the route is where requests go now"),
        (
            "switches the provider alone",
            "the route is where requests go now",
        ),
        (
            "knows no sessions",
            "a session that was switched goes to its own provider and model",
        ),
        (
            "switches another session",
            "a session that was switched goes to its own provider and model",
        ),
        (
            "sees no switch of a session",
            "the capabilities of a session are those of its provider",
        ),
        (
            "keeps the sessions for ever",
            "a session that was reset goes where all go",
        ),
        (
            "guesses capabilities",
            "capabilities are those of which the current provider knows",
        ),
        (
            "knows one model",
            "a request without a model goes to the current one, and any other to its own",
        ),
        (
            "follows switches",
            "what may pass is tried again, and announced",
        ),
        (
            "never retries",
            "what may pass is tried again, and announced",
        ),
        (
            "retries in secret",
            "what may pass is tried again, and announced",
        ),
        (
            "forgets usage",
            "an answer counts what the attempts before it have used",
        ),
        (
            "forgets the usage of errors",
            "an error counts what all attempts have used",
        ),
        (
            "never gives up",
            "at some time it is given up, with the error of the last attempt",
        ),
        (
            "renames errors",
            "at some time it is given up, with the error of the last attempt",
        ),
        ("counts from nought", "attempts are numbered from 1"),
        ("retries everything", "what stays is not tried again"),
        ("lets panics through", "no call panics"),
        (
            "shows twice",
            "what was shown is withdrawn before another attempt",
        ),
        (
            "shows thoughts twice",
            "what was shown is withdrawn before another attempt",
        ),
        (
            "withdraws in secret",
            "a notice says whether something was withdrawn",
        ),
        (
            "withdraws what nobody saw",
            "only what was shown is withdrawn",
        ),
        ("swallows text", "what the model says is passed on"),
        (
            "is in a hurry",
            "the wait is at least the one that the provider asks for",
        ),
        ("waits for days", "nobody is kept waiting for days"),
        (
            "retries in vain",
            "what the provider calls in vain is not tried again",
        ),
        ("drops tools", "the provider is asked what the caller asks"),
        ("edits answers", "the answer is the provider's"),
        ("passes signs of life on", "signs of life are not passed on"),
        ("waits for ever", "every call ends"),
        (
            "is impatient",
            "signs of life keep an answer from being ended",
        ),
        ("keeps streams", "an attempt that is ended is dropped"),
        (
            "goes on unheard",
            "dropping the stream ends the wait for the next attempt",
        ),
        (
            "leaks streams",
            "dropping the stream ends the provider's request",
        ),
        (
            "forgets windows",
            "a window that the provider names is the model's from then on",
        ),
        (
            "learns of every model",
            "a window that the provider names is the model's from then on",
        ),
        (
            "forgets failed attempts",
            "the ledger has one entry for each attempt of a turn",
        ),
        (
            "forgets sessions",
            "a session's sum is that of its attempts",
        ),
        (
            "forgets what was dropped",
            "an attempt that was dropped has its entry",
        ),
        (
            "works in secret",
            "the work is done while the stream is polled",
        ),
    ] {
        let make = |provider, model| Router::new(bug, provider, model);
        breaks(law, conformance::provider_router(make)).await;
    }
}
