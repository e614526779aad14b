//! JSON: a list of objects, read one by one.

use std::{
    fmt,
    fs::File,
    io::{BufReader, Read, Seek, SeekFrom},
};

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Value, value::RawValue};

use super::{Counting, Said, TableError};

/// The most bytes of one object.
const OBJECT_MAX: usize = 1024 * 1024;

pub(super) fn read(mut file: File, rows: &mut Counting<'_>) -> Result<(), TableError> {
    file.seek(SeekFrom::Start(0))?;
    let mut start = [0; 3];
    let count = file.read(&mut start)?;
    let marked = start.get(..count) == Some(b"\xEF\xBB\xBF");
    file.seek(SeekFrom::Start(if marked { 3 } else { 0 }))?;
    let mut outcome = Ok(());
    let mut deserializer = serde_json::Deserializer::from_reader(BufReader::with_capacity(64 * 1024, file));
    let table = Table { rows, outcome: &mut outcome };
    let read = table.deserialize(&mut deserializer).and_then(|()| deserializer.end());
    outcome?;
    read.map_err(|error| match error.classify() {
        serde_json::error::Category::Io if error.io_error_kind() != Some(std::io::ErrorKind::InvalidData) => {
            TableError::Io(error.into())
        }
        _ => TableError::no_table(format!("the file is no JSON list of objects: {error}")),
    })
}

/// A list of objects, or an object that has one as `items`. What the sink says is kept beside serde's own error.
struct Table<'a, 'b> {
    rows: &'a mut Counting<'b>,
    outcome: &'a mut Result<(), TableError>,
}

impl<'de> DeserializeSeed<'de> for Table<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Table<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let mut number = 0;
        while let Some(raw) = items.next_element::<Box<RawValue>>()? {
            number += 1;
            if let Err(error) = self.rows.row(number, said(raw.get())) {
                *self.outcome = Err(error);
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut found = false;
        let Self { rows, outcome } = self;
        while let Some(name) = members.next_key::<String>()? {
            if name == "items" && !found {
                found = true;
                members.next_value_seed(Table { rows: &mut *rows, outcome: &mut *outcome })?;
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        if found { Ok(()) } else { Err(A::Error::custom("an object must have the list as «items»")) }
    }
}

fn said(text: &str) -> Said {
    if text.len() > OBJECT_MAX {
        return Said::Nothing(format!("an object may have at most {OBJECT_MAX} bytes"));
    }
    match grc_kernel::shape::strict(text.as_bytes()) {
        Ok(Value::Object(members)) => Said::Object(members),
        Ok(_) => Said::Nothing("must be an object".to_owned()),
        Err(detail) => Said::Nothing(detail),
    }
}
