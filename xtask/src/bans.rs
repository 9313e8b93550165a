//! `cargo xtask bans`: no crate that `deny.toml` bans is in the dependency tree, on any platform,
//! with any feature of ours. `cargo deny check bans` says the same; this needs no further tool.

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::workspace::Workspace;

/// As much of `deny.toml` as matters here.
#[derive(Debug, Deserialize)]
struct Deny {
    bans: Bans,
}

#[derive(Debug, Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Debug, Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

/// Finds the shortest way to each banned crate.
pub(crate) fn check(workspace: &Workspace) -> Result<Vec<String>> {
    let deny = workspace.read("deny.toml")?;
    let deny: Deny = toml::from_str(&deny).context("cannot understand deny.toml")?;
    let mut findings = Vec::new();
    for ban in &deny.bans.deny {
        let banned = |name: &str| name == ban.name;
        for trail in workspace.trails(&workspace.members(), |_, _, _| true, banned)? {
            findings.push(format!("{trail}: banned: {}", ban.reason));
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::fixture::Fixture;

    #[test]
    fn a_banned_crate_is_found_behind_others() {
        let fixture = Fixture::new()
            .file(
                "deny.toml",
                "[bans]\ndeny = [{ crate = \"ssl\", reason = \"old\" }]\n",
            )
            .package("ssl", "")
            .package("curl", "[build-dependencies]\n@ssl");
        assert_eq!(fixture.findings(check), [""; 0]);
        assert_eq!(
            fixture
                .package("victor-tool", "[dependencies]\n@curl optional = true")
                .findings(check),
            ["crates/victor-tool/Cargo.toml:8: victor-tool -> curl -> ssl: banned: old"]
        );
    }

    #[test]
    fn our_own_list_is_understood() {
        let fixture = Fixture::new().file("deny.toml", include_str!("../../deny.toml"));
        assert_eq!(fixture.findings(check), [""; 0]);
    }
}
