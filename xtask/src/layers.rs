//! `cargo xtask layers`: which crate may depend on which.
//!
//! Each crate lives on a floor, which follows from its name, so that a new crate is under the rules
//! from its first line; each floor lists the floors that its crates may depend on. Besides:
//!
//! - tests (dev-dependencies) use what the crate may use, and `victor-testkit`; the tests of
//!   `victor-orchestrator` also use adapters and what these are built on, since its examples need a
//!   model;
//! - a protocol, or what coordinators share, reaches no runtime, HTTP or database, however long the
//!   way, with default features;
//! - `victor-core` uses a few crates from outside and no others;
//! - `victor-orchestrator` has each coordinator optional, and switched on by a default feature.

use std::collections::BTreeSet;

use anyhow::Result;
use cargo_metadata::{Dependency, DependencyKind, NodeDep, Package};

use crate::workspace::{Workspace, key};

/// The crates from outside that `victor-core` may use: to describe data, errors, identifiers and time.
const CORE_MAY_USE: [&str; 6] = [
    "async-trait",
    "jiff",
    "serde",
    "serde_json",
    "thiserror",
    "uuid",
];

/// The crates that may not be behind a protocol or a shared crate. A crate that wraps one of them is found through it.
const NOT_BEHIND_PROTOCOLS: [&str; 10] = [
    "diesel", "hyper", "mio", "reqwest", "rusqlite", "rustls", "smol", "sqlx", "tokio", "ureq",
];

/// Finds the dependencies that break a rule.
pub(crate) fn check(workspace: &Workspace) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for package in workspace.members() {
        for dependency in &package.dependencies {
            if let Some(rule) = broken_rule(workspace, package, dependency) {
                let place = workspace.declaration(package, dependency)?;
                findings.push(format!(
                    "{place}: {} -> {}: {rule}",
                    package.name, dependency.name
                ));
            }
        }
        let floor = Floor::of(workspace, package);
        if matches!(floor, Floor::Protocol | Floor::Shared) {
            let unwanted = |name: &str| NOT_BEHIND_PROTOCOLS.contains(&name);
            for trail in workspace.trails(&[package], is_on_by_default, unwanted)? {
                findings.push(format!(
                    "{trail}: {floor:?} has no runtime, HTTP or database"
                ));
            }
        }
    }
    Ok(findings)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Floor {
    Core,
    Protocol,
    /// Computes what several coordinators need, and does no I/O.
    Shared,
    /// Guards calls of foreign code. It knows a runtime, unlike what is shared.
    Guard,
    /// Shared by adapters: the one HTTP client, the care for model APIs, and child processes.
    Support,
    /// Joins coordinators by their roles in one matter. The orchestrator composes these crates.
    Joint,
    /// Beside the house: the tests of every floor use it.
    Testkit,
    Coordinator,
    Adapter,
    Orchestrator,
    /// The command line, examples, benches, xtask.
    Binary,
}

impl Floor {
    fn of(workspace: &Workspace, package: &Package) -> Self {
        let protocol = format!("{}-protocol", package.name);
        let has_protocol = workspace
            .members()
            .iter()
            .any(|other| *other.name == protocol);
        match package.name.as_str() {
            _ if !workspace.is_in_crates(package) => Self::Binary,
            "victor-cli" => Self::Binary,
            "victor-orchestrator" => Self::Orchestrator,
            "victor-testkit" => Self::Testkit,
            "victor-lexical" | "victor-text" => Self::Shared,
            "victor-guard" => Self::Guard,
            "victor-agent-tool"
            | "victor-mode-guard"
            | "victor-rewind"
            | "victor-session-loader"
            | "victor-turn-request"
            | "victor-turn-telemetry"
            | "victor-workflow-steps" => Self::Joint,
            "victor-http" | "victor-model-api" | "victor-process" => Self::Support,
            "victor-core" => Self::Core,
            // They serve the role of another coordinator instead of one with its own protocol.
            "victor-prompt-library" | "victor-structured-output" => Self::Coordinator,
            name if name.ends_with("-protocol") => Self::Protocol,
            _ if has_protocol => Self::Coordinator,
            _ => Self::Adapter,
        }
    }

