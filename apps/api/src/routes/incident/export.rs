//! The evidence of an incident as a package that can be verified without the service: a zip archive, sent as it is
//! written.
//!
//! A transaction notes the export and says what belongs into the package; then files, custody record and timeline go
//! by in pieces, each read on its own, hashed as it is sent. The manifest of what was sent comes last, signed. Where
//! something breaks on the way the archive breaks off too: one that has an end is whole.

use std::{io, sync::Arc};

use actix_web::web::{Bytes, Data};
use futures::stream;
use grc_evidence::{ObjectError, ObjectStore, rules::safe_name};
use grc_flows::incident::{self as flows, Package, PackedFile};
use grc_incident::{
    Exhibit, Task, TimelineEntry,
    bundle::{self, MANIFEST, Manifest, README, SIGNATURE},
};
use grc_kernel::{
    Ctx, Page, Record, Refusal, Resource,
    list::{Cursor, ListQuery, Scalar},
    resource::write_record,
};
use grc_uow::Uow;
use paperclip::actix::api_v2_operation;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::id;
use crate::{
    http::{
        call::{Call, Documented, IncidentRead, Reply},
        problem::Problem,
        zip::Zip,
    },
    serve::App,
};

/// How many records are read at a time.
const PAGE: usize = 200;
/// How many pieces wait for a slow reader.
const WAITING: usize = 4;
const MEDIA_TYPE: &str = "application/zip";

/// A zip archive.
pub(super) struct Archive;

impl Documented for Archive {
    const STATUS: &'static str = "200";

    fn shape() -> Option<String> {
        Some(format!("x-media:{MEDIA_TYPE}"))
    }
}

/// The evidence of an incident with manifest, custody record, timeline and signature, as a zip archive.
#[api_v2_operation(
    tags("Incidents"),
    operation_id = "export_incident_evidence",
    summary = "The evidence of an incident as a package that can be verified offline"
)]
pub(super) async fn export(call: Call<IncidentRead>) -> Result<Reply<Archive>, Problem> {
    let id = id(&call)?;
    let store = call.app.store.clone().ok_or_else(|| Problem::new(503, "no evidence store is configured"))?;
    store.check().await?;
    let ctx = call.ctx();
    // Handing evidence out is a touch, so this read writes the custody record.
    let begun: Result<Package, Problem> =
        call.app.db.write(call.org, async |uow| Ok(flows::begin_export(&ctx, uow, id).await?)).await;
    let package = begun?;
    let (sender, receiver) = mpsc::channel(WAITING);
    let manifest = Manifest::new(&ctx, &package.incident, &call.app.public_url);
    let packing =
        Packing { app: call.app.clone(), zip: Zip::new(ctx.now), ctx, store, manifest, sender: sender.clone() };
    actix_web::rt::spawn(async move {
        if let Err(Broken::Failed(error)) = packing.run(package).await {
            tracing::warn!(%error, incident = %id, "an export broke off");
            // A reader who is gone does not hear of it.
            let _ = sender.send(Err(error)).await;
        }
    });
    let pieces = stream::unfold(receiver, |mut receiver| async {
        let piece = receiver.recv().await?;
        Some((piece, receiver))
    });
    let package = Reply::download(Box::pin(pieces), MEDIA_TYPE, &format!("incident-{id}.zip"));
    // Nothing is won by compressing an archive on the way.
    Ok(package.with("content-encoding", "identity"))
}

/// Why an export ends early.
enum Broken {
    /// Something could not be read.
    Failed(io::Error),
    /// Nobody reads any more.
    Unwanted,
}

impl<E: Into<Box<dyn std::error::Error + Send + Sync>>> From<E> for Broken {
    fn from(error: E) -> Self {
        Self::Failed(io::Error::other(error))
    }
}

struct Packing {
    app: Data<App>,
    ctx: Ctx,
    store: Arc<dyn ObjectStore>,
    zip: Zip,
    manifest: Manifest,
    sender: mpsc::Sender<io::Result<Bytes>>,
}

/// The hash and size of a file that is under way.
#[derive(Default)]
struct Passing {
    sha: Sha256,
    size: u64,
}

impl Packing {
    async fn run(mut self, package: Package) -> Result<(), Broken> {
        self.whole("README.md", README.as_bytes()).await?;
        self.whole("incident.json", &summary(&self.ctx, &package)).await?;
        let tasks = Task::LIST.query().only("incident_id", vec![Scalar::Id(package.incident.id.0)]);
        self.records::<Task>("tasks.json", tasks).await?;
        self.records::<TimelineEntry>("timeline.json", flows::timeline_query(&package)).await?;
        let (ids, custody) = (package.ids(), flows::custody_query(&self.ctx));
        self.pages(
            "custody.json",
            custody,
            async |ctx, uow, query| flows::custody(ctx, uow, &ids, query).await,
            |event| event.snapshot().to_string(),
        )
        .await?;
        for (number, file) in (1_usize..).zip(package.files()) {
            self.evidence(number, file).await?;
        }
        let manifest = self.manifest.finish(&package.head);
        let signature = self.app.tokens.detached(bundle::TYPE, &manifest)?;
        self.unlisted(MANIFEST, &manifest).await?;
        self.unlisted(SIGNATURE, signature.as_bytes()).await?;
        let mut out = Vec::new();
        self.zip.finish(&mut out)?;
        self.sender.send(Ok(out.into())).await.map_err(|_| Broken::Unwanted)
    }

