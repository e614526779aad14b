"""Every domain of the service, used through the Python client that is generated from the document.

`cargo xtask clients` generates the client, starts a service and runs this with GRC_URL, GRC_EMAIL and GRC_PASSWORD. It
ends at the first answer that is not what the document promises, and prints one line for each domain.
"""

import datetime
import importlib
import io
import os
import pkgutil
import time
import uuid
import zipfile

import httpx

import grc_client.api
from grc_client import AuthenticatedClient, Client, models as m
from grc_client.api import (
    a2a, api_keys, assessments, audit, authentication, batch, business_continuity, changes, controls, evidence, findings,
    frameworks, imports, incidents, jobs, links, organizations, policy_decisions, reports, risk, search, service, tasks, users, vendors,
    webhooks,
)
from grc_client.types import UNSET, File, Unset

# The generated packages do not import their operations, so that one is named before it can be called.
for package in pkgutil.iter_modules(grc_client.api.__path__):
    module = importlib.import_module(f"grc_client.api.{package.name}")
    for one in pkgutil.iter_modules(module.__path__):
        importlib.import_module(f"grc_client.api.{package.name}.{one.name}")

URL = os.environ["GRC_URL"]
EMAIL, PASSWORD = os.environ["GRC_EMAIL"], os.environ["GRC_PASSWORD"]
DOMAINS = {}


def domain(tag):
    """Registers what tries a tag of the document; they run in the order of this file."""

    def register(function):
        DOMAINS[tag] = function
        return function

    return register


class World:
    """What the domains share: the client, the organization, and records that one makes and another refers to."""

    def __init__(self):
        self.client = Client(base_url=URL, timeout=httpx.Timeout(60))
        self.calls = 0
        self.called = set()
        self.org = None

    def answer(self, operation, *path, **more):
        """Calls an operation; its whole answer, whatever the status."""
        self.calls += 1
        self.called.add(operation.__name__)
        return operation.sync_detailed(*path, client=self.client, **more)

    def call(self, operation, *path, **more):
        """Calls an operation, which must succeed; what it answered with, as a generated type."""
        got = self.answer(operation, *path, **more)
        name = operation.__name__.rsplit(".", 1)[1]
        assert 200 <= got.status_code < 300, f"{name}: {got.status_code} {got.content[:2000]!r}"
        assert got.status_code == 204 or got.parsed is not None, f"{name}: the document has no answer {got.status_code}"
        assert not isinstance(got.parsed, m.Problem), name
        return got.parsed

    def listed(self, operation, kind, *path, least=1, **more):
        """Calls a list: all its items must be of the kind that the document says, and there must be some."""
        page = self.call(operation, *path, **more)
        name = operation.__name__
        assert page.next_cursor is None or isinstance(page.next_cursor, str), name
        # A part of a record is the type of last resort: what lacks a member comes as that.
        assert all(isinstance(item, kind) for item in page.items), f"{name}: {page.items}"
        assert len(page.items) >= least, f"{name}: {len(page.items)} items"
        return page.items

    def refused(self, status, code, operation, *path, **more):
        """Calls an operation, which must be refused with a problem."""
        got = self.answer(operation, *path, **more)
        assert got.status_code == status and isinstance(got.parsed, m.Problem), f"{got.status_code} {got.content!r}"
        assert got.parsed.code == code and got.parsed.status == status and got.parsed.request_id, got.parsed

    def until(self, read, done):
        """Reads until it is as wanted."""
        for _ in range(300):
            value = read()
            if done(value):
                return value
            time.sleep(0.1)
        raise AssertionError(f"it did not come to it: {value}")

    def life(self, package, nouns, kind, body, patch, check, *path):
        """Creates a record, reads it, finds it in its list, changes it and deletes it; it is gone then."""
        one, many = nouns
        op = lambda name: getattr(package, name)
        made = self.call(op(f"create_{one}"), self.org, *path, body=body)
        assert isinstance(made, kind) and isinstance(made.id, uuid.UUID) and made.org_id == self.org, made
        assert made.revision == 1 and isinstance(made.created_at, datetime.datetime), made
        got = self.answer(op(f"get_{one}"), self.org, *path, made.id)
        assert got.parsed.id == made.id and got.headers["etag"], got
        assert any(item.id == made.id for item in self.listed(op(f"list_{many}"), kind, self.org, *path)), many
        changed = self.call(op(f"update_{one}"), self.org, *path, made.id, body=patch, if_match=got.headers["etag"])
        assert changed.revision == 2 and check(changed), changed
        self.refused(412, "PRECONDITION_FAILED", op(f"update_{one}"), self.org, *path, made.id, body=patch, if_match=got.headers["etag"])
        assert self.call(op(f"delete_{one}"), self.org, *path, made.id) is None
        self.refused(404, "NOT_FOUND", op(f"get_{one}"), self.org, *path, made.id)


