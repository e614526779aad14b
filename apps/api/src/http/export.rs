//! Lists as CSV and XLSX: whole, filtered as asked, in memory that does not grow with them.
//!
//! The columns of a resource are those that its import takes: the id and what a client may set. Other lists have the
//! members that they show. A text that a spreadsheet would run as a formula gets an apostrophe in front, which the
//! import takes off again.

use std::io;

use actix_web::web::{Bytes, Data};
use futures::{Stream, StreamExt};
use grc_kernel::{
    Ctx, ListQuery, Page, Record, kit,
    list::Cursor,
    resource::{Cell, CellRef},
    shape::{META, Member},
};
use grc_transfer::cell;
use grc_uow::Uow;
use rust_xlsxwriter::{ExcelDateTime, Format as CellFormat, Workbook, Worksheet, XlsxError};
use serde_json::Value;
use tokio::sync::mpsc;

use super::{
    call::{Answer, Call, Listed, Reply, Right},
    list::{Ask, Listing, page_of},
    negotiate::negotiate,
    problem::Problem,
    resource::{Served, Shown},
    shape::{Shape, Shaped},
};
use crate::{serve::App, transfer::target};

/// The media type of a workbook.
pub const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
/// The media type of a table as text.
pub const CSV: &str = "text/csv";
/// How many records are read at a time.
const PAGE: usize = 1_000;
/// How many records a worksheet holds beside its heading.
const SHEET_MAX: u32 = 1_048_575;

/// What a list is exported as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values (RFC 4180), UTF-8.
    Csv,
    /// An Excel workbook.
    Xlsx,
}

impl Format {
    /// The format that `Accept` asks for; none for JSON.
    pub fn of(accept: Option<&str>) -> Result<Option<Self>, Problem> {
        Ok(match negotiate(accept, &["application/json", CSV, XLSX])? {
            CSV => Some(Self::Csv),
            XLSX => Some(Self::Xlsx),
            _ => None,
        })
    }
}

/// The columns of a resource's export, which its import takes: its id, the record that it belongs to and the members that
/// clients set; or all that is shown.
pub fn columns<R: Served>() -> Vec<&'static str> {
    if is_table::<R>() {
        return target::members::<R>().into_iter().map(|member| member.name).collect();
    }
    shown(Shown::<R>::SHAPE).into_iter().map(|member| member.name).collect()
}

/// Whether an export has what an import takes and no more. What nobody can write, such as a log, is shown whole.
fn is_table<R: Served>() -> bool {
    R::IMPORTED && target::members::<R>().iter().any(|member| !member.role.is_the_services() && member.name != "id")
}

/// The members that every item of a list has: its own, between its id and its bookkeeping.
fn shown(shape: &'static Shape) -> Vec<Member> {
    let place = |member: &Member| match member.name {
        "id" => 0,
        name if META.iter().any(|meta| meta.name == name) => 2,
        _ => 1,
    };
    let mut members: Vec<Member> = shape.all().filter(|member| member.required).collect();
    members.sort_by_key(place);
    members
}

/// An item as a row.
fn row(members: &[Member], item: &Value) -> Row {
    let cell = |member: &Member| item.get(member.name).and_then(|value| member.ty.to_cell(value).ok());
    members.iter().map(|member| cell(member).unwrap_or(Cell::Null)).collect()
}

type Row = Vec<Cell>;

/// What reads a page of a list, each page in a piece of work of its own.
struct Source<F> {
    app: Data<App>,
    ctx: Ctx,
    read: F,
}

impl<F: AsyncFn(&Ctx, &mut Uow, &ListQuery) -> Result<Page<Row>, Problem> + 'static> Source<F> {
    /// The rows of the whole list.
    fn rows(self, mut query: ListQuery) -> impl Stream<Item = Result<Vec<Row>, Problem>> {
        query.limit = PAGE;
        query.total = false;
        futures::stream::unfold(Some((self, query)), async |state| {
            let (source, query) = state?;
            let work = async |uow: &mut Uow| (source.read)(&source.ctx, uow, &query).await;
            let page = source.app.db.read(source.ctx.org, work).await;
            let next =
                |cursor: String| Cursor::decode(&cursor, &query).map_err(|error| Problem::new(500, error.detail));
            match page.and_then(|page| Ok((page.items, page.next_cursor.map(next).transpose()?))) {
                Ok((rows, after)) => {
                    let rest = after.map(|after| (source, ListQuery { after: Some(after), ..query }));
                    Some((Ok(rows), rest))
                }
                Err(problem) => Some((Err(problem), None)),
            }
        })
    }
}

