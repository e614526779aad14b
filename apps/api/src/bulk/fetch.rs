//! Files that an import names by their addresses. Whoever may import may write any address, so all of it goes through the
//! one guard for that.

use std::{fs::File, io::Seek, time::Duration};

use futures::StreamExt;
use grc_evidence::bulk::model::ItemError;
use grc_outbound::{Limits, Outbound, OutboundError, Policy, Request};
use tokio::io::AsyncWriteExt;

use super::{Spool, broken, folder};
use crate::{
    config::Config,
    http::{call::IMPORT_MAX, problem::Problem},
    serve::App,
};

/// How long one file may take.
const TOTAL: Duration = Duration::from_secs(120);

/// What fetches files: each as large as an archive may be.
pub fn fetcher(config: &Config, public_url: &str) -> Outbound {
    let own = public_url.split("//").nth(1).and_then(|rest| rest.split(['/', ':']).next()).map(str::to_owned);
    let policy = Policy { private: config.allow_private_targets, own_hosts: own.into_iter().collect() };
    Outbound::new(policy, Limits { body: IMPORT_MAX, connect: Duration::from_secs(5), total: TOTAL })
}

/// What an address gave, in a file without a name. What is wrong with the address is the item's matter.
pub async fn fetch(app: &App, address: &str) -> Result<Result<File, ItemError>, Problem> {
    let refused = |error: OutboundError| {
        let (code, detail) = match error {
            OutboundError::Refused(why) => ("address", why.to_string()),
            OutboundError::TooLarge(_) => ("too_large", error.to_string()),
            other => ("unreachable", other.to_string()),
        };
        ItemError { field: "url".to_owned(), code: code.to_owned(), detail }
    };
    let target = match app.fetcher.target(address) {
        Ok(target) => target,
        Err(why) => return Ok(Err(refused(why.into()))),
    };
    let answer = match app.fetcher.send(Request::get(target)).await {
        Ok(answer) => answer,
        Err(error) => return Ok(Err(refused(error))),
    };
    if answer.status != 200 {
        let detail = format!("the address answered {}", answer.status);
        return Ok(Err(ItemError { field: "url".to_owned(), code: "unreachable".to_owned(), detail }));
    }
    let mut file = tokio::fs::File::from_std(Spool::file(folder(&app.config.data_dir)).await?);
    let mut body = answer.stream();
    while let Some(chunk) = body.next().await {
        match chunk {
            Ok(chunk) => file.write_all(&chunk).await.map_err(broken)?,
            Err(error) => return Ok(Err(refused(error))),
        }
    }
    file.flush().await.map_err(broken)?;
    let mut file = file.into_std().await;
    file.rewind().map_err(broken)?;
    Ok(Ok(file))
}
