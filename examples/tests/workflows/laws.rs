//! The laws of runners, on either database.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};
use tempfile::TempDir;
use victor_sql::{Database, DatabaseOptions};
use victor_testkit::conformance::{self, Handlers};
use victor_workflow::protocol::WorkflowJournal;
use victor_workflow::{WorkflowCoordinator, WorkflowOptions};

use crate::server::Server;

fn runner(journal: Arc<dyn WorkflowJournal>, handlers: Handlers) -> WorkflowCoordinator {
    let options = WorkflowOptions::default()
        .with_claim_time(Duration::from_secs(60))
        .with_poll(Duration::from_millis(5));
    let builder = WorkflowCoordinator::builder(journal).options(options);
    let add = |builder: victor_workflow::WorkflowCoordinatorBuilder, (name, handler)| {
        builder.handler(name, handler)
    };
    handlers.into_iter().fold(builder, add).build()
}

/// Journals of one kind, each new and empty. A database whose journal nobody holds any more is emptied and used again,
/// since making one takes longer than most laws.
#[derive(Default)]
struct Journals(Mutex<Vec<(String, Arc<dyn WorkflowJournal>)>>);

impl Journals {
    async fn next(&self, make: impl AsyncFnOnce(usize) -> String) -> Arc<dyn WorkflowJournal> {
        let (free, number) = {
            let journals = self.0.lock().unwrap();
            let free = journals
                .iter()
                .find(|(_, journal)| Arc::strong_count(journal) == 1);
            let free = free.map(|(address, journal)| (address.clone(), Arc::clone(journal)));
            (free, journals.len())
        };
        if let Some((address, journal)) = free {
            let empty = "DELETE FROM victor_runs; DELETE FROM victor_workflows";
            if address.starts_with("postgres:") {
                let mut connection = PgConnection::connect(&address).await.unwrap();
                sqlx::raw_sql(empty).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            } else {
                let mut connection = SqliteConnection::connect(&address).await.unwrap();
                sqlx::raw_sql(empty).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
            return journal;
        }
        let address = make(number).await;
        let options = DatabaseOptions::default().with_connections(2);
        let database = Database::open_with(&address, &options).await.unwrap();
        let journal: Arc<dyn WorkflowJournal> = database.workflow_journal();
        self.0.lock().unwrap().push((address, Arc::clone(&journal)));
        journal
    }
}

#[tokio::test]
async fn runners_on_sqlite_keep_the_laws() {
    let (folder, journals) = (TempDir::new().unwrap(), Journals::default());
    let make = async |number: usize| {
        let path = folder.path().join(format!("{number}.db"));
        format!("sqlite:{}", path.display())
    };
    conformance::workflow_runner(async || journals.next(make).await, runner).await;
}

#[tokio::test]
async fn runners_on_postgres_keep_the_laws() {
    let Some(server) = Server::get() else { return };
    let journals = Journals::default();
    let make = async |number: usize| {
        let mut admin = PgConnection::connect(&server.address("postgres"))
            .await
            .unwrap();
        let create = AssertSqlSafe(format!("CREATE DATABASE laws{number}"));
        sqlx::raw_sql(create).execute(&mut admin).await.unwrap();
        server.address(&format!("laws{number}"))
    };
    conformance::workflow_runner(async || journals.next(make).await, runner).await;
}
