//! From a request to a use case and back: permission, body, idempotency, ETag.

use std::{
    future::{Ready, ready},
    marker::PhantomData,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    dev::Payload,
    http::{Method, header},
    web::Data,
};
use futures::{StreamExt, future::LocalBoxFuture};
use grc_kernel::{Access, Ctx, IfMatch, OrgId, Permission, Uuid};
use grc_uow::{Reservation, StoredReply, Uow};
use paperclip::{
    actix::OperationModifier,
    v2::{
        models::{DefaultOperationRaw, DefaultSchemaRaw, Either, Parameter, ParameterIn},
        schema::Apiv2Schema,
    },
};
use sha2::{Digest, Sha256};

pub use super::documented::{
    Begun, Documented, DoneOrBegun, DoneOrNoted, Is, Listed, Never, New, Nothing, Pictured, Templated,
};
pub use super::reply::{Answer, Reply, Secrets, Stream, Verbatim};
use super::{
    caller::Caller,
    inner::Inner,
    limits::{Limits, Quota, Standing},
    problem::Problem,
    shape::{Input, Shaped},
};
use crate::{adapters::clock, serve::App};

/// The largest JSON body.
pub const BODY_MAX: usize = 1024 * 1024;
/// The largest import.
pub const IMPORT_MAX: usize = 64 * 1024 * 1024;
/// How long a body may take to arrive: the framework has no such limit of its own.
pub const BODY_TIME: Duration = Duration::from_secs(30);

/// What a request is told whose like, under the same `Idempotency-Key`, is not answered yet.
pub const STILL_RUNNING: &str = "the same request is still running";

/// What a reservation means for a request: the reply kept, or none where it is to be carried out.
pub fn found(reservation: Reservation, digest: [u8; 32]) -> Result<Option<StoredReply>, Problem> {
    match reservation {
        Reservation::Fresh => Ok(None),
        Reservation::Running => Err(Problem::new(409, STILL_RUNNING)),
        Reservation::Stored(kept) if kept.request_digest != digest => {
            let problem = Problem::new(422, "the Idempotency-Key was used with another request");
            Err(Problem { code: "IDEMPOTENCY_KEY_REUSED", ..problem })
        }
        Reservation::Stored(kept) => Ok(Some(kept)),
    }
}

/// What the shell found out about a request before its handler runs.
pub struct Found {
    /// The caller: none where no credential was given, an error where it was not valid.
    pub caller: Result<Option<Arc<Caller>>, Problem>,
    /// The request's id.
    pub request_id: String,
    /// Where it comes from.
    pub address: String,
}

/// What a route asks of its caller.
pub enum Need {
    /// Nothing.
    Public,
    /// A credential of a person or of the organization's own.
    Own,
    /// Any credential, a partner's too.
    Agent,
    /// A permission in the organization of the path.
    Org(Permission),
    /// A permission in the organization of the path, or platform administration.
    OrgOrPlatform(Permission),
    /// A role in the organization of the path that holds an access class in some area: what a part of the request or of
    /// the answer asks for is judged part by part.
    Any(Access),
    /// Platform administration; the organization of the path, if there is one, must exist.
    Platform,
}

impl Need {
    /// As the document names it.
    pub fn name(&self) -> String {
        match self {
            Self::Public => "public".to_owned(),
            Self::Own | Self::Agent => "self".to_owned(),
            Self::Org(permission) | Self::OrgOrPlatform(permission) => permission.to_string(),
            Self::Any(access) => format!("any:{}", access.as_str()),
            Self::Platform => "platform".to_owned(),
        }
    }
}

/// A marker type that says what a route needs.
pub trait Right: 'static {
    /// The need.
    const NEED: Need;

    /// What the document says of the operation, where its handler serves many resources.
    fn describe(_operation: &mut DefaultOperationRaw) {}
}

macro_rules! rights {
    ($($name:ident = $need:expr),+ $(,)?) => {$(
        #[doc = concat!("The need of a route: ", stringify!($name), ".")]
        #[derive(Debug)]
        pub struct $name;

        impl Right for $name {
            const NEED: Need = $need;
        }
    )+};
}