    /// The floors that crates of this floor may depend on.
    fn below(self) -> &'static [Self] {
        use Floor::{
            Adapter, Binary, Coordinator, Core, Guard, Joint, Orchestrator, Protocol, Shared,
            Support, Testkit,
        };
        match self {
            Core => &[],
            Guard => &[Core],
            Protocol | Shared | Support | Testkit => &[Core, Protocol],
            Coordinator => &[Core, Protocol, Shared, Guard],
            Adapter => &[Core, Protocol, Shared, Guard, Support],
            Joint => &[Core, Protocol, Shared, Guard, Joint],
            Orchestrator => &[Core, Protocol, Shared, Guard, Joint, Coordinator],
            Binary => &[
                Core,
                Protocol,
                Shared,
                Guard,
                Support,
                Testkit,
                Joint,
                Coordinator,
                Adapter,
                Orchestrator,
            ],
        }
    }
}

/// The rule that a declared dependency breaks, if it breaks one.
fn broken_rule(workspace: &Workspace, from: &Package, to: &Dependency) -> Option<String> {
    let floor = Floor::of(workspace, from);
    let for_tests = to.kind == DependencyKind::Development;
    let Some(target) = workspace.member(to) else {
        let foreign = floor == Floor::Core && !CORE_MAY_USE.contains(&to.name.as_str());
        return (foreign && !for_tests).then(|| format!("from outside only {CORE_MAY_USE:?}"));
    };
    let target_floor = Floor::of(workspace, target);
    match (floor, target_floor) {
        // The tests of a crate may switch on its own features.
        _ if for_tests && target.id == from.id => None,
        (_, Floor::Testkit) | (Floor::Orchestrator, Floor::Adapter | Floor::Support)
            if for_tests =>
        {
            None
        }
        (Floor::Orchestrator, Floor::Coordinator) if !for_tests => {
            let on = to.optional && defaults(from).contains(key(to));
            (!on).then(|| "a coordinator is optional here, and in the default features".to_owned())
        }
        _ if floor.below().contains(&target_floor) => None,
        _ => Some(format!("{floor:?} may depend only on {:?}", floor.below())),
    }
}

/// Whether an edge of the graph, drawn with every feature of ours, is there by default too.
fn is_on_by_default(from: &Package, edge: &NodeDep, to: &Package) -> bool {
    let is_normal = |kind| kind == DependencyKind::Normal;
    let defaults = defaults(from);
    let is_ours = from.source.is_none();
    edge.dep_kinds.iter().any(|info| is_normal(info.kind))
        && from.dependencies.iter().any(|dependency| {
            is_normal(dependency.kind)
                && dependency.name == *to.name
                && (!is_ours || !dependency.optional || defaults.contains(key(dependency)))
        })
}