/// The whole list of a resource as a download.
pub async fn records<R: Served, Op: Right>(
    call: &Call<Op>,
    query: ListQuery,
    format: Format,
) -> Result<Reply<Listed<Shown<R>>>, Problem> {
    let imported = is_table::<R>();
    let members = if imported { Vec::new() } else { shown(Shown::<R>::SHAPE) };
    let names = columns::<R>();
    let wanted = names.clone();
    let cells = move |record: R| {
        if !imported {
            return row(&members, &record.snapshot());
        }
        wanted.iter().map(|name| record.value(name).map_or(Cell::Null, |value| value.to_cell())).collect()
    };
    let read = async move |ctx: &Ctx, uow: &mut Uow, query: &ListQuery| -> Result<Page<Row>, Problem> {
        Ok(kit::page::<R>(ctx, R::tx(uow), query).await?.map(|record| cells(record.at(ctx))))
    };
    let source = Source { app: call.app.clone(), ctx: call.ctx(), read };
    download(&R::MANY.replace('_', "-"), names, source.rows(query), format).await
}

/// A list of any objects: a page of it as JSON or, where `Accept` asks for it, all of it as a file. What reads a page
/// asks for the permission.
pub async fn listed<L, Op, T, E>(
    call: &Call<Op>,
    ask: &Ask<L>,
    read: impl AsyncFn(&Ctx, &mut Uow, &ListQuery) -> Result<Page<T>, E> + 'static,
    show: impl Fn(&T) -> Value + 'static,
) -> Result<Reply<Listed<L::Item>>, Problem>
where
    L: Listing,
    Op: Right,
    E: Into<Problem>,
{
    listed_within(call, ask, L::SPEC.query(), read, show).await
}

/// The same of a list that is narrowed already.
pub async fn listed_within<L, Op, T, E>(
    call: &Call<Op>,
    ask: &Ask<L>,
    within: ListQuery,
    read: impl AsyncFn(&Ctx, &mut Uow, &ListQuery) -> Result<Page<T>, E> + 'static,
    show: impl Fn(&T) -> Value + 'static,
) -> Result<Reply<Listed<L::Item>>, Problem>
where
    L: Listing,
    Op: Right,
    E: Into<Problem>,
{
    let format = Format::of(call.header("accept"))?;
    let request = ask.read_within(within)?;
    let Some(format) = format else {
        return call
            .read(async |ctx, uow| -> Result<Answer, Problem> {
                let page = read(ctx, uow, &request.query).await.map_err(Into::into)?;
                Ok(page_of(page, &request, show))
            })
            .await;
    };
    let members = shown(L::Item::SHAPE);
    let names = members.iter().map(|member| member.name).collect();
    let read = async move |ctx: &Ctx, uow: &mut Uow, query: &ListQuery| -> Result<Page<Row>, Problem> {
        let page = read(ctx, uow, query).await.map_err(Into::into)?;
        Ok(page.map(|item| row(&members, &show(&item))))
    };
    let source = Source { app: call.app.clone(), ctx: call.ctx(), read };
    let path = call.path();
    download(path.rsplit('/').next().unwrap_or("list"), names, source.rows(request.query), format).await
}

async fn download<T>(
    name: &str,
    columns: Vec<&'static str>,
    rows: impl Stream<Item = Result<Vec<Row>, Problem>> + 'static,
    format: Format,
) -> Result<Reply<T>, Problem> {
    // What stands against reading the list is the answer; once a download has begun it can only break off.
    let mut rows = Box::pin(rows);
    let first = rows.next().await.transpose()?;
    let rows = futures::stream::iter(first.map(Ok)).chain(rows);
    match format {
        Format::Csv => {
            let body = csv_chunks(columns, rows);
            Ok(Reply::download(Box::pin(body), "text/csv; charset=utf-8", &format!("{name}.csv")))
        }
        Format::Xlsx => {
            let file = workbook(columns, rows).await?;
            Ok(Reply::download(Box::pin(file), XLSX, &format!("{name}.xlsx")))
        }
    }
}

fn csv_chunks(
    columns: Vec<&'static str>,
    rows: impl Stream<Item = Result<Vec<Row>, Problem>>,
) -> impl Stream<Item = io::Result<Bytes>> {
    let heading = futures::stream::once(async move { csv_rows([columns.into_iter().map(str::to_owned).collect()]) });
    heading.chain(rows.map(|page| {
        let page = page.map_err(|problem| io::Error::other(problem.to_string()))?;
        csv_rows(page.iter().map(|row| row.iter().map(|cell| cell::text(&cell.view())).collect()))
    }))
}

