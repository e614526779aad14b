//! The demo organization: this project, assessed on its own documents.
//!
//! The evidence is real: the security policy, the architecture, the dependency policy, the checks that
//! continuous integration runs and the authorization matrix that the tests hold, as they were when the binary
//! was built. Everything goes through the same use cases as a client's requests.

use std::sync::Arc;

use grc_assessments::{
    Assessment, Control, assessment,
    control::{Category, CsfFunction, Status},
};
use grc_evidence::{
    Evidence,
    service::{self as evidence, Settled},
    store,
};
use grc_identity::{
    member,
    organization::{self, OpenOrganization},
};
use grc_kernel::{Actor, Changes, Ctx, EvidenceId, OrgId, Refusal, Role, kit, resource::Ids};
use grc_reports::{Format, Report, ReportType};

use crate::{adapters::clock, http::problem::Problem, serve::App};

/// The organization's handle, by which a second start finds it.
const SLUG: &str = "sovereign-grc-demo";

struct Document {
    filename: &'static str,
    content_type: &'static str,
    text: &'static str,
    refs: &'static [&'static str],
}

/// What the project shows of itself, and for which criteria.
const DOCUMENTS: &[Document] = &[
    Document {
        filename: "security-policy.md",
        content_type: "text/markdown",
        text: include_str!("../../../docs/security-policy.md"),
        refs: &[
            "SOC2_TYPE2:CC2.3",
            "SOC2_TYPE2:CC5.3",
            "SOC2_TYPE2:CC6.1",
            "SOC2_TYPE2:CC6.2",
            "SOC2_TYPE2:CC6.3",
            "SOC2_TYPE2:CC6.7",
            "SOC2_TYPE2:CC7.2",
            "SOC2_TYPE2:CC7.3",
            "SOC2_TYPE2:CC7.4",
            "SOC2_TYPE2:CC7.5",
            "SOC2_TYPE2:CC9.2",
            "SOC2_TYPE2:A1.2",
            "NIST_CSF_2:GV.PO-01",
            "NIST_CSF_2:GV.PO-02",
            "NIST_CSF_2:GV.SC-06",
            "NIST_CSF_2:ID.RA-01",
            "NIST_CSF_2:ID.RA-08",
            "NIST_CSF_2:PR.AA-01",
            "NIST_CSF_2:PR.AA-03",
            "NIST_CSF_2:PR.AA-05",
            "NIST_CSF_2:PR.DS-02",
            "NIST_CSF_2:PR.DS-11",
            "NIST_CSF_2:PR.PS-04",
            "NIST_CSF_2:RS.MA-01",
            "NIST_CSF_2:RS.MI-01",
            "NIST_CSF_2:RC.RP-06",
        ],
    },
    Document {
        filename: "ARCHITECTURE.md",
        content_type: "text/markdown",
        text: include_str!("../../../docs/ARCHITECTURE.md"),
        refs: &[
            "SOC2_TYPE2:CC5.2",
            "SOC2_TYPE2:CC6.1",
            "SOC2_TYPE2:PI1.1",
            "SOC2_TYPE2:PI1.2",
            "SOC2_TYPE2:PI1.5",
            "NIST_CSF_2:ID.AM-03",
            "NIST_CSF_2:PR.DS-01",
            "NIST_CSF_2:PR.IR-03",
        ],
    },
    Document {
        filename: "deny.toml",
        content_type: "application/toml",
        text: include_str!("../../../deny.toml"),
        refs: &["SOC2_TYPE2:CC9.2", "NIST_CSF_2:GV.SC-05", "NIST_CSF_2:GV.SC-09", "NIST_CSF_2:ID.AM-02"],
    },
    Document {
        filename: "ci-checks.txt",
        content_type: "text/plain",
        text: include_str!("../../../xtask/src/check.rs"),
        refs: &["SOC2_TYPE2:CC8.1", "SOC2_TYPE2:CC4.1", "NIST_CSF_2:PR.PS-01", "NIST_CSF_2:PR.PS-06"],
    },
    Document {
        filename: "test-report.txt",
        content_type: "text/plain",
        text: include_str!("../../../docs/test-report.txt"),
        refs: &[
            "SOC2_TYPE2:CC8.1",
            "SOC2_TYPE2:CC4.1",
            "SOC2_TYPE2:PI1.3",
            "NIST_CSF_2:ID.IM-02",
            "NIST_CSF_2:PR.PS-06",
        ],
    },
    Document {
        filename: "authorization-matrix.txt",
        content_type: "text/plain",
        text: include_str!("../../../docs/authz-matrix.txt"),
        refs: &["SOC2_TYPE2:CC6.3", "NIST_CSF_2:PR.AA-05"],
    },
];

