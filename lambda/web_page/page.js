"use strict";
// No markup is ever made of text here: the page's policy forbids it, and names and answers are other people's.
const settings = JSON.parse(document.getElementById("settings").textContent);
const base = location.pathname.replace(/\/*$/, "/");
const $ = (id) => document.getElementById(id);
const KEY = "models.key", LEFT = "models.left";
const held = { key: null, token: null };
let asked = 0; // counts what is shown, so that what comes late is not
let running = null;
let unique = 0;

function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child != null && child !== false));
  return made;
}
const say = (text) => { $("said").textContent = ""; setTimeout(() => { $("said").textContent = text; }, 50); };
const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const plural = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
const size = (bytes) => {
  const units = [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"]];
  const [unit, name] = units.find(([least]) => bytes >= least) || [1, bytes === 1 ? "byte" : "bytes"];
  return `${(bytes / unit).toLocaleString("en", { maximumFractionDigits: 1 })} ${name}`;
};
const duration = (seconds) => seconds < 60 ? plural(Math.round(seconds * 10) / 10, "second")
  : seconds < 3600 ? plural(Math.round(seconds / 60), "minute") : plural(Math.round(seconds / 360) / 10, "hour");
const kindOf = (type) => (type || "").split(";")[0].trim().toLowerCase();
const isJson = (type) => /[/+]json$/.test(kindOf(type));
const isText = (type) => isJson(type) || /^text\/|jsonl|ndjson|jsonlines|[/+](xml|yaml|csv)$/.test(kindOf(type));
const code = (text) => el("code", {}, text);

// --- asking the API --------------------------------------------------------------------------------

class Problem extends Error {
  constructor(document, status, retryAfter) {
    super(document.detail || document.title || "The request failed");
    Object.assign(this, { document, status, retryAfter });
  }
}

async function ask(path, { method = "GET", body, headers = {}, signal } = {}) {
  const credentials = {};
  if (held.token) {
    await renew();
    credentials.Authorization = held.token.access_token;
  }
  if (held.key) credentials["x-api-key"] = held.key;
  const started = performance.now();
  let response, bytes;
  try {
    response = await fetch(base + path, {
      method, body, signal, headers: { ...headers, ...credentials }, credentials: "omit", cache: "no-store", redirect: "error",
    });
    bytes = await response.arrayBuffer();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ title: "No answer came", detail: "The API cannot be reached, or the connection broke. Try again." }, 0);
  }
  const milliseconds = performance.now() - started;
  const type = response.headers.get("content-type") || "";
  if (!response.ok) {
    let said = null;
    try { said = JSON.parse(new TextDecoder().decode(bytes)); } catch { /* it is told without its words */ }
    if (!isObject(said)) said = { title: "The request failed", detail: `The answer has status ${response.status}.` };
    said.request_id ??= response.headers.get("x-request-id");
    throw new Problem(said, response.status, response.headers.get("retry-after"));
  }
  return { status: response.status, headers: response.headers, type, bytes, milliseconds };
}
const askJson = async (path, options) => {
  const answer = await ask(path, options);
  return { ...answer, value: JSON.parse(new TextDecoder().decode(answer.bytes)) };
};

function problemBox({ document: said = {}, status, retryAfter, message }) {
  const text = (value) => (typeof value === "string" ? value : "");
  const errors = Array.isArray(said.errors) ? said.errors.filter(isObject).slice(0, 20) : [];
  return el("div", { class: "problem" },
    el("h3", {}, text(said.title) || "That did not work", status ? ` (${status})` : ""),
    el("p", {}, text(said.detail) || message),
    errors.length > 0 && el("ul", {}, ...errors.map((each) => el("li", {},
      each.line ? `line ${Number(each.line)}, ` : "", code(text(each.pointer) || "(all of it)"), ": ", text(each.detail)))),
    retryAfter && el("p", {}, /^\d+$/.test(retryAfter) ? `Try again in ${duration(Number(retryAfter))}.` : `Try again after ${retryAfter}.`),
    text(said.request_id) && el("p", { class: "hint" }, "Quote this when you ask for help: ", code(said.request_id)));
}

// --- who asks ------------------------------------------------------------------------------------------

const coded = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const here = () => location.origin + base;

/** Code and PKCE: https://docs.aws.amazon.com/cognito/latest/developerguide/using-pkce-in-authorization-code.html */
async function leaveToSignIn(client) {
  const verifier = coded(crypto.getRandomValues(new Uint8Array(48)));
  const state = coded(crypto.getRandomValues(new Uint8Array(24)));
  sessionStorage.setItem(LEFT, JSON.stringify({ verifier, state, client, hash: location.hash }));
  // Without `scope` the token is for all that the client may: no model's name has to stand in this page.
  location.assign(`${settings.sign_in_url}/oauth2/authorize?${new URLSearchParams({
    response_type: "code", client_id: client, redirect_uri: here(), state, code_challenge_method: "S256",
    code_challenge: coded(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))),
  })}`);
}