const fn org(area: &'static str, access: Access) -> Need {
    Need::Org(Permission::new(area, access))
}

rights! {
    Public = Need::Public,
    Own = Need::Own,
    Agent = Need::Agent,
    GrantAdmin = org("a2a", Access::Admin),
    Platform = Need::Platform,
    OrganizationRead = Need::OrgOrPlatform(Permission::new("organization", Access::Read)),
    OrganizationAdmin = org("organization", Access::Admin),
    UserRead = org("user", Access::Read),
    UserAdmin = org("user", Access::Admin),
    UserAdd = Need::OrgOrPlatform(Permission::new("user", Access::Admin)),
    KeyAdmin = org("api_key", Access::Admin),
    FrameworkRead = org("framework", Access::Read),
    FrameworkWrite = org("framework", Access::Write),
    AssessmentRead = org("assessment", Access::Read),
    AssessmentReview = org("assessment", Access::Review),
    FindingRead = org("finding", Access::Read),
    EvidenceRead = org("evidence", Access::Read),
    EvidenceReview = org("evidence", Access::Review),
    EvidenceAdmin = org("evidence", Access::Admin),
    ReportRead = org("report", Access::Read),
    ReportReview = org("report", Access::Review),
    RiskRead = org("risk", Access::Read),
    RiskWrite = org("risk", Access::Write),
    RiskReview = org("risk", Access::Review),
    RiskAdmin = org("risk", Access::Admin),
    BcmRead = org("bcm", Access::Read),
    VendorRead = org("vendor", Access::Read),
    VendorReview = org("vendor", Access::Review),
    VendorWrite = org("vendor", Access::Write),
    IncidentRead = org("incident", Access::Read),
    IncidentWrite = org("incident", Access::Write),
    PolicyAdmin = org("policy", Access::Admin),
    AuditRead = org("audit", Access::Audit),
    WebhookAdmin = org("webhook", Access::Admin),
    TaskWrite = org("task", Access::Write),
    AnyRead = Need::Any(Access::Read),
    AnyWrite = Need::Any(Access::Write),
}

/// A request whose caller holds what the route needs. Always a handler's first argument, so that nothing else
/// of the request is looked at before.
pub struct Call<R> {
    /// The service.
    pub app: Data<App>,
    /// The caller; none on public routes.
    pub caller: Option<Arc<Caller>>,
    /// The organization of the path, or the platform.
    pub org: OrgId,
    request: HttpRequest,
    request_id: String,
    /// Where the request comes from.
    pub address: String,
    right: PhantomData<R>,
}

impl<R: Right> FromRequest for Call<R> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::admit(request))
    }
}

impl<R: Right> Call<R> {
    fn admit(request: &HttpRequest) -> Result<Self, Problem> {
        let app = request.app_data::<Data<App>>().cloned().ok_or_else(|| Problem::new(500, "no service"))?;
        let found = request.extensions().get::<Rc<Found>>().cloned().ok_or_else(|| Problem::new(500, "no shell"))?;
        let mut call = Self {
            app,
            caller: None,
            org: OrgId::PLATFORM,
            request: request.clone(),
            request_id: found.request_id.clone(),
            address: found.address.clone(),
            right: PhantomData,
        };
        if matches!(R::NEED, Need::Public) {
            return call.with_sound_key();
        }
        let caller = found.caller.clone()?.ok_or_else(Problem::unauthorized)?;
        if let Some(text) = request.match_info().get("org_id") {
            let id = Uuid::parse_str(text).map_err(|_| path_problem("org_id"))?;
            // The nil id is the platform's own scope and no organization.
            if id.is_nil() || !caller.org_exists {
                return Err(Problem::not_found());
            }
            call.org = OrgId(id);
        }
        let actor = caller.actor();
        let permitted = match R::NEED {
            Need::Public | Need::Agent => true,
            Need::Own => !caller.is_partner(),
            Need::Platform => caller.platform_admin(),
            Need::Any(access) => !caller.is_partner() && actor.role.is_some_and(|role| role.allows(access)),
            Need::Org(permission) => actor.may(permission),
            Need::OrgOrPlatform(permission) => actor.may(permission) || caller.platform_admin(),
        };
        if !permitted {
            return Err(Problem::new(403, format!("this needs the permission {}", R::NEED.name())));
        }
        call.caller = Some(caller);
        call.with_sound_key()
    }

