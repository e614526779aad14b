//! The JSON Schema of a shape, and an example that follows it.

use serde_json::{Map, Value, json};

use super::{Member, Preset, Shape, Ty, View, forms};

impl Shape {
    /// The schema, with references to the shapes it holds.
    pub fn schema(&self) -> Value {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for member in self.all() {
            let mut schema = match (self.view, member.ty) {
                (View::Patch, Ty::Object(shape)) => shape.part(),
                _ => member.schema(),
            };
            if member.nullable {
                schema = nullable(schema);
            }
            if let Value::Object(members) = &mut schema {
                if !members.contains_key("$ref") {
                    members.insert("description".into(), member.doc.trim().into());
                }
                if self.view == View::Create {
                    match member.preset {
                        Some(Preset::Text(text)) => drop(members.insert("default".into(), text.into())),
                        Some(Preset::Int(number)) => drop(members.insert("default".into(), number.into())),
                        Some(Preset::Number(number)) => drop(members.insert("default".into(), json!(number))),
                        Some(Preset::Bool(flag)) => drop(members.insert("default".into(), flag.into())),
                        Some(Preset::Now) | None => {}
                    }
                }
            }
            properties.insert(member.name.to_owned(), schema);
            if member.required {
                required.push(member.name);
            }
        }
        let mut schema = json!({
            "type": "object", "title": self.name, "description": self.doc.trim(), "properties": properties,
            "additionalProperties": false,
        });
        if let Value::Object(members) = &mut schema {
            if !required.is_empty() {
                members.insert("required".into(), json!(required));
            }
            if self.view == View::Patch {
                members.insert("minProperties".into(), 0.into());
            }
        }
        schema
    }

    /// What a merge patch may say of an object inside a resource: any of its members, null to take one away.
    fn part(&self) -> Value {
        let properties: Map<String, Value> = self
            .all()
            .map(|member| {
                let schema = if let Ty::Object(shape) = member.ty { shape.part() } else { member.schema() };
                (member.name.to_owned(), nullable(schema))
            })
            .collect();
        json!({"type": "object", "properties": properties, "additionalProperties": false, "minProperties": 0})
    }

    /// An example that follows the schema.
    pub fn example(&self) -> Value {
        let shown = |member: &Member| member.required || member.sample.is_some() || self.view == View::Patch;
        let members = self.all().filter(shown).map(|member| (member.name.to_owned(), member.example()));
        // A change of one member says more than a change of all.
        let most = if self.view == View::Patch { 2 } else { usize::MAX };
        Value::Object(members.take(most).collect())
    }

    /// The shapes that this one holds, itself included.
    pub fn walk(&'static self, visit: &mut dyn FnMut(&'static Self)) {
        visit(self);
        for member in self.all() {
            member.ty.walk(visit);
        }
    }
}

/// Adds `null` to what a schema allows.
fn nullable(schema: Value) -> Value {
    let Value::Object(mut members) = schema else { return schema };
    match members.get("type").cloned() {
        Some(Value::Array(mut names)) => {
            names.push("null".into());
            members.insert("type".into(), names.into());
            Value::Object(members)
        }
        Some(Value::String(name)) => {
            members.insert("type".into(), json!([name, "null"]));
            if let Some(Value::Array(words)) = members.get_mut("enum") {
                words.push(Value::Null);
            }
            Value::Object(members)
        }
        _ => json!({"anyOf": [Value::Object(members), {"type": "null"}]}),
    }
}

impl Member {
    /// The schema of its type, with what else is said of it.
    fn schema(&self) -> Value {
        let mut schema = self.ty.schema();
        let Value::Object(said) = &mut schema else { return schema };
        let of_texts = matches!(self.ty, Ty::Line(_) | Ty::Text(_));
        if self.least > 0 {
            said.insert(if of_texts { "minLength" } else { "minItems" }.into(), self.least.into());
        }
        match (self.form, said.get_mut("items")) {
            (Some(form), Some(Value::Object(items))) => drop(items.insert("pattern".into(), form.pattern.into())),
            (Some(form), _) if of_texts => drop(said.insert("pattern".into(), form.pattern.into())),
            (Some(form), _) => drop(said.insert("propertyNames".into(), json!({"pattern": form.pattern}))),
            (None, _) => {}
        }
        schema
    }

