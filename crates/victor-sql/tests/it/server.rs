//! A PostgreSQL server for the tests of this process, which ends with it.

use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock};

/// Makes a cluster in the folder `$1` with the binaries in `$2`, and runs a server until its standard input ends, as it
/// does when the process that holds the other end is gone, however it went. The lines of the input stop and start it.
const SCRIPT: &str = r#"
set -e
cd "$1"
"$2/initdb" --pgdata data --username postgres --auth trust --encoding UTF8 --locale C.UTF-8 --no-sync >log 2>&1
start() {
    "$2/postgres" -D data -k "$1" -c listen_addresses= -c fsync=off -c max_connections=500 >>log 2>&1 </dev/null &
    server=$!
    until "$2/pg_isready" --host "$1" --quiet; do
        kill -0 $server
        sleep 0.1
    done
    echo ready
}
start "$@"
while read -r order signal; do
    case "$order" in
        stop) kill -"$signal" $server; wait $server || true; echo stopped ;;
        start) start "$@" ;;
    esac
done
kill -INT $server || true
wait $server || true
rm -rf "$1"
"#;

/// The user that the server runs as where the tests run as root, since it refuses to run as that.
const NOBODY: u32 = 65534;

/// A server that runs.
#[derive(Debug)]
pub(crate) struct Server {
    /// Where its socket is.
    folder: PathBuf,
    /// Its standard input is open as long as this process lives.
    watchdog: Mutex<Watchdog>,
}

#[derive(Debug)]
struct Watchdog {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Server {
    /// The server of this process; none, said loudly, where PostgreSQL is not installed. On a machine that checks
    /// changes it must be.
    pub(crate) fn get() -> Option<&'static Self> {
        static SERVER: OnceLock<Option<Server>> = OnceLock::new();
        let server = SERVER.get_or_init(|| binaries().map(|binaries| Self::start(&binaries)));
        if server.is_none() {
            let is_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
            assert!(!is_ci, "PostgreSQL is not installed");
            #[expect(
                clippy::print_stderr,
                reason = "a test that tests nothing must not pass silently"
            )]
            {
                eprintln!("SKIPPED: PostgreSQL is not installed");
            }
        }
        server.as_ref()
    }

    /// A server that nobody else has, to be stopped and started; none as with [`get`](Self::get).
    pub(crate) fn alone() -> Option<Self> {
        Self::get()?;
        binaries().map(|binaries| Self::start(&binaries))
    }

    /// Stops the server: in order with the signal `INT`, and as a crash does with `QUIT`.
    pub(crate) fn stop(&self, signal: &str) {
        self.order(&format!("stop {signal}"), "stopped\n");
    }

    /// Starts the server again.
    pub(crate) fn start_again(&self) {
        self.order("start", "ready\n");
    }

    fn order(&self, order: &str, answer: &str) {
        let mut watchdog = self.watchdog.lock().unwrap();
        let input = watchdog.child.stdin.as_mut().unwrap();
        writeln!(input, "{order}").unwrap();
        let mut line = String::new();
        watchdog.output.read_line(&mut line).unwrap();
        assert_eq!(line, answer, "{order}");
    }

    fn start(binaries: &Path) -> Self {
        // The path of a socket is short, so the folder is not in the target folder. The script removes it.
        let folder = tempfile::Builder::new()
            .prefix("victor-")
            .tempdir_in("/tmp");
        let folder = folder.unwrap().keep();
        let mut command = Command::new("sh");
        command
            .args(["-c", SCRIPT, "sh"])
            .arg(&folder)
            .arg(binaries);
        if rustix::process::getuid().is_root() {
            chown(&folder, Some(NOBODY), Some(NOBODY)).unwrap();
            command.uid(NOBODY).gid(NOBODY);
        }
        // In a group of its own, signals of the terminal do not reach it.
        let mut watchdog = command
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(watchdog.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        let log = || fs::read_to_string(folder.join("log"));
        assert_eq!(line, "ready\n", "the server does not start: {:?}", log());
        Self {
            folder,
            watchdog: Mutex::new(Watchdog {
                child: watchdog,
                output,
            }),
        }
    }

    /// The address of a database on the server.
    pub(crate) fn address(&self, database: &str) -> String {
        let folder = self.folder.display();
        format!("postgres://postgres@localhost/{database}?host={folder}")
    }
}

/// Where `initdb` and `postgres` are: where Debian puts them, in the latest version, or where `PATH` says.
fn binaries() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut debian: Vec<_> = versions
        .filter_map(|version| Some(version.ok()?.path().join("bin")))
        .collect();
    debian.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = debian.into_iter().rev().chain(std::env::split_paths(&path));
    let complete = |folder: &PathBuf| {
        let there = |name: &&str| folder.join(name).is_file();
        ["initdb", "postgres", "pg_isready"].iter().all(there)
    };
    folders.into_iter().find(complete)
}
