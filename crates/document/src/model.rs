//! A document: sections of text, facts, tables and charts.

use crate::{chart::Chart, value::Value};

/// A report, frozen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// What kind of report it is: the wire's word.
    pub kind: String,
    /// Its title.
    pub title: String,
    /// Whose it is.
    pub organization: String,
    /// What stands on its cover.
    pub facts: Vec<Fact>,
    /// What it says.
    pub sections: Vec<Section>,
}

/// When and by what it was drawn: beside the data, not of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Generation {
    /// When.
    pub at: time::OffsetDateTime,
    /// By which version.
    pub version: String,
    /// The digest of the data.
    pub digest: String,
}

/// A value with its name.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// Its name for programs.
    pub key: String,
    /// Its name for people.
    pub label: String,
    /// The value.
    pub value: Value,
}

impl Fact {
    /// A fact.
    pub fn new(key: &str, label: &str, value: Value) -> Self {
        Self { key: key.to_owned(), label: label.to_owned(), value }
    }
}

/// A part of a document, in its table of contents.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Section {
    /// Its name for programs and links; unique in the document.
    pub id: String,
    /// Its heading.
    pub title: String,
    /// How deep it lies: 1, or 2 for a part of the section before it.
    pub level: u8,
    /// What it says.
    pub blocks: Vec<Block>,
}

impl Section {
    /// A section with nothing in it yet.
    pub fn new(id: &str, title: &str) -> Self {
        Self { id: id.to_owned(), title: title.to_owned(), level: 1, blocks: Vec::new() }
    }

    /// The same as a part of the section before it.
    #[must_use]
    pub fn within(mut self) -> Self {
        self.level = 2;
        self
    }

    /// With a block more.
    #[must_use]
    pub fn with(mut self, block: Block) -> Self {
        self.blocks.push(block);
        self
    }

    /// With a paragraph more.
    #[must_use]
    pub fn text(self, text: impl Into<String>) -> Self {
        self.with(Block::Text(text.into()))
    }

    /// With a remark more.
    #[must_use]
    pub fn note(self, text: impl Into<String>) -> Self {
        self.with(Block::Note(text.into()))
    }

    /// With a table more.
    #[must_use]
    pub fn table(self, table: Table) -> Self {
        self.with(Block::Table(table))
    }

    /// With a chart more.
    #[must_use]
    pub fn chart(self, chart: Chart) -> Self {
        self.with(Block::Chart(chart))
    }
}

/// A piece of a section.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// A paragraph.
    Text(String),
    /// A paragraph to be told by, set larger.
    Lead(String),
    /// A remark, set smaller.
    Note(String),
    /// A rule or a formula, set apart.
    Rule(String),
    /// Points, one a line.
    Points(Vec<String>),
    /// Numbers to be seen at once.
    Figures(Vec<Fact>),
    /// Names and values.
    Facts(Vec<Fact>),
    /// A table.
    Table(Table),
    /// A chart.
    Chart(Chart),
    /// Lines to sign on: the roles.
    SignOff(Vec<String>),
}

/// A table. Workbook and JSON have every column; on paper some stand under another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Its name for programs; unique in the document.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows, each with a value for every column.
    pub rows: Vec<Vec<Value>>,
    /// The column whose value heads a group of rows on paper. Rows of a group stand together.
    pub grouped_by: Option<usize>,
    /// What stands there where it has no rows.
    pub empty: String,
}

/// A column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Column {
    /// Its name for programs.
    pub key: String,
    /// Its heading.
    pub label: String,
    /// On paper: the index of the column that it stands under, in small letters.
    pub under: Option<usize>,
    /// On paper: set in bold.
    pub strong: bool,
}

impl Table {
    /// A table without rows. Columns are keys and headings.
    pub fn new(id: &str, title: &str, columns: &[(&str, &str)]) -> Self {
        let column = |(key, label): &(&str, &str)| Column {
            key: (*key).to_owned(),
            label: (*label).to_owned(),
            ..Column::default()
        };
        Self {
            id: id.to_owned(),
            title: title.to_owned(),
            columns: columns.iter().map(column).collect(),
            empty: "None.".to_owned(),
            ..Self::default()
        }
    }

    /// On paper, columns stand under another.
    #[must_use]
    pub fn under(mut self, key: &str, below: &[&str]) -> Self {
        let at = self.position(key);
        for column in &mut self.columns {
            if below.contains(&column.key.as_str()) {
                column.under = at;
            }
        }
        self
    }

    /// On paper, a column is set in bold.
    #[must_use]
    pub fn strong(mut self, key: &str) -> Self {
        for column in &mut self.columns {
            column.strong |= column.key == key;
        }
        self
    }

    /// On paper, rows stand in groups by a column.
    #[must_use]
    pub fn grouped(mut self, key: &str) -> Self {
        self.grouped_by = self.position(key);
        self
    }

    /// What stands there where it has no rows.
    #[must_use]
    pub fn or_else(mut self, text: &str) -> Self {
        self.empty = text.to_owned();
        self
    }

    /// With rows.
    #[must_use]
    pub fn rows(mut self, rows: impl IntoIterator<Item = Vec<Value>>) -> Self {
        self.rows.extend(rows);
        self
    }

    /// Where a column stands.
    pub fn position(&self, key: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.key == key)
    }

    /// The columns that have one of their own on paper.
    pub fn printed(&self) -> impl Iterator<Item = (usize, &Column)> {
        let grouped = self.grouped_by;
        self.columns.iter().enumerate().filter(move |(at, column)| column.under.is_none() && grouped != Some(*at))
    }

    /// The columns that stand under one on paper.
    pub fn beneath(&self, at: usize) -> impl Iterator<Item = (usize, &Column)> {
        self.columns.iter().enumerate().filter(move |(_, column)| column.under == Some(at))
    }

    /// Whether a column holds numbers: then it stands to the right.
    pub fn is_numeric(&self, at: usize) -> bool {
        let mut values = self.rows.iter().filter_map(|row| row.get(at)).filter(|value| !value.is_none()).peekable();
        values.peek().is_some() && values.all(Value::is_number)
    }
}

impl Document {
    /// Its tables, in their order.
    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        self.blocks().filter_map(|block| match block {
            Block::Table(table) => Some(table),
            _ => None,
        })
    }

    /// Its charts, in their order.
    pub fn charts(&self) -> impl Iterator<Item = &Chart> {
        self.blocks().filter_map(|block| match block {
            Block::Chart(chart) => Some(chart),
            _ => None,
        })
    }

    /// Its figures and facts, the cover's first.
    pub fn all_facts(&self) -> impl Iterator<Item = &Fact> {
        let inside = self.blocks().flat_map(|block| match block {
            Block::Figures(facts) | Block::Facts(facts) => facts.as_slice(),
            _ => &[],
        });
        self.facts.iter().chain(inside)
    }

    fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.sections.iter().flat_map(|section| &section.blocks)
    }
}