async function getToken(form) {
  let response, said;
  try {
    response = await fetch(`${settings.sign_in_url}/oauth2/token`, { method: "POST", body: new URLSearchParams(form), credentials: "omit" });
    said = await response.json();
  } catch {
    throw new Problem({ title: "You are not signed in", detail: "Where people sign in could not be reached. Try again." }, 0);
  }
  if (!response.ok || typeof said.access_token !== "string") {
    throw new Problem({ title: "You are not signed in", detail: "The sign-in has expired or was used before. Sign in again." }, response.status);
  }
  const token = { ...held.token, ...said, client: form.client_id };
  token.until = Date.now() + (Number(said.expires_in) || 300) * 1000 - 30000;
  held.token = token;
}

async function renew() {
  if (Date.now() < held.token.until || !held.token.refresh_token) return;
  const { client, refresh_token } = held.token;
  try {
    await getToken({ grant_type: "refresh_token", client_id: client, refresh_token });
  } catch (error) {
    if (error.status) signOut(error);
    throw error;
  }
}

async function comeBack() {
  const query = new URLSearchParams(location.search);
  const left = JSON.parse(sessionStorage.getItem(LEFT) || "null");
  if (!query.has("code") && !query.has("error")) return;
  sessionStorage.removeItem(LEFT);
  history.replaceState(null, "", base + (left?.hash || ""));
  if (!left || query.get("state") !== left.state) {
    throw new Problem({ title: "You are not signed in", detail: "This sign-in was not begun in this tab. Begin again." }, 0);
  }
  if (query.has("error")) {
    throw new Problem({ title: "You are not signed in", detail: query.get("error_description") || query.get("error") }, 0);
  }
  await getToken({
    grant_type: "authorization_code", client_id: left.client, code: query.get("code"), redirect_uri: here(), code_verifier: left.verifier,
  });
}

function signOut(problem) {
  const client = held.token?.client;
  held.key = held.token = null;
  sessionStorage.removeItem(KEY);
  running?.abort();
  asked += 1;
  $("model").replaceChildren();
  if (client && !problem) {
    location.assign(`${settings.sign_in_url}/logout?${new URLSearchParams({ client_id: client, logout_uri: here() })}`);
    return;
  }
  showEntry(problem);
}

function showEntry(problem) {
  const needsToken = Object.keys(settings.apps).length > 0 && !held.token;
  const needsKey = settings.key && !held.key && !needsToken;
  $("work").hidden = $("leave").hidden = $("document").hidden = true;
  $("entry").hidden = false;
  $("entry-text").textContent = needsToken
    ? "You see the models that you may use, and can try each of them." + (settings.key ? " After that you are asked for your key." : "")
    : "With your key you see the models that it is for, and can try each of them.";
  $("apps").replaceChildren(...(needsToken ? Object.entries(settings.apps) : []).map(([name, client], _, all) =>
    el("button", { type: "button", onclick: () => leaveToSignIn(client) }, all.length > 1 ? `Sign in: ${name}` : "Sign in")));
  $("key-form").hidden = !needsKey;
  $("entry-problem").replaceChildren(...(problem ? [problemBox(problem)] : []));
  (needsKey ? $("key") : $("entry-title")).focus();
}

async function enter() {
  if ((settings.key && !held.key) || (Object.keys(settings.apps).length && !held.token)) return showEntry();
  let names;
  try {
    names = (await askJson("models")).value.models.map((each) => String(each.name));
  } catch (problem) {
    if ([401, 403].includes(problem.status)) {
      held.key = null;
      sessionStorage.removeItem(KEY);
      if (problem.status === 401) held.token = null;
    }
    return showEntry(problem);
  }
  if (held.key) sessionStorage.setItem(KEY, held.key);
  $("key").value = "";
  $("entry-problem").replaceChildren();
  $("entry").hidden = true;
  $("work").hidden = $("leave").hidden = $("document").hidden = false;
  $("models").replaceChildren(...names.map((name) => el("li", {}, el("a", { href: `#${encodeURIComponent(name)}` }, name))));
  $("no-models").hidden = names.length > 0;
  $("filter").hidden = names.length < 9;
  if (!location.hash && names.length) history.replaceState(null, "", `#${encodeURIComponent(names[0])}`);
  return showModel();
}

// --- a form made of a JSON Schema ------------------------------------------------------------------------

class Wrong extends Error {
  constructor(pointer, message) { super(message); this.pointer = pointer; }
}
const OMITTED = Symbol("omitted");
const step = (at, name) => `${at}/${String(name).replace(/~/g, "~0").replace(/\//g, "~1")}`;
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

function resolved(schema, root) {
  for (let hops = 0; isObject(schema) && typeof schema.$ref === "string" && hops < 20; hops += 1) {
    const { $ref, ...rest } = schema;
    if (!$ref.startsWith("#")) return {};
    let target = root;
    for (const part of decodeURIComponent($ref.slice(1)).split("/").slice(1)) {
      target = target?.[part.replace(/~1/g, "/").replace(/~0/g, "~")];
    }
    schema = { ...(isObject(target) ? target : {}), ...rest };
  }
  return isObject(schema) ? schema : {};
}