struct Measure {
    name: &'static str,
    ref_id: &'static str,
    category: Category,
    function: CsfFunction,
    status: Status,
    requirements: &'static [&'static str],
    documents: &'static [usize],
}

const MEASURES: &[Measure] = &[
    Measure {
        name: "Role-based access control with row-level security",
        ref_id: "AC-01",
        category: Category::Technical,
        function: CsfFunction::Protect,
        status: Status::Active,
        requirements: &[
            "SOC2_TYPE2:CC6.1",
            "SOC2_TYPE2:CC6.2",
            "SOC2_TYPE2:CC6.3",
            "NIST_CSF_2:PR.AA-01",
            "NIST_CSF_2:PR.AA-05",
        ],
        documents: &[0, 1, 5],
    },
    Measure {
        name: "Multi-factor authentication",
        ref_id: "AC-02",
        category: Category::Technical,
        function: CsfFunction::Protect,
        status: Status::Planned,
        requirements: &["SOC2_TYPE2:CC6.6", "NIST_CSF_2:PR.AA-03"],
        documents: &[0],
    },
    Measure {
        name: "Hash-chained audit log",
        ref_id: "LOG-01",
        category: Category::Technical,
        function: CsfFunction::Detect,
        status: Status::Active,
        requirements: &["SOC2_TYPE2:CC7.2", "NIST_CSF_2:PR.PS-04"],
        documents: &[0, 1],
    },
    Measure {
        name: "Reviewed and tested changes",
        ref_id: "CHG-01",
        category: Category::Process,
        function: CsfFunction::Protect,
        status: Status::Active,
        requirements: &["SOC2_TYPE2:CC8.1", "NIST_CSF_2:PR.PS-01", "NIST_CSF_2:PR.PS-06"],
        documents: &[0, 3, 4],
    },
    Measure {
        name: "Dependency policy",
        ref_id: "SUP-01",
        category: Category::Policy,
        function: CsfFunction::Govern,
        status: Status::Active,
        requirements: &["SOC2_TYPE2:CC9.2", "NIST_CSF_2:GV.SC-05", "NIST_CSF_2:GV.SC-09"],
        documents: &[0, 2],
    },
    Measure {
        name: "Incident response plan",
        ref_id: "IR-01",
        category: Category::Process,
        function: CsfFunction::Respond,
        status: Status::InProgress,
        requirements: &["SOC2_TYPE2:CC7.4", "SOC2_TYPE2:CC7.5", "NIST_CSF_2:RS.MA-01", "NIST_CSF_2:RS.MI-01"],
        documents: &[0],
    },
];

