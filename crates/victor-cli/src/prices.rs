//! The prices of model calls: the bundled table, and a file that comes before it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use clap::Args;
use victor_offline::OfflineModel;
use victor_orchestrator::provider::{NanoDollars, Price, PriceQuery, PriceTable};
use victor_prices::{GenaiPrices, Layered, LiteLlmPrices, PriceFile, PriceFileError};

/// The file beside the settings.
const FILE: &str = "prices.toml";

/// The flag for prices.
#[derive(Debug, Args)]
pub(crate) struct PriceArgs {
    /// Take prices from this file first, not from prices.toml beside the settings: TOML, or JSON as LiteLLM has it
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
}

impl PriceArgs {
    /// Reads the prices: of the flag's file, else of the one that the settings name, else of that in `folder`, if it is
    /// there; and those that come with the program.
    pub(crate) fn read(&self, set: Option<&str>, folder: &Path) -> anyhow::Result<Layered> {
        let named = self.prices.clone();
        let named = named.or_else(|| set.map(|path| folder.join(path)));
        let found = || Some(folder.join(FILE)).filter(|path| path.exists());
        let mut tables: Vec<Arc<dyn PriceTable>> = Vec::new();
        if let Some(path) = named.or_else(found) {
            let table = read(&path).with_context(|| format!("`{}`", path.display()))?;
            tables.push(table);
        }
        tables.push(Arc::new(Free(Some(OfflineModel::PROVIDER))));
        tables.push(Arc::new(GenaiPrices::bundled()));
        Ok(Layered::new(tables))
    }
}

fn read(path: &Path) -> anyhow::Result<Arc<dyn PriceTable>> {
    let text = fs::read_to_string(path).context("the prices cannot be read")?;
    let is_json = path
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    // The error has that of the parser in its words.
    let mistake = |error: PriceFileError| anyhow!("{error}");
    let table: Arc<dyn PriceTable> = match is_json {
        true => Arc::new(LiteLlmPrices::from_json(&text).map_err(mistake)?),
        false => Arc::new(PriceFile::from_toml(&text).map_err(mistake)?),
    };
    Ok(table)
}

/// Reads the bundled prices in the background, so that no model call waits for it.
pub(crate) fn prepare() {
    std::thread::spawn(GenaiPrices::load);
}

/// Returns prices by which nothing costs anything, for recordings.
pub(crate) fn free() -> Layered {
    Layered::new([Arc::new(Free(None)) as Arc<dyn PriceTable>])
}

/// The answers of this provider cost nothing, or those of all: the model that comes with the program, or a recording.
#[derive(Debug)]
struct Free(Option<&'static str>);

impl PriceTable for Free {
    fn name(&self) -> &str {
        "free"
    }

    fn price(&self, query: &PriceQuery<'_>) -> Option<Price> {
        let is_free = self.0.is_none_or(|provider| provider == query.provider);
        is_free.then(|| Price::new(NanoDollars::ZERO, "free"))
    }
}
