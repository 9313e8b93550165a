//! Where the command keeps what is to be there the next time.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use etcetera::base_strategy::{BaseStrategy as _, choose_native_strategy};

/// The environment variable that names the folder.
pub(crate) const VARIABLE: &str = "VICTOR_DATA_DIR";

/// Where the command keeps what is to be there the next time.
#[derive(Debug, Args)]
pub(crate) struct DataArgs {
    /// Where to keep the history of lines, in place of the platform's folder for data
    #[arg(long, value_name = "DIR", env = VARIABLE)]
    data_dir: Option<PathBuf>,
}

impl DataArgs {
    /// The folder, which is made if it is not there.
    pub(crate) fn folder(&self) -> anyhow::Result<PathBuf> {
        let given = self
            .data_dir
            .clone()
            .filter(|folder| !folder.as_os_str().is_empty());
        let folder = match given {
            Some(folder) => folder,
            None => choose_native_strategy()?.data_dir().join("victor"),
        };
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("the folder `{}` cannot be made", folder.display()))?;
        Ok(folder)
    }
}
