// What the smoke test needs: a client made from the document, and the means to hold its answers to the document.
import createClient from "openapi-fetch";
import type { components, paths } from "./api";

// Of the program's surroundings no more than this is used, so that their types need no package.
declare const process: { env: Record<string, string | undefined>; exit(code: number): never };

export const fail = (why: string): never => {
  console.error(why);
  process.exit(1);
};

const setting = (name: string): string => process.env[name] ?? fail(`${name} is not set: cargo xtask clients does it`);

export const url = setting("GRC_URL");
export const email = setting("GRC_EMAIL");
export const password = setting("GRC_PASSWORD");

export type Schemas = components["schemas"];

/** An answer, as the client gives it. */
type Asked<T> = Promise<{ data?: T; error?: unknown; response: Response }>;

export const client = createClient<paths, "application/json" | "application/problem+json">({ baseUrl: url });
let token: string | undefined;
let calls = 0;
const called = new Set<string>();

/** Who calls from now on. */
export const as = (next: string | undefined): string | undefined => {
  const before = token;
  token = next;
  return before;
};

/** How many calls there were, and of how many operations. */
export const count = (): { calls: number; operations: number } => ({ calls, operations: called.size });

export const holds = (condition: unknown, what: string, shown?: unknown): void => {
  if (!condition) fail(`not so: ${what} ${shown === undefined ? "" : JSON.stringify(shown).slice(0, 2000)}`);
};

type Schema = {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  items?: Schema;
  required?: string[];
  properties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
};
type Answers = { $ref?: string; content?: Record<string, { schema: Schema }> };
type Document = {
  tags: { name: string }[];
  paths: Record<string, Record<string, { responses: Record<string, Answers> }>>;
  components: { schemas: Record<string, Schema>; responses: Record<string, Answers> };
};

export const document = (await (await fetch(`${url}/api/v1/openapi.json`)).json()) as Document;

const kind = (value: unknown): string => (value === null ? "null" : Array.isArray(value) ? "array" : typeof value);

/** Where a value is not what a schema says: types, words, members that lack and members that nobody knows. */
function wrong(schema: Schema, value: unknown, at: string): string | undefined {
  if (schema.$ref) return wrong(document.components.schemas[schema.$ref.split("/")[3]!]!, value, at);
  const either = schema.anyOf ?? schema.oneOf;
  if (either) {
    const all = either.map((one) => wrong(one, value, at));
    return all.includes(undefined) ? undefined : all[0];
  }
  const types = schema.type === undefined ? [] : [schema.type].flat();
  const fits = (type: string): boolean =>
    type === "integer" ? Number.isInteger(value) : kind(value) === type;
  if (types.length > 0 && !types.some(fits)) return `${at} is ${kind(value)} and not ${types.join(" or ")}`;
  if (schema.enum && !schema.enum.includes(value)) return `${at} is ${JSON.stringify(value)}, none of ${schema.enum}`;
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      const bad = schema.items && wrong(schema.items, item, `${at}[${index}]`);
      if (bad) return bad;
    }
  } else if (kind(value) === "object") {
    const members = value as Record<string, unknown>;
    const lacks = (schema.required ?? []).find((name) => !(name in members));
    if (lacks) return `${at}.${lacks} is not there`;
    for (const [name, member] of Object.entries(members)) {
      const known = schema.properties?.[name];
      if (!known && schema.additionalProperties === false) return `${at}.${name} is not in the document`;
      const bad = known && wrong(known, member, `${at}.${name}`);
      if (bad) return bad;
    }
  }
  return undefined;
}