fn csv_rows(rows: impl IntoIterator<Item = Vec<String>>) -> io::Result<Bytes> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        writer.write_record(&row).map_err(io::Error::other)?;
    }
    writer.into_inner().map(Bytes::from).map_err(|error| io::Error::other(error.to_string()))
}

/// Writes a workbook into a temporary file, row by row, and streams it.
async fn workbook(
    columns: Vec<&'static str>,
    pages: impl Stream<Item = Result<Vec<Row>, Problem>>,
) -> Result<impl Stream<Item = io::Result<Bytes>>, Problem> {
    let broken =
        |error: &dyn std::fmt::Display| Problem::new(500, format!("the workbook could not be written: {error}"));
    // Packing is work for a thread that may block; pages come to it through a short queue.
    let (sender, mut receiver) = mpsc::channel::<Vec<Row>>(2);
    let writing = tokio::task::spawn_blocking(move || -> Result<std::fs::File, XlsxError> {
        let mut book = Workbook::new();
        let sheet = book.add_worksheet_with_constant_memory()?;
        head(sheet, &columns)?;
        let mut at: u32 = 0;
        let moment = CellFormat::new().set_num_format("yyyy-mm-dd hh:mm:ss");
        let day = CellFormat::new().set_num_format("yyyy-mm-dd");
        while let Some(page) = receiver.blocking_recv() {
            for row in page {
                at += 1;
                if at > SHEET_MAX {
                    return Err(XlsxError::RowColumnLimitError);
                }
                for (column, cell) in (0_u16..).zip(&row) {
                    write_cell(sheet, at, column, &cell.view(), &moment, &day)?;
                }
            }
        }
        let file = tempfile::tempfile()?;
        book.save_to_writer(file.try_clone()?)?;
        Ok(file)
    });
    futures::pin_mut!(pages);
    while let Some(page) = pages.next().await {
        if sender.send(page?).await.is_err() {
            break;
        }
    }
    drop(sender);
    let mut file = writing.await.map_err(|error| broken(&error))?.map_err(|error| match error {
        XlsxError::RowColumnLimitError => {
            Problem::new(422, format!("a worksheet holds {SHEET_MAX} records: filter the list, or take CSV"))
        }
        error => broken(&error),
    })?;
    io::Seek::rewind(&mut file).map_err(|error| broken(&error))?;
    let file = tokio::fs::File::from_std(file);
    Ok(tokio_util::io::ReaderStream::with_capacity(file, 64 * 1024))
}

fn head(sheet: &mut Worksheet, names: &[&str]) -> Result<(), XlsxError> {
    let bold = CellFormat::new().set_bold();
    sheet.set_freeze_panes(1, 0)?;
    for (column, name) in (0_u16..).zip(names) {
        sheet.set_column_width(column, if *name == "id" { 38.0 } else { 18.0 })?;
        sheet.write_string_with_format(0, column, *name, &bold)?;
    }
    Ok(())
}

/// Numbers and dates as such; a text stays a text, which a workbook never runs, and is neutralised all the same for
/// whoever saves the sheet as CSV.
fn write_cell(
    sheet: &mut Worksheet,
    row: u32,
    column: u16,
    value: &CellRef<'_>,
    moment: &CellFormat,
    day: &CellFormat,
) -> Result<(), XlsxError> {
    match value {
        CellRef::Null => {}
        CellRef::Int(number) => {
            sheet.write_number(row, column, number.to_string().parse::<f64>().unwrap_or(0.0))?;
        }
        CellRef::Number(number) => {
            sheet.write_number(row, column, *number)?;
        }
        CellRef::Bool(flag) => {
            sheet.write_boolean(row, column, *flag)?;
        }
        // Workbooks count to the millisecond; finer moments stay text so that nothing is lost.
        CellRef::Time(at) if at.nanosecond() == 0 && at.year() >= 1900 => {
            let at = ExcelDateTime::from_timestamp(at.unix_timestamp())?;
            sheet.write_datetime_with_format(row, column, at, moment)?;
        }
        CellRef::Date(date) if date.year() >= 1900 => {
            let year = u16::try_from(date.year()).unwrap_or(1900);
            let at = ExcelDateTime::from_ymd(year, u8::from(date.month()), date.day())?;
            sheet.write_datetime_with_format(row, column, at, day)?;
        }
        other => {
            // A worksheet's cell holds 32,767 characters.
            let text: String = cell::text(other).chars().take(32_767).collect();
            sheet.write_string(row, column, text)?;
        }
    }
    Ok(())
}