function typeOf(schema) {
  if ("const" in schema || Array.isArray(schema.enum)) return "enum";
  if (["oneOf", "anyOf", "allOf", "not", "if", "prefixItems", "patternProperties"].some((word) => word in schema)) return "json";
  const types = [schema.type].flat().filter((each) => each && each !== "null");
  if (types.length !== 1) return !types.length && isObject(schema.properties) ? "object" : "json";
  if (types[0] === "object" && !isObject(schema.properties)) return "json";
  return types[0];
}
const isNumeric = (schema) => ["number", "integer"].includes(typeOf(schema));

function hintOf(schema) {
  const hints = [];
  if (schema.description) hints.push(String(schema.description));
  const least = schema.minimum ?? schema.exclusiveMinimum, most = schema.maximum ?? schema.exclusiveMaximum;
  const above = "exclusiveMinimum" in schema ? "above" : "from", below = "exclusiveMaximum" in schema ? "below" : "to";
  if (least != null || most != null) hints.push([least != null && `${above} ${least}`, most != null && `${below} ${most}`].filter(Boolean).join(" "));
  const many = (from, to, word) => { if (from || to) hints.push(to == null ? `at least ${plural(from, word)}` : `${from || 0} to ${plural(to, word)}`); };
  many(schema.minLength, schema.maxLength, "character");
  many(schema.minItems, schema.maxItems, "item");
  if (schema.multipleOf) hints.push(`a multiple of ${schema.multipleOf}`);
  if (schema.pattern) hints.push(`like ${schema.pattern}`);
  if (schema.format) hints.push(String(schema.format));
  return hints.join(" · ");
}

/** A part of the form: its node, and `read`, which gives the value, OMITTED, or throws Wrong. */
function part(schema, root, { name, at = "", value, required = true, depth = 0 }) {
  schema = resolved(schema, root);
  if (value === undefined) value = schema.default ?? schema.examples?.[0];
  const kind = depth > 6 ? "json" : typeOf(schema);
  const nullable = [schema.type].flat().includes("null");
  const id = `part${unique += 1}`;
  const title = typeof schema.title === "string" && !name ? schema.title : name || "Body";
  const more = { schema, root, at, value, required, nullable, id, depth, title };
  if (kind === "object") return objectPart(more);
  if (kind === "array") {
    const items = resolved(schema.items, root);
    if (isNumeric(items)) return numbersPart(more, items);
    if (typeOf(items) === "array" && isNumeric(resolved(items.items, root))) return rowsPart(more, resolved(items.items, root));
    return listPart(more);
  }
  if (kind === "enum") return choicePart(more, "const" in schema ? [schema.const] : schema.enum);
  if (kind === "boolean" && !required) return choicePart(more, [true, false]);
  if (kind === "boolean") {
    const box = el("input", { type: "checkbox", id, "data-at": at, "aria-describedby": `${id}-hint` });
    box.checked = value === true;
    return { node: el("div", { class: "field" }, el("label", { for: id }, title), el("div", { class: "check" }, box, el("span", { "aria-hidden": "true" }, "yes")), hint(more)), read: () => box.checked };
  }
  if (kind === "number" || kind === "integer") {
    return inputPart(more, el("input", { type: "text", inputmode: kind === "integer" ? "numeric" : "decimal", autocomplete: "off" }), value ?? "",
      (text) => number(text.trim(), kind === "integer", at), (text) => text.trim() === "");
  }
  if (kind === "string") {
    const input = schema.maxLength > 200 || String(value ?? "").includes("\n") ? el("textarea", { class: "short" })
      : el("input", { type: schema.format === "date" ? "date" : "text", autocomplete: "off" });
    return inputPart(more, input, value ?? "", (text) => text, (text) => text === "" && (!required || nullable));
  }
  const area = el("textarea", { class: "short", spellcheck: "false" });
  return inputPart(more, area, value === undefined ? "" : JSON.stringify(value, null, 2), (text) => {
    try { return JSON.parse(text); } catch { throw new Wrong(at, "this is not JSON"); }
  }, (text) => text.trim() === "", "JSON");
}

const hint = ({ schema, id }, extra) => {
  const text = [hintOf(schema), extra].filter(Boolean).join(" · ");
  return el("p", { class: "hint", id: `${id}-hint`, hidden: !text }, text);
};
const marked = (title, required) => [title, !required && el("span", { class: "hint" }, " optional")];

