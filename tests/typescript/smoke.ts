// Every domain of the service, used through openapi-fetch with the types that are generated from the document.
//
// `cargo xtask clients` generates the types, compiles this, starts a service and runs it with GRC_URL, GRC_EMAIL and
// GRC_PASSWORD. It ends at the first answer that is not what the document promises, and prints one line for each domain.
import { as, client, count, document, email, fail, holds, life, list, ok, password, refused, until, url } from "./answers.js";
import type { Lists, Schemas } from "./answers.js";

const domains: [string, () => Promise<void>][] = [];
const domain = (tag: string, run: () => Promise<void>): void => void domains.push([tag, run]);

// What one domain makes and another refers to.
let org_id = "";
let me = "";
let framework: Schemas["FrameworkBody"];
let ref = "";
let control: { id: string };
let file: Schemas["EvidenceBody"];
let assessment_id = "";
let risk: { id: string };
let vendor_id = "";
let imported = "";

const within = () => ({ path: { org_id } });
const seen = (tag: string) => ({ "If-Match": tag });

domain("Service", async () => {
  holds((await ok(client.GET("/api/v1/health"))).status === "healthy", "the service is healthy");
  holds((await ok(client.GET("/api/v1/health/live"))).status === "live", "it lives");
  holds((await ok(client.GET("/api/v1/health/ready"))).status === "ready", "it is ready");
});

domain("Authentication", async () => {
  const login = () => client.POST("/api/v1/auth/login", { body: { email, password } });
  await refused(client.POST("/api/v1/auth/login", { body: { email: "nobody@example.com", password: "not the password" } }), 401, "UNAUTHORIZED");
  const first = await ok(login());
  holds(first.user.email === email && first.expires_in > 0, "the one who logs in is told who they are", first);
  const tokens = await ok(client.POST("/api/v1/auth/refresh", { body: { refresh_token: first.refresh_token } }));
  as(tokens.access_token);
  const sessions = await list<Schemas["SessionInfo"]>(client.GET("/api/v1/auth/sessions"), ["current", "expires_at"]);
  holds(sessions.some((one) => one.current), "one session is this one", sessions);
  // Another session, which is ended as its owner ends it.
  const mine = as((await ok(login())).access_token);
  await ok(client.POST("/api/v1/auth/logout"));
  as(mine);
});

domain("Organizations", async () => {
  const made = await ok(client.POST("/api/v1/orgs", { body: { name: "TypeScript client" } }));
  org_id = made.id;
  const read = await ok(client.GET("/api/v1/orgs/{org_id}", { params: within() }));
  holds(read.name === "TypeScript client" && read.slug === made.slug, "the organization is read", read);
  const changed = await ok(client.PATCH("/api/v1/orgs/{org_id}", { params: within(), body: { industry: "Energy" } }));
  holds(changed.industry === "Energy" && changed.name === read.name, "a patch keeps what it leaves out", changed);
  const all = await list<Schemas["OrganizationBody"]>(client.GET("/api/v1/orgs"), ["name", "slug"]);
  holds(all.some((one) => one.id === org_id), "it is listed", all);
  const spare = await ok(client.POST("/api/v1/orgs", { body: { name: "TypeScript spare" } }));
  await ok(client.DELETE("/api/v1/orgs/{org_id}", { params: { path: { org_id: spare.id } } }));
});

domain("Users", async () => {
  const all = "/api/v1/orgs/{org_id}/users";
  const mine = await ok(client.GET("/api/v1/users/me"));
  me = mine.user.id;
  holds(mine.memberships.some((one) => one.org_id === org_id), "the founder is a member", mine);
  await ok(client.PATCH("/api/v1/users/me", { body: { name: mine.user.name } }));
  const address = () => `${crypto.randomUUID()}@example.com`;
  const body = { email: address(), name: "Ada", role: "analyst", password } as const;
  const made = await ok(client.POST(all, { params: within(), body }));
  holds(made.email === body.email && made.role === "analyst", "a user is made", made);
  const params = { path: { org_id, user_id: made.id } };
  holds((await ok(client.GET(`${all}/{user_id}`, { params }))).name === "Ada", "a user is read");
  const changed = await ok(client.PATCH(`${all}/{user_id}`, { params, body: { role: "auditor" } }));
  holds(changed.role === "auditor" && changed.name === "Ada", "a user is changed", changed);
  await list<Schemas["User"]>(client.GET(all, { params: within() }), ["email", "role"], 2);
  holds((await ok(client.POST(`${all}/{user_id}/deactivate`, { params }))).status === "deactivated", "a user is shut out");
  holds((await ok(client.POST(`${all}/{user_id}/activate`, { params }))).status === "active", "a user is let in again");
  await ok(client.DELETE(`${all}/{user_id}`, { params }));
  const invited = await ok(client.POST(`${all}/invite`, { params: within(), body: { email: address(), role: "viewer" } }));
  const token = invited.invitation_url?.split("/").at(-1) ?? fail("an invitation has a URL");
  const joined = await ok(client.POST("/api/v1/auth/invitations/accept", { body: { token, password, name: "Eve" } }));
  holds(joined.user.id === invited.id && joined.access_token, "an invitation is accepted");
});

domain("API keys", async () => {
  const all = "/api/v1/orgs/{org_id}/api-keys";
  const made = await ok(client.POST(all, { params: within(), body: { name: "smoke", role: "viewer" } }));
  holds(made.key?.startsWith("sk-"), "a new key is shown");
  const mine = as(made.key ?? undefined);
  holds((await ok(client.GET("/api/v1/orgs/{org_id}", { params: within() }))).id === org_id, "the key opens");
  as(mine);
  const params = { path: { org_id, key_id: made.id } };
  holds((await ok(client.GET(`${all}/{key_id}`, { params }))).key === undefined, "a key is shown once");
  await list<Schemas["ApiKeyBody"]>(client.GET(all, { params: within() }), ["prefix", "role"]);
  // A body whose members may all be absent may be absent itself.
  holds((await ok(client.POST(`${all}/{key_id}/rotate`, { params }))).key !== made.key, "a key is replaced");
  await ok(client.DELETE(`${all}/{key_id}`, { params }));
});

