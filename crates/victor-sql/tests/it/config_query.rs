//! Settings from tables of the program's own.

use serde_json::{Value, json};
use victor_core::{SessionId, with_causes};
use victor_sql::config::ConfigProvider;
use victor_testkit::conformance;

use crate::home::{Home, on_both};

/// The query of the first examples of Victor.
const QUERY: &str = "SELECT config FROM sessions WHERE session_id = $1";

/// A table of sessions whose column `config` has this type.
async fn table(home: &Home, name: &str, kind: &str) {
    let sql = format!(
        "CREATE TABLE sessions (session_id varchar(100), config {kind});
         INSERT INTO sessions VALUES ('tuned', '{{\"temperature\": 0.5, \"extra\": {{\"team\": \"ä\"}}}}'), ('empty', '{{}}'),
             ('null', NULL), ('list', '[1]'), ('O''Brien', '{{\"model\": \"m\"}}'), ('twice', '{{}}'), ('twice', '{{}}')"
    );
    home.execute(name, &sql).await;
}

async fn ask(provider: &impl ConfigProvider, session: &str) -> Result<Value, String> {
    let values = provider.get_config(&session.into()).await;
    values
        .map(Value::Object)
        .map_err(|error| with_causes(&error))
}

on_both! {
    async fn a_table_of_the_program_is_read(home: Home) {
        let kinds: &[&str] = match &home {
            Home::Sqlite(_) => &["text", "json"],
            Home::Postgres(..) => &["text", "json", "jsonb"],
        };
        for (number, kind) in kinds.iter().enumerate() {
            let name = format!("own{}", ["a", "b", "c"][number]);
            table(&home, &name, kind).await;
            let provider = home.open(&name).await.config_query(QUERY).unwrap();
            let check = async |session: &str, expected: Value| {
                assert_eq!(ask(&provider, session).await, Ok(expected), "{kind}: {session}");
            };
            check("tuned", json!({"temperature": 0.5, "extra": {"team": "ä"}})).await;
            check("empty", json!({})).await;
            check("null", json!({})).await;
            check("nobody", json!({})).await;
            check("O'Brien", json!({"model": "m"})).await;
            check("' OR '1' = '1", json!({})).await;
            for (session, expected) in [
                ("twice", "config provider sql query cannot be read: its query returns more than one row for a session"),
                ("list", "config provider sql query cannot be read: its query returns no JSON object of settings"),
            ] {
                assert_eq!(ask(&provider, session).await, Err(expected.to_owned()), "{kind}");
            }
            conformance::config_provider(&provider, &["tuned", "empty", "nobody"].map(SessionId::from)).await;
        }
    }

    async fn a_query_that_is_wrong_says_so(home: Home) {
        table(&home, "wrong", "text").await;
        home.execute("wrong", "INSERT INTO sessions VALUES ('torn', '{\"model\":')").await;
        let database = home.open("wrong").await;
        let error = database.config_query("SELECT config FROM sessions").unwrap_err();
        assert!(error.to_string().contains("it must use the session's name, which is `$1`"), "{error}");
        let forgetful = database.config_query("SELECT config FROM sessions WHERE session_id <> $1").unwrap();
        assert!(ask(&forgetful, "x").await.unwrap_err().contains("more than one row"));
        let missing = database.config_query("SELECT config FROM tenants WHERE id = $1;").unwrap();
        assert!(ask(&missing, "x").await.unwrap_err().contains("tenants"));
        let provider = database.config_query(QUERY).unwrap().with_name("tenants").with_priority(100);
        assert_eq!((provider.name(), provider.priority()), ("tenants", 100));
        let torn = ask(&provider, "torn").await.unwrap_err();
        assert!(torn.contains("EOF"), "{torn}");
    }
}