function inputPart(more, input, text, convert, isEmpty, extra) {
  const { id, at, title, required, nullable } = more;
  input.id = id;
  input.dataset.at = at;
  input.setAttribute("aria-describedby", `${id}-hint`);
  if (required) input.setAttribute("aria-required", "true");
  input.value = text;
  const broad = input.tagName === "TEXTAREA";
  return {
    node: el("div", { class: broad ? "field broad" : "field" }, el("label", { for: id }, ...marked(title, required)), input, hint(more, extra)),
    read() {
      if (!isEmpty(input.value)) return convert(input.value);
      if (nullable && required) return null;
      if (required) throw new Wrong(at, "a value is needed here");
      return OMITTED;
    },
  };
}

function number(text, whole, at) {
  const value = Number(text);
  if (!NUMBER.test(text) || !Number.isFinite(value)) throw new Wrong(at, `'${text}' is not a number, write it like 12.5`);
  if (whole && !Number.isInteger(value)) throw new Wrong(at, `'${text}' is not a whole number`);
  return value;
}

function choicePart(more, values) {
  const select = el("select", {}, more.required ? null : el("option", { value: "" }, "—"),
    ...values.map((each, index) => el("option", { value: index }, typeof each === "string" ? each : JSON.stringify(each))));
  const chosen = values.findIndex((each) => JSON.stringify(each) === JSON.stringify(more.value));
  return inputPart(more, select, chosen >= 0 ? String(chosen) : more.required ? "0" : "", (index) => values[Number(index)], (index) => index === "");
}

function objectPart({ schema, root, at, value, required, id, depth, title }) {
  const given = isObject(value) ? value : {};
  const needed = Array.isArray(schema.required) ? schema.required : [];
  const members = Object.entries(schema.properties).map(([name, each]) => [name, part(each, root, {
    name, at: step(at, name), value: given[name], required: needed.includes(name), depth: depth + 1,
  })]);
  return {
    node: el("fieldset", { class: depth ? null : "plain", "aria-describedby": `${id}-hint`, "data-at": at },
      el("legend", { class: depth ? null : "visually-hidden" }, ...marked(title, required)), hint({ schema, id }), el("div", { class: "grid" }, ...members.map(([, each]) => each.node))),
    read() {
      if (!required && blank()) return OMITTED;
      return Object.fromEntries(members.map(([name, each]) => [name, each.read()]).filter(([, found]) => found !== OMITTED));
    },
  };
  function blank() {
    return members.every(([, each]) => [...each.node.querySelectorAll("input,textarea")].every((input) => input.type === "checkbox" ? !input.checked : !input.value));
  }
}

const numbers = (text, whole, at) => text.split(/[\s,;]+/).filter(Boolean).map((each, index) => number(each, whole, step(at, index)));
const numbersPart = (more, items) => inputPart(more, el("textarea", { class: "short", spellcheck: "false", inputmode: "decimal" }),
  Array.isArray(more.value) ? more.value.join(", ") : "", (text) => numbers(text, typeOf(items) === "integer", more.at), (text) => !text.trim(),
  "numbers, separated by commas");
const rowsPart = (more, items) => inputPart(more, el("textarea", { class: "short", spellcheck: "false" }),
  Array.isArray(more.value) ? more.value.map((row) => [row].flat().join(", ")).join("\n") : "",
  (text) => text.split("\n").filter((row) => row.trim()).map((row, index) => numbers(row, typeOf(items) === "integer", step(more.at, index))),
  (text) => !text.trim(), "a row on each line, its numbers separated by commas");

function listPart({ schema, root, at, value, required, id, depth, title }) {
  const items = el("div", { class: "stack" });
  let parts = [];
  const add = (given, focus) => {
    const number = parts.length;
    const made = part(schema.items ?? {}, root, { name: `${title} ${number + 1}`, at: step(at, number), value: given, depth: depth + 1 });
    const row = el("div", { class: "stack" }, made.node, el("div", {}, el("button", {
      type: "button", class: "quiet small", "aria-label": `Remove ${title} ${number + 1}`,
      onclick: () => {
        const kept = parts.filter((each) => each !== entry).map(({ made: each }) => {
          try { return each.read(); } catch { return undefined; }
        });
        parts = [];
        items.replaceChildren();
        kept.forEach((each) => add(each === OMITTED ? undefined : each));
        more.focus();
      },
    }, "Remove")));
    const entry = { made };
    parts.push(entry);
    items.append(row);
    if (focus) row.querySelector("input,select,textarea,button")?.focus();
  };
  const more = el("button", { type: "button", class: "quiet small", onclick: () => add(undefined, true) }, `Add to ${title}`);
  const given = Array.isArray(value) ? value : Array(required ? schema.minItems || 1 : 0).fill(undefined);
  given.slice(0, 100).forEach((each) => add(each));
  return {
    node: el("fieldset", { "data-at": at, "aria-describedby": `${id}-hint` }, el("legend", {}, ...marked(title, required)), hint({ schema, id }), items, el("div", {}, more)),
    read: () => parts.length || required ? parts.map((each) => each.made.read()) : OMITTED,
  };
}

