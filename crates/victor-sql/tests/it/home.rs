//! Where the databases of a test are.

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};
use tempfile::TempDir;
use victor_sql::{Database, DatabaseOptions};

use crate::server::Server;

/// Where the databases of a test are.
#[derive(Debug)]
pub(crate) enum Home {
    /// In files of a folder.
    Sqlite(TempDir),
    /// On a server, under names with this beginning.
    Postgres(&'static Server, u32),
}

impl Home {
    pub(crate) fn sqlite() -> Self {
        Self::Sqlite(TempDir::new().unwrap())
    }

    /// None where there is no server.
    pub(crate) fn postgres() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Some(Self::Postgres(Server::get()?, number))
    }

    /// The address of the database of a name, a word of ASCII letters in lower case.
    pub(crate) async fn address(&self, name: &str) -> String {
        match self {
            Self::Sqlite(folder) => {
                let path = folder.path().join(format!("{name}.db"));
                path.to_str().unwrap().to_owned()
            }
            Self::Postgres(server, number) => {
                let name = format!("test{number}{name}");
                let mut admin = PgConnection::connect(&server.address("postgres"))
                    .await
                    .unwrap();
                let create = AssertSqlSafe(format!("CREATE DATABASE {name}"));
                match sqlx::raw_sql(create).execute(&mut admin).await {
                    Ok(_) => {}
                    Err(sqlx::Error::Database(error))
                        if error.code().as_deref() == Some("42P04") => {}
                    Err(error) => panic!("{error}"),
                }
                admin.close().await.unwrap();
                server.address(&name)
            }
        }
    }

    /// Does something to a database behind the back of the stores.
    pub(crate) async fn execute(&self, name: &str, sql: &str) {
        let (address, sql) = (self.address(name).await, AssertSqlSafe(sql.to_owned()));
        match self {
            Self::Sqlite(_) => {
                let options = SqliteConnectOptions::new()
                    .filename(address)
                    .create_if_missing(true);
                let mut connection = options.connect().await.unwrap();
                sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
            Self::Postgres(..) => {
                let mut connection = PgConnection::connect(&address).await.unwrap();
                sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
        }
    }

    pub(crate) async fn open(&self, name: &str) -> Database {
        Database::open(self.address(name).await).await.unwrap()
    }

    /// Opens a database whose writes wait for others for no longer than a moment.
    pub(crate) async fn open_impatient(&self, name: &str) -> Database {
        let mut options = DatabaseOptions::default();
        options.lock_timeout = std::time::Duration::from_millis(200);
        Database::open_with(self.address(name).await, &options)
            .await
            .unwrap()
    }
}

/// Makes each function a test on either database.
macro_rules! on_both {
    ($($(#[$meta:meta])* async fn $name:ident($home:ident: Home) $body:block)*) => {
        $(async fn $name($home: crate::home::Home) $body)*

        mod sqlite {
            $($(#[$meta])* #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(crate::home::Home::sqlite()).await;
            })*
        }

        mod postgres {
            $($(#[$meta])* #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                if let Some(home) = crate::home::Home::postgres() {
                    super::$name(home).await;
                }
            })*
        }
    };
}
pub(crate) use on_both;
