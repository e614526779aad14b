// A client generated from the document compiles, and its types are those that a user expects.
import createClient from "openapi-fetch";
import type { paths } from "./api";

const client = createClient<paths, "application/json" | "application/problem+json">({
  baseUrl: "http://127.0.0.1:8000",
  headers: { Authorization: "Bearer sk-..." },
});
const org_id = "019cdf6a-6000-7a5b-8c1d-2e3f40516273";

const made = await client.POST("/api/v1/orgs/{org_id}/risks/register", {
  params: { path: { org_id }, header: { "Idempotency-Key": "once" } },
  body: { title: "Third-party data breach", category: "third_party", likelihood: 3, impact: 4 },
});
const score: number | undefined = made.data?.inherent_score;
const code: string | undefined = made.error?.code;

const page = await client.GET("/api/v1/orgs/{org_id}/risks/register", {
  params: { path: { org_id }, query: { category: "cyber", likelihood__gte: 3, sort: "-inherent_score", limit: 10 } },
});
const next: string | null | undefined = page.data?.next_cursor;

// @ts-expect-error a word that the enumeration does not have
const wrong: paths["/api/v1/orgs/{org_id}/risks/register"]["post"]["requestBody"]["content"]["application/json"]["category"] = "weather";

console.log(score, code, next, wrong);
