//! Lists: from query parameters to a page, and their documentation from the same declaration.

use std::marker::PhantomData;

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use grc_kernel::{
    Field, FieldError, Kind, ListQuery, ListSpec, Page,
    list::{LIMIT_DEFAULT, LIMIT_MAX, ListRequest, RESERVED},
};
use paperclip::{
    actix::OperationModifier,
    v2::{
        models::{DataType, DataTypeFormat, DefaultOperationRaw, DefaultSchemaRaw, Either, Parameter, ParameterIn},
        schema::Apiv2Schema,
    },
};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::{
    call::Answer,
    problem::Problem,
    shape::{Shaped, forms},
};
use crate::adapters::clock;

/// A list resource: what can be asked of it, and the shape of its items.
pub trait Listing: 'static {
    /// The declaration.
    const SPEC: &'static ListSpec;
    /// The items.
    type Item: Shaped;
    /// Whether it comes in pages; where not, only its filters are asked for.
    const PAGED: bool = true;
    /// Whether it can be had as a picture too.
    const PICTURE: bool = false;
    /// Parameters that stand for filters.
    const SHORTHANDS: &'static [Shorthand] = &[];
}

/// A parameter that stands for filters: how many days ahead, where the filters are of dates.
pub struct Shorthand {
    /// Its name.
    pub name: &'static str,
    /// What it means.
    pub doc: &'static str,
    /// The least and the greatest of its whole numbers.
    pub range: (i64, i64),
    /// Narrows a list by a value, at a time.
    pub narrow: fn(ListQuery, i64, OffsetDateTime) -> ListQuery,
}

/// The query parameters of a list.
pub struct Ask<L> {
    params: Vec<(String, String)>,
    list: PhantomData<L>,
}

impl<L: Listing> Ask<L> {
    /// The request, typed, with every mistake reported.
    pub fn read(&self) -> Result<ListRequest, Problem> {
        self.read_within(L::SPEC.query())
    }

    /// The same in a list that is narrowed already.
    pub fn read_within(&self, within: ListQuery) -> Result<ListRequest, Problem> {
        let members: Vec<&str> = L::Item::SHAPE.all().map(|member| member.name).collect();
        if L::PAGED {
            let (within, params) = self.narrowed(within)?;
            return ListRequest::parse_within(within, &members, &params).map_err(Problem::fields);
        }
        let paging = |name: &str| RESERVED.contains(&name) && name != "q";
        let unknown = self.params.iter().filter(|(name, _)| paging(name));
        let errors: Vec<_> =
            unknown.map(|(name, _)| FieldError::new(name, "unknown", "is not a parameter of this route")).collect();
        if !errors.is_empty() {
            return Err(Problem::fields(errors));
        }
        let drawn = |name: &str| L::PICTURE && name == "format";
        let params: Vec<_> = self.params.iter().filter(|(name, _)| !drawn(name)).cloned().collect();
        ListRequest::parse_within(within, &members, &params).map_err(Problem::fields)
    }

    /// The list narrowed by the shorthands, and the parameters that are none.
    fn narrowed(&self, mut within: ListQuery) -> Result<(ListQuery, Vec<(String, String)>), Problem> {
        let mut rest = Vec::new();
        let mut errors = Vec::new();
        let mut seen: Vec<&str> = Vec::new();
        for (name, text) in &self.params {
            let Some(shorthand) = L::SHORTHANDS.iter().find(|known| known.name == name) else {
                rest.push((name.clone(), text.clone()));
                continue;
            };
            let (least, greatest) = shorthand.range;
            match text.parse::<i64>() {
                _ if seen.contains(&shorthand.name) => {
                    errors.push(FieldError::new(name, "repeated", "may be given once"));
                }
                Ok(value) if (least..=greatest).contains(&value) => {
                    within = (shorthand.narrow)(within, value, clock::now());
                }
                _ => {
                    let detail = format!("must be a whole number from {least} to {greatest}");
                    errors.push(FieldError::new(name, "out_of_range", detail));
                }
            }
            seen.push(shorthand.name);
        }
        if errors.is_empty() { Ok((within, rest)) } else { Err(Problem::fields(errors)) }
    }

    /// Whether `format=svg` asks for a picture.
    pub fn wants_svg(&self) -> Result<bool, Problem> {
        match self.params.iter().find(|(name, _)| name == "format").map(|(_, format)| format.as_str()) {
            None | Some("json") => Ok(false),
            Some("svg") => Ok(true),
            Some(_) => Err(Problem::fields(vec![FieldError::new("format", "invalid", "must be one of json, svg")])),
        }
    }
}

/// A page as it goes out, with only the members that were asked for.
pub fn page_of<T>(page: Page<T>, request: &ListRequest, body: impl Fn(&T) -> Value) -> Answer {
    let items: Vec<Value> = page.items.iter().map(|item| project(body(item), request.fields.as_deref())).collect();
    let mut answer = json!({"items": items, "next_cursor": page.next_cursor});
    if let (Some(total), Value::Object(members)) = (page.total, &mut answer) {
        members.insert("total".into(), total.into());
    }
    Answer::ok(answer)
}