@domain("Service")
def _(w):
    assert w.call(service.health).status == m.HealthStatus.HEALTHY
    assert w.call(service.health_live).status.value == "live"
    assert w.call(service.health_ready).status.value == "ready"


@domain("Authentication")
def _(w):
    w.refused(401, "UNAUTHORIZED", authentication.login, body=m.LoginRequest(email="nobody@example.com", password="not the password"))
    tokens = w.call(authentication.login, body=m.LoginRequest(email=EMAIL, password=PASSWORD))
    assert tokens.expires_in > 0 and tokens.user.email == EMAIL, tokens
    tokens = w.call(authentication.refresh, body=m.RefreshRequest(refresh_token=tokens.refresh_token))
    w.client = AuthenticatedClient(base_url=URL, token=tokens.access_token, timeout=httpx.Timeout(60))
    assert any(one.current for one in w.listed(authentication.list_sessions, m.SessionInfo))
    # Another session, which is ended as its owner ends it.
    mine = w.client
    other = w.call(authentication.login, body=m.LoginRequest(email=EMAIL, password=PASSWORD))
    w.client = AuthenticatedClient(base_url=URL, token=other.access_token)
    w.call(authentication.logout)
    w.client = mine


@domain("Organizations")
def _(w):
    made = w.call(organizations.create_organization, body=m.OrganizationCreate(name="Python client"))
    w.org = made.id
    assert made.revision == 1 and isinstance(made.slug, str), made
    assert w.call(organizations.get_organization, w.org).name == "Python client"
    changed = w.call(organizations.update_organization, w.org, body=m.OrganizationPatch(industry="Energy"))
    assert changed.industry == "Energy" and changed.name == "Python client", changed
    assert any(one.id == w.org for one in w.listed(organizations.list_organizations, m.OrganizationBody))
    spare = w.call(organizations.create_organization, body=m.OrganizationCreate(name="Python spare"))
    w.call(organizations.delete_organization, spare.id)


@domain("Users")
def _(w):
    me = w.call(users.get_me)
    assert me.user.email == EMAIL and any(one.org_id == w.org for one in me.memberships), me
    assert w.call(users.update_me, body=m.ProfilePatch(name=me.user.name)).id == me.user.id
    w.me = me.user.id
    mail = lambda: f"{uuid.uuid4().hex}@example.com"
    body = m.UserCreate(email=mail(), name="Ada", role=m.UserCreateRole.ANALYST, password=PASSWORD)
    made = w.call(users.create_user, w.org, body=body)
    assert made.email == body.email and made.role.value == "analyst", made
    assert w.call(users.get_user, w.org, made.id).name == "Ada"
    changed = w.call(users.update_user, w.org, made.id, body=m.UserPatch(role=m.UserPatchRole.AUDITOR))
    assert changed.role.value == "auditor" and changed.name == "Ada", changed
    assert len(w.listed(users.list_users, m.User, w.org)) == 2
    assert w.call(users.deactivate_user, w.org, made.id).status.value == "deactivated"
    assert w.call(users.activate_user, w.org, made.id).status.value == "active"
    w.call(users.delete_user, w.org, made.id)
    invited = w.call(users.invite_user, w.org, body=m.UserInvite(email=mail(), role=m.UserInviteRole.VIEWER))
    assert invited.status.value == "invited", invited
    token = invited.invitation_url.rsplit("/", 1)[1]
    joined = w.call(authentication.accept_invitation, body=m.InvitationAcceptance(token=token, password=PASSWORD, name="Eve"))
    assert joined.user.id == invited.id and joined.access_token, joined


@domain("API keys")
def _(w):
    made = w.call(api_keys.create_api_key, w.org, body=m.ApiKeyCreate(name="smoke", role=m.ApiKeyCreateRole.VIEWER))
    assert made.key.startswith("sk-") and made.prefix, made
    mine, w.client = w.client, AuthenticatedClient(base_url=URL, token=made.key)
    assert w.call(organizations.get_organization, w.org).id == w.org
    w.client = mine
    shown = w.call(api_keys.get_api_key, w.org, made.id)
    assert shown.key is UNSET and shown.name == "smoke", shown
    w.listed(api_keys.list_api_keys, m.ApiKeyBody, w.org)
    # A body whose members may all be absent may be absent itself.
    assert w.call(api_keys.rotate_api_key, w.org, made.id).key != made.key
    w.call(api_keys.delete_api_key, w.org, made.id)