domain("Frameworks", async () => {
  const one = "/api/v1/frameworks/{framework_id}";
  const builtin = await list<Schemas["FrameworkBody"]>(
    client.GET("/api/v1/frameworks", { params: { query: { sort: "name" } } }), ["key", "control_count"],
  );
  framework = builtin.find((known) => known.key === "SOC2_TYPE2") ?? fail("SOC 2 is built in");
  const params = { path: { framework_id: framework.id } };
  holds((await ok(client.GET(one, { params }))).key === framework.key, "a framework is read");
  const controls = await list<Schemas["FrameworkControl"]>(
    client.GET(`${one}/controls`, { params: { ...params, query: { limit: 5 } } }), ["ref", "assessable"], 5,
  );
  const first = controls.find((known) => known.assessable) ?? fail("a framework has controls");
  ref = `SOC2_TYPE2:${first.ref}`;
  const path = { framework_id: framework.id, control_id: first.id };
  holds((await ok(client.GET(`${one}/controls/{control_id}`, { params: { path } }))).ref === first.ref, "a control is read");
  const { catalog } = (await ok(client.GET(`${one}/oscal`, { params }))) as unknown as Schemas["OscalCatalog"];
  const imported = await ok(client.POST("/api/v1/orgs/{org_id}/frameworks/import", {
    params: { ...within(), query: { key: "SMOKE_TS", name: "Own" } }, body: { catalog },
  }));
  holds(imported.name === "Own" && imported.control_count >= framework.control_count, "a catalog is imported", imported);
  const all = client.GET("/api/v1/orgs/{org_id}/frameworks", { params: within() });
  holds((await list<Schemas["FrameworkBody"]>(all, ["key"])).some((known) => known.id === imported.id), "it is listed");
  const own = { path: { org_id, framework_id: imported.id } };
  await ok(client.DELETE("/api/v1/orgs/{org_id}/frameworks/{framework_id}", { params: own }));
});

domain("Controls", async () => {
  const all = "/api/v1/orgs/{org_id}/controls";
  const path = (control_id: string) => ({ org_id, control_id });
  const body = { name: "Access is reviewed", category: "process" as const, requirements: [ref] };
  const create = () => client.POST(all, { params: within(), body });
  await life<Schemas["ControlBody"]>({
    create,
    read: (id) => client.GET(`${all}/{control_id}`, { params: { path: path(id) } }),
    list: () => client.GET(all, { params: within() }),
    change: (id, tag) => client.PATCH(`${all}/{control_id}`, { params: { path: path(id), header: seen(tag) }, body: { status: "active" } }),
    is: (it) => it.status === "active" && it.name === body.name,
    remove: (id) => client.DELETE(`${all}/{control_id}`, { params: { path: path(id) } }),
  });
  control = await ok(create());
});

domain("Evidence", async () => {
  const all = "/api/v1/orgs/{org_id}/evidence";
  const one = "/api/v1/orgs/{org_id}/evidence/{evidence_id}";
  const text = "Access is reviewed every quarter.";
  const upload = async () => {
    const body = { filename: "policy.txt", content_type: "text/plain", control_refs: [ref] };
    const target = await ok(client.POST(`${all}/upload-url`, { params: within(), body }));
    const headers = { "Content-Type": "text/plain", ...(target.headers as Record<string, string>) };
    const put = await fetch(new URL(target.upload_url, url), { method: "PUT", headers, body: text });
    holds(put.ok, "the bytes are taken", await put.text());
    return ok(client.POST(`${one}/complete`, { params: { path: { org_id, evidence_id: target.evidence_id } } }));
  };
  file = await upload();
  holds(file.status === "stored" && file.size === text.length && file.control_refs[0] === ref, "a file is kept", file);
  const params = { path: { org_id, evidence_id: file.id } };
  const read = await until(() => client.GET(one, { params }), (it) => it.text_length !== null);
  holds(read.text?.includes("every quarter"), "its text is read", read);
  await list<Schemas["EvidenceBody"]>(client.GET(all, { params: within() }), ["filename", "sha256"]);
  const changed = await ok(client.PATCH(one, { params, body: { review: "approved" } }));
  holds(changed.review === "approved", "evidence is reviewed", changed);
  await ok(client.GET(`${one}/integrity`, { params }));
  const handed = await ok(client.GET(`${all}/download-url`, { params: { ...within(), query: { key: file.object_key } } }));
  holds((await (await fetch(new URL(handed.url, url))).text()) === text, "the bytes come back");
  holds((await ok(client.POST(`${one}/hold`, { params, body: { reason: "a lawsuit" } }))).legal_hold, "evidence is held");
  holds(!(await ok(client.DELETE(`${one}/hold`, { params }))).legal_hold, "evidence is released");
  await list<Schemas["CustodyEventBody"]>(client.GET(`${one}/custody`, { params }), ["id"], 3);
  const spare = await upload();
  await ok(client.DELETE(one, { params: { path: { org_id, evidence_id: spare.id } } }));
  const items = [{ url: `${url}/api/v1/redoc`, filename: "page.html" }];
  const job = await ok(client.POST(`${all}/bulk-import`, { params: within(), body: { items } }));
  const done = await until(
    () => client.GET(`${all}/bulk-import/{import_id}`, { params: { path: { org_id, import_id: job.id } } }),
    (it) => it.status !== "queued" && it.status !== "running",
  );
  holds(done.items.length === 1, "an address is fetched, or it is said why not", done);
});