    /// A POST whose `Idempotency-Key` is malformed is refused, also where nothing is kept under it.
    fn with_sound_key(self) -> Result<Self, Problem> {
        if self.request.method() == Method::POST {
            self.idempotency_key()?;
        }
        Ok(self)
    }

    /// The context of the request in an organization.
    pub fn ctx_in(&self, org: OrgId) -> Ctx {
        let actor = self.caller.as_ref().map_or_else(grc_kernel::Actor::anonymous, |caller| caller.actor());
        Ctx::new(org, actor, clock::now(), self.request_id.clone(), Arc::clone(&self.app.ids))
    }

    /// The context of the request.
    pub fn ctx(&self) -> Ctx {
        self.ctx_in(self.org)
    }

    /// The revision that `If-Match` names: none where the header is absent or `*`.
    pub fn if_match(&self) -> Result<IfMatch, Problem> {
        // A header may be sent several times: its values are one list (RFC 9110, 5.3).
        let mut revisions = Vec::new();
        let mut values = self.request.headers().get_all(header::IF_MATCH).peekable();
        if values.peek().is_none() {
            return Ok(IfMatch::ANY);
        }
        for value in values {
            let text = value.to_str().map_err(|_| Problem::new(400, "If-Match is malformed"))?;
            if text.trim() == "*" {
                return Ok(IfMatch::ANY);
            }
            // A weak tag never matches (RFC 9110, 13.1.1), nor does one that is not ours.
            revisions.extend(text.split(',').map(str::trim).filter_map(|tag| {
                let tag = tag.strip_prefix('"')?.strip_suffix('"')?;
                tag.split('-').next()?.parse::<i64>().ok()
            }));
        }
        IfMatch::one_of(revisions)
            .ok_or_else(|| Problem::new(400, format!("If-Match names more than {} tags", IfMatch::MOST)))
    }

    /// A path parameter that is an id.
    pub fn param(&self, name: &str) -> Result<Uuid, Problem> {
        let text = self.request.match_info().get(name).unwrap_or_default();
        Uuid::parse_str(text).map_err(|_| path_problem(name))
    }

    /// The id of the request.
    pub fn request_id(&self) -> String {
        self.request_id.clone()
    }

    /// The headers of the request that are text.
    pub fn headers(&self) -> Vec<(&str, &str)> {
        let all = self.request.headers().iter();
        all.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect()
    }

    /// A path parameter that is a name.
    pub fn named(&self, name: &str) -> String {
        self.request.match_info().get(name).unwrap_or_default().to_owned()
    }

    /// The same call in an organization that its body names rather than its path: the caller is admitted there as on
    /// any path under it.
    pub async fn within(mut self, org: Uuid, permission: Permission) -> Result<Self, Problem> {
        let caller = self.caller.take().ok_or_else(Problem::unauthorized)?;
        let caller = self.app.callers.within(&caller, OrgId(org)).await?;
        if org.is_nil() || !caller.org_exists {
            return Err(Problem::not_found());
        }
        if !caller.actor().may(permission) {
            return Err(Problem::new(403, format!("this needs the permission {permission}")));
        }
        self.org = OrgId(org);
        self.caller = Some(Arc::new(caller));
        Ok(self)
    }

    /// The path of the request.
    pub fn path(&self) -> String {
        self.request.path().to_owned()
    }