function markFaults(form, faults) {
  for (const old of form.querySelectorAll(".fault")) old.remove();
  for (const old of form.querySelectorAll("[aria-invalid]")) old.removeAttribute("aria-invalid");
  const parts = [...form.querySelectorAll("[data-at]")];
  let first = null;
  for (const { pointer = "", detail } of faults) {
    let at = String(pointer), found;
    while (!(found = parts.find((each) => each.dataset.at === at)) && at) at = at.slice(0, Math.max(at.lastIndexOf("/"), 0));
    if (!found || found.tagName === "FIELDSET") continue;
    found.setAttribute("aria-invalid", "true");
    const note = el("p", { class: "fault", id: `${found.id}-fault` }, String(detail));
    found.after(note);
    found.setAttribute("aria-describedby", `${note.id} ${found.id}-hint`);
    first ??= found;
  }
  first?.focus();
}

// --- a model ---------------------------------------------------------------------------------------------

const STATES = {
  "in-service": ["good", "in service"], "on-demand": ["good", "on demand"], updating: ["warn", "in service, updating"], creating: ["warn", "being created"],
  deleting: ["bad", "being deleted"], failed: ["bad", "failed"], "out-of-service": ["bad", "out of service"], missing: ["bad", "not there"],
};
const LIMITS = {
  request_bytes: ["A request", size], answer_bytes: ["An answer", size], seconds: ["Time to answer", duration],
  job_upload_bytes: ["An uploaded input", size], job_seconds: ["Time for a job", duration], batch_upload_bytes: ["An uploaded input", size],
};