domain("Assessments", async () => {
  const all = "/api/v1/orgs/{org_id}/assessments";
  const one = "/api/v1/orgs/{org_id}/assessments/{assessment_id}";
  const path = (id: string) => ({ org_id, assessment_id: id });
  const create = () => client.POST(all, { params: within(), body: { framework_id: framework.id, name: "First half" } });
  await life<Schemas["AssessmentBody"]>({
    create,
    read: (id) => client.GET(one, { params: { path: path(id) } }),
    list: () => client.GET(all, { params: within() }),
    change: (id, tag) => client.PATCH(one, { params: { path: path(id), header: seen(tag) }, body: { scope: "The head office" } }),
    is: (it) => it.scope === "The head office",
    remove: (id) => client.DELETE(one, { params: { path: path(id) } }),
  });
  assessment_id = (await ok(create())).id;
  const params = { path: { org_id, assessment_id } };
  await ok(client.POST(`${one}/execute`, { params }));
  const done = await until(() => client.GET(`${one}/status`, { params }), (it) => ["completed", "failed"].includes(it.status));
  holds(done.status === "completed" && done.controls_evaluated === done.controls_total, "it is carried out", done);
  const summary = await ok(client.GET(`${one}/summary`, { params }));
  holds(summary.assessment_id === assessment_id && summary.by_family.length > 0, "it is summed up", summary);
});

domain("Findings", async () => {
  const all = "/api/v1/orgs/{org_id}/findings";
  const query = { assessment_id, limit: 3 };
  const found = await list<Schemas["FindingBody"]>(client.GET(all, { params: { ...within(), query } }), ["control_ref", "rationale"], 3);
  const params = { path: { org_id, finding_id: found[0]!.id } };
  const read = await ok(client.GET(`${all}/{finding_id}`, { params }));
  const changed = await ok(client.PATCH(`${all}/{finding_id}`, { params, body: { remediation_notes: "Ask the owner" } }));
  holds(changed.remediation_notes === "Ask the owner" && changed.revision === read.revision + 1, "it is changed", changed);
  const stats = await ok(client.GET(`${all}/stats`, { params: { ...within(), query: { assessment_id } } }));
  holds(stats.total > 0, "findings are counted", stats);
  holds((await ok(client.GET(`${all}/{finding_id}/history`, { params }))).items.length > 0, "a finding has a history");
});

domain("Risk", async () => {
  const all = "/api/v1/orgs/{org_id}/risks/register";
  const one = "/api/v1/orgs/{org_id}/risks/register/{entry_id}";
  const path = (entry_id: string) => ({ org_id, entry_id });
  const body = { title: "A supplier loses data", category: "third_party", likelihood: 3, impact: 4 } as const;
  await life<Schemas["Risk"]>({
    create: () => client.POST(all, { params: within(), body }),
    read: (id) => client.GET(one, { params: { path: path(id) } }),
    list: () => client.GET(all, { params: within() }),
    change: (id, tag) =>
      client.PATCH(one, { params: { path: path(id), header: seen(tag) }, body: { likelihood: 4, owner_id: me } }),
    is: (it) => it.inherent_score === 16 && it.owner_id === me && it.impact === 4,
    remove: (id) => client.DELETE(one, { params: { path: path(id) } }),
  });
  // The same key makes one risk.
  const once = { ...within(), header: { "Idempotency-Key": "smoke" } };
  risk = await ok(client.POST(all, { params: once, body }));
  holds((await ok(client.POST(all, { params: once, body }))).id === risk.id, "the first answer is repeated");
  const query = { category: "third_party", likelihood__gte: 3, include_total: true, sort: "-inherent_score" } as const;
  const page = await ok(client.GET(all, { params: { ...within(), query } }));
  holds(page.total === 1 && page.items[0]?.id === risk.id, "a list is filtered", page);
  const part = await ok(client.GET(all, { params: { ...within(), query: { fields: "title" } } }));
  holds(Object.keys(part.items[0]!).sort().join() === "id,title", "a part of a record comes", part);
  const treated = { path: path(risk.id) };
  const treatment = await ok(client.POST(`${one}/treatments`, { params: treated, body: { title: "A second supplier" } }));
  const id = { path: { ...path(risk.id), treatment_id: treatment.id } };
  await ok(client.PATCH(`${one}/treatments/{treatment_id}`, { params: id, body: { cost: 1000.5 } }));
  const treatments = await list<Schemas["Treatment"]>(client.GET(`${one}/treatments`, { params: treated }), ["title", "cost"]);
  holds(treatments[0]?.cost === 1000.5, "a treatment is changed", treatments);
  await ok(client.DELETE(`${one}/treatments/{treatment_id}`, { params: id }));
  holds((await ok(client.GET(`${one}/history`, { params: treated }))).items.length > 0, "a risk has a history");
  holds((await ok(client.GET("/api/v1/orgs/{org_id}/risks/matrix", { params: within() }))).grid.length === 5, "there is a matrix");
  holds((await ok(client.GET("/api/v1/orgs/{org_id}/risks/heatmap", { params: within() }))).inherent.length > 0, "there is a heat map");
  await ok(client.GET("/api/v1/orgs/{org_id}/risks/appetite", { params: within() }));
  await ok(client.GET("/api/v1/orgs/{org_id}/risks/dashboard", { params: within() }));
  await indicators();
  await analyses();
});

async function indicators(): Promise<void> {
  const all = "/api/v1/orgs/{org_id}/risks/kris";
  const one = "/api/v1/orgs/{org_id}/risks/kris/{kri_id}";
  const path = (kri_id: string) => ({ org_id, kri_id });
  const body = { name: "Late deliveries", direction: "higher_is_worse", amber: 5, red: 10 } as const;
  const create = () => client.POST(all, { params: within(), body });
  await life<Schemas["Kri"]>({
    create,
    read: (id) => client.GET(one, { params: { path: path(id) } }),
    list: () => client.GET(all, { params: within() }),
    change: (id, tag) => client.PATCH(one, { params: { path: path(id), header: seen(tag) }, body: { unit: "per month" } }),
    is: (it) => it.unit === "per month",
    remove: (id) => client.DELETE(one, { params: { path: path(id) } }),
  });
  const params = { path: path((await ok(create())).id) };
  // One value is answered with the reading, many with how many there were.
  const reading = await ok(client.POST(`${one}/values`, { params, body: { value: 12 } }));
  holds("value" in reading && reading.value === 12, "a value is recorded", reading);
  const values = [{ value: 3, recorded_at: "2026-03-01T12:00:00Z" }];
  const recorded = await ok(client.POST(`${one}/values`, { params, body: { values } }));
  holds("recorded" in recorded && recorded.recorded === 1, "values are recorded", recorded);
  await list<Schemas["KriReading"]>(client.GET(`${one}/values`, { params }), ["value"], 2);
  await list<Schemas["KriBreach"]>(client.GET(`${all}/breaches`, { params: within() }), ["id"]);
}

