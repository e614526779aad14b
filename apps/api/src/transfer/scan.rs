//! A first look through a table, before it is taken: what is wrong with it as a whole is said at once.

use std::ops::ControlFlow;

use grc_kernel::FieldError;
use grc_transfer::{
    columns::{Columns, Known},
    table::{self, Format, Row, Sink, TableError},
};

use super::{job::Options, target::Target};
use crate::{
    bulk::{self, Spool},
    http::problem::Problem,
};

/// What a look through a table shows.
#[derive(Debug)]
pub struct Looked {
    /// How many rows say something.
    pub rows: u64,
    /// The columns that are left alone.
    pub ignored: Vec<String>,
}

struct Look {
    options: Options,
    known: Known,
    columns: Result<Columns, Vec<FieldError>>,
}

impl Sink for Look {
    fn heading(&mut self, headings: Vec<String>) -> ControlFlow<()> {
        self.columns = Columns::of_heading(headings, self.options.mapping.clone(), &self.options.matching, &self.known);
        if self.columns.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn row(&mut self, _: Row) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Looks through a table, aside.
pub async fn look(spool: &Spool, target: &Target, format: Format, options: &Options) -> Result<Looked, Problem> {
    let file = spool.handle()?;
    let known = (target.known)();
    let mut look = Look { options: options.clone(), known, columns: Ok(Columns::of_objects(options.mapping.clone())) };
    let (read, look) = bulk::in_turn(move || {
        let sheet = look.options.sheet.clone();
        let read = table::read(file, format, sheet.as_deref(), &mut look);
        (read, look)
    })
    .await?;
    let columns = look.columns.map_err(Problem::fields)?;
    let wrong = |code, detail: String| Problem::fields(vec![FieldError::new("body", code, detail)]);
    match read {
        Ok(0) => Err(wrong("no_rows", "the table has no row that says anything".to_owned())),
        Ok(rows) => Ok(Looked { rows, ignored: columns.ignored }),
        Err(TableError::Refused { code, detail }) => Err(wrong(code, detail)),
        Err(TableError::Stopped) => Err(Problem::new(500, "a look through a table was stopped")),
        Err(TableError::Io(error)) => Err(Problem::new(500, format!("the spool: {error}"))),
    }
}