async function showModel() {
  const name = decoded(location.hash.slice(1));
  running?.abort();
  const mine = asked += 1;
  for (const link of $("models").querySelectorAll("a")) {
    if (decoded(link.hash.slice(1)) === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (!name) return;
  document.title = `${name} · Try a model`;
  $("model").replaceChildren(el("section", { class: "card" }, el("p", { class: "muted row wait" }, "Looking at the model …")));
  try {
    const { value } = await askJson(`models/${encodeURIComponent(name)}`);
    if (mine === asked) $("model").replaceChildren(...modelView(value));
    if (mine === asked) $("model").querySelector("h2").focus({ preventScroll: true });
  } catch (problem) {
    if (mine !== asked) return;
    if (problem.status === 401 && held.token) signOut(problem);
    else $("model").replaceChildren(el("section", { class: "card stack" }, el("h2", { tabindex: "-1" }, name), problemBox(problem)));
  }
}
function decoded(text) {
  try { return decodeURIComponent(text); } catch { return text; }
}

function modelView(model) {
  const ways = Array.isArray(model.ways) ? model.ways : [];
  const [tone, state] = STATES[model.state] || ["", String(model.state)];
  const about = el("section", { class: "card stack", "aria-labelledby": "model-title" },
    el("div", { class: "row" }, el("h2", { id: "model-title", tabindex: "-1" }, model.name), el("span", { class: `badge ${tone}`, id: "state" }, state)),
    el("dl", {}, ...[["Mode", model.mode], ["Takes", model.content_types.join(", ")],
      ...Object.entries(model.limits || {}).map(([key, value]) => LIMITS[key] ? [LIMITS[key][0], `at most ${LIMITS[key][1](value)}`] : [key, String(value)])]
      .map(([term, text]) => el("div", {}, el("dt", {}, term), el("dd", {}, text)))),
    model.schema !== undefined && el("details", {}, el("summary", {}, "Schema of a body"), el("pre", { tabindex: "0", "aria-label": "JSON Schema" }, JSON.stringify(model.schema, null, 2))));
  return [about, ...requestView(model, ways)];
}

function requestView(model, ways) {
  const types = model.content_types;
  const answer = el("section", { class: "card stack answer", "aria-labelledby": "answer-title", hidden: true }, el("h3", { id: "answer-title" }, "Answer"));
  const faults = el("div", { role: "alert" });
  const type = el("select", { id: "type" }, ...types.map((each) => el("option", {}, each)));
  const way = el("select", { id: "way" }, ...ways.map((each) => el("option", { value: each }, { invocations: "at once", jobs: "as a job", batches: "as a batch" }[each] || each)));
  const target = el("input", { id: "target", autocomplete: "off", spellcheck: "false", required: true, "aria-describedby": "target-hint" });
  const body = el("textarea", { id: "body", spellcheck: "false", autocomplete: "off", autocapitalize: "off", "aria-describedby": "body-hint" });
  const file = el("input", { type: "file", id: "file" });
  const form = el("div", { id: "form" });
  const hasForm = () => model.schema !== undefined && isJson(type.value);
  const modes = el("fieldset", { class: "plain" }, el("legend", { class: "visually-hidden" }, "How to write the body"),
    el("div", { class: "choice" }, ...[["form", "Form"], ["text", "Text"], ["file", "File"]].map(([value, text]) =>
      el("label", {}, el("input", { type: "radio", name: "entry", value, onchange: () => turn(value) }), text))));
  const parts = { form, text: el("div", { class: "field" }, el("label", { for: "body" }, "Body"), body, el("p", { class: "hint", id: "body-hint" }, "")), file: el("div", { class: "field" }, el("label", { for: "file" }, "File"), file) };
  const send = el("button", { type: "submit", id: "send" }, "Send");
  const stop = el("button", { type: "button", class: "quiet", id: "stop", hidden: true, onclick: () => running?.abort() }, "Stop waiting");
  const command = el("pre", { id: "curl", tabindex: "0", "aria-label": "curl command" });
  let made = null, mode = "text";

  const example = typeof model.example === "string" ? model.example : "";
  const parsed = (text) => { try { return JSON.parse(text); } catch { return undefined; } };
  if (isJson(types[0])) body.value = parsed(example) === undefined ? example : layout(example);
  else if (isText(types[0])) body.value = example;

  function build(value) {
    made = part(model.schema, model.schema, { value });
    form.replaceChildren(made.node);
  }
  function turn(to) {
    faults.replaceChildren();
    try {
      if (mode === "form" && to === "text" && made) body.value = JSON.stringify(made.read(), null, 2);
    } catch (wrong) {
      markFaults(form, [{ pointer: wrong.pointer, detail: wrong.message }]);
      return pick("form");
    }
    if (to === "form" && mode !== "form") {
      const value = body.value.trim() ? parsed(body.value) : undefined;
      if (value === undefined && body.value.trim()) {
        faults.replaceChildren(problemBox(new Problem({ title: "The text is not JSON", detail: "Mend it, and the form can show it." }, 0)));
        return pick(mode);
      }
      build(value);
    }
    mode = to;
    return pick(to);
  }
  function pick(to) {
    for (const radio of modes.querySelectorAll("input")) radio.checked = radio.value === to;
    for (const [name, node] of Object.entries(parts)) node.hidden = name !== to;
    show();
  }
  function fit() {
    const [formRadio, textRadio] = modes.querySelectorAll("label");
    formRadio.hidden = !hasForm();
    textRadio.hidden = !isText(type.value);
    const whole = isJson(type.value) ? "JSON" : type.value === "text/csv" ? "CSV: a row on each line" : /jsonl|ndjson/.test(type.value) ? "JSON Lines: a JSON value on each line" : type.value;
    parts.text.lastChild.textContent = `${whole}. Ctrl and Enter sends it.`;
    if (mode === "form" && !hasForm()) mode = "text";
    if (mode === "text" && !isText(type.value)) mode = "file";
    if (mode === "file" && !file.files.length && isText(type.value)) mode = "text";
    pick(mode);
  }
  /** The body as it is sent. */
  function read() {
    if (mode === "form") return JSON.stringify(made.read());
    if (mode === "file") {
      if (!file.files.length) throw new Problem({ title: "There is no file", detail: "Choose the file that is to be sent." }, 0);
      return file.files[0];
    }
    return body.value;
  }
  const path = () => `models/${encodeURIComponent(model.name)}/${way.value}${model.targets ? `?target=${encodeURIComponent(target.value)}` : ""}`;
  function show() {
    let text = null;
    try { text = mode === "file" ? null : read(); } catch { /* the form is not filled in yet */ }
    command.textContent = curl(path(), type.value, text, mode === "file" && file.files[0]?.name);
  }

  const fields = el("form", { class: "stack", novalidate: true, "aria-label": "Request", oninput: show },
    (types.length > 1 || ways.length > 1 || model.targets) && el("div", { class: "grid" },
      types.length > 1 && el("div", { class: "field" }, el("label", { for: "type" }, "Content type"), type),
      ways.length > 1 && el("div", { class: "field" }, el("label", { for: "way" }, "Answer"), way),
      model.targets && el("div", { class: "field" }, el("label", { for: "target" }, "Target"), target, el("p", { class: "hint", id: "target-hint" }, "which of the endpoint's models: its artifact's name, like one.tar.gz"))),
    modes, parts.form, parts.text, parts.file, faults, el("div", { class: "row" }, send, stop));
  type.addEventListener("change", fit);
  file.addEventListener("change", show);
  fields.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); fields.requestSubmit(); }
  });
  fields.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (running) return;
    faults.replaceChildren();
    markFaults(form, []);
    let content;
    try { content = read(); } catch (wrong) {
      if (wrong instanceof Problem) faults.replaceChildren(problemBox(wrong));
      else markFaults(form, [{ pointer: wrong.pointer, detail: wrong.message }]);
      say(wrong.message);
      return;
    }
    const bytes = content instanceof Blob ? content.size : new TextEncoder().encode(content).length;
    const most = model.limits?.request_bytes;
    if (most && bytes > most) {
      faults.replaceChildren(problemBox(new Problem({ title: "The body is too large", detail: `It has ${size(bytes)}, and a request may have ${size(most)}.${
        way.value === "invocations" ? "" : " With curl, more can be uploaded: ?input=upload."}` }, 0)));
      return;
    }
    const mine = running = new AbortController();
    send.disabled = true;
    send.classList.add("wait");
    stop.hidden = false;
    answer.hidden = true;
    say("Sent, waiting for the answer");
    try {
      const headers = { "content-type": type.value, ...(way.value === "invocations" ? {} : { "idempotency-key": crypto.randomUUID() }) };
      const said = await ask(path(), { method: "POST", body: content, headers, signal: mine.signal });
      if (way.value === "invocations") showAnswer(answer, said);
      else await follow(answer, said, `models/${encodeURIComponent(model.name)}/${way.value}`, mine.signal);
    } catch (problem) {
      if (problem.name === "AbortError") {
        if (way.value === "invocations") say("Stopped waiting. The model may have run.");
      } else if (problem.status === 401 && held.token) signOut(problem);
      else {
        if (!(problem instanceof Problem)) throw problem;
        answer.hidden = true;
        faults.replaceChildren(problemBox(problem));
        if (mode === "form" && Array.isArray(problem.document.errors)) markFaults(form, problem.document.errors.filter(isObject));
      }
    } finally {
      if (running === mine) running = null;
      send.disabled = false;
      send.classList.remove("wait");
      stop.hidden = true;
    }
  });

  if (hasForm()) { build(parsed(example)); mode = "form"; }
  fit();
  return [
    el("section", { class: "card stack", "aria-labelledby": "request-title" }, el("h3", { id: "request-title" }, "Request"), fields),
    answer,
    el("section", { class: "card stack", "aria-labelledby": "curl-title" },
      el("div", { class: "row" }, el("h3", { id: "curl-title" }, "The same with curl"), el("span", { class: "space" }),
        el("button", { type: "button", class: "quiet small", id: "copy", onclick: () => copy(command) }, "Copy")),
      command, el("p", { class: "hint" }, "Your credentials are not in it: the shell takes them from ", held.token ? code("TOKEN") : null, held.token && held.key ? " and " : null, held.key ? code("API_KEY") : null, ".")),
  ];
}