async function analyses(): Promise<void> {
  const all = "/api/v1/orgs/{org_id}/risks/fair";
  const one = "/api/v1/orgs/{org_id}/risks/fair/{analysis_id}";
  const path = (analysis_id: string) => ({ org_id, analysis_id });
  const model = {
    lef: { type: "pert", min: 0.1, mode: 0.5, max: 2 },
    loss_magnitude: { type: "lognormal", low: 10_000, high: 1_000_000 },
  };
  const create = () => client.POST(all, { params: within(), body: { name: "Loss of data", model } });
  await life<Schemas["FairAnalysis"]>({
    create,
    read: (id) => client.GET(one, { params: { path: path(id) } }),
    list: () => client.GET(all, { params: within() }),
    change: (id, tag) => client.PATCH(one, { params: { path: path(id), header: seen(tag) }, body: { description: "Yearly" } }),
    is: (it) => it.description === "Yearly",
    remove: (id) => client.DELETE(one, { params: { path: path(id) } }),
  });
  const params = { path: path((await ok(create())).id) };
  await ok(client.POST(`${one}/run`, { params }));
  await list<Schemas["FairRun"]>(client.GET(`${one}/runs`, { params }), ["status"]);
  const scenarios = "/api/v1/orgs/{org_id}/risks/scenarios";
  const scenario = (scenario_id: string) => ({ org_id, scenario_id });
  await life<Schemas["Scenario"]>({
    create: () => client.POST(scenarios, { params: within(), body: { top_event: "The supplier is breached" } }),
    read: (id) => client.GET(`${scenarios}/{scenario_id}`, { params: { path: scenario(id) } }),
    list: () => client.GET(scenarios, { params: within() }),
    change: (id, tag) =>
      client.PATCH(`${scenarios}/{scenario_id}`, { params: { path: scenario(id), header: seen(tag) }, body: { description: "Bow tie" } }),
    is: (it) => it.description === "Bow tie",
    remove: (id) => client.DELETE(`${scenarios}/{scenario_id}`, { params: { path: scenario(id) } }),
  });
}

domain("Vendors", async () => {
  const all = "/api/v1/orgs/{org_id}/vendors";
  const one = "/api/v1/orgs/{org_id}/vendors/{vendor_id}";
  const path = (id: string) => ({ org_id, vendor_id: id });
  const create = () => client.POST(all, { params: within(), body: { name: "Cloud Ltd", country: "DE", website: "https://example.com/" } });
  await life<Schemas["Vendor"]>({
    create,
    read: (id) => client.GET(one, { params: { path: path(id) } }),
    list: () => client.GET(all, { params: within() }),
    change: (id, tag) =>
      client.PATCH(one, { params: { path: path(id), header: seen(tag) }, body: { risk_tier: "high", tier_reason: "Holds our data" } }),
    is: (it) => it.risk_tier === "high" && it.country === "DE",
    remove: (id) => client.DELETE(one, { params: { path: path(id) } }),
  });
  vendor_id = (await ok(create())).id;
  const services = "/api/v1/orgs/{org_id}/vendors/{vendor_id}/services";
  const service = (service_id: string) => ({ org_id, vendor_id, service_id });
  await life<Schemas["VendorService"]>({
    create: () => client.POST(services, { params: { path: path(vendor_id) }, body: { name: "Hosting" } }),
    read: (id) => client.GET(`${services}/{service_id}`, { params: { path: service(id) } }),
    list: () => client.GET(services, { params: { path: path(vendor_id) } }),
    change: (id, tag) =>
      client.PATCH(`${services}/{service_id}`, { params: { path: service(id), header: seen(tag) }, body: { description: "Two sites" } }),
    is: (it) => it.description === "Two sites",
    remove: (id) => client.DELETE(`${services}/{service_id}`, { params: { path: service(id) } }),
  });
  const contract = (contract_id: string) => ({ org_id, contract_id });
  await life<Schemas["VendorContract"]>({
    create: () => client.POST(`${all}/contracts`, { params: within(), body: { vendor_id, reference: "C-1" } }),
    read: (id) => client.GET(`${all}/contracts/{contract_id}`, { params: { path: contract(id) } }),
    list: () => client.GET(`${all}/contracts`, { params: within() }),
    change: (id, tag) =>
      client.PATCH(`${all}/contracts/{contract_id}`, { params: { path: contract(id), header: seen(tag) }, body: { title: "Hosting" } }),
    is: (it) => it.title === "Hosting",
    remove: (id) => client.DELETE(`${all}/contracts/{contract_id}`, { params: { path: contract(id) } }),
  });
  const sections = [{ title: "Data", questions: [{ key: "q1", text: "Is data encrypted?", type: "text" as const }] }];
  const template = (template_id: string) => ({ org_id, template_id });
  const questionnaire = () => client.POST(`${all}/questionnaires`, { params: within(), body: { name: "Security", sections } });
  await life<Schemas["VendorQuestionnaire"]>({
    create: questionnaire,
    read: (id) => client.GET(`${all}/questionnaires/{template_id}`, { params: { path: template(id) } }),
    list: () => client.GET(`${all}/questionnaires`, { params: within() }),
    change: (id, tag) =>
      client.PATCH(`${all}/questionnaires/{template_id}`, { params: { path: template(id), header: seen(tag) }, body: { description: "Short" } }),
    is: (it) => it.description === "Short" && it.sections[0]?.questions[0]?.key === "q1",
    remove: (id) => client.DELETE(`${all}/questionnaires/{template_id}`, { params: { path: template(id) } }),
  });
  const template_id = (await ok(questionnaire())).id;
  const assessment = (id: string) => ({ org_id, assessment_id: id });
  await life<Schemas["VendorAssessment"]>({
    create: () => client.POST(`${all}/assessments`, { params: within(), body: { vendor_id, template_id } }),
    read: (id) => client.GET(`${all}/assessments/{assessment_id}`, { params: { path: assessment(id) } }),
    list: () => client.GET(`${all}/assessments`, { params: within() }),
    change: (id, tag) =>
      client.PATCH(`${all}/assessments/{assessment_id}`, { params: { path: assessment(id), header: seen(tag) }, body: { title: "This year" } }),
    is: (it) => it.title === "This year",
    remove: (id) => client.DELETE(`${all}/assessments/{assessment_id}`, { params: { path: assessment(id) } }),
  });
  holds((await ok(client.GET(`${all}/stats`, { params: within() }))).total === 1, "vendors are counted");
});