@domain("Frameworks")
def _(w):
    builtin = w.listed(frameworks.list_frameworks, m.FrameworkBody, sort=m.ListFrameworksSort.NAME)
    w.framework = next(one for one in builtin if one.key == "SOC2_TYPE2")
    assert w.call(frameworks.get_framework, w.framework.id).control_count == w.framework.control_count
    refs = w.listed(frameworks.list_framework_controls, m.FrameworkControl, w.framework.id, limit=5, least=5)
    w.ref = "SOC2_TYPE2:" + next(one for one in refs if one.assessable).ref
    assert w.call(frameworks.get_framework_control, w.framework.id, refs[0].id).ref == refs[0].ref
    catalog = w.call(frameworks.export_framework_oscal, w.framework.id)
    imported = w.call(
        frameworks.import_framework, w.org, body=m.OscalCatalog.from_dict(catalog.to_dict()), key="SMOKE_PY", name="Own"
    )
    assert imported.name == "Own" and imported.control_count >= w.framework.control_count, imported
    assert any(one.id == imported.id for one in w.listed(frameworks.list_organization_frameworks, m.FrameworkBody, w.org))
    w.call(frameworks.delete_framework, w.org, imported.id)


@domain("Controls")
def _(w):
    body = m.ControlCreate(name="Access is reviewed", category=m.ControlCreateCategory.PROCESS, requirements=[w.ref])
    w.life(
        controls, ("control", "controls"), m.ControlBody, body, m.ControlPatch(status=m.ControlPatchStatus.ACTIVE),
        lambda it: it.status.value == "active" and it.name == body.name,
    )
    w.control = w.call(controls.create_control, w.org, body=body)


@domain("Evidence")
def _(w):
    def upload():
        body = m.UploadRequest(filename="policy.txt", content_type="text/plain", control_refs=[w.ref])
        target = w.call(evidence.create_upload_url, w.org, body=body)
        address = httpx.URL(URL).join(target.upload_url)
        content = b"Access is reviewed every quarter."
        put = httpx.put(address, content=content, headers={"Content-Type": "text/plain", **target.headers.to_dict()})
        assert put.status_code == 200, put.text
        return w.call(evidence.complete_upload, w.org, target.evidence_id)

    w.file = upload()
    assert w.file.status.value == "stored" and w.file.size == 33 and w.file.control_refs == [w.ref], w.file
    shown = w.until(lambda: w.call(evidence.get_evidence, w.org, w.file.id), lambda it: it.text_length)
    assert "every quarter" in shown.text, shown
    w.listed(evidence.list_evidence, m.EvidenceBody, w.org)
    changed = w.call(evidence.update_evidence, w.org, w.file.id, body=m.EvidencePatch(review=m.EvidencePatchReview.APPROVED))
    assert changed.review.value == "approved", changed
    assert w.call(evidence.get_evidence_integrity, w.org, w.file.id).to_dict()
    handed = w.call(evidence.get_download_url, w.org, key=w.file.object_key)
    assert httpx.get(httpx.URL(URL).join(handed.url)).content == b"Access is reviewed every quarter."
    assert w.call(evidence.hold_evidence, w.org, w.file.id, body=m.HoldRequest(reason="a lawsuit")).legal_hold
    assert not w.call(evidence.release_evidence, w.org, w.file.id).legal_hold
    w.listed(evidence.list_evidence_custody, m.CustodyEventBody, w.org, w.file.id, least=3)
    spare = upload()
    w.call(evidence.delete_evidence, w.org, spare.id)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("minutes.txt", "The board met.")
        archive.writestr("manifest.csv", f"filename,control_refs\nminutes.txt,{w.ref}\n")
    packed.seek(0)
    job = w.call(evidence.bulk_import_evidence, w.org, body=File(payload=packed))
    done = w.until(
        lambda: w.call(evidence.get_evidence_bulk_import, w.org, job.id), lambda it: it.status.value not in ("queued", "running")
    )
    assert done.status.value == "completed" and len(done.items) == 1, done