    async fn send(&mut self, out: Vec<u8>) -> Result<(), Broken> {
        self.sender.send(Ok(out.into())).await.map_err(|_| Broken::Unwanted)
    }

    async fn begin(&mut self, path: &str, expected: u64) -> Result<Passing, Broken> {
        let mut out = Vec::new();
        self.zip.begin(path, expected, &mut out)?;
        self.send(out).await?;
        Ok(Passing::default())
    }

    async fn pass(&mut self, passing: &mut Passing, bytes: &[u8]) -> Result<(), Broken> {
        passing.sha.update(bytes);
        passing.size = passing.size.saturating_add(u64::try_from(bytes.len())?);
        let mut out = Vec::with_capacity(bytes.len() + 64);
        self.zip.data(bytes, &mut out);
        self.send(out).await
    }

    /// A file that is in memory.
    async fn whole(&mut self, path: &str, bytes: &[u8]) -> Result<(), Broken> {
        let mut passing = self.begin(path, u64::try_from(bytes.len())?).await?;
        self.pass(&mut passing, bytes).await?;
        self.manifest.add(path, passing.size, &passing.sha.finalize().into(), None);
        Ok(())
    }

    /// The same, of which the manifest says nothing.
    async fn unlisted(&mut self, path: &str, bytes: &[u8]) -> Result<(), Broken> {
        let mut passing = self.begin(path, u64::try_from(bytes.len())?).await?;
        self.pass(&mut passing, bytes).await
    }

    /// The records of a list, as they are answered.
    async fn records<R: Resource>(&mut self, path: &str, query: ListQuery) -> Result<(), Broken>
    where
        grc_incident::ports::Tx: grc_kernel::Repo<R>,
    {
        let read = async |ctx: &Ctx, uow: &mut Uow, query: &ListQuery| -> Result<Page<R>, Refusal> {
            Ok(flows::page::<R>(ctx, uow, query).await?)
        };
        self.pages(path, query, read, text).await
    }

    /// The records of a list as a JSON array, a line for each, page after page.
    async fn pages<T: Record>(
        &mut self,
        path: &str,
        mut query: ListQuery,
        read: impl AsyncFn(&Ctx, &mut Uow, &ListQuery) -> Result<Page<T>, Refusal>,
        show: impl Fn(&T) -> String,
    ) -> Result<(), Broken> {
        query.limit = PAGE;
        let mut passing = self.begin(path, 0).await?;
        let mut text = String::from("[\n");
        loop {
            let ctx = &self.ctx;
            let page: Result<Page<T>, Refusal> =
                self.app.db.read(ctx.org, async |uow| read(ctx, uow, &query).await).await;
            let page = page?;
            for (i, item) in page.items.iter().enumerate() {
                text.push_str(if i > 0 || query.after.is_some() { ",\n" } else { "" });
                text.push_str(&show(item));
            }
            match page.items.last() {
                Some(last) if page.next_cursor.is_some() => query.after = Some(Cursor::of(&query, last)),
                _ => break,
            }
            self.pass(&mut passing, text.as_bytes()).await?;
            text.clear();
        }
        text.push_str("\n]\n");
        self.pass(&mut passing, text.as_bytes()).await?;
        self.manifest.add(path, passing.size, &passing.sha.finalize().into(), None);
        Ok(())
    }

    /// A piece of evidence, or the manifest's word that it is not there.
    async fn evidence(&mut self, number: usize, file: PackedFile) -> Result<(), Broken> {
        let key = match file.object_key {
            Ok(key) => key,
            Err(reason) => {
                self.manifest.lack(&file.piece, reason);
                return Ok(());
            }
        };
        let mut reader = match self.store.open(&key).await {
            Ok(reader) => reader,
            Err(ObjectError::Missing) => {
                self.manifest.lack(&file.piece, "the file is not in the store");
                return Ok(());
            }
            Err(other) => return Err(other.into()),
        };
        let path = format!("evidence/{number:04}-{}", safe_name(&file.piece.filename));
        let mut passing = self.begin(&path, u64::try_from(file.size).unwrap_or(0)).await?;
        while let Some(chunk) = reader.chunk().await? {
            self.pass(&mut passing, &chunk).await?;
        }
        self.manifest.add(&path, passing.size, &passing.sha.finalize().into(), Some(&file.piece));
        Ok(())
    }
}

fn text<R: Resource>(record: &R) -> String {
    // What a package holds is what is hashed and kept, not what an answer shows besides.
    record.snapshot().to_string()
}

/// The incident, its review and the list of its evidence.
fn summary(ctx: &Ctx, package: &Package) -> Vec<u8> {
    let mut incident = String::new();
    write_record(&package.incident, None, &package.incident.extra(ctx.now), &mut incident);
    let incident: Value = serde_json::from_str(&incident).unwrap_or_default();
    let exhibits: Vec<Value> = package.exhibits.iter().map(Exhibit::snapshot).collect();
    let review = package.review.as_ref().map(Record::snapshot);
    let whole = serde_json::json!({"incident": incident, "review": review, "evidence": exhibits});
    format!("{whole:#}\n").into_bytes()
}