const quoted = (text) => `'${text.replace(/'/g, `'\\''`)}'`;
function curl(path, type, text, fileName) {
  const words = [`curl -sS --fail-with-body ${quoted(here() + path)}`];
  if (held.token) words.push('-H "authorization: $TOKEN"');
  if (held.key) words.push('-H "x-api-key: $API_KEY"');
  words.push(`-H ${quoted(`content-type: ${type}`)}`);
  if (text === null || text.length > 4000) words.push(`--data-binary ${quoted(`@${fileName || "body"}`)}`);
  else words.push(`--data-raw ${quoted(text)}`);
  return words.join(" \\\n  ");
}

async function copy(node) {
  try {
    await navigator.clipboard.writeText(node.textContent);
    say("Copied");
    $("copy").textContent = "Copied";
    setTimeout(() => { if ($("copy")) $("copy").textContent = "Copy"; }, 2000);
  } catch {
    getSelection().selectAllChildren(node);
    say("Selected: copy it with the keyboard");
  }
}

/** JSON with line ends and spaces put in, and every number as it was written. */
function layout(text) {
  let made = "", depth = 0;
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[[\]{},:]|[^\s[\]{},:"]+/g) || [];
  tokens.forEach((token, index) => {
    const next = tokens[index + 1];
    if (token === "{" || token === "[") {
      made += token;
      if (next === "}" || next === "]") return;
      depth += 1;
      made += `\n${"  ".repeat(depth)}`;
    } else if (token === "}" || token === "]") {
      if (tokens[index - 1] !== "{" && tokens[index - 1] !== "[") { depth -= 1; made += `\n${"  ".repeat(Math.max(depth, 0))}`; }
      made += token;
    } else if (token === ",") made += `,\n${"  ".repeat(depth)}`;
    else made += token === ":" ? ": " : token;
  });
  return made;
}

const SHOWN = 200000;
let links = [];
function content(bytes, type) {
  const kind = kindOf(type);
  let text = null;
  if (isText(kind) || !kind) {
    try { text = new TextDecoder("utf-8", { fatal: true }).decode(bytes); } catch { /* not text after all */ }
  }
  const link = URL.createObjectURL(new Blob([bytes], { type: text === null ? kind : "text/plain" }));
  links.push(link);
  const keep = el("div", {}, el("a", { class: "button quiet small", href: link, download: `answer.${isJson(kind) ? "json" : (kind.split("/")[1] || "bin").replace(/[^a-z0-9]/g, "") || "bin"}` }, "Download"));
  if (/^image\/(png|jpeg|gif|webp)$/.test(kind)) return [el("img", { src: link, alt: "The model's answer, a picture" }), keep];
  if (text === null) return [el("p", { class: "muted" }, `${size(bytes.byteLength)} that are no text`), keep];
  const shown = isJson(kind) && text.length < SHOWN ? layout(text) : text.slice(0, SHOWN);
  return [el("pre", { id: "answer-body", tabindex: "0", "aria-label": "Body of the answer" }, shown),
    text.length > SHOWN && el("p", { class: "hint" }, "This is its beginning."), keep];
}
function fresh() {
  links.forEach((each) => URL.revokeObjectURL(each));
  links = [];
}

function showAnswer(place, { status, headers, type, bytes, milliseconds }) {
  fresh();
  const took = `${Math.round(milliseconds).toLocaleString("en")} ms`;
  place.replaceChildren(
    el("div", { class: "row" }, el("h3", { id: "answer-title" }, "Answer"), el("span", { class: "badge good" }, String(status)), el("span", { class: "badge", id: "latency" }, took),
      el("span", { class: "badge" }, size(bytes.byteLength)), type && el("span", { class: "muted" }, kindOf(type))),
    ...content(bytes, type).filter(Boolean),
    headers.get("x-request-id") && el("p", { class: "hint" }, "Request ", code(headers.get("x-request-id"))));
  place.hidden = false;
  say(`Answered in ${took}`);
}

const pause = (seconds, signal) => new Promise((done, fail) => {
  const timer = setTimeout(done, seconds * 1000);
  signal.addEventListener("abort", () => { clearTimeout(timer); fail(signal.reason); }, { once: true });
});

/** A job or a batch, until it has ended. */
async function follow(place, taken, path, signal) {
  const started = performance.now();
  const said = JSON.parse(new TextDecoder().decode(taken.bytes));
  const id = String(said.job ?? said.batch), where = `${path}/${encodeURIComponent(id)}`;
  const word = "job" in said ? "Job" : "Batch";
  let cancelled = false;
  const cancel = el("button", { type: "button", class: "quiet small", id: "cancel", async onclick() {
    cancel.disabled = true;
    try {
      await ask(where, { method: "DELETE" });
      cancelled = true;
      running?.abort();
      draw("cancelled");
    } catch (problem) { place.append(problemBox(problem)); cancel.disabled = false; }
  } }, "Cancel and delete");
  function draw(state, ...more) {
    const [tone, text] = { completed: ["good", "completed"], "in-progress": ["warn", "in progress"], cancelled: ["", "cancelled"] }[state] || ["bad", state];
    place.replaceChildren(
      el("div", { class: "row" }, el("h3", { id: "answer-title" }, word), el("span", { class: `badge ${tone}`, id: "job-state" }, text),
        el("span", { class: "badge", id: "latency" }, duration((performance.now() - started) / 1000)), el("span", { class: "space" }), state === "in-progress" && cancel),
      el("p", { class: "hint" }, `${word} `, code(id)), ...more.filter(Boolean));
    place.hidden = false;
  }
  draw("in-progress");
  say(`${word} taken`);
  let wait = 1;
  for (;;) {
    await pause(wait, signal);
    const { value, headers } = await askJson(where, { signal });
    if (cancelled) return;
    if (value.state === "in-progress") {
      draw("in-progress");
      wait = Math.min(Math.max(Number(headers.get("retry-after")) || 1, 1), 30);
      continue;
    }
    const more = [];
    if (isObject(value.problem)) more.push(problemBox(new Problem(value.problem, 0)));
    if (isObject(value.result)) {
      const { text, base64, content_type: type, url, bytes } = value.result;
      fresh();
      if (typeof text === "string") more.push(...content(new TextEncoder().encode(text), isText(type) ? type : "text/plain"));
      else if (typeof base64 === "string") more.push(...content(Uint8Array.from(atob(base64), (each) => each.charCodeAt(0)), type));
      else if (/^https?:/.test(url)) more.push(el("p", {}, el("a", { href: url, rel: "noreferrer", target: "_blank" }, `Get the result (${size(Number(bytes))})`)));
    }
    draw(value.state, ...more);
    say(`${word} ${value.state}`);
    return;
  }
}

// --- beginning --------------------------------------------------------------------------------------------

$("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const key = $("key").value.trim();
  if (!/^[!-~]+$/.test(key)) return showEntry(new Problem({ title: "That is no key", detail: "A key has letters, digits and signs, without spaces." }, 0));
  held.key = key;
  return enter();
});
$("leave").addEventListener("click", () => signOut());
$("document").addEventListener("click", async () => {
  try {
    const { bytes } = await ask("openapi.json");
    const link = URL.createObjectURL(new Blob([bytes], { type: "application/json" }));
    el("a", { href: link, download: "openapi.json" }).click();
    setTimeout(() => URL.revokeObjectURL(link), 60000);
  } catch (problem) {
    $("model").prepend(problemBox(problem));
  }
});
$("filter").addEventListener("input", () => {
  const wanted = $("filter").value.trim().toLowerCase();
  for (const item of $("models").children) item.hidden = !item.textContent.toLowerCase().includes(wanted);
});
window.addEventListener("hashchange", () => { if (!$("work").hidden) showModel(); });
document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); $("main").focus(); });

held.key = settings.key ? sessionStorage.getItem(KEY) : null;
comeBack().then(enter, showEntry);