domain("Incidents", async () => {
  const all = "/api/v1/orgs/{org_id}/incidents";
  const one = "/api/v1/orgs/{org_id}/incidents/{incident_id}";
  const body = { title: "Phishing mail", category: "phishing", severity: "high" } as const;
  const made = await ok(client.POST(all, { params: within(), body }));
  holds(made.phase === "detection" && made.severity === "high", "an incident is reported", made);
  const path = { org_id, incident_id: made.id };
  holds((await ok(client.GET(one, { params: { path } }))).title === body.title, "it is read");
  await list<Schemas["Incident"]>(client.GET(all, { params: within() }), ["phase", "sla"]);
  const changed = await ok(client.PATCH(one, { params: { path }, body: { notes: "Two mailboxes" } }));
  holds(changed.notes === "Two mailboxes", "it is changed", changed);
  holds((await ok(client.POST(`${one}/acknowledge`, { params: { path } }))).acknowledged_at, "it is acknowledged");
  const task = (task_id: string) => ({ ...path, task_id });
  await life<Schemas["IncidentTask"]>({
    create: () => client.POST(`${one}/tasks`, { params: { path }, body: { title: "Reset passwords" } }),
    read: (id) => client.GET(`${one}/tasks/{task_id}`, { params: { path: task(id) } }),
    list: () => client.GET(`${one}/tasks`, { params: { path } }),
    change: (id, tag) =>
      client.PATCH(`${one}/tasks/{task_id}`, { params: { path: task(id), header: seen(tag) }, body: { description: "Both" } }),
    is: (it) => it.description === "Both",
    remove: (id) => client.DELETE(`${one}/tasks/{task_id}`, { params: { path: task(id) } }),
  });
  await ok(client.POST(`${one}/timeline`, { params: { path }, body: { event_type: "note", description: "The sender is blocked" } }));
  await list<Schemas["IncidentTimelineEntry"]>(client.GET(`${one}/timeline`, { params: { path } }), ["description"]);
  await ok(client.POST(`${one}/evidence/collect`, { params: { path }, body: { evidence_ids: [file.id] } }));
  await list<Schemas["IncidentEvidence"]>(client.GET(`${one}/evidence`, { params: { path } }), ["id"]);
  // An answer that is no JSON is asked for as what it is.
  const archive = await client.GET(`${one}/evidence/export`, { params: { path }, parseAs: "arrayBuffer" });
  const bytes = new Uint8Array(archive.data ?? fail("there is a package"));
  holds(bytes[0] === 0x50 && bytes[1] === 0x4b, "it is a zip archive");
  holds((await ok(client.GET(`${one}/history`, { params: { path } }))).items.length > 0, "it has a history");
  await ok(client.GET(`${one}/metrics`, { params: { path } }));
  await ok(client.GET(`${all}/metrics`, { params: within() }));
  const spare = await ok(client.POST(all, { params: within(), body }));
  const gone = { path: { org_id, incident_id: spare.id } };
  await ok(client.DELETE(one, { params: gone }));
  await refused(client.GET(one, { params: gone }), 404, "NOT_FOUND");
});

