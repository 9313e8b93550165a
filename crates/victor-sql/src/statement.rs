//! Statements and what is put into them, for both databases.

use std::borrow::Cow;
use std::fmt::Write;

use sqlx::query::Query;
use sqlx::{Arguments, AssertSqlSafe, Connection, Database, Encode, IntoArguments, Type};

/// The number of rows that one statement writes. Each statement has a fixed cost, and a larger one gains nothing.
pub(crate) const ROWS: usize = 200;

/// A value of a statement. Both databases must know the type of one that is absent.
#[derive(Debug, Clone)]
pub(crate) enum Value<'a> {
    Int(Option<i64>),
    Text(Option<Cow<'a, str>>),
    Bytes(Option<Cow<'a, [u8]>>),
}

macro_rules! values {
    ($($variant:ident from $type:ty: $value:ident => $made:expr,)*) => {
        $(impl<'a> From<$type> for Value<'a> {
            fn from($value: $type) -> Self {
                Self::$variant($made)
            }
        })*
    };
}

values! {
    Int from i64: value => Some(value),
    Int from Option<i64>: value => value,
    Text from &'a str: value => Some(value.into()),
    Text from String: value => Some(value.into()),
    Text from Cow<'a, str>: value => Some(value),
    Text from Option<&'a str>: value => value.map(Cow::from),
    Text from Option<Cow<'a, str>>: value => value,
    Bytes from &'a [u8]: value => Some(value.into()),
    Bytes from Vec<u8>: value => Some(value.into()),
    Bytes from Option<&'a [u8]>: value => value.map(Cow::from),
}

/// A statement with its values, which stand as `$1`, `$2` and so on in its text.
#[derive(Debug, Clone)]
pub(crate) struct Statement<'a> {
    sql: Cow<'static, str>,
    values: Vec<Value<'a>>,
}

impl<'a> Statement<'a> {
    pub(crate) fn new(sql: &'static str) -> Self {
        Self {
            sql: sql.into(),
            values: Vec::new(),
        }
    }

    /// A statement that the program has written, as a handler of a workflow does, which is trusted as its code is.
    pub(crate) fn of_handler(sql: String) -> Self {
        Self {
            sql: sql.into(),
            values: Vec::new(),
        }
    }

    /// Adds the value of the next `$n` that stands in the text.
    pub(crate) fn bind(mut self, value: impl Into<Value<'a>>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Appends to the text. All of it comes from this crate, and what comes from elsewhere is a value.
    pub(crate) fn push(mut self, sql: &'static str) -> Self {
        self.sql.to_mut().push_str(sql);
        self
    }

    /// Appends the name of a table or column, which was read from a schema of this crate.
    #[cfg(feature = "sqlite")]
    pub(crate) fn push_name(mut self, name: &str) -> Self {
        self.sql.to_mut().push_str(name);
        self
    }

    /// Appends a value to the text.
    pub(crate) fn push_value(mut self, value: impl Into<Value<'a>>) -> Self {
        self.values.push(value.into());
        let number = self.values.len();
        // A `String` takes everything.
        let _ = write!(self.sql.to_mut(), "${number}");
        self
    }

    /// Appends rows of values to the text: `($1, $2), ($3, $4)`.
    pub(crate) fn push_rows<const N: usize>(
        mut self,
        rows: impl IntoIterator<Item = [Value<'a>; N]>,
    ) -> Self {
        for (number, row) in rows.into_iter().enumerate() {
            self = self.push(if number == 0 { "(" } else { ", (" });
            self = self.push_values(row).push(")");
        }
        self
    }

    /// Appends values to the text: `$1, $2`.
    pub(crate) fn push_values(
        mut self,
        values: impl IntoIterator<Item = impl Into<Value<'a>>>,
    ) -> Self {
        for (number, value) in values.into_iter().enumerate() {
            if number > 0 {
                self = self.push(", ");
            }
            self = self.push_value(value);
        }
        self
    }

    /// The statement as the database of a connection takes it.
    pub(crate) fn query_for<C>(self, _: &C) -> Result<QueryFor<C>, sqlx::Error>
    where
        C: Connection,
        Option<i64>: Encode<'a, C::Database> + Type<C::Database>,
        Option<Cow<'a, str>>: Encode<'a, C::Database> + Type<C::Database>,
        Option<Cow<'a, [u8]>>: Encode<'a, C::Database> + Type<C::Database>,
        ArgumentsOf<C>: IntoArguments<C::Database>,
    {
        let mut arguments = ArgumentsOf::<C>::default();
        for value in self.values {
            match value {
                Value::Int(value) => arguments.add(value),
                Value::Text(value) => arguments.add(value),
                Value::Bytes(value) => arguments.add(value),
            }
            .map_err(sqlx::Error::Encode)?;
        }
        Ok(sqlx::query_with(AssertSqlSafe(self.sql), arguments))
    }
}

type ArgumentsOf<C> = <<C as Connection>::Database as Database>::Arguments;
type QueryFor<C> = Query<'static, <C as Connection>::Database, ArgumentsOf<C>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_numbered_as_they_come() {
        let statement = Statement::new("INSERT INTO t (a, b) VALUES ")
            .push_rows([[1.into(), "x".into()], [2.into(), "y".into()]])
            .push(" RETURNING a = ")
            .push_value(3)
            .push(", b IN (")
            .push_values(["z", "w"])
            .push(")");
        assert_eq!(
            statement.sql,
            "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4) RETURNING a = $5, b IN ($6, $7)"
        );
        assert_eq!(statement.values.len(), 7);
    }
}
