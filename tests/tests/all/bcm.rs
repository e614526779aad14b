//! Business continuity over HTTP. Every answer here is held to its schema in the document too.

mod graph;
mod limits;
mod plans;
mod records;

use serde_json::{Value, json};

use crate::harness::{Got, Service};

/// Holds an answer to its schema in the document: nothing undocumented, nothing required missing, no wrong type.
fn conforms(schema: &Value, value: &Value, document: &Value, path: &str) {
    if let Some(name) = schema["$ref"].as_str() {
        let schema = document.pointer(&name[1..]).unwrap();
        return conforms(schema, value, document, path);
    }
    if let Some(members) = value.as_object() {
        let known = schema["properties"].as_object().unwrap_or_else(|| panic!("{path} is documented as {schema}"));
        for (name, member) in members {
            let schema = known.get(name).unwrap_or_else(|| panic!("{path}.{name} is not documented"));
            conforms(schema, member, document, &format!("{path}.{name}"));
        }
        for name in schema["required"].as_array().into_iter().flatten() {
            assert!(members.contains_key(name.as_str().unwrap()), "{path} lacks {name}");
        }
    } else if let Some(items) = value.as_array() {
        items.iter().for_each(|item| conforms(&schema["items"], item, document, path));
    } else {
        let types: Vec<&str> = match &schema["type"] {
            Value::String(name) => vec![name],
            names => names.as_array().into_iter().flatten().filter_map(Value::as_str).collect(),
        };
        let fits = types.iter().any(|name| match *name {
            "null" => value.is_null(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64(),
            "number" => value.is_number(),
            _ => false,
        });
        assert!(fits, "{path} is {value}, documented as {schema}");
        if let (Some(words), false) = (schema["enum"].as_array(), value.is_null()) {
            assert!(words.contains(value), "{path}: {value} is none of {words:?}");
        }
    }
}

fn documented(name: &str, value: Value) -> Value {
    let document = grc_api::serve::document();
    let schema = json!({"$ref": format!("#/components/schemas/{name}")});
    conforms(&schema, &value, &document, name);
    value
}

struct Bcm {
    s: Service,
    token: String,
    org: String,
}

impl Bcm {
    async fn start(name: &str) -> Self {
        let s = Service::start(&[]).await;
        let token = s.admin().await;
        let org = s.org(&token, name).await;
        Self { s, token, org }
    }

    fn path(&self, path: &str) -> String {
        format!("/orgs/{}/bcm/{path}", self.org)
    }

    async fn post(&self, path: &str, body: Value) -> Got {
        self.s.json(&self.token, "POST", &self.path(path), body).await
    }

    async fn patch(&self, path: &str, body: Value) -> Got {
        self.s.json(&self.token, "PATCH", &self.path(path), body).await
    }

    async fn get(&self, path: &str) -> Value {
        self.s.get(&self.token, &self.path(path)).await.must(200)
    }

    async fn remove(&self, path: &str) -> Got {
        self.s.send(&self.token, "DELETE", &self.path(path), &[], None).await
    }

    async fn process(&self, name: &str, rto: f64, more: Value) -> Value {
        let mut body = json!({"name": name, "criticality": "business_critical", "rto_hours": rto, "rpo_hours": 1,
            "mtd_hours": 72});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let made = documented("Process", self.post("processes", body).await.must(201));
        json!({"id": made["id"], "type": "process"})
    }

    async fn asset(&self, name: &str, kind: &str, more: Value) -> Value {
        let mut body = json!({"name": name, "type": kind});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let made = documented("Asset", self.post("assets", body).await.must(201));
        json!({"id": made["id"], "type": "asset"})
    }

    async fn needs(&self, source: &Value, target: &Value, more: Value) -> Value {
        let mut body = json!({"source": source, "target": target});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        documented("Dependency", self.post("dependencies", body).await.must(201))
    }
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
}