domain("Business continuity", async () => {
  const bcm = "/api/v1/orgs/{org_id}/bcm";
  const process = { name: "Payroll", criticality: "business_critical", rto_hours: 8, rpo_hours: 4, mtd_hours: 24 } as const;
  const process_id = (id: string) => ({ path: { org_id, process_id: id } });
  const createProcess = () => client.POST(`${bcm}/processes`, { params: within(), body: process });
  await life<Schemas["Process"]>({
    create: createProcess,
    read: (id) => client.GET(`${bcm}/processes/{process_id}`, { params: process_id(id) }),
    list: () => client.GET(`${bcm}/processes`, { params: within() }),
    change: (id, tag) =>
      client.PATCH(`${bcm}/processes/{process_id}`, { params: { ...process_id(id), header: seen(tag) }, body: { rto_hours: 6 } }),
    is: (it) => it.rto_hours === 6,
    remove: (id) => client.DELETE(`${bcm}/processes/{process_id}`, { params: process_id(id) }),
  });
  const payroll = await ok(createProcess());
  const asset_id = (id: string) => ({ path: { org_id, asset_id: id } });
  const createAsset = () => client.POST(`${bcm}/assets`, { params: within(), body: { name: "Database", type: "application" } });
  await life<Schemas["Asset"]>({
    create: createAsset,
    read: (id) => client.GET(`${bcm}/assets/{asset_id}`, { params: asset_id(id) }),
    list: () => client.GET(`${bcm}/assets`, { params: within() }),
    change: (id, tag) =>
      client.PATCH(`${bcm}/assets/{asset_id}`, { params: { ...asset_id(id), header: seen(tag) }, body: { region: "eu-west" } }),
    is: (it) => it.region === "eu-west",
    remove: (id) => client.DELETE(`${bcm}/assets/{asset_id}`, { params: asset_id(id) }),
  });
  const database = await ok(createAsset());
  const [source, target] = [{ id: payroll.id, type: "process" as const }, { id: database.id, type: "asset" as const }];
  const dependency_id = (id: string) => ({ path: { org_id, dependency_id: id } });
  const createDependency = () => client.POST(`${bcm}/dependencies`, { params: within(), body: { source, target } });
  await life<Schemas["Dependency"]>({
    create: createDependency,
    read: (id) => client.GET(`${bcm}/dependencies/{dependency_id}`, { params: dependency_id(id) }),
    list: () => client.GET(`${bcm}/dependencies`, { params: within() }),
    change: (id, tag) =>
      client.PATCH(`${bcm}/dependencies/{dependency_id}`, { params: { ...dependency_id(id), header: seen(tag) }, body: { strength: "soft" } }),
    is: (it) => it.strength === "soft",
    remove: (id) => client.DELETE(`${bcm}/dependencies/{dependency_id}`, { params: dependency_id(id) }),
  });
  await ok(createDependency());
  const graph = await ok(client.GET(`${bcm}/dependencies/graph`, { params: within() }));
  holds(graph.nodes.length === 2 && graph.edges.length === 1, "there is a graph", graph);
  const outage = await ok(client.POST(`${bcm}/simulate`, { params: within(), body: { nodes: [target], duration_hours: 12 } }));
  holds(outage.duration_hours === 12 && outage.assets_down[0]?.name === "Database", "an outage is simulated", outage);
  const plan_id = (id: string) => ({ path: { org_id, plan_id: id } });
  const createPlan = () => client.POST(`${bcm}/recovery-plans`, { params: within(), body: { name: "Restore", process_id: payroll.id } });
  await life<Schemas["RecoveryPlan"]>({
    create: createPlan,
    read: (id) => client.GET(`${bcm}/recovery-plans/{plan_id}`, { params: plan_id(id) }),
    list: () => client.GET(`${bcm}/recovery-plans`, { params: within() }),
    change: (id, tag) =>
      client.PATCH(`${bcm}/recovery-plans/{plan_id}`, { params: { ...plan_id(id), header: seen(tag) }, body: { strategy: "Second site" } }),
    is: (it) => it.strategy === "Second site",
    remove: (id) => client.DELETE(`${bcm}/recovery-plans/{plan_id}`, { params: plan_id(id) }),
  });
  const params = plan_id((await ok(createPlan())).id);
  const body = { date: "2026-03-01", type: "tabletop" } as const;
  await ok(client.POST(`${bcm}/recovery-plans/{plan_id}/exercises`, { params, body }));
  await list<Schemas["RecoveryExercise"]>(client.GET(`${bcm}/recovery-plans/{plan_id}/exercises`, { params }), ["date"]);
  await ok(client.GET(`${bcm}/consistency`, { params: within() }));
});

domain("Reports", async () => {
  const all = "/api/v1/orgs/{org_id}/reports";
  const body = { type: "compliance_summary", format: "pdf", assessment_id } as const;
  const made = await ok(client.POST(all, { params: within(), body }));
  const params = { path: { org_id, report_id: made.id } };
  const done = await until(() => client.GET(`${all}/{report_id}`, { params }), (it) => ["completed", "failed"].includes(it.status));
  holds(done.status === "completed" && done.sha256, "a report is made", done);
  const pdf = await client.GET(`${all}/{report_id}/download`, { params, parseAs: "arrayBuffer" });
  holds(new TextDecoder().decode(pdf.data?.slice(0, 5)) === "%PDF-", "it is a PDF");
  await list<Schemas["ReportBody"]>(client.GET(all, { params: within() }), ["title", "status"]);
  const query = { type: "compliance_summary", assessment_id } as const;
  const page = await client.GET(`${all}/preview`, { params: { ...within(), query }, parseAs: "text" });
  holds((page.data as string | undefined)?.toLowerCase().startsWith("<!doctype html"), "a preview is HTML", page.data);
  await ok(client.DELETE(`${all}/{report_id}`, { params }));
});

domain("Tasks", async () => {
  const all = "/api/v1/orgs/{org_id}/tasks";
  const task_id = (id: string) => ({ path: { org_id, task_id: id } });
  const due_date = new Date(Date.now() + 30 * 86_400_000).toISOString().slice(0, 10);
  const create = () => client.POST(all, { params: within(), body: { title: "Review access", due_date, rrule: "FREQ=MONTHLY" } });
  await life<Schemas["Task"]>({
    create,
    read: (id) => client.GET(`${all}/{task_id}`, { params: task_id(id) }),
    list: () => client.GET(all, { params: within() }),
    change: (id, tag) => client.PATCH(`${all}/{task_id}`, { params: { ...task_id(id), header: seen(tag) }, body: { assignee_id: me } }),
    is: (it) => it.assignee_id === me && it.due_date === due_date,
    remove: (id) => client.DELETE(`${all}/{task_id}`, { params: task_id(id) }),
  });
  const done = await ok(client.POST(`${all}/{task_id}/complete`, { params: task_id((await ok(create())).id) }));
  holds(done.task.status === "done" && done.next_task?.series_id === done.task.series_id, "the next task comes", done);
});

domain("Links", async () => {
  const all = "/api/v1/orgs/{org_id}/links";
  const body = { from: { type: "control", id: control.id }, to: { type: "risk", id: risk.id }, relation: "mitigates" } as const;
  const made = await ok(client.POST(all, { params: within(), body }));
  holds(made.from.id === control.id && made.to_type === "risk", "two records are linked", made);
  const params = { path: { org_id, link_id: made.id } };
  holds((await ok(client.GET(`${all}/{link_id}`, { params }))).relation === "mitigates", "a link is read");
  await list<Schemas["Link"]>(client.GET(all, { params: within() }), ["from", "to", "relation"]);
  await ok(client.DELETE(`${all}/{link_id}`, { params }));
  await refused(client.GET(`${all}/{link_id}`, { params }), 404, "NOT_FOUND");
});