    fn example(&self) -> Value {
        let said = self.sample.and_then(|json| serde_json::from_str(json).ok());
        let formed = || match (self.form, self.ty) {
            (Some(form), Ty::Line(_) | Ty::Text(_)) => Some(json!(form.example)),
            (Some(form), Ty::List(Ty::Line(_), _)) => Some(json!([form.example])),
            _ => None,
        };
        said.or_else(formed).unwrap_or_else(|| self.ty.example(self.name))
    }
}

impl Ty {
    /// The schema.
    pub fn schema(self) -> Value {
        match self {
            Self::Line(max) => json!({"type": "string", "minLength": 1, "maxLength": max, "pattern": forms::ONE_LINE}),
            Self::Text(max) => json!({"type": "string", "maxLength": max, "pattern": forms::LINES}),
            Self::Word(words) if words.contains(&"info") => {
                let all: Vec<_> = words.iter().copied().chain(["informational"]).collect();
                json!({"type": "string", "enum": all})
            }
            Self::Word(words) => json!({"type": "string", "enum": words}),
            Self::Email => json!({"type": "string", "format": "email", "maxLength": 254}),
            Self::Url => json!({"type": "string", "format": "uri", "maxLength": 2_000, "pattern": "^https?://"}),
            Self::Int(min, i64::MAX) => json!({"type": "integer", "minimum": min}),
            Self::Int(min, max) => json!({"type": "integer", "minimum": min, "maximum": max}),
            Self::Number(min, f64::MAX) => json!({"type": "number", "minimum": min}),
            Self::Number(min, max) => json!({"type": "number", "minimum": min, "maximum": max}),
            Self::Bool => json!({"type": "boolean"}),
            Self::Time => json!({"type": "string", "format": "date-time"}),
            Self::Date => json!({"type": "string", "format": "date"}),
            Self::Id | Self::Ref(_) => json!({"type": "string", "format": "uuid"}),
            Self::List(ty, max) => json!({"type": "array", "items": ty.schema(), "maxItems": max}),
            Self::Object(shape) => json!({"$ref": format!("#/components/schemas/{}", shape.name)}),
            Self::Scalar => json!({
                "type": ["string", "number", "boolean"], "minLength": 1, "maxLength": 200, "pattern": forms::ONE_LINE,
            }),
            Self::Any => json!({"type": "object", "additionalProperties": true}),
            Self::Json => json!({}),
            Self::Counts => json!({"type": "object", "additionalProperties": {"type": "integer"}}),
            Self::Map(ty) => json!({"type": "object", "additionalProperties": ty.schema()}),
            Self::Either(one, other) => json!({"anyOf": [one.schema(), other.schema()]}),
        }
    }

    /// A value that follows the schema.
    pub fn example(self, name: &str) -> Value {
        match self {
            Self::Email => json!("ada@example.com"),
            Self::Url => json!("https://example.com/"),
            Self::Line(_) | Self::Text(_) if name == "email" => json!("ada@example.com"),
            Self::Line(max) | Self::Text(max) => json!(name.replace('_', " ").chars().take(max).collect::<String>()),
            Self::Word(words) => json!(words.first()),
            Self::Int(min, max) => json!(0_i64.clamp(min, max)),
            Self::Number(min, max) => json!(0_f64.clamp(min, max)),
            Self::Bool => json!(false),
            Self::Time => json!("2026-03-01T12:00:00Z"),
            Self::Date => json!("2026-03-01"),
            Self::Id | Self::Ref(_) => json!("019cdf6a-6000-7a5b-8c1d-2e3f40516273"),
            Self::List(ty, _) => json!([ty.example(name)]),
            Self::Object(shape) => shape.example(),
            Self::Scalar => json!("yes"),
            Self::Any | Self::Json | Self::Counts | Self::Map(_) => json!({}),
            Self::Either(one, _) => one.example(name),
        }
    }

    fn walk(self, visit: &mut dyn FnMut(&'static Shape)) {
        match self {
            Self::Object(shape) => shape.walk(visit),
            Self::List(ty, _) | Self::Map(ty) => ty.walk(visit),
            Self::Either(one, other) => {
                one.walk(visit);
                other.walk(visit);
            }
            _ => {}
        }
    }
}