    /// A header of the request.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.request.headers().get(name).and_then(|value| value.to_str().ok())
    }

    /// The query string.
    pub fn query(&self) -> Vec<(String, String)> {
        actix_web::web::Query::<Vec<(String, String)>>::from_query(self.request.query_string())
            .map(actix_web::web::Query::into_inner)
            .unwrap_or_default()
    }

    /// Makes the tightest limit known to the shell, which writes it into the answer.
    pub fn note_limit(&self, standing: Standing) {
        let mut extensions = self.request.extensions_mut();
        let tightest = extensions.get::<Standing>().copied().map_or(standing, |known| known.tighter(standing));
        extensions.insert(tightest);
    }

    /// Runs a use case that changes nothing, and answers with its result.
    pub async fn read<T, E, F>(&self, use_case: F) -> Result<Reply<T>, Problem>
    where
        F: AsyncFnOnce(&Ctx, &mut Uow) -> Result<Answer, E>,
        E: Into<Problem> + From<grc_kernel::StoreError>,
    {
        let ctx = self.ctx();
        let answer = self.app.db.read(self.org, async |uow| use_case(&ctx, uow).await).await.map_err(Into::into)?;
        Ok(Reply::of(answer, self.header("if-none-match")))
    }

    /// Runs a use case that changes something, once for each `Idempotency-Key`, and answers with its result.
    pub async fn write<T, E, F>(&self, body: &[u8], use_case: F) -> Result<Reply<T>, Problem>
    where
        F: AsyncFnOnce(&Ctx, &mut Uow) -> Result<Answer, E>,
        E: Into<Problem>,
    {
        self.write_in(self.org, body, use_case).await
    }

    /// The same where it changes who may do what: callers are looked up anew afterwards.
    pub async fn write_anew<T, E, F>(&self, body: &[u8], use_case: F) -> Result<Reply<T>, Problem>
    where
        F: AsyncFnOnce(&Ctx, &mut Uow) -> Result<Answer, E>,
        E: Into<Problem>,
    {
        let reply = self.write(body, use_case).await;
        self.app.callers.forget();
        reply
    }

    /// The same in another organization than the path's.
    pub async fn write_in<T, E, F>(&self, org: OrgId, body: &[u8], use_case: F) -> Result<Reply<T>, Problem>
    where
        F: AsyncFnOnce(&Ctx, &mut Uow) -> Result<Answer, E>,
        E: Into<Problem>,
    {
        let ctx = self.ctx_in(org);
        let key = self.idempotency_key()?;
        let digest = self.digest(body);
        let caller = self.caller.as_ref().map_or(Uuid::nil(), |caller| caller.id());
        // A key is remembered where the caller used it: in the organization of the path, or with the platform.
        let scope = self.org;
        let answer: Result<Answer, Problem> = self
            .app
            .db
            .write(org, async |uow| {
                if let Some(key) = &key
                    && let Some(kept) = Self::found(uow.app().reserve(scope, caller, key, ctx.now).await?, digest)?
                {
                    return Ok(kept);
                }
                let answer = use_case(&ctx, uow).await.map_err(Into::into)?;
                if let Some(key) = &key {
                    uow.app().keep(scope, caller, key, &answer.to_keep(digest), ctx.now).await?;
                }
                Ok(answer)
            })
            .await;
        let answer = answer?;
        self.app.webhooks.changed();
        // Whatever changed may be somebody's role or session.
        Ok(Reply::of(answer, None))
    }

    /// The answer that an earlier request left under the same `Idempotency-Key`: asked before work that is done
    /// outside of the transaction that keeps its result, so that it is not done again.
    pub async fn kept<T>(&self, body: &[u8]) -> Result<Option<Reply<T>>, Problem> {
        let Some(key) = self.idempotency_key()? else { return Ok(None) };
        let ctx = self.ctx();
        let caller = self.caller.as_ref().map_or(Uuid::nil(), |caller| caller.id());
        let reservation: Result<_, Problem> = self
            .app
            .db
            .write(self.org, async |uow| Ok(uow.app().reserve(self.org, caller, &key, ctx.now).await?))
            .await;
        Ok(Self::found(reservation?, self.digest(body))?.map(|answer| Reply::of(answer, None)))
    }

    /// Does what an hourly quota of the organization limits. A replay takes none of it, and what fails gives it back.
    pub async fn limited<T>(
        &self,
        quota: Quota,
        body: &[u8],
        work: impl Future<Output = Result<Reply<T>, Problem>>,
    ) -> Result<Reply<T>, Problem> {
        if let Some(kept) = self.kept(body).await? {
            return Ok(kept);
        }
        let limits = &self.app.limits;
        let permit = limits.take(quota, self.org).await.map_err(|(standing, problem)| {
            self.note_limit(standing);
            problem
        })?;
        let outcome = work.await;
        if let Some(permit) = permit {
            let counts = outcome.as_ref().is_ok_and(|reply| !reply.answer.replayed);
            self.note_limit(if counts { Limits::spend(permit) } else { limits.give_back(permit).await });
        }
        outcome
    }

    /// Refuses what takes its time, or cannot be taken back, as a part of an atomic batch.
    pub fn alone(&self) -> Result<(), Problem> {
        if grc_uow::is_shared() {
            return Err(Problem::new(
                409,
                "this cannot be part of an atomic batch: send it alone, or with atomic false",
            ));
        }
        Ok(())
    }

    /// Answers with what is worked out outside of any transaction. Under an `Idempotency-Key` the answer is kept as
    /// any other.
    pub async fn outside<T, F>(&self, body: &[u8], work: F) -> Result<Reply<T>, Problem>
    where
        F: AsyncFnOnce() -> Result<Answer, Problem>,
    {
        self.outside_where(body, async || Ok((work().await?, true))).await
    }

    /// The same where the work says whether its answer may be kept.
    pub async fn outside_where<T, F>(&self, body: &[u8], work: F) -> Result<Reply<T>, Problem>
    where
        F: AsyncFnOnce() -> Result<(Answer, bool), Problem>,
    {
        self.alone()?;
        if let Some(kept) = self.kept(body).await? {
            return Ok(kept);
        }
        let (answer, keep) = work().await?;
        if !keep || self.idempotency_key()?.is_none() {
            return Ok(Reply::of(answer, None));
        }
        self.write(body, async |_, _| Ok::<_, Problem>(answer)).await
    }

    /// Does work whose every change in the organization is one transaction, kept where the work says that it succeeded,
    /// and then under the `Idempotency-Key` too; and whether it was.
    pub async fn together<T, F>(&self, body: &[u8], work: F) -> Result<(Reply<T>, bool), Problem>
    where
        F: AsyncFnOnce() -> Result<(Answer, bool), Problem>,
    {
        let all = async {
            if let Some(kept) = self.kept(body).await? {
                return Ok(((kept, false), false));
            }
            let (answer, succeeded) = work().await?;
            if succeeded && let Some(key) = self.idempotency_key()? {
                let (ctx, caller) = (self.ctx(), self.caller.as_ref().map_or(Uuid::nil(), |caller| caller.id()));
                let reply = answer.to_keep(self.digest(body));
                let kept: Result<(), Problem> = self
                    .app
                    .db
                    .write(self.org, async |uow| Ok(uow.app().keep(self.org, caller, &key, &reply, ctx.now).await?))
                    .await;
                kept?;
            }
            Ok(((Reply::of(answer, None), succeeded), succeeded))
        };
        self.app.db.together(self.org, all).await
    }

    /// What the shell found out, for requests inside of this one on behalf of its caller; and where their handlers are.
    pub fn inside(&self, caller: Option<Arc<Caller>>) -> Result<(Found, Data<Inner>), Problem> {
        let inner = self.request.app_data::<Data<Inner>>().cloned();
        let inner = inner.ok_or_else(|| Problem::new(409, "a request inside of another has none inside"))?;
        let (caller, request_id) = (caller.map(Some).ok_or_else(Problem::unauthorized), self.request_id());
        Ok((Found { caller, request_id, address: self.address.clone() }, inner))
    }

    fn found(reservation: Reservation, digest: [u8; 32]) -> Result<Option<Answer>, Problem> {
        Ok(found(reservation, digest)?.map(Answer::replay))
    }

    /// The `Idempotency-Key`.
    pub fn idempotency_key(&self) -> Result<Option<String>, Problem> {
        let Some(value) = self.request.headers().get("idempotency-key") else { return Ok(None) };
        let text = value.to_str().map_err(|_| Problem::new(400, "Idempotency-Key is malformed"))?;
        if (1..=255).contains(&text.chars().count()) {
            Ok(Some(text.to_owned()))
        } else {
            Err(Problem::new(400, "Idempotency-Key must have 1 to 255 characters"))
        }
    }

    fn digest(&self, body: &[u8]) -> [u8; 32] {
        let mut sha = Sha256::new();
        for part in [self.request.method().as_str(), self.request.path(), self.request.query_string()] {
            sha.update(part.as_bytes());
            sha.update([0]);
        }
        sha.update(body);
        sha.finalize().into()
    }
}