domain("Webhooks", async () => {
  const all = "/api/v1/orgs/{org_id}/webhooks";
  const webhook_id = (id: string) => ({ path: { org_id, webhook_id: id } });
  // The service itself refuses what comes, which is enough for a delivery that can be read.
  const create = () => client.POST(all, { params: within(), body: { url: `${url}/api/v1/health/live`, events: ["risk.*"] } });
  await life<Schemas["Webhook"]>({
    create,
    read: (id) => client.GET(`${all}/{webhook_id}`, { params: webhook_id(id) }),
    list: () => client.GET(all, { params: within() }),
    change: (id, tag) => client.PATCH(`${all}/{webhook_id}`, { params: { ...webhook_id(id), header: seen(tag) }, body: { description: "Ours" } }),
    is: (it) => it.description === "Ours" && it.events.join() === "risk.*",
    remove: (id) => client.DELETE(`${all}/{webhook_id}`, { params: webhook_id(id) }),
  });
  const made = await ok(create());
  const params = webhook_id(made.id);
  holds((await ok(client.POST(`${all}/{webhook_id}/rotate-secret`, { params }))).secret !== made.secret, "a secret is replaced");
  const sent = await ok(client.POST(`${all}/{webhook_id}/test`, { params }));
  const deliveries = await list<Schemas["WebhookDelivery"]>(client.GET(`${all}/{webhook_id}/deliveries`, { params }), ["id"]);
  holds(deliveries.some((one) => one.id === sent.id), "a delivery is listed", deliveries);
  await ok(client.DELETE(`${all}/{webhook_id}`, { params }));
});

domain("Policy decisions", async () => {
  const opa = "/api/v1/orgs/{org_id}/opa";
  const rego = 'package org.access\n\nimport rego.v1\n\ndefault allow := false\n\nallow if input.role == "owner"\n';
  const params = { path: { org_id, policy_id: "access" } };
  const made = await ok(client.PUT(`${opa}/policies/{policy_id}`, { params, body: { rego } }));
  holds(made.policy_id === "access" && made.package === "org.access", "a policy is put", made);
  holds((await ok(client.GET(`${opa}/policies/{policy_id}`, { params }))).rego === rego, "a policy is read");
  await list<Schemas["OpaPolicy"]>(client.GET(`${opa}/policies`, { params: within() }), ["rego"]);
  await list<Schemas["OpaPolicyVersion"]>(client.GET(`${opa}/policy-versions`, { params: within() }), ["version"]);
  const question = { org_id, path: "org/access/allow", input: { role: "owner" } };
  const verdict = await ok(client.POST("/api/v1/opa/decisions", { body: question }));
  holds(verdict.result === true && verdict.engine === "embedded", "a question is decided", verdict);
  await list<Schemas["PolicyDecision"]>(client.GET(`${opa}/decisions`, { params: within() }), ["path"]);
  const decided = { path: { org_id, decision_id: verdict.decision_id } };
  holds((await ok(client.GET(`${opa}/decisions/{decision_id}`, { params: decided }))).id === verdict.decision_id, "it is read");
  await ok(client.DELETE(`${opa}/policies/{policy_id}`, { params }));
});

domain("A2A", async () => {
  const grants = "/api/v1/orgs/{org_id}/a2a/grants";
  holds((await ok(client.GET("/.well-known/sovereign-a2a"))).tools.length > 0, "there are tools");
  await ok(client.GET("/api/v1/a2a/health"));
  await ok(client.GET("/api/v1/a2a/metrics"));
  const made = await ok(client.POST(grants, { params: within(), body: { partner: "Cloud Ltd", frameworks: ["SOC2_TYPE2"] } }));
  holds(made.key && made.frameworks[0] === "SOC2_TYPE2", "a grant is made", made);
  await list<Schemas["Grant"]>(client.GET(grants, { params: within() }), ["partner", "prefix"]);
  const attested = { path: { org_id, vendor_id } };
  await list<Schemas["VendorAttestation"]>(client.GET("/api/v1/orgs/{org_id}/vendors/{vendor_id}/attestations", { params: attested }), [], 0);
  await ok(client.DELETE(`${grants}/{grant_id}`, { params: { path: { org_id, grant_id: made.id } } }));
});

domain("Imports", async () => {
  const all = "/api/v1/orgs/{org_id}/imports";
  const { items: templates } = await ok(client.GET(`${all}/templates`, { params: within() }));
  holds(templates.some((one) => one.resource === "risks"), "risks can be imported", templates);
  const wanted = { path: { org_id, resource: "risks" } };
  // Who does not say what they accept is given the table itself, and a generated client says nothing.
  const headers = { Accept: "application/json" };
  const template = await ok(client.GET(`${all}/templates/{resource}`, { params: wanted, headers }));
  holds(template.columns.some((one) => one.name === "title"), "a table of risks has titles", template);
  const items = [{ title: "From a table", category: "cyber", likelihood: 2, impact: 2 }];
  const job = await ok(client.POST(all, { params: { ...within(), query: { resource: "risks" } }, body: { items } }));
  const done = await until(
    () => client.GET(`${all}/{import_id}`, { params: { path: { org_id, import_id: job.id } } }),
    (it) => it.status !== "queued" && it.status !== "running",
  );
  holds(done.status === "completed" && done.result.created === 1 && done.items.length === 0, "a table is imported", done);
  imported = job.id;
});

domain("Jobs", async () => {
  const all = "/api/v1/orgs/{org_id}/jobs";
  // A job has an id of its own; its result says what it is about.
  const jobs = await list<Schemas["JobBody"]>(client.GET(all, { params: within() }), ["kind", "status", "result"]);
  const found = jobs.find((one) => one.result.id === imported) ?? fail(`no job of the import: ${JSON.stringify(jobs)}`);
  const one = await ok(client.GET(`${all}/{job_id}`, { params: { path: { org_id, job_id: found.id } } }));
  holds(one.kind === found.kind && one.status === "completed", "a job is read", one);
});