@domain("Assessments")
def _(w):
    body = m.AssessmentCreate(framework_id=w.framework.id, name="First half")
    w.life(
        assessments, ("assessment", "assessments"), m.AssessmentBody, body, m.AssessmentPatch(scope="The head office"),
        lambda it: it.scope == "The head office",
    )
    w.assessment = w.call(assessments.create_assessment, w.org, body=body)
    w.call(assessments.execute_assessment, w.org, w.assessment.id)
    done = w.until(
        lambda: w.call(assessments.get_assessment_status, w.org, w.assessment.id),
        lambda it: it.status.value in ("completed", "failed"),
    )
    assert done.status.value == "completed" and done.controls_evaluated == done.controls_total > 0, done
    summary = w.call(assessments.get_assessment_summary, w.org, w.assessment.id)
    assert summary.assessment_id == w.assessment.id and len(summary.by_family) > 0, summary


@domain("Findings")
def _(w):
    found = w.listed(findings.list_findings, m.FindingBody, w.org, assessment_id=w.assessment.id, limit=3, least=3)
    one = w.call(findings.get_finding, w.org, found[0].id)
    assert one.assessment_id == w.assessment.id and one.control_ref, one
    changed = w.call(findings.update_finding, w.org, one.id, body=m.FindingPatch(remediation_notes="Ask the owner"))
    assert changed.remediation_notes == "Ask the owner" and changed.revision == one.revision + 1, changed
    stats = w.call(findings.get_finding_stats, w.org, assessment_id=w.assessment.id)
    assert stats.total == sum(stats.by_status.to_dict().values()) > 0, stats
    assert w.call(findings.get_finding_history, w.org, one.id).items


@domain("Risk")
def _(w):
    body = m.RiskCreate(title="A supplier loses data", category=m.RiskCreateCategory.THIRD_PARTY, likelihood=3, impact=4)
    w.life(
        risk, ("risk", "risks"), m.Risk, body, m.RiskPatch(likelihood=4, owner_id=w.me),
        lambda it: it.inherent_score == 16 and it.owner_id == w.me and it.impact == 4,
    )
    # The same key makes one risk.
    w.risk = w.call(risk.create_risk, w.org, body=body, idempotency_key="smoke")
    assert w.call(risk.create_risk, w.org, body=body, idempotency_key="smoke").id == w.risk.id
    many = w.call(
        risk.list_risks, w.org, category=m.ListRisksCategory.THIRD_PARTY, likelihood_gte=3, include_total=True,
        sort=m.ListRisksSort.VALUE_1,
    )
    assert many.total == 1 and many.items[0].id == w.risk.id, many
    part = w.call(risk.list_risks, w.org, fields="title").items[0]
    assert isinstance(part, m.RecordPart) and part["title"] == body.title, part
    treatment = w.call(risk.create_treatment, w.org, w.risk.id, body=m.TreatmentCreate(title="A second supplier"))
    w.call(risk.update_treatment, w.org, w.risk.id, treatment.id, body=m.TreatmentPatch(cost=1000.5))
    assert w.listed(risk.list_treatments, m.Treatment, w.org, w.risk.id)[0].cost == 1000.5
    w.call(risk.delete_treatment, w.org, w.risk.id, treatment.id)
    assert w.call(risk.get_risk_history, w.org, w.risk.id).items
    kri = m.KriCreate(name="Late deliveries", direction=m.KriCreateDirection.HIGHER_IS_WORSE, amber=5.0, red=10.0)
    w.life(risk, ("kri", "kris"), m.Kri, kri, m.KriPatch(unit="per month"), lambda it: it.unit == "per month")
    kri = w.call(risk.create_kri, w.org, body=kri)
    # One value is answered with the reading, many with how many there were.
    assert w.call(risk.record_kri_values, w.org, kri.id, body=m.KriReadings(value=12.0)).value == 12
    many = m.KriReadings(values=[m.KriSent(value=3.0, recorded_at=datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC))])
    assert w.call(risk.record_kri_values, w.org, kri.id, body=many).recorded == 1
    w.listed(risk.list_kri_values, m.KriReading, w.org, kri.id)
    w.listed(risk.list_kri_breaches, m.KriBreach, w.org)
    model = {
        "lef": {"type": "pert", "min": 0.1, "mode": 0.5, "max": 2},
        "loss_magnitude": {"type": "lognormal", "low": 10000, "high": 1000000},
    }
    analysis = m.FairAnalysisCreate(name="Loss of data", model=m.FairAnalysisCreateModel.from_dict(model))
    w.life(
        risk, ("fair_analysis", "fair_analyses"), m.FairAnalysis, analysis, m.FairAnalysisPatch(description="Yearly"),
        lambda it: it.description == "Yearly",
    )
    analysis = w.call(risk.create_fair_analysis, w.org, body=analysis)
    w.call(risk.run_fair_analysis, w.org, analysis.id)
    w.listed(risk.list_fair_runs, m.FairRun, w.org, analysis.id)
    scenario = m.ScenarioCreate(top_event="The supplier is breached")
    w.life(
        risk, ("risk_scenario", "risk_scenarios"), m.Scenario, scenario, m.ScenarioPatch(description="Bow tie"),
        lambda it: it.description == "Bow tie",
    )
    assert len(w.call(risk.get_risk_matrix, w.org).grid) == 5
    assert w.call(risk.get_risk_heatmap, w.org).inherent
    assert w.call(risk.get_risk_appetite, w.org).categories is not None
    assert w.call(risk.get_risk_dashboard, w.org).to_dict()