fn project(value: Value, fields: Option<&[String]>) -> Value {
    match (value, fields) {
        (Value::Object(members), Some(fields)) => {
            let wanted = |name: &String| name == "id" || fields.contains(name);
            Value::Object(members.into_iter().filter(|(name, _)| wanted(name)).collect::<Map<_, _>>())
        }
        (value, _) => value,
    }
}

impl<L: Listing> FromRequest for Ask<L> {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let params = actix_web::web::Query::<Vec<(String, String)>>::from_query(request.query_string())
            .map(actix_web::web::Query::into_inner)
            .map_err(|_| Problem::new(400, "the query string is malformed"));
        std::future::ready(params.map(|params| Self { params, list: PhantomData }))
    }
}

impl<L> Apiv2Schema for Ask<L> {}

impl<L: Listing> OperationModifier for Ask<L> {
    fn update_parameter(op: &mut DefaultOperationRaw) {
        let spec = L::SPEC;
        let mut add = |name: String,
                       data_type,
                       format: Option<DataTypeFormat>,
                       words: Vec<Value>,
                       doc: &str,
                       min: Option<f32>,
                       max: Option<f32>| {
            let free = matches!(data_type, DataType::String) && format.is_none() && words.is_empty();
            let pattern = if name == "q" { forms::WORDS } else { forms::NO_NUL };
            op.parameters.push(Either::Right(Parameter {
                in_: ParameterIn::Query,
                name,
                description: Some(doc.to_owned()),
                data_type: Some(data_type),
                format,
                pattern: free.then(|| pattern.to_owned()),
                enum_: words,
                minimum: min,
                maximum: max,
                ..Parameter::default()
            }));
        };
        if L::PAGED {
            let limit = format!("The most items of a page, {LIMIT_DEFAULT} where absent.");
            add(
                "limit".into(),
                DataType::Integer,
                None,
                vec![],
                &limit,
                Some(1.0),
                u16::try_from(LIMIT_MAX).ok().map(f32::from),
            );
            add("cursor".into(), DataType::String, None, vec![], "The next_cursor of the page before.", None, None);
            let sorts = spec.sortable().flat_map(|name| [json!(name), json!(format!("-{name}"))]).collect();
            add(
                "sort".into(),
                DataType::String,
                None,
                sorts,
                "The order; - before the name is descending.",
                None,
                None,
            );
            let members = L::Item::SHAPE.all().map(|member| json!(member.name)).collect();
            add(
                "fields".into(),
                DataType::String,
                None,
                members,
                "Only these members, separated by commas, and id.",
                None,
                None,
            );
            add("include_total".into(), DataType::Boolean, None, vec![], "Whether to count all items too.", None, None);
        } else if L::PICTURE {
            let words = vec![json!("json"), json!("svg")];
            add(
                "format".into(),
                DataType::String,
                None,
                words,
                "What the answer is made of; else Accept decides.",
                None,
                None,
            );
        }
        if spec.all().any(|field| field.searched) {
            add(
                "q".into(),
                DataType::String,
                None,
                vec![],
                "Words that must all occur in the text members.",
                None,
                None,
            );
        }
        for shorthand in L::SHORTHANDS {
            // The document holds bounds as 32-bit floats; those of parameters are small.
            let bound = |number: i64| i16::try_from(number).ok().map(f32::from);
            let (least, greatest) = shorthand.range;
            add(shorthand.name.into(), DataType::Integer, None, vec![], shorthand.doc, bound(least), bound(greatest));
        }
        for field in spec.all().filter(|field| field.filtered) {
            let (data_type, format, words) = typed(field);
            add(
                field.name.into(),
                data_type,
                format.clone(),
                words.clone(),
                "Equal to this; repeated: to any of these.",
                None,
                None,
            );
            add(
                format!("{}__ne", field.name),
                data_type,
                format.clone(),
                words.clone(),
                "Not equal to this.",
                None,
                None,
            );
            if field.kind.is_ordered() {
                add(format!("{}__gte", field.name), data_type, format.clone(), vec![], "At least this.", None, None);
                add(format!("{}__lte", field.name), data_type, format.clone(), vec![], "At most this.", None, None);
            }
            add(format!("{}__null", field.name), DataType::Boolean, None, vec![], "Absent, or present.", None, None);
        }
    }

    fn update_definitions(_: &mut std::collections::BTreeMap<String, DefaultSchemaRaw>) {}
}

fn typed(field: &Field) -> (DataType, Option<DataTypeFormat>, Vec<Value>) {
    match field.kind {
        Kind::Text | Kind::Texts => (DataType::String, None, vec![]),
        Kind::Choice(words) => (DataType::String, None, words.iter().map(|word| json!(word)).collect()),
        Kind::Int => (DataType::Integer, None, vec![]),
        Kind::Number => (DataType::Number, None, vec![]),
        Kind::Bool => (DataType::Boolean, None, vec![]),
        Kind::Time => (DataType::String, Some(DataTypeFormat::DateTime), vec![]),
        Kind::Date => (DataType::String, Some(DataTypeFormat::Date), vec![]),
        Kind::Id | Kind::Ids => (DataType::String, Some(DataTypeFormat::Uuid), vec![]),
    }
}