domain("Batch", async () => {
  const body = { title: "From a batch", category: "cyber", likelihood: 1, impact: 1 };
  const operations = [
    { method: "POST" as const, path: "/risks/register", body },
    { method: "GET" as const, path: "/risks/register?category=cyber" },
  ];
  const done = await ok(client.POST("/api/v1/orgs/{org_id}/batch", { params: within(), body: { operations } }));
  holds(done.succeeded === 2 && done.failed === 0 && done.failed_at === null, "all succeed", done);
  holds(done.results.map((one) => one.status).join() === "201,200", "each has its status", done);
  holds((done.results[0]?.body as Schemas["Risk"]).title === "From a batch", "each has its body", done);
});

domain("Search", async () => {
  const all = "/api/v1/orgs/{org_id}/search";
  const found = await until(() => client.GET(all, { params: { ...within(), query: { q: "supplier" } } }), (it) => it.total > 0);
  holds(found.items.some((hit) => hit.id === risk.id && hit.type === "risk"), "the risk is found", found);
  const risks = await ok(client.GET(all, { params: { ...within(), query: { q: "supplier", type: "risk" } } }));
  holds(risks.items.every((hit) => hit.type === "risk"), "one type is asked for", risks);
});

domain("Changes", async () => {
  const all = "/api/v1/orgs/{org_id}/changes";
  const first = await ok(client.GET(all, { params: { ...within(), query: { limit: 2 } } }));
  const cursor = first.next_cursor ?? fail("there is more");
  const [last] = (first.items as Schemas["Change"][]).slice(-1);
  const then = await list<Schemas["Change"]>(client.GET(all, { params: { ...within(), query: { cursor, limit: 2 } } }), ["sequence", "type"]);
  holds(then[0]!.sequence > last!.sequence, "the cursor goes on", then);
});

domain("Audit", async () => {
  const all = "/api/v1/orgs/{org_id}/audit-log";
  const entries = await list<Schemas["AuditEntry"]>(client.GET(all, { params: { ...within(), query: { limit: 10 } } }), ["hash", "actor"], 10);
  const params = { path: { org_id, entry_id: entries[0]!.id } };
  holds((await ok(client.GET(`${all}/{entry_id}`, { params }))).hash === entries[0]!.hash, "an entry is read");
  const verdict = await ok(client.POST(`${all}/verify`, { params: within() }));
  holds(verdict.valid && verdict.entries > 10, "the log is whole", verdict);
});

// The compiler refuses this where a list of the document lacks, or where one is named that the document does not have.
const lists: Record<Lists, true> = {
  "/api/v1/orgs/{org_id}/a2a/grants": true,
  "/api/v1/orgs/{org_id}/a2a/issued": true,
  "/api/v1/orgs/{org_id}/api-keys": true,
  "/api/v1/orgs/{org_id}/assessments": true,
  "/api/v1/orgs/{org_id}/audit-log": true,
  "/api/v1/orgs/{org_id}/audit-log/checkpoints": true,
  "/api/v1/orgs/{org_id}/bcm/assets": true,
  "/api/v1/orgs/{org_id}/bcm/dependencies": true,
  "/api/v1/orgs/{org_id}/bcm/processes": true,
  "/api/v1/orgs/{org_id}/bcm/recovery-plans": true,
  "/api/v1/orgs/{org_id}/changes": true,
  "/api/v1/orgs/{org_id}/controls": true,
  "/api/v1/orgs/{org_id}/evidence": true,
  "/api/v1/orgs/{org_id}/findings": true,
  "/api/v1/orgs/{org_id}/frameworks": true,
  "/api/v1/orgs/{org_id}/incidents": true,
  "/api/v1/orgs/{org_id}/jobs": true,
  "/api/v1/orgs/{org_id}/links": true,
  "/api/v1/orgs/{org_id}/opa/decisions": true,
  "/api/v1/orgs/{org_id}/opa/policies": true,
  "/api/v1/orgs/{org_id}/opa/policy-versions": true,
  "/api/v1/orgs/{org_id}/reports": true,
  "/api/v1/orgs/{org_id}/risks/fair": true,
  "/api/v1/orgs/{org_id}/risks/kris": true,
  "/api/v1/orgs/{org_id}/risks/kris/breaches": true,
  "/api/v1/orgs/{org_id}/risks/register": true,
  "/api/v1/orgs/{org_id}/risks/scenarios": true,
  "/api/v1/orgs/{org_id}/tasks": true,
  "/api/v1/orgs/{org_id}/users": true,
  "/api/v1/orgs/{org_id}/vendors": true,
  "/api/v1/orgs/{org_id}/vendors/assessments": true,
  "/api/v1/orgs/{org_id}/vendors/contracts": true,
  "/api/v1/orgs/{org_id}/vendors/questionnaires": true,
  "/api/v1/orgs/{org_id}/webhooks": true,
};

const tags = document.tags.map((tag) => tag.name);
const tried = domains.map(([tag]) => tag);
const other = [...tags.filter((tag) => !tried.includes(tag)), ...tried.filter((tag) => !tags.includes(tag))];
if (other.length > 0) fail(`domains that nothing tries, or that are no more: ${other}`);
for (const [tag, run] of domains) {
  const before = count().calls;
  try {
    await run();
  } catch (error) {
    fail(`typescript: ${tag}: ${error instanceof Error ? error.stack : error}`);
  }
  console.log(`typescript: ${tag}: ${count().calls - before} calls`);
}
const every = Object.keys(lists) as Lists[];
for (const path of every) {
  const page = await ok(client.GET(path, { params: { ...within(), query: { limit: 1 } } }));
  holds(page.items.length <= 1, "a page is no longer than asked for", page);
}
console.log(`typescript: all ${every.length} lists of an organization`);
const operations = Object.values(document.paths).flatMap((item) => Object.keys(item)).length;
console.log(`typescript: ${count().operations} of ${operations} operations, ${count().calls} calls`);