@domain("Vendors")
def _(w):
    body = m.VendorCreate(name="Cloud Ltd", country="DE", website="https://example.com/")
    w.life(
        vendors, ("vendor", "vendors"), m.Vendor, body, m.VendorPatch(risk_tier=m.VendorPatchRiskTier.HIGH, tier_reason="Holds our data"),
        lambda it: it.risk_tier.value == "high" and it.country == "DE",
    )
    w.vendor = w.call(vendors.create_vendor, w.org, body=body)
    w.life(
        vendors, ("vendor_service", "vendor_services"), m.VendorService, m.VendorServiceCreate(name="Hosting"),
        m.VendorServicePatch(description="Two sites"), lambda it: it.description == "Two sites", w.vendor.id,
    )
    w.life(
        vendors, ("vendor_contract", "vendor_contracts"), m.VendorContract,
        m.VendorContractCreate(vendor_id=w.vendor.id, reference="C-1"), m.VendorContractPatch(title="Hosting"),
        lambda it: it.title == "Hosting",
    )
    question = m.QuestionnaireQuestion(key="q1", text="Is data encrypted?", type_=m.QuestionnaireQuestionType.TEXT)
    sections = [m.QuestionnaireSection(title="Data", questions=[question])]
    w.life(
        vendors, ("vendor_questionnaire", "vendor_questionnaires"), m.VendorQuestionnaire,
        m.VendorQuestionnaireCreate(name="Security", sections=sections), m.VendorQuestionnairePatch(description="Short"),
        lambda it: it.description == "Short" and it.sections[0].questions[0].key == "q1",
    )
    template = w.call(vendors.create_vendor_questionnaire, w.org, body=m.VendorQuestionnaireCreate(name="Two", sections=sections))
    w.life(
        vendors, ("vendor_assessment", "vendor_assessments"), m.VendorAssessment,
        m.VendorAssessmentCreate(vendor_id=w.vendor.id, template_id=template.id), m.VendorAssessmentPatch(title="This year"),
        lambda it: it.title == "This year",
    )
    assert w.call(vendors.get_vendor_stats, w.org).total == 1


@domain("Incidents")
def _(w):
    body = m.IncidentCreate(
        title="Phishing mail", category=m.IncidentCreateCategory.PHISHING, severity=m.IncidentCreateSeverity.HIGH
    )
    made = w.call(incidents.create_incident, w.org, body=body)
    assert made.phase.value == "detection" and made.severity.value == "high", made
    w.incident = made
    assert w.call(incidents.get_incident, w.org, made.id).title == body.title
    w.listed(incidents.list_incidents, m.Incident, w.org)
    assert w.call(incidents.update_incident, w.org, made.id, body=m.IncidentChange(notes="Two mailboxes")).notes
    assert w.call(incidents.acknowledge_incident, w.org, made.id).acknowledged_at
    w.life(
        incidents, ("incident_task", "incident_tasks"), m.IncidentTask, m.IncidentTaskCreate(title="Reset passwords"),
        m.IncidentTaskPatch(description="Both"), lambda it: it.description == "Both", made.id,
    )
    entry = m.IncidentTimelineEntryCreate(event_type="note", description="The sender is blocked")
    w.call(incidents.create_incident_timeline_entry, w.org, made.id, body=entry)
    w.listed(incidents.list_incident_timeline, m.IncidentTimelineEntry, w.org, made.id)
    collected = m.EvidenceCollection(evidence_ids=[w.file.id])
    w.call(incidents.collect_incident_evidence, w.org, made.id, body=collected)
    w.listed(incidents.list_incident_evidence, m.IncidentEvidence, w.org, made.id)
    package = w.call(incidents.export_incident_evidence, w.org, made.id)
    assert any(name.endswith(".txt") for name in zipfile.ZipFile(package.payload).namelist())
    assert w.call(incidents.get_incident_history, w.org, made.id).items
    assert w.call(incidents.get_incident_metrics, w.org, made.id).to_dict()
    assert w.call(incidents.get_incidents_metrics, w.org).to_dict()
    spare = w.call(incidents.create_incident, w.org, body=body)
    w.call(incidents.delete_incident, w.org, spare.id)
    w.refused(404, "NOT_FOUND", incidents.get_incident, w.org, spare.id)