client.use({
  onRequest({ request }) {
    if (token) request.headers.set("Authorization", `Bearer ${token}`);
    return request;
  },
  async onResponse({ schemaPath, request, response }) {
    const name = `${request.method} ${schemaPath}`;
    calls += 1;
    called.add(name);
    const operation = document.paths[schemaPath]?.[request.method.toLowerCase()] ?? fail(`no ${name} in the document`);
    let answer = operation.responses[response.status];
    if (answer?.$ref) answer = document.components.responses[answer.$ref.split("/")[3]!];
    if (!answer) return fail(`${name} answers ${response.status}, which the document does not have: ${await response.text()}`);
    const media = response.headers.get("content-type")?.split(";")[0] ?? "";
    if (!answer.content) return undefined;
    const promised = answer.content[media] ?? fail(`${name} answers ${media}, which the document does not have`);
    if (media.endsWith("json")) {
      const bad = wrong(promised.schema, await response.clone().json(), "the answer");
      if (bad) fail(`${name}: ${response.status}: ${bad}`);
    }
    return undefined;
  },
});

/** The answer of a call, which must succeed. */
export async function ok<T>(asked: Asked<T>): Promise<T> {
  const { data, error, response } = await asked;
  if (!response.ok) fail(`${response.url}: ${response.status} ${JSON.stringify(error)}`);
  return data as T;
}

/** A call that must be refused with a problem. */
export async function refused(asked: Promise<{ error?: Schemas["Problem"]; response: Response }>, status: number, code: string): Promise<void> {
  const { error, response } = await asked;
  holds(response.status === status && error?.code === code && error.request_id, `${response.url} is refused`, error);
}

type Page<T> = { items: (T | Schemas["RecordPart"])[]; next_cursor: string | null };

/** The items of a list, of which there must be some; each has these members, so that it is a whole record. */
export async function list<T extends object>(asked: Asked<Page<T>>, members: (keyof T & string)[], least = 1): Promise<T[]> {
  const page = await ok(asked);
  holds(page.items.length >= least, `there are ${least} items`, page);
  for (const item of page.items) for (const member of members) holds(member in item, `an item has ${member}`, item);
  return page.items as T[];
}

/** Reads until it is as wanted. */
export async function until<T>(read: () => Asked<T>, done: (value: T) => boolean): Promise<T> {
  let value: T | undefined;
  for (let round = 0; round < 300; round += 1) {
    value = await ok(read());
    if (done(value)) return value;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return fail(`it did not come to it: ${JSON.stringify(value)}`);
}

type Kept = { id: string; revision: number };
type Refusable<T> = Promise<{ data?: T; error?: Schemas["Problem"]; response: Response }>;

/** Creates a record, reads it, finds it in its list, changes it and deletes it; it is gone then. */
export async function life<T extends Kept>(steps: {
  create: () => Refusable<Kept>;
  read: (id: string) => Refusable<T>;
  list: () => Asked<Page<T>>;
  change: (id: string, seen: string) => Refusable<T>;
  is: (changed: T) => boolean;
  remove: (id: string) => Refusable<undefined>;
}): Promise<void> {
  const made = await ok(steps.create());
  holds(made.revision === 1, "a new record has the revision 1", made);
  const read = await steps.read(made.id);
  holds((await ok(Promise.resolve(read))).id === made.id, "what was made is read", read.data);
  const seen = read.response.headers.get("etag") ?? fail("a record has an ETag");
  const listed = await list(steps.list(), ["id", "revision"]);
  holds(listed.some((one) => one.id === made.id), "what was made is listed", listed);
  const changed = await ok(steps.change(made.id, seen));
  holds(changed.revision === 2 && steps.is(changed), "it is changed", changed);
  await refused(steps.change(made.id, seen), 412, "PRECONDITION_FAILED");
  await ok(steps.remove(made.id));
  await refused(steps.read(made.id), 404, "NOT_FOUND");
}

type Get<P> = P extends { get: { responses: { 200: { content: { "application/json": infer A } } } } } ? A : never;
type PathOf<P> = P extends { get: { parameters: { path: infer I } } } ? keyof I : never;

/** The paths of all lists that need no more than the organization. */
export type Lists = {
  [P in keyof paths]: [Get<paths[P]>] extends [never] ? never
    : Get<paths[P]> extends { items: { id: string }[]; next_cursor: string | null; total_is_lower_bound?: never }
      ? [PathOf<paths[P]>, "org_id"] extends ["org_id", PathOf<paths[P]>] ? P : never
      : never;
}[keyof paths];
