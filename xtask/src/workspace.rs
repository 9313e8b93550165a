//! The repository as cargo and git see it: all that the checks look at.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::fs;

use anyhow::{Context, Result};
use cargo_metadata::camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::{
    CargoOpt, Dependency, DependencyKind, Metadata, MetadataCommand, NodeDep, Package,
};
use xshell::{Shell, cmd};

/// The packages of the workspace, what they depend on, and the files of the repository.
#[derive(Debug)]
pub(crate) struct Workspace {
    metadata: Metadata,
    /// Tracked files, and those that `git add .` would track; relative to the root.
    pub(crate) files: BTreeSet<Utf8PathBuf>,
}

impl Workspace {
    /// Reads the workspace around a directory, with every feature of every member switched on.
    pub(crate) fn load(directory: &str) -> Result<Self> {
        let metadata = MetadataCommand::new()
            .current_dir(directory)
            .features(CargoOpt::AllFeatures)
            .exec()
            .context("cargo metadata")?;
        let root = &metadata.workspace_root;
        let shell = Shell::new()?;
        shell.change_dir(root);
        // A checkout that belongs to another user, as in containers, is fine to read.
        let git = cmd!(
            shell,
            "git -c safe.directory=* ls-files -z --cached --others"
        );
        let listing = git.arg("--exclude-standard").quiet().read()?;
        let files = listing
            .split_terminator('\0')
            .map(Utf8PathBuf::from)
            .filter(|path| root.join(path).exists())
            .collect();
        Ok(Self { metadata, files })
    }

    /// The root of the repository.
    pub(crate) fn root(&self) -> &Utf8Path {
        &self.metadata.workspace_root
    }

    /// Returns the folder of cargo's build output.
    pub(crate) fn target(&self) -> &Utf8Path {
        &self.metadata.target_directory
    }

    /// The packages of the workspace, sorted by name.
    pub(crate) fn members(&self) -> Vec<&Package> {
        let mut members = self.metadata.workspace_packages();
        members.sort_by_key(|package| &package.name);
        members
    }

    /// The member that a dependency means, if it means one.
    pub(crate) fn member(&self, dependency: &Dependency) -> Option<&Package> {
        dependency.path.as_ref()?;
        let mut members = self.members().into_iter();
        members.find(|package| *package.name == dependency.name)
    }

    /// A path below the root, relative to it.
    pub(crate) fn relative<'a>(&self, path: &'a Utf8Path) -> &'a Utf8Path {
        path.strip_prefix(&self.metadata.workspace_root)
            .unwrap_or(path)
    }

    /// Whether a package is one of those in `crates/`.
    pub(crate) fn is_in_crates(&self, package: &Package) -> bool {
        self.relative(&package.manifest_path).starts_with("crates")
    }

    /// The members that will be published, sorted by name.
    pub(crate) fn published(&self) -> Vec<&Package> {
        let mut members = self.members();
        members.retain(|package| !package.publish.as_ref().is_some_and(Vec::is_empty)); // `publish = false`
        members
    }

    /// Returns the folder of a member, relative to the root.
    pub(crate) fn folder<'a>(&self, package: &'a Package) -> &'a Utf8Path {
        let manifest = self.relative(&package.manifest_path);
        manifest.parent().unwrap_or(manifest)
    }

    /// The text of a file.
    pub(crate) fn read(&self, path: impl AsRef<Utf8Path>) -> Result<String> {
        let path = self.metadata.workspace_root.join(path);
        fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
    }

    /// Replaces the text of a file.
    pub(crate) fn write(&self, path: impl AsRef<Utf8Path>, text: &str) -> Result<()> {
        let path = self.metadata.workspace_root.join(path);
        fs::write(&path, text).with_context(|| format!("cannot write {path}"))
    }

    /// The files with an extension, and their texts.
    pub(crate) fn texts(&self, extension: &str) -> Result<Vec<(&Utf8Path, String)>> {
        let files = self
            .files
            .iter()
            .map(Utf8PathBuf::as_path)
            .filter(|path| path.extension() == Some(extension));
        files.map(|path| Ok((path, self.read(path)?))).collect()
    }

    /// Returns the place at which a member declares a dependency, as `path:line`.
    pub(crate) fn declaration(&self, package: &Package, dependency: &Dependency) -> Result<String> {
        self.place(
            package,
            key(dependency),
            dependency.kind == DependencyKind::Development,
        )
    }

    /// The line of a member's manifest that begins with a key, as `path:line`: the first, or the
    /// last for what is declared twice and comes, by custom, as dev-dependency the second time.
    pub(crate) fn place(&self, package: &Package, key: &str, last: bool) -> Result<String> {
        let path = self.relative(&package.manifest_path);
        let text = self.read(path)?;
        let has_key = |line: &str| line.split(['.', '=', ' ']).next() == Some(key);
        let mut lines = text.lines().zip(1..).filter(|(line, _)| has_key(line));
        let line = if last { lines.last() } else { lines.next() };
        Ok(format!("{path}:{}", line.map_or(1, |(_, number)| number)))
    }

    /// The shortest way from one of the `starts` to each package whose name is `wanted`, along the
    /// edges that `follow` admits, as `path:line: start -> .. -> wanted`. What is behind a wanted
    /// package is not looked at.
    pub(crate) fn trails(
        &self,
        starts: &[&Package],
        follow: impl Fn(&Package, &NodeDep, &Package) -> bool,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Vec<String>> {
        let graph = self
            .metadata
            .resolve
            .as_ref()
            .context("cargo metadata draws no graph")?;
        let mut seen: HashSet<_> = starts.iter().map(|package| &package.id).collect();
        let mut queue: VecDeque<_> = starts.iter().map(|package| vec![*package]).collect();
        let mut trails = Vec::new();
        while let Some(trail) = queue.pop_front() {
            let package = trail[trail.len() - 1];
            for edge in &graph[&package.id].deps {
                let next = &self.metadata[&edge.pkg];
                if !follow(package, edge, next) || !seen.insert(&edge.pkg) {
                    continue;
                }
                let trail = [&trail[..], &[next]].concat();
                if wanted(&next.name) {
                    let names: Vec<_> = trail.iter().map(|package| package.name.as_str()).collect();
                    let place = self.place(trail[0], names[1], false)?;
                    trails.push(format!("{place}: {}", names.join(" -> ")));
                } else {
                    queue.push_back(trail);
                }
            }
        }
        Ok(trails)
    }
}

/// Returns the name of a dependency in the manifest.
pub(crate) fn key(dependency: &Dependency) -> &str {
    dependency.rename.as_ref().unwrap_or(&dependency.name)
}