/// The features and optional dependencies of a package that its default feature switches on.
fn defaults(package: &Package) -> BTreeSet<&str> {
    let mut on = BTreeSet::new();
    let mut queue = vec!["default"];
    while let Some(entry) = queue.pop() {
        // `name`, `dep:name` or `name/feature`; `name?/feature` switches nothing on.
        let name = entry.strip_prefix("dep:").unwrap_or(entry);
        let name = name.split_once('/').map_or(name, |(name, _)| name);
        if !name.ends_with('?') && on.insert(name) {
            let feature = package.features.get(name);
            queue.extend(feature.into_iter().flatten().map(String::as_str));
        }
    }
    on
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::fixture::Fixture;

    /// Returns the findings when a package of the fixture goes on with this manifest.
    fn findings(package: &str, manifest: &str) -> Vec<String> {
        let fixture = Fixture::new()
            .package("tokio", "")
            .package("web", "[dependencies]\n@tokio");
        fixture.package(package, manifest).findings(check)
    }

    fn passes(package: &str, manifest: &str) {
        assert_eq!(findings(package, manifest), [""; 0], "{manifest}");
    }

    fn fails(package: &str, manifest: &str, expected: &str) {
        let expected = format!("crates/{package}/Cargo.toml:8: {package} -> {expected}");
        assert_eq!(findings(package, manifest), [expected], "{manifest}");
    }

    #[test]
    fn a_clean_workspace_passes() {
        assert_eq!(Fixture::new().findings(check), [""; 0]);
    }

    #[test]
    fn the_core_depends_on_a_few_crates_from_outside() {
        let web = format!("web: from outside only {:?}", super::CORE_MAY_USE);
        fails("victor-core", "[dependencies]\n@web optional = true", &web);
        passes("victor-core", "[dev-dependencies]\n@web");
        let http = "victor-http: Core may depend only on []";
        fails("victor-core", "[dependencies]\n@victor-http", http);
    }

    #[test]
    fn a_protocol_reaches_no_runtime_by_default() {
        let package = "victor-chat-protocol";
        let web = "web -> tokio: Protocol has no runtime, HTTP or database";
        fails(package, "[dependencies]\n@web", web);
        let optional = "[dependencies]\n@web optional = true\n";
        passes(package, optional);
        fails(
            package,
            &format!("{optional}[features]\ndefault = [\"web\"]"),
            web,
        );
        let http = "victor-http: Protocol may depend only on [Core, Protocol]";
        fails(package, "[dependencies]\n@victor-http", http);
    }

    #[test]
    fn a_coordinator_knows_no_other_and_no_adapter() {
        let rule = "Coordinator may depend only on [Core, Protocol, Shared, Guard]";
        for package in ["victor-tool", "victor-structured-output"] {
            for target in [
                "victor-chat",
                "victor-offline",
                "victor-http",
                "victor-testkit",
            ] {
                let manifest = format!("[dependencies]\n@{target}");
                fails(package, &manifest, &format!("{target}: {rule}"));
            }
            let offline = format!("victor-offline: {rule}");
            fails(package, "[dev-dependencies]\n@victor-offline", &offline);
        }
    }

    #[test]
    fn what_coordinators_share_knows_none_of_them_and_does_no_io() {
        for user in ["victor-tool", "victor-sql"] {
            passes(user, "[dependencies]\n@victor-lexical\n@victor-text");
        }
        let package = "victor-lexical";
        passes(
            package,
            "[dependencies]\n@victor-core\n@victor-tool-protocol",
        );
        let rule = "Shared may depend only on [Core, Protocol]";
        for target in ["victor-tool", "victor-http", "victor-offline"] {
            let expected = format!("{target}: {rule}");
            fails(package, &format!("[dependencies]\n@{target}"), &expected);
        }
        let web = "web -> tokio: Shared has no runtime, HTTP or database";
        fails(package, "[dependencies]\n@web", web);
        for (package, floor) in [
            ("victor-core", "Core may depend only on []"),
            (
                "victor-chat-protocol",
                "Protocol may depend only on [Core, Protocol]",
            ),
        ] {
            let expected = format!("victor-lexical: {floor}");
            fails(package, "[dependencies]\n@victor-lexical", &expected);
        }
    }

    #[test]
    fn the_guard_knows_a_runtime_and_of_ours_the_core_alone() {
        for user in ["victor-tool", "victor-sql", "victor-structured-output"] {
            passes(user, "[dependencies]\n@victor-guard");
        }
        passes("victor-guard", "[dependencies]\n@victor-core\n@web");
        let package = "victor-guard";
        let expected = "victor-tool-protocol: Guard may depend only on [Core]";
        fails(package, "[dependencies]\n@victor-tool-protocol", expected);
        let expected = "victor-guard: Protocol may depend only on [Core, Protocol]";
        fails(
            "victor-chat-protocol",
            "[dependencies]\n@victor-guard",
            expected,
        );
    }

    #[test]
    fn an_adapter_knows_no_other_and_no_coordinator() {
        for target in ["victor-offline", "victor-tool"] {
            let expected = format!(
                "{target}: Adapter may depend only on [Core, Protocol, Shared, Guard, Support]"
            );
            fails(
                "victor-sql",
                &format!("[dependencies]\n@{target}"),
                &expected,
            );
        }
    }

    #[test]
    fn a_joint_knows_coordinators_by_their_roles_alone() {
        let package = "victor-rewind";
        passes(
            package,
            "[dependencies]\n@victor-core\n@victor-tool-protocol\n@victor-guard\n@victor-lexical",
        );
        let rule = "Joint may depend only on [Core, Protocol, Shared, Guard, Joint]";
        for target in ["victor-tool", "victor-http", "victor-offline"] {
            let expected = format!("{target}: {rule}");
            fails(package, &format!("[dependencies]\n@{target}"), &expected);
        }
        passes("victor-orchestrator", "[dependencies]\n@victor-rewind");
        let expected =
            "victor-rewind: Coordinator may depend only on [Core, Protocol, Shared, Guard]";
        fails("victor-tool", "[dependencies]\n@victor-rewind", expected);
    }

    #[test]
    fn the_orchestrator_can_do_without_each_coordinator() {
        let package = "victor-orchestrator";
        let tool = "victor-tool: a coordinator is optional here, and in the default features";
        fails(package, "[dependencies]\n@victor-tool", tool);
        fails(
            package,
            "[dependencies]\n@victor-tool optional = true",
            tool,
        );
        let rule =
            "Orchestrator may depend only on [Core, Protocol, Shared, Guard, Joint, Coordinator]";
        let offline = format!("victor-offline: {rule}");
        fails(package, "[dependencies]\n@victor-offline", &offline);
        passes(
            package,
            "[dev-dependencies]\n@victor-http\n@victor-offline\n@victor-tool",
        );
    }
}