/// 422 for a path id that is no id.
pub fn path_problem(field: &str) -> Problem {
    Problem::fields(vec![grc_kernel::FieldError::new(field, "type", "must be a UUID")])
}

impl<R> Apiv2Schema for Call<R> {}

impl<R: Right> OperationModifier for Call<R> {
    fn update_parameter(_: &mut DefaultOperationRaw) {}

    fn update_definitions(_: &mut std::collections::BTreeMap<String, DefaultSchemaRaw>) {}

    fn update_security(op: &mut DefaultOperationRaw) {
        // The converter reads the need from the scopes and makes of it `x-permission` and the answers 401, 403.
        op.security.push([("bearerAuth".to_owned(), vec![R::NEED.name()])].into());
        R::describe(op);
    }
}

/// A request body, read whole, and not looked at before its handler says so.
pub struct Body<S> {
    bytes: Vec<u8>,
    shape: PhantomData<S>,
}

impl<S: Shaped> Body<S> {
    /// The body as its shape declares it, every limit kept.
    pub fn read(&self) -> Result<Input, Problem> {
        Ok(S::SHAPE.read(&self.bytes)?)
    }

    /// The body for a use case that checks the limits itself, so that all errors are reported together.
    pub fn form(&self) -> Result<Input, Problem> {
        Ok(S::SHAPE.read_form(&self.bytes)?)
    }

