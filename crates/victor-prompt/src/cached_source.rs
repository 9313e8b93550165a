//! Prompts of a source, kept for a while.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::runtime::Handle;
use tokio::time::Instant;
use tracing::warn;
use victor_core::{Health, Lock, Problems, RecentMap, contain_sync, with_causes};
use victor_guard::call;
use victor_prompt_protocol::{
    PromptError, PromptReference, PromptSelector, PromptSource, StoredPrompt,
};

use crate::PromptOptions;

/// Number of references whose prompts are kept, the ones used last.
const KEPT: usize = 1_024;

/// Time after a failed call before the source is asked again, unless its time to live is shorter.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// A source that keeps what another one has returned.
///
/// A prompt is used for the time to live without asking again. After that, the next call still gets the kept prompt at
/// once, and the source is asked in the background (where there is a tokio runtime; without one, the call waits). A
/// source that fails, panics, hangs or answers with another prompt changes nothing: the last good prompt is used on,
/// [`health`](Self::health) tells, and the source is asked again 5 seconds later at the earliest. A version that
/// was asked for by its number never changes, and is not asked for again.
///
/// ```
/// use victor_prompt::protocol::{PromptSource, StoredPrompt, PromptVersion, PromptReference};
/// use victor_prompt::{CachedPromptSource, FilePromptSource, PromptOptions};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// std::fs::write(folder.path().join("review.md"), "Review the change.")?;
/// let source = CachedPromptSource::new(FilePromptSource::new(folder.path()), &PromptOptions::default());
/// let prompt = source.get_prompt(&PromptReference::new("review")).await?.expect("it is there");
/// assert_eq!(&*prompt.text, "Review the change.");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct CachedPromptSource(Arc<Cache>);

#[derive(Debug)]
struct Cache {
    source: Box<dyn PromptSource>,
    name: String,
    ttl: Duration,
    timeout: Duration,
    entries: Lock<RecentMap<PromptReference, Entry>>,
    problems: Problems,
}

/// The last answers about one reference.
#[derive(Debug, Default)]
struct Entry {
    /// The last good answer.
    good: Option<Option<StoredPrompt>>,
    /// The error of the last call, if it failed.
    error: Option<Arc<str>>,
    /// The time from which the source is asked again; never if absent.
    stale_from: Option<Instant>,
    is_refreshing: bool,
}

/// The state of an entry, for a call.
enum Look {
    /// The answer, and whether this call is to have it renewed.
    Known(Result<Option<StoredPrompt>, PromptError>, bool),
    Unknown,
}

impl CachedPromptSource {
    /// Keeps the prompts of a source, with the time to live and the time limit of these options.
    pub fn new(source: impl PromptSource, options: &PromptOptions) -> Self {
        let name = contain_sync(|| source.name().to_owned());
        Self(Arc::new(Cache {
            source: Box::new(source),
            name: name.unwrap_or_else(|_| "unnamed".to_owned()),
            ttl: options.source_ttl,
            timeout: options.source_timeout,
            entries: Lock::new(RecentMap::new(KEPT)),
            problems: Problems::default(),
        }))
    }

    /// Returns the health of the source, with a problem for each reference that could not be renewed.
    #[must_use]
    pub fn health(&self) -> Health {
        self.0.problems.health(&self.0.name)
    }

    /// Returns the prompt that a reference leads to, as [`PromptSource::get_prompt`] does.
    pub(crate) async fn get(
        &self,
        reference: &PromptReference,
    ) -> Result<Option<StoredPrompt>, PromptError> {
        let runtime = Handle::try_current();
        match self.0.look(reference, runtime.is_ok()) {
            Look::Known(answer, false) => answer,
            Look::Known(answer, true) => {
                if let Ok(runtime) = runtime {
                    let (cache, reference) = (Arc::clone(&self.0), reference.clone());
                    let refresh = Refresh(cache, reference);
                    runtime.spawn(async move { refresh.0.fetch(&refresh.1).await });
                }
                answer
            }
            Look::Unknown => self.0.fetch(reference).await,
        }
    }
}

/// A call that renews an entry, until it is done or dropped.
struct Refresh(Arc<Cache>, PromptReference);

impl Drop for Refresh {
    fn drop(&mut self) {
        if let Some(entry) = self.0.entries.lock().get(&self.1) {
            entry.is_refreshing = false;
        }
    }
}

impl Cache {
    fn look(&self, reference: &PromptReference, can_refresh: bool) -> Look {
        let mut entries = self.entries.lock();
        let Some(entry) = entries.get(reference) else {
            return Look::Unknown;
        };
        let is_stale = entry.stale_from.is_some_and(|at| at <= Instant::now());
        match (&entry.good, &entry.error) {
            (Some(good), _) if !is_stale => Look::Known(Ok(good.clone()), false),
            (Some(good), _) if can_refresh => {
                let renew = !std::mem::replace(&mut entry.is_refreshing, true);
                Look::Known(Ok(good.clone()), renew)
            }
            (None, Some(error)) if !is_stale => Look::Known(Err(PromptError::new(&**error)), false),
            _ => Look::Unknown,
        }
    }

    /// Asks the source, and keeps its answer.
    async fn fetch(
        &self,
        reference: &PromptReference,
    ) -> Result<Option<StoredPrompt>, PromptError> {
        let answer = match call(self.timeout, || self.source.get_prompt(reference)).await {
            Ok(Ok(answer)) => check(reference, answer),
            Ok(Err(error)) => Err(with_causes(&error)),
            Err(fault) => Err(fault.to_string()),
        };
        let now = Instant::now();
        let mut entries = self.entries.lock();
        let entry = entries.get_or_default(reference);
        match answer {
            Ok(answer) => {
                let is_final =
                    answer.is_some() && matches!(reference.selector(), PromptSelector::Version(_));
                entry.stale_from = (!is_final).then(|| now + self.ttl);
                entry.error = None;
                entry.good = Some(answer.clone());
                self.problems.clear(&reference.to_string());
                Ok(answer)
            }
            Err(reason) => {
                let error = format!("source `{}`: {reason}", self.name);
                warn!(prompt = %reference, error, "a prompt could not be had");
                entry.stale_from = Some(now + self.ttl.min(RETRY_AFTER));
                entry.error = Some(error.as_str().into());
                self.problems.report(reference.to_string(), &error);
                match &entry.good {
                    Some(good) => Ok(good.clone()),
                    None => Err(PromptError::new(error)),
                }
            }
        }
    }
}

/// Checks that a source has answered with the prompt that it was asked for.
fn check(
    reference: &PromptReference,
    answer: Option<StoredPrompt>,
) -> Result<Option<StoredPrompt>, String> {
    let Some(prompt) = answer else {
        return Ok(None);
    };
    let fits = *prompt.version.name == *reference.name()
        && match reference.selector() {
            PromptSelector::Version(version) => prompt.version.version == *version,
            _ => true,
        };
    if fits {
        Ok(Some(prompt))
    } else {
        Err(format!(
            "it was asked for `{reference}` and answered with `{}`",
            prompt.version
        ))
    }
}

#[async_trait]
impl PromptSource for CachedPromptSource {
    fn name(&self) -> &str {
        &self.0.name
    }

    async fn get_prompt(
        &self,
        reference: &PromptReference,
    ) -> Result<Option<StoredPrompt>, PromptError> {
        self.get(reference).await
    }

    async fn list_prompts(&self) -> Result<Vec<String>, PromptError> {
        let cache = &self.0;
        call(cache.timeout, || cache.source.list_prompts())
            .await
            .map_err(|fault| PromptError::new(format!("source `{}` {fault}", cache.name)))?
    }
}