@domain("Business continuity")
def _(w):
    bcm = business_continuity
    process = m.ProcessCreate(
        name="Payroll", criticality=m.ProcessCreateCriticality.BUSINESS_CRITICAL, rto_hours=8.0, rpo_hours=4.0, mtd_hours=24.0
    )
    w.life(bcm, ("process", "processes"), m.Process, process, m.ProcessPatch(rto_hours=6.0), lambda it: it.rto_hours == 6)
    process = w.call(bcm.create_process, w.org, body=process)
    asset = m.AssetCreate(name="Database", type_=m.AssetCreateType.APPLICATION)
    w.life(
        bcm, ("continuity_asset", "continuity_assets"), m.Asset, asset, m.AssetPatch(region="eu-west"),
        lambda it: it.region == "eu-west",
    )
    asset = w.call(bcm.create_continuity_asset, w.org, body=asset)
    needs = m.DependencyCreate(
        source=m.NodeReference(id=process.id, type_=m.NodeReferenceType.PROCESS),
        target=m.NodeReference(id=asset.id, type_=m.NodeReferenceType.ASSET),
    )
    w.life(
        bcm, ("dependency", "dependencies"), m.Dependency, needs,
        m.DependencyPatch(strength=m.DependencyPatchStrength.SOFT), lambda it: it.strength.value == "soft",
    )
    w.call(bcm.create_dependency, w.org, body=needs)
    graph = w.call(bcm.get_dependency_graph, w.org)
    assert len(graph.nodes) == 2 and len(graph.edges) == 1, graph
    outage = w.call(bcm.simulate_outage, w.org, body=m.OutageRequest(nodes=[needs.target], duration_hours=12.0))
    assert outage.duration_hours == 12 and outage.assets_down[0].name == "Database", outage
    plan = m.RecoveryPlanCreate(name="Restore", process_id=process.id)
    w.life(
        bcm, ("recovery_plan", "recovery_plans"), m.RecoveryPlan, plan, m.RecoveryPlanPatch(strategy="Second site"),
        lambda it: it.strategy == "Second site",
    )
    plan = w.call(bcm.create_recovery_plan, w.org, body=plan)
    exercise = m.RecoveryExerciseCreate(date=datetime.date(2026, 3, 1), type_=m.RecoveryExerciseCreateType.TABLETOP)
    assert w.call(bcm.create_recovery_exercise, w.org, plan.id, body=exercise).date == exercise.date
    w.listed(bcm.list_recovery_exercises, m.RecoveryExercise, w.org, plan.id)
    assert w.call(bcm.check_consistency, w.org).to_dict() is not None


@domain("Reports")
def _(w):
    body = m.ReportCreate(
        type_=m.ReportCreateType.COMPLIANCE_SUMMARY, format_=m.ReportCreateFormat.JSON, assessment_id=w.assessment.id
    )
    made = w.call(reports.create_report, w.org, body=body)
    done = w.until(
        lambda: w.call(reports.get_report, w.org, made.id), lambda it: it.status.value in ("completed", "failed")
    )
    assert done.status.value == "completed" and done.sha256, done
    assert w.call(reports.download_report, w.org, made.id).additional_properties
    w.listed(reports.list_reports, m.ReportBody, w.org)
    page = w.call(
        reports.preview_report, w.org, type_=m.PreviewReportType.COMPLIANCE_SUMMARY, assessment_id=w.assessment.id
    )
    assert page.lower().startswith("<!doctype html"), page[:100]
    w.call(reports.delete_report, w.org, made.id)


@domain("Tasks")
def _(w):
    body = m.TaskCreate(title="Review access", due_date=datetime.date.today() + datetime.timedelta(days=30), rrule="FREQ=MONTHLY")
    w.life(tasks, ("task", "tasks"), m.Task, body, m.TaskPatch(assignee_id=w.me), lambda it: it.assignee_id == w.me)
    made = w.call(tasks.create_task, w.org, body=body)
    done = w.call(tasks.complete_task, w.org, made.id)
    assert done.task.status.value == "done" and done.next_task.series_id == done.task.series_id, done


