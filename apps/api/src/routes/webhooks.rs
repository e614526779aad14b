//! Webhooks and their deliveries.

use grc_events::{Delivery, Secret, Webhook, delivery, webhook};
use grc_kernel::{
    Changes, FieldError,
    resource::{Cell, write_record},
};
use paperclip::actix::{api_v2_operation, web};
use serde_json::{Value, json};

use super::changes::sight;
use crate::{
    http::{
        call::{Answer, Begun, Body, Call, Is, New, Reply, WebhookAdmin},
        problem::Problem,
        resource::{Changing, Making, Routes, Served, Shown, answer},
    },
    serve::App,
    served,
};

served! {
    "Webhooks", events;
    Webhook: "webhooks", "webhook_id", "webhook", "webhooks",
        const IMPORTED: bool = false;,
        const SUMMARIES: &'static [(&'static str, &'static str)] = &[
            ("delete_webhook", "Remove a webhook and its deliveries"),
        ];;
    Delivery: "webhooks/{webhook_id}/deliveries", "delivery_id", "webhook_delivery", "webhook_deliveries",
        const IMPORTED: bool = false;,
        const PARENT: Option<(&'static str, &'static str)> = Some(("webhook_id", "webhook_id"));;
}

/// What is wrong with an address as one to send to.
fn judged(app: &App, changes: &Changes<Webhook>) -> Option<FieldError> {
    let Some(Cell::Text(url)) = changes.value("url") else { return None };
    app.webhooks.outbound.target(url).err().map(|refused| FieldError::new("url", "refused", refused.to_string()))
}

/// A webhook with its secret, which no replay shows.
fn with_secret(webhook: &Webhook, secret: &Secret) -> Result<Value, Problem> {
    let mut text = String::new();
    write_record(webhook, None, &[("secret", json!(secret.reveal()))], &mut text);
    serde_json::from_str(&text).map_err(|error| Problem::new(500, error.to_string()))
}

/// Adds a webhook. It is told of what is committed after it; its secret is shown once.
#[api_v2_operation(
    tags("Webhooks"),
    operation_id = "create_webhook",
    summary = "Add a webhook; its secret is shown once"
)]
async fn create(call: Call<WebhookAdmin>, body: Body<Making<Webhook>>) -> Result<Reply<New<Shown<Webhook>>>, Problem> {
    let changes = Changes::<Webhook>::read(&body.form()?);
    let wrong = judged(&call.app, &changes);
    let random = grc_identity::Secrets::random(&call.app.secrets);
    let path = call.path();
    call.write(body.bytes(), async |ctx, uow| -> Result<Answer, Problem> {
        let (made, secret) = webhook::create(ctx, uow.events(), changes, wrong, &sight(ctx), random).await?;
        let location = format!("{path}/{}", made.id);
        Ok(Answer::created(with_secret(&made, &secret)?, location).secret(&["secret"]))
    })
    .await
}

/// Changes a webhook. Other events hold for what no delivery was made of yet.
#[api_v2_operation(tags("Webhooks"), operation_id = "update_webhook", summary = "Change a webhook")]
async fn update(call: Call<WebhookAdmin>, body: Body<Changing<Webhook>>) -> Result<Reply<Is<Shown<Webhook>>>, Problem> {
    let (id, seen) = (call.param("webhook_id")?.into(), call.if_match()?);
    let changes = Changes::<Webhook>::read(&body.form()?);
    let wrong = judged(&call.app, &changes);
    call.write(body.bytes(), async |ctx, uow| -> Result<Answer, Problem> {
        let changed = webhook::amend(ctx, uow.events(), id, seen, changes, wrong, &sight(ctx)).await?;
        Ok(answer(ctx, uow, changed).await?)
    })
    .await
}

/// Gives a webhook another secret, shown once. For 24 hours deliveries are signed with the former one as well.
#[api_v2_operation(
    tags("Webhooks"),
    operation_id = "rotate_webhook_secret",
    summary = "Give a webhook another secret, shown once"
)]
async fn rotate(call: Call<WebhookAdmin>) -> Result<Reply<Is<Shown<Webhook>>>, Problem> {
    let id = call.param("webhook_id")?.into();
    let random = grc_identity::Secrets::random(&call.app.secrets);
    call.write(&[], async |ctx, uow| -> Result<Answer, Problem> {
        let (rotated, secret) = webhook::rotate(ctx, uow.events(), id, random).await?;
        Ok(Answer::resource(with_secret(&rotated, &secret)?).secret(&["secret"]))
    })
    .await
}

fn place(delivery: &Delivery) -> String {
    let (org, webhook) = (delivery.org, delivery.webhook_id);
    format!("/api/v1/orgs/{org}/webhooks/{webhook}/deliveries/{}", delivery.id)
}

/// Sends a `webhook.test` event, whatever events the webhook is told of.
#[api_v2_operation(tags("Webhooks"), operation_id = "test_webhook", summary = "Send a webhook a test event")]
async fn test(call: Call<WebhookAdmin>) -> Result<Reply<Begun<Shown<Delivery>>>, Problem> {
    let id = call.param("webhook_id")?.into();
    call.write(&[], async |ctx, uow| -> Result<Answer, Problem> {
        let made = delivery::test(ctx, uow.events(), id).await?;
        let location = place(&made);
        Ok(answer(ctx, uow, made).await?.status(202).with("location", location))
    })
    .await
}

/// Delivers again, from the first attempt on, under the same event id.
#[api_v2_operation(
    tags("Webhooks"),
    operation_id = "redeliver_webhook_delivery",
    summary = "Deliver again, from the first attempt on"
)]
async fn redeliver(call: Call<WebhookAdmin>) -> Result<Reply<Begun<Shown<Delivery>>>, Problem> {
    let (of, id) = (call.param("webhook_id")?.into(), call.param("delivery_id")?.into());
    call.write(&[], async |ctx, uow| -> Result<Answer, Problem> {
        let anew = delivery::redeliver(ctx, uow.events(), of, id).await?;
        let location = place(&anew);
        Ok(answer(ctx, uow, anew).await?.status(202).with("location", location))
    })
    .await
}

/// The routes.
pub fn routes(config: &mut web::ServiceConfig) {
    let one = format!("/api/v1/orgs/{{org_id}}/{}/{{webhook_id}}", Webhook::PATH);
    Routes::<Webhook>::listed()
        .on_list(web::post().to(create))
        .read()
        .on_one(web::patch().to(update))
        .deleted()
        .into(config);
    Routes::<Delivery>::listed().read().into(config);
    config
        .service(web::resource(&format!("{one}/rotate-secret")).route(web::post().to(rotate)))
        .service(web::resource(&format!("{one}/test")).route(web::post().to(test)))
        .service(
            web::resource(&format!("{one}/deliveries/{{delivery_id}}/redeliver")).route(web::post().to(redeliver)),
        );
}
