//! Prices in a file of the user's.

use serde::Deserialize;
use victor_core::Timestamp;
use victor_provider_protocol::{Price, PriceQuery, PriceTable};

use crate::PriceFileError;
use crate::rates::{Rate, Rates, Row, price};

/// Prices in a TOML file of your own, for models that no table knows and for prices that were negotiated.
///
/// ```toml
/// [[price]]
/// provider = "acme"              # a pattern with `*`; any provider if absent
/// model = "acme-large-*"         # a pattern with `*`
/// input = 3.00                   # dollars per million tokens
/// output = 15.00
/// cache_read = 0.30              # as `input` if absent
/// cache_write = 3.75             # as `input` if absent
/// cache_write_1h = 6.00          # as `cache_write` if absent
/// web_search = 10.00             # dollars per thousand searches; free if absent
/// service_tier = "batch"         # the tier that the provider reports; any if absent
/// from = "2026-06-01"            # the first day (UTC) or the time from which the price holds
/// above = 200_000                # holds for requests with more tokens, for the whole call
/// ```
///
/// Several rows may match a call. The exact name of a model counts before a pattern, a service tier before none, the
/// latest `from`, then the highest `above`; of rows that are alike in all of this, the last one.
#[derive(Debug, Clone, Default)]
pub struct PriceFile {
    rows: Vec<Row>,
}

impl PriceFile {
    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// The text is no TOML, has a key that is not known, or a row lacks a model, `input` or `output`, or has a price
    /// that is negative. The error names the row.
    pub fn from_toml(text: &str) -> Result<Self, PriceFileError> {
        let document: Document = toml::from_str(text).map_err(PriceFileError::syntax)?;
        let rows = document
            .price
            .into_iter()
            .enumerate()
            .map(|(index, entry)| entry.into_row(index + 1));
        Ok(Self {
            rows: rows.collect::<Result<_, _>>()?,
        })
    }
}

impl PriceTable for PriceFile {
    fn name(&self) -> &str {
        "price file"
    }

    fn price(&self, query: &PriceQuery<'_>) -> Option<Price> {
        price(&self.rows, query)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    price: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    provider: Option<String>,
    model: String,
    input: f64,
    output: f64,
    cache_read: Option<f64>,
    cache_write: Option<f64>,
    cache_write_1h: Option<f64>,
    web_search: Option<f64>,
    service_tier: Option<String>,
    from: Option<String>,
    #[serde(default)]
    above: u64,
}

impl Entry {
    fn into_row(self, number: usize) -> Result<Row, PriceFileError> {
        let name = format!("price {number} ({})", self.model);
        let rate = |key, dollars| Rate::new(dollars, 1.0, &name, key);
        let optional = |key, dollars: Option<f64>| dollars.map(|d| rate(key, d)).transpose();
        let search = |dollars| Rate::new(dollars, 1000.0, &name, "web_search");
        if self.model.is_empty() {
            return Err(PriceFileError::Row {
                row: name,
                problem: "`model` is empty: write a name, or `*` for every model".to_owned(),
            });
        }
        let rates = Rates {
            input: rate("input", self.input)?,
            output: rate("output", self.output)?,
            cache_read: optional("cache_read", self.cache_read)?,
            cache_write: optional("cache_write", self.cache_write)?,
            cache_write_hour: optional("cache_write_1h", self.cache_write_1h)?,
            web_search: self.web_search.map(search).transpose()?,
        };
        Ok(Row {
            from: self.from.map(|text| time(&text, &name)).transpose()?,
            source: format!("price file: {name}").into(),
            provider: self.provider,
            model: self.model,
            service_tier: self.service_tier,
            above: self.above,
            rates,
        })
    }
}

/// Reads a day or a point in time.
fn time(text: &str, row: &str) -> Result<Timestamp, PriceFileError> {
    let day = format!("{text}T00:00:00Z");
    let parsed = text.parse().or_else(|_| day.parse());
    parsed.map_err(|_| PriceFileError::Row {
        row: row.to_owned(),
        problem: format!("`from` is `{text}`: write a day such as 2026-06-01, or a time such as 2026-06-01T12:00:00Z"),
    })
}
