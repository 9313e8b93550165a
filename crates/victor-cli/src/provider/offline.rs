//! The offline model.

use std::sync::Arc;

use victor_offline::OfflineModel;

use super::Source;
use super::vendor::{Opened, VENDORS, Vendor};

pub(super) const VENDOR: Vendor = Vendor {
    id: "offline",
    about: "An extractive model that needs no key and no network",
    caveat: Some("it quotes what it reads, and is no language model"),
    only_model: Some(OfflineModel::MODEL),
    has_address: false,
    takes_server: false,
    key_variables: Vec::new,
    remedy: None,
    detect: None,
    open: |_| Box::pin(async { Ok(open()) }),
    hint: |_, _| None,
};

fn open() -> Opened {
    let remedies: Vec<&str> = VENDORS.iter().filter_map(|vendor| vendor.remedy).collect();
    let advice = format!(
        "For real answers, {}, or choose another model with --provider.",
        remedies.join(", ")
    );
    Opened {
        provider: Arc::new(OfflineModel::new().with_advice(advice)),
        source: Source::new(&VENDOR),
        reason: None,
    }
}
