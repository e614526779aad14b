//! Tasks on any record, and links between any two.

use grc_coordination::{Link, Task, task};
use grc_kernel::resource::write_record;
use paperclip::actix::{api_v2_operation, web};
use serde_json::{Value, json};

use crate::{
    http::{
        call::{Answer, Body, Call, Is, Reply, TaskWrite},
        problem::Problem,
        resource::{Routes, Shown},
        shape::{Shaped, Ty, must, null},
    },
    routes::assessments::NoBody,
    served, shapes,
};

served! { "Tasks", coordination;
    Task: "tasks", "task_id", "task", "tasks";
}

served! { "Links", coordination;
    Link: "links", "link_id", "link", "links",
        const SUMMARIES: &'static [(&'static str, &'static str)] = &[
            ("list_links", "The links; of a record with record_id, whichever end it is"),
        ];;
}

shapes! {
    /// A task that was completed, and the one that comes next in its series.
    TaskCompletion [&[
        must("task", Ty::Object(<Shown<Task> as Shaped>::SHAPE), "The task, done."),
        null("next_task", Ty::Object(<Shown<Task> as Shaped>::SHAPE), "The next one; null where it does not come again."),
    ]],
}

fn shown(task: &Task) -> Result<Value, Problem> {
    let mut text = String::new();
    write_record(task, None, &[], &mut text);
    serde_json::from_str(&text).map_err(|error| Problem::new(500, error.to_string()))
}

/// Completes a task. Of a series, the next one is made: on the date that follows by the rule, however late or early this one
/// was completed.
#[api_v2_operation(
    tags("Tasks"),
    operation_id = "complete_task",
    summary = "Complete a task, and make the next of its series"
)]
async fn complete(call: Call<TaskWrite>, body: Body<NoBody>) -> Result<Reply<Is<TaskCompletion>>, Problem> {
    body.read_or_empty()?;
    let id = call.param("task_id")?.into();
    let seen = call.if_match()?;
    call.write(body.bytes(), async |ctx, uow| -> Result<Answer, Problem> {
        let (task, next) = task::complete(ctx, uow.coordination(), id, seen).await?;
        let next = next.as_ref().map(shown).transpose()?;
        Ok(Answer::ok(json!({"task": shown(&task)?, "next_task": next})))
    })
    .await
}

/// The routes.
pub fn routes(config: &mut web::ServiceConfig) {
    Routes::<Task>::all().into(config);
    Routes::<Link>::listed().created().read().deleted().into(config);
    config.service(web::resource("/api/v1/orgs/{org_id}/tasks/{task_id}/complete").route(web::post().to(complete)));
}