@domain("Links")
def _(w):
    body = m.LinkCreate(
        from_=m.RecordReference(type_=m.RecordReferenceType.CONTROL, id=w.control.id),
        to=m.RecordReference(type_=m.RecordReferenceType.RISK, id=w.risk.id),
        relation=m.LinkCreateRelation.MITIGATES,
    )
    made = w.call(links.create_link, w.org, body=body)
    assert made.from_.id == w.control.id and made.to_type == "risk", made
    assert w.call(links.get_link, w.org, made.id).relation.value == "mitigates"
    w.listed(links.list_links, m.Link, w.org)
    w.call(links.delete_link, w.org, made.id)
    w.refused(404, "NOT_FOUND", links.get_link, w.org, made.id)


@domain("Webhooks")
def _(w):
    # The service itself refuses what comes, which is enough for a delivery that can be read.
    body = m.WebhookCreate(url=f"{URL}/api/v1/health/live", events=["risk.*"])
    w.life(
        webhooks, ("webhook", "webhooks"), m.Webhook, body, m.WebhookPatch(description="Ours"),
        lambda it: it.description == "Ours" and it.events == ["risk.*"],
    )
    made = w.call(webhooks.create_webhook, w.org, body=body)
    assert w.call(webhooks.rotate_webhook_secret, w.org, made.id).secret != made.secret
    sent = w.call(webhooks.test_webhook, w.org, made.id)
    assert any(one.id == sent.id for one in w.listed(webhooks.list_webhook_deliveries, m.WebhookDelivery, w.org, made.id))
    assert w.call(webhooks.get_webhook_delivery, w.org, made.id, sent.id).id == sent.id
    w.call(webhooks.delete_webhook, w.org, made.id)


@domain("Policy decisions")
def _(w):
    rego = 'package org.access\n\nimport rego.v1\n\ndefault allow := false\n\nallow if input.role == "owner"\n'
    made = w.call(policy_decisions.put_opa_policy, w.org, "access", body=m.OpaPolicyCreate(rego=rego))
    assert made.policy_id == "access" and made.package == "org.access", made
    assert w.call(policy_decisions.get_opa_policy, w.org, "access").rego == rego
    w.listed(policy_decisions.list_opa_policies, m.OpaPolicy, w.org)
    version = w.listed(policy_decisions.list_opa_policy_versions, m.OpaPolicyVersion, w.org)[0]
    assert w.call(policy_decisions.get_opa_policy_version, w.org, version.id).sha256 == made.sha256
    question = m.PolicyQuestion(
        org_id=w.org, path="org/access/allow", input_=m.PolicyQuestionInputType0.from_dict({"role": "owner"})
    )
    verdict = w.call(policy_decisions.decide, body=question)
    assert verdict.result is True and verdict.engine.value == "embedded", verdict
    w.listed(policy_decisions.list_policy_decisions, m.PolicyDecision, w.org)
    assert w.call(policy_decisions.get_policy_decision, w.org, verdict.decision_id).id == verdict.decision_id
    w.call(policy_decisions.delete_opa_policy, w.org, "access")


@domain("A2A")
def _(w):
    assert w.call(a2a.discover_a2a).tools
    assert w.call(a2a.a2a_health).to_dict() and w.call(a2a.a2a_metrics).to_dict()
    made = w.call(a2a.create_a2a_grant, w.org, body=m.GrantCreate(partner="Cloud Ltd", frameworks=["SOC2_TYPE2"]))
    assert made.key and made.frameworks == ["SOC2_TYPE2"], made
    w.listed(a2a.list_a2a_grants, m.Grant, w.org)
    w.listed(a2a.list_issued_attestations, m.IssuedAttestation, w.org, least=0)
    w.listed(a2a.list_vendor_attestations, m.VendorAttestation, w.org, w.vendor.id, least=0)
    w.call(a2a.delete_a2a_grant, w.org, made.id)


@domain("Imports")
def _(w):
    templates = w.call(imports.list_import_templates, w.org).items
    assert any(one.resource == "risks" for one in templates), templates
    # Who does not say what they accept is given the table itself, and a generated client says nothing.
    mine, w.client = w.client, AuthenticatedClient(base_url=URL, token=w.client.token, headers={"Accept": "application/json"})
    assert any(one.name == "title" for one in w.call(imports.get_import_template, w.org, "risks").columns)
    w.client = mine
    table = io.BytesIO(b"title,category,likelihood,impact\nFrom a table,cyber,2,2\n")
    job = w.call(imports.create_import, w.org, resource=m.CreateImportResource.RISKS, body=File(payload=table))
    done = w.until(
        lambda: w.call(imports.get_import, w.org, job.id), lambda it: it.status.value not in ("queued", "running")
    )
    assert done.status.value == "completed" and done.result.created == 1 and not done.items, done
    w.imported = job.id