    /// The same where a body may be left out.
    pub fn read_or_empty(&self) -> Result<Input, Problem> {
        if self.bytes.is_empty() { Ok(Input::default()) } else { self.form() }
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Reads a body to its end, within a size and a time.
pub async fn read_body(request: &HttpRequest, payload: &mut Payload, max: usize) -> Result<Vec<u8>, Problem> {
    let too_large = || Problem::new(413, format!("a body may have at most {max} bytes"));
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > max) {
        return Err(too_large());
    }
    let reading = async {
        let mut bytes = Vec::with_capacity(announced.unwrap_or(0).min(max));
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|error| Problem::new(400, format!("the body broke off: {error}")))?;
            if bytes.len() + chunk.len() > max {
                return Err(too_large());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    };
    let stalled = |_| Problem::new(408, format!("the body did not arrive within {} s", BODY_TIME.as_secs()));
    tokio::time::timeout(BODY_TIME, reading).await.map_err(stalled)?
}

impl<S: Shaped> FromRequest for Body<S> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let bytes = read_body(&request, &mut payload, BODY_MAX).await?;
            let json = request.content_type().eq_ignore_ascii_case("application/json");
            if !json && !bytes.is_empty() {
                return Err(Problem::new(415, "the body must be application/json"));
            }
            Ok(Self { bytes, shape: PhantomData })
        })
    }
}

impl<S> Apiv2Schema for Body<S> {}

impl<S: Shaped> OperationModifier for Body<S> {
    fn update_parameter(op: &mut DefaultOperationRaw) {
        op.parameters.push(Either::Right(Parameter {
            in_: ParameterIn::Body,
            name: "body".into(),
            required: true,
            schema: Some(stand_in(S::SHAPE.name)),
            ..Parameter::default()
        }));
    }

    fn update_definitions(_: &mut std::collections::BTreeMap<String, DefaultSchemaRaw>) {}
}

/// A schema that only names a shape: the converter puts the shape in its place.
fn stand_in(name: &str) -> DefaultSchemaRaw {
    DefaultSchemaRaw { title: Some(format!("x-shape:{name}")), ..DefaultSchemaRaw::default() }
}
