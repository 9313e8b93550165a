//! SQLite.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, Instant};

use sqlx::ConnectOptions;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteError, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};

use super::Pools;
use crate::error::{Cause, DatabaseError};
use crate::options::{DatabaseOptions, Synchronous};

/// The pause before the journal of a new file is asked for again, while another process makes it.
const RETRY: Duration = Duration::from_millis(10);

/// The time in microseconds since 1970. Who shares a file is on one machine, and has its clock
/// (<https://sqlite.org/lang_datefunc.html>).
pub(crate) const NOW: &str = "CAST(unixepoch('subsec') * 1000000 AS INTEGER)";

/// The path that an address names: `sqlite:` and what follows, or a path.
pub(crate) fn path(address: &str) -> Result<PathBuf, DatabaseError> {
    let refuse = |message: &str| {
        let message = message.to_owned();
        Err(DatabaseError::Address { message })
    };
    let path = if address.starts_with("sqlite:") {
        if address.contains('?') {
            return refuse(
                "what follows `?` in a `sqlite:` address belongs into `DatabaseOptions`",
            );
        }
        match SqliteConnectOptions::from_str(address) {
            Ok(options) => options.get_filename().to_owned(),
            Err(error) => return refuse(&error.to_string()),
        }
    } else {
        PathBuf::from(address)
    };
    let name = path.to_string_lossy();
    if name.is_empty() || name == ":memory:" || name.starts_with("file:") {
        return refuse(
            "connections do not share a database in memory: name a file, or use what the protocols keep in memory",
        );
    }
    Ok(path)
}

/// Opens a file, which is made if it is not there. One that cannot be written to is opened for reading.
pub(crate) async fn open(path: &Path, options: &DatabaseOptions) -> Result<Pools, DatabaseError> {
    let place = path.display().to_string();
    let can_write = make(path).map_err(|error| DatabaseError::Unreachable {
        place: place.clone(),
        source: error.into(),
    })?;
    let connect = SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(options.lock_timeout)
        .disable_statement_logging();
    if !can_write {
        return open_to_read(path, options, connect).await;
    }
    match open_to_write(&place, options, connect.clone()).await {
        // The log of a file can be neither made nor used where its folder cannot be written to.
        Err(error @ (DatabaseError::ReadOnly { .. } | DatabaseError::Unreachable { .. })) => {
            let read = open_to_read(path, options, connect).await;
            read.map_err(|_| error)
        }
        opened => opened,
    }
}

/// The pool of a file, but for how many connections it has.
fn pool(options: &DatabaseOptions) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(options.acquire_timeout)
}

async fn open_to_write(
    place: &str,
    options: &DatabaseOptions,
    connect: SqliteConnectOptions,
) -> Result<Pools, DatabaseError> {
    let mut write = connect
        .clone()
        .journal_mode(SqliteJournalMode::Wal)
        // What is deleted is overwritten, in the pages that stay in use and in those that become free.
        .pragma("secure_delete", "ON")
        .synchronous(match options.synchronous {
            Synchronous::Normal => SqliteSynchronous::Normal,
            Synchronous::Full => SqliteSynchronous::Full,
        });
    if let Some(bytes) = options.max_bytes {
        let pages = bytes / PAGE;
        write = write.pragma("max_page_count", pages.max(1).to_string());
    }
    let started = Instant::now();
    let writer = loop {
        let one = pool(options).max_connections(1);
        match one.connect_with(write.clone()).await {
            Ok(writer) => break writer,
            Err(error) => {
                // The change to a write-ahead log fails at once while somebody else is at it.
                let error = DatabaseError::new(place, error);
                let locked = matches!(error, DatabaseError::Locked { .. });
                if !locked || started.elapsed() > options.lock_timeout {
                    return Err(error);
                }
                tokio::time::sleep(RETRY).await;
            }
        }
    };
    let readers = pool(options)
        .max_connections(options.connections.max(1))
        .connect_lazy_with(connect.pragma("query_only", "1"));
    Ok(Pools::Sqlite {
        writer,
        readers,
        read_only: false,
    })
}

/// Opens a file that cannot be written to. To read beside others SQLite needs the log and its index; where these are
/// not there and cannot be made, and no log has anything that the file has not, the file is read as one that nobody
/// changes.
async fn open_to_read(
    path: &Path,
    options: &DatabaseOptions,
    connect: SqliteConnectOptions,
) -> Result<Pools, DatabaseError> {
    let connect = connect.read_only(true);
    let one = || pool(options).max_connections(1);
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let has_log = fs::metadata(log).is_ok_and(|log| log.len() > 0);
    let mut opened = Err(sqlx::Error::PoolClosed);
    for immutable in [false, true] {
        let connect = connect.clone().immutable(immutable);
        opened = async {
            let writer = one().connect_with(connect.clone()).await?;
            sqlx::query("SELECT 1 FROM sqlite_schema LIMIT 1")
                .fetch_optional(&writer)
                .await?;
            Ok((writer, connect))
        }
        .await;
        if opened.is_ok() || has_log {
            break;
        }
    }
    let (writer, connect) =
        opened.map_err(|error| DatabaseError::new(&path.to_string_lossy(), error))?;
    let readers = pool(options)
        .max_connections(options.connections.max(1))
        .connect_lazy_with(connect);
    Ok(Pools::Sqlite {
        writer,
        readers,
        read_only: true,
    })
}

/// The size of a page of a file that SQLite makes.
const PAGE: u64 = 4096;

/// Makes the file, if it is not there, for nobody but its owner, and says whether it can be written to. SQLite gives
/// its logs the same mode.
fn make(path: &Path) -> io::Result<bool> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = fs::OpenOptions::new();
    file.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
    match file.open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => return made.map(|_| true),
    }
    let refused = [
        io::ErrorKind::PermissionDenied,
        io::ErrorKind::ReadOnlyFilesystem,
    ];
    match fs::OpenOptions::new().write(true).open(path) {
        Err(error) if refused.contains(&error.kind()) => Ok(false),
        opened => opened.map(|_| true),
    }
}

/// Classifies a code of SQLite (<https://sqlite.org/rescode.html>).
pub(crate) fn cause(error: &SqliteError) -> Cause {
    use sqlx::error::DatabaseError as _;
    let code = error.code().and_then(|code| code.parse::<i32>().ok());
    match code.unwrap_or_default() & 0xff {
        5 | 6 => Cause::Locked,
        8 => Cause::ReadOnly,
        10 => Cause::Io,
        11 => Cause::Corrupt,
        13 => Cause::Full,
        14 => Cause::Unreachable,
        26 => Cause::NotADatabase,
        _ => Cause::Other,
    }
}