@domain("Jobs")
def _(w):
    # A job has an id of its own; its result says what it is about.
    found = next(one for one in w.listed(jobs.list_jobs, m.JobBody, w.org) if one.result.id == w.imported)
    one = w.call(jobs.get_job, w.org, found.id)
    assert one.id == found.id and one.kind == found.kind and one.status.value == "completed", one


@domain("Batch")
def _(w):
    body = {"title": "From a batch", "category": "cyber", "likelihood": 1, "impact": 1}
    operations = [
        m.BatchOperation(method=m.BatchOperationMethod.POST, path="/risks/register", body=body),
        m.BatchOperation(method=m.BatchOperationMethod.GET, path="/risks/register?category=cyber"),
    ]
    done = w.call(batch.batch, w.org, body=m.Batch(operations=operations))
    assert done.succeeded == 2 and done.failed == 0 and done.failed_at is None, done
    assert [one.status for one in done.results] == [201, 200], done
    assert m.Risk.from_dict(done.results[0].body).title == "From a batch"


@domain("Search")
def _(w):
    found = w.until(lambda: w.call(search.search, w.org, q="supplier"), lambda it: it.total > 0)
    assert any(hit.id == w.risk.id and hit.type_ == "risk" for hit in found.items), found
    assert all(hit.type_ == "risk" for hit in w.call(search.search, w.org, q="supplier", type_=m.SearchType.RISK).items)


@domain("Changes")
def _(w):
    first = w.call(changes.list_changes, w.org, limit=2)
    assert len(first.items) == 2 and all(isinstance(item, m.Change) for item in first.items), first
    then = w.call(changes.list_changes, w.org, cursor=first.next_cursor, limit=2)
    assert then.items[0].sequence > first.items[1].sequence, then


@domain("Audit")
def _(w):
    entries = w.listed(audit.list_audit_log, m.AuditEntry, w.org, limit=10, least=10)
    one = w.call(audit.get_audit_entry, w.org, entries[0].id)
    assert one.hash_ == entries[0].hash_ and one.actor.id, one
    verdict = w.call(audit.verify_audit_log, w.org)
    assert verdict.valid and verdict.entries > 10, verdict
    w.listed(audit.list_audit_checkpoints, m.AuditCheckpoint, w.org, least=0)


def every_list(w):
    """Lists that need no more than the organization, whatever else is asked above; the domains have named theirs."""
    count = 0
    for package in pkgutil.iter_modules(grc_client.api.__path__):
        whole = importlib.import_module(f"grc_client.api.{package.name}")
        for one in pkgutil.iter_modules(whole.__path__):
            operation = getattr(whole, one.name)
            wanted = operation.sync_detailed.__annotations__
            plain = all(name in ("org_id", "client", "return") or "Unset" in str(kind) for name, kind in wanted.items())
            if one.name.startswith("list_") and plain and {"org_id", "limit"} <= wanted.keys():
                w.call(operation, w.org, limit=1)
                count += 1
    return count


def main():
    w = World()
    document = httpx.get(f"{URL}/api/v1/openapi.json").json()
    known = {operation["operationId"] for item in document["paths"].values() for operation in item.values()}
    generated = {
        one.name
        for package in pkgutil.iter_modules(grc_client.api.__path__)
        for one in pkgutil.iter_modules([f"{path}/{package.name}" for path in grc_client.api.__path__])
    }
    assert known == generated, f"operations that the client lacks: {known - generated}"
    tags = {tag["name"] for tag in document["tags"]}
    assert tags == set(DOMAINS), f"domains that nothing tries, or that are no more: {tags ^ set(DOMAINS)}"
    for tag, function in DOMAINS.items():
        before = w.calls
        try:
            function(w)
        except Exception as error:
            print(f"python: {tag}: failed after {w.calls - before} calls", flush=True)
            raise error
        print(f"python: {tag}: {w.calls - before} calls", flush=True)
    print(f"python: all {every_list(w)} lists of an organization", flush=True)
    operations = sum(len(item) for item in document["paths"].values())
    print(f"python: {len(w.called)} of {operations} operations, {w.calls} calls")


if __name__ == "__main__":
    main()
