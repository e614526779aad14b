//! What is shown of a change, in the feed and in a delivery.

use grc_kernel::{OrgId, journal::Entry, record::timestamp};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::{Delivery, delivery::TEST_EVENT};

/// A change, as the feed shows it.
#[must_use]
pub fn change(entry: &Entry) -> Value {
    json!({
        "id": entry.id.to_string(),
        "sequence": entry.sequence,
        "type": entry.action,
        "resource_type": entry.resource_type,
        "resource_id": entry.resource_id.to_string(),
        "revision": entry.revision,
        "occurred_at": timestamp(entry.occurred_at),
        "actor": {"type": entry.actor_kind, "id": entry.actor_id.to_string(), "name": entry.actor_name},
        "before": entry.before,
        "after": entry.after,
    })
}

/// The body of a delivery of a change.
#[must_use]
pub fn body(entry: &Entry) -> Value {
    envelope(entry.org, &entry.action, entry.occurred_at, change(entry))
}

/// The body of a delivery that only tests its webhook.
#[must_use]
pub fn test_body(delivery: &Delivery) -> Value {
    let at = delivery.meta.created_at;
    let data = json!({
        "id": delivery.event_id.to_string(),
        "type": TEST_EVENT,
        "resource_type": "webhook",
        "resource_id": delivery.webhook_id.to_string(),
        "revision": null,
        "occurred_at": timestamp(at),
        "before": null,
        "after": null,
    });
    envelope(delivery.org, TEST_EVENT, at, data)
}

fn envelope(org: OrgId, kind: &str, at: OffsetDateTime, mut data: Value) -> Value {
    if let Value::Object(members) = &mut data {
        members.insert("org_id".into(), org.to_string().into());
    }
    json!({"type": kind, "timestamp": timestamp(at), "data": data})
}
