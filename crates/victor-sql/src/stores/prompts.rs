//! The source of prompts.

use std::sync::Arc;

use async_trait::async_trait;
use victor_core::{Timestamp, UnknownName};
use victor_prompt_protocol::{
    LATEST, PRODUCTION, PromptError, PromptReference, PromptSelector, PromptSource, PromptVersion,
    StoredPrompt,
};

use super::micros;
use crate::database::Database;
use crate::error::DatabaseError;
use crate::statement::Statement;

/// Keeps prompts in a database, in versions 1, 2, 3 and so on that never change.
///
/// ```
/// use victor_prompt_protocol::{PromptReference, PromptSource};
/// use victor_sql::Database;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("victor.db").display().to_string();
/// let prompts = Database::open(&path).await?.prompt_source();
/// let first = prompts.publish("review", "Review the change.").await?;
/// prompts.publish("review", "Review the change twice.").await?;
/// prompts.set_label("review", "production", &first.version).await?;
///
/// let prompt = prompts.get_prompt(&PromptReference::new("review")).await?.expect("it is there");
/// assert_eq!(prompt.version.to_string(), "review@1 (production)");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct SqlPromptSource(Database);

impl Database {
    /// Returns the source of prompts.
    #[must_use]
    pub fn prompt_source(&self) -> Arc<SqlPromptSource> {
        Arc::new(SqlPromptSource(self.clone()))
    }
}

impl SqlPromptSource {
    /// Adds a version of a prompt, and returns it. A text that is the same as that of the newest version adds none, and
    /// returns that one.
    ///
    /// # Errors
    ///
    /// The name or the text has a NUL character, or the database does not work.
    pub async fn publish(&self, name: &str, text: &str) -> Result<PromptVersion, PromptError> {
        if name.contains('\0') || text.contains('\0') {
            return Err(PromptError::new(format!(
                "prompt `{}` is no text: it has a NUL character",
                name.escape_debug()
            )));
        }
        let newest = self
            .get_prompt(&PromptReference::labelled(name, LATEST))
            .await?;
        if let Some(newest) = newest.filter(|newest| *newest.text == *text) {
            return Ok(PromptVersion::new(name, newest.version.version));
        }
        let version = self.insert(name, text).await?;
        Ok(PromptVersion::new(name, version.to_string()))
    }

    async fn insert(&self, name: &str, text: &str) -> Result<i64, DatabaseError> {
        loop {
            let mut transaction = self.0.begin().await?;
            let insert = Statement::new(
                "INSERT INTO victor_prompts (name, version, at, text)
                 SELECT $1, coalesce(max(version), 0) + 1, $2, $3 FROM victor_prompts WHERE name = $1
                 ON CONFLICT DO NOTHING RETURNING version",
            );
            let insert = insert.bind(name).bind(micros(Timestamp::now())).bind(text);
            let rows = transaction.rows(insert).await;
            let rows = transaction.end(rows).await?;
            // If somebody else was faster, the next number is asked for.
            if let Some(row) = rows.first() {
                return row.int(0).map_err(|error| self.0.error(error));
            }
        }
    }

    /// Has a label of a prompt point to a version, from now on.
    ///
    /// # Errors
    ///
    /// The prompt has no such version, the label is `latest`, which nobody sets, or the database does not work.
    pub async fn set_label(
        &self,
        name: &str,
        label: &str,
        version: &str,
    ) -> Result<(), PromptError> {
        if label == LATEST {
            return Err(PromptError::new(format!(
                "label `{LATEST}` is the newest version and cannot be set: choose another label"
            )));
        }
        if let Some(number) = number(version) {
            let statement = Statement::new(
                "INSERT INTO victor_prompt_labels (name, label, version)
                 SELECT name, $2, version FROM victor_prompts WHERE name = $1 AND version = $3
                 ON CONFLICT (name, label) DO UPDATE SET version = excluded.version",
            );
            let statement = statement.bind(name).bind(label).bind(number);
            if self.0.execute(statement).await? > 0 {
                return Ok(());
            }
        }
        let select = "SELECT version FROM victor_prompts WHERE name = $1 ORDER BY version";
        let rows = self.0.rows(Statement::new(select).bind(name)).await?;
        let versions = rows
            .iter()
            .filter_map(|row| Some(row.int(0).ok()?.to_string()));
        let unknown = UnknownName::new("version", version, versions);
        Err(PromptError::new(format!("prompt `{name}`: {unknown}")))
    }
}

/// The number of a version, if it is one.
fn number(version: &str) -> Option<i64> {
    let number: i64 = version.parse().ok()?;
    (number.to_string() == version).then_some(number)
}

/// The statement that reads the version, the text and the label of a prompt.
fn select(reference: &PromptReference) -> Option<Statement<'_>> {
    const BY_VERSION: &str =
        "SELECT version, text, NULL FROM victor_prompts WHERE name = $1 AND version = $2";
    const NEWEST: &str = "SELECT version, text, 'latest' FROM victor_prompts
         WHERE name = $1 ORDER BY version DESC LIMIT 1";
    const BY_LABEL: &str = "SELECT p.version, p.text, l.label FROM victor_prompt_labels l
         JOIN victor_prompts p ON p.name = l.name AND p.version = l.version
         WHERE l.name = $1 AND l.label = $2";
    // The version with the label, or else the newest.
    const DEFAULT: &str = "SELECT p.version, p.text, l.label FROM victor_prompts p
         LEFT JOIN victor_prompt_labels l ON l.name = p.name AND l.version = p.version AND l.label = $2
         WHERE p.name = $1 AND p.version = coalesce(
             (SELECT version FROM victor_prompt_labels WHERE name = $1 AND label = $2),
             (SELECT max(version) FROM victor_prompts WHERE name = $1))";
    let with = |sql| Statement::new(sql).bind(reference.name());
    Some(match reference.selector() {
        PromptSelector::Version(version) => with(BY_VERSION).bind(number(version)?),
        PromptSelector::Label(label) if **label == *LATEST => with(NEWEST),
        PromptSelector::Label(label) => with(BY_LABEL).bind(&**label),
        _ => with(DEFAULT).bind(PRODUCTION),
    })
}

#[async_trait]
impl PromptSource for SqlPromptSource {
    fn name(&self) -> &str {
        "sql"
    }

    async fn get_prompt(
        &self,
        reference: &PromptReference,
    ) -> Result<Option<StoredPrompt>, PromptError> {
        // PostgreSQL has no NUL in a text, so nothing has such a name.
        let statement = select(reference).filter(|_| !reference.to_string().contains('\0'));
        let Some(statement) = statement else {
            return Ok(None);
        };
        let rows = self.0.rows(statement).await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let read = || {
            let version = PromptVersion::new(reference.name(), row.int(0)?.to_string());
            let version = match row.optional_text(2)? {
                Some(label) => version.with_label(label),
                None => version,
            };
            Ok(StoredPrompt::new(version, row.text(1)?))
        };
        let prompt = read().map_err(|error| self.0.error(error))?;
        Ok(Some(prompt))
    }

    async fn list_prompts(&self) -> Result<Vec<String>, PromptError> {
        let select = Statement::new("SELECT DISTINCT name FROM victor_prompts ORDER BY name");
        let rows = self.0.rows(select).await?;
        let names = rows.iter().map(|row| row.text(0).map(str::to_owned));
        let names: Result<_, _> = names.collect();
        Ok(names.map_err(|error| self.0.error(error))?)
    }
}