/// Loads the demo organization where it is not there yet, and executes its assessments.
pub async fn load(app: &App) -> Result<(), Problem> {
    let id = OrgId(app.ids.next());
    let email = &app.config.bootstrap_email;
    let found: Result<_, Problem> = app
        .db
        .read(OrgId::PLATFORM, async |uow| {
            let taken = uow.identity().organizations().slug_taken(SLUG).await?;
            Ok((taken, uow.identity().accounts().find_by_email(email).await?))
        })
        .await;
    let (taken, admin) = found?;
    if taken {
        return Ok(());
    }
    let admin = admin.ok_or_else(|| Problem::new(409, format!("there is no account {email} to own the demo")))?;
    let mut actor = Actor::user(admin.id, admin.name, Some(Role::Admin));
    actor.platform_admin = true;
    let ctx = Ctx::new(id, actor, clock::now(), "demo", Arc::clone(&app.ids));
    let open = OpenOrganization {
        name: "Sovereign GRC (demo)".to_owned(),
        slug: Some(SLUG.to_owned()),
        industry: Some("Software".to_owned()),
        country: None,
        timezone: Some("UTC".to_owned()),
        settings: None,
    };
    let opened: Result<_, Refusal> =
        app.db.write(id, async |uow| organization::open(&ctx, uow.identity(), open).await).await;
    opened?;
    for (email, name, role) in
        [("auditor@example.com", "Demo auditor", "auditor"), ("viewer@example.com", "Demo viewer", "viewer")]
    {
        let command = member::AddMember { email: email.into(), name: name.into(), role: role.into(), password: None };
        let added: Result<_, Refusal> = app
            .db
            .write(id, async |uow| member::add(&ctx, uow.identity(), &app.passwords, &app.secrets, command).await)
            .await;
        added?;
    }
    let mut stored = Vec::new();
    for document in DOCUMENTS {
        stored.push(upload(app, &ctx, document).await?);
    }
    for measure in MEASURES {
        let documents = Ids(measure.documents.iter().filter_map(|i| stored.get(*i).copied()).collect());
        let owner = admin.id;
        let running = Changes::with(move |control: &mut Control| {
            control.name = measure.name.to_owned();
            control.ref_id = Some(measure.ref_id.to_owned());
            control.category = measure.category;
            control.csf_function = Some(measure.function);
            control.status = measure.status;
            control.owner_id = Some(owner);
            control.requirements = names(measure.requirements);
            control.evidence = documents;
        });
        app.db.write(id, async |uow| kit::create(&ctx, uow.assessments(), running).await).await?;
    }
    for (key, name) in [("SOC2_TYPE2", "SOC 2 self-assessment"), ("NIST_CSF_2", "NIST CSF 2.0 self-assessment")] {
        assess(app, &ctx, key, name).await?;
    }
    app.wake.notify_waiters();
    Ok(())
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

async fn upload(app: &App, ctx: &Ctx, document: &Document) -> Result<EvidenceId, Problem> {
    let store = app.store.clone().ok_or_else(|| Problem::new(503, "the demo needs an evidence store"))?;
    let (filename, content_type, refs) = (document.filename, document.content_type, names(document.refs));
    let announced = Changes::with(move |evidence: &mut Evidence| {
        evidence.filename = filename.to_owned();
        evidence.content_type = content_type.to_owned();
        evidence.control_refs = refs;
    });
    let made = app.db.write(ctx.org, async |uow| kit::create(ctx, uow.evidence(), announced).await).await?;
    store.put(&made.object_key, document.text.as_bytes()).await?;
    let inspection = store::inspect(store.as_ref(), &made).await?;
    let settled =
        app.db.write(ctx.org, async |uow| evidence::settle(ctx, uow.evidence(), made.id, inspection).await).await?;
    match settled {
        Settled::Stored(evidence) => Ok(evidence.id),
        Settled::Rejected(reason) => Err(Problem::new(409, reason)),
    }
}

async fn assess(app: &App, ctx: &Ctx, key: &str, name: &str) -> Result<(), Problem> {
    let made: Result<_, Problem> = app
        .db
        .write(ctx.org, async |uow| {
            let framework = uow.assessments().frameworks().find_by_key(ctx.org, key).await?;
            let framework = framework.ok_or_else(|| Problem::new(500, format!("{key} is not built in")))?;
            let called = name.to_owned();
            let open = Changes::with(move |assessment: &mut Assessment| {
                assessment.framework_id = framework.id;
                assessment.name = called;
                assessment.scope = Some("The service, its repository and its releases".to_owned());
            });
            Ok(kit::create(ctx, uow.assessments(), open).await?)
        })
        .await;
    let id = made?.id;
    app.db.write(ctx.org, async |uow| assessment::execute(ctx, uow.assessments(), id, 0).await).await?;
    // The report job waits in the queue behind the assessment's, and tells the results so far.
    let title = format!("{name}: first results");
    let wanted = Changes::with(move |report: &mut Report| {
        report.kind = ReportType::ComplianceSummary;
        report.format = Format::Html;
        report.assessment_id = Some(id);
        report.title = title;
    });
    app.db.write(ctx.org, async |uow| kit::create(ctx, uow.reports(), wanted).await).await?;
    Ok(())
}
