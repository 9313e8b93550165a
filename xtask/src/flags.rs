//! The command line.

use std::path::PathBuf;

xflags::xflags! {
    /// The checks and chores of this repository.
    cmd xtask {
        /// Runs every check, cheapest first, and stops at the first that fails.
        cmd ci {}

        /// Checks which crate depends on which.
        cmd layers {}

        /// Checks that every crate compiles by itself.
        cmd alone {}

        /// Checks that no crate that deny.toml bans is in the dependency tree.
        cmd bans {}

        /// Checks manifests, sources, documents and the top level of the repository.
        cmd tidy {
            /// First regenerates what is generated: the crate maps.
            optional --write
        }

        /// Measures, and holds the measures against benches/budget.toml.
        cmd bench {
            /// Shorter and rougher: some minutes, for a look.
            optional --quick
            /// Runs only the benchmarks whose name matches this.
            optional --filter text: String
            /// Writes the measures to this file as well, as JSON.
            optional --json file: PathBuf
            /// Compares with a file that --json has written.
            optional --baseline file: PathBuf
            /// Only what is quick and the same on every machine: allocations and weights.
            optional --counts
        }

        /// Kills processes and a PostgreSQL server for a minute, and prints what became of their work.
        cmd cluster {
            /// Number of seconds.
            optional --seconds seconds: u64
        }

        /// Measures judgement with real data; in a release build, or the times say nothing.
        cmd eval {
            /// Measure the share of what later questions need that survives compaction.
            cmd compaction {
                /// The folder with compaction.jsonl.
                required --data directory: PathBuf
            }

            /// Measure the share of what queries need that is found among many tools.
            cmd tool-selection {
                /// The folder with tool_selection.jsonl.
                required --data directory: PathBuf
            }
        }
    }
}
