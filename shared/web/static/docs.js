// Draws /api/openapi.json as a page on which every call can be tried. No library, nothing from elsewhere.
// All text is set as text and never as HTML, so nothing in the description or in an answer can run.
"use strict";

let api; // the OpenAPI document

const byId = (id) => document.getElementById(id);

function element(tag, properties = {}, ...children) {
  const { dataset, ...rest } = properties;
  const node = Object.assign(document.createElement(tag), rest);
  Object.assign(node.dataset, dataset);
  node.append(...children.filter((child) => child !== null));
  return node;
}

// Descriptions use two marks only: a blank line ends a paragraph, backticks hold code.
function prose(text) {
  return (text || "").split(/\n\s*\n/).filter((part) => part.trim()).map((paragraph) => element("p", {}, ...inline(paragraph)));
}

function inline(text) {
  return text.split(/`([^`]*)`/).map((part, index) => (index % 2 ? element("code", {}, part) : part));
}

function resolve(schema) {
  return schema && schema.$ref ? resolve(api.components.schemas[schema.$ref.split("/").pop()]) : schema || {};
}

function typeName(schema) {
  if (schema.$ref && resolve(schema).type === "object") return schema.$ref.split("/").pop();
  schema = resolve(schema);
  if (schema.anyOf) return schema.anyOf.map(typeName).join(" or ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.join(" | ");
  if (schema.type === "array") return `list of ${typeName(schema.items)}`;
  return [schema.type || "anything", schema.format && `(${schema.format})`].filter(Boolean).join(" ");
}

function limits(schema) {
  schema = resolve(schema);
  const words = [];
  if (schema.default !== undefined && schema.default !== null) words.push(`default ${JSON.stringify(schema.default)}`);
  if (schema.minimum !== undefined) words.push(`from ${schema.minimum}`);
  if (schema.maximum !== undefined) words.push(`to ${schema.maximum}`);
  if (schema.maxLength !== undefined) words.push(`at most ${schema.maxLength} characters`);
  return words.join(", ");
}

function table(headings, rows) {
  const head = element("tr", {}, ...headings.map((heading) => element("th", { scope: "col" }, heading)));
  return element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows));
}

// The members of an object, and behind them those of the objects inside it, each explained once.
function members(schema, seen = new Set()) {
  schema = resolve(schema);
  if (schema.anyOf) return schema.anyOf.flatMap((choice) => members(choice, seen));
  if (schema.type === "array") return members(schema.items, seen);
  if (!schema.properties || seen.has(schema)) return [];
  seen.add(schema);
  const required = new Set(schema.required);
  const rows = Object.entries(schema.properties).map(([name, member]) =>
    element("tr", {},
      element("td", {}, name),
      element("td", { className: "type" }, typeName(member)),
      element("td", {}, ...inline(resolve(member).description || member.description || ""), " ",
        element("small", {}, [limits(member), required.has(name) ? "" : "may be left out"].filter(Boolean).join("; ")))));
  const own = [element("p", { className: "faint" }, schema.title || ""), table(["Member", "Type", "Meaning"], rows)];
  return own.concat(Object.values(schema.properties).flatMap((member) => members(member, seen)));
}

function example(schema) {
  schema = resolve(schema);
  if (schema.examples) return JSON.stringify(schema.examples[0], null, 2);
  const values = {};
  for (const [name, member] of Object.entries(schema.properties || {})) {
    if (member.default !== undefined && member.default !== null) values[name] = member.default;
  }
  return JSON.stringify(values, null, 2);
}

function scopeOf(operation) {
  return (operation.security || []).flatMap((scheme) => Object.values(scheme).flat()).join(", ");
}

function drawOperation(path, method, operation) {
  const form = element("form", { className: "try" });
  const inputs = (operation.parameters || []).map((parameter) => ({ parameter, input: drawInput(operation, parameter) }));
  if (inputs.length) form.append(table(["Parameter", "Type", "Value", "Meaning"], inputs.map(drawParameter)));
  const body = drawBody(operation, form);
  const button = element("button", { type: "submit" }, "Send");
  const answer = element("div", { ariaLive: "polite" });
  form.append(button, answer);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(buildCall(path, method, inputs, body), button, answer);
  });
  return element("section", { className: "operation", id: operation.operationId },
    element("h3", {}, operation.summary || operation.operationId),
    element("p", { className: "address" },
      element("span", { className: `method ${method}` }, method.toUpperCase()), ` ${path}`,
      element("span", { className: "scope" }, scopeOf(operation) ? `scope ${scopeOf(operation)}` : "no key needed")),
    ...prose(operation.description),
    form,
    drawResponses(operation));
}

function drawInput(operation, parameter) {
  const properties = { id: `${operation.operationId}-${parameter.name}`, name: parameter.name, required: parameter.required === true };
  const choices = resolve(parameter.schema).enum;
  if (!choices) return element("input", { ...properties, autocomplete: "off" });
  return element("select", properties, ...["", ...choices].map((choice) => element("option", { value: choice }, choice)));
}

function drawParameter({ parameter, input }) {
  return element("tr", {},
    element("td", {}, element("label", { htmlFor: input.id }, parameter.name)),
    element("td", { className: "type" }, typeName(parameter.schema)),
    element("td", {}, input),
    element("td", {}, ...inline(parameter.description || ""), " ", element("small", {}, limits(parameter.schema))));
}

function drawBody(operation, form) {
  const content = operation.requestBody && operation.requestBody.content["application/json"];
  if (!content) return null;
  const id = `${operation.operationId}-body`;
  const area = element("textarea", { id, value: example(content.schema), spellcheck: false });
  form.append(element("label", { htmlFor: id }, "Body (JSON)"), area,
    element("details", {}, element("summary", {}, "What the body may hold"), ...members(content.schema)));
  return area;
}

function drawResponses(operation) {
  const rows = Object.entries(operation.responses).sort().map(([status, response]) => {
    const [type, content] = Object.entries(response.content || {})[0] || ["", {}];
    const shape = type === "application/json" ? members(content.schema) : [];
    const headers = Object.keys(response.headers || {});
    return element("tr", {},
      element("td", {}, status),
      element("td", {}, ...inline(response.description), headers.length ? element("small", {}, ` With ${headers.join(", ")}.`) : null,
        shape.length ? element("details", {}, element("summary", {}, "Members"), ...shape) : null));
  });
  return element("details", {}, element("summary", {}, "Answers"), table(["Status", "Meaning"], rows));
}

function buildCall(path, method, inputs, body) {
  const query = new URLSearchParams();
  const headers = { "X-API-KEY": byId("key").value };
  let address = path;
  for (const { parameter, input } of inputs) {
    if (parameter.in === "path") address = address.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
    else if (input.value !== "" && parameter.in === "header") headers[parameter.name] = input.value;
    else if (input.value !== "") query.set(parameter.name, input.value);
  }
  if (body) headers["Content-Type"] = "application/json";
  const url = query.size ? `${address}?${query}` : address;
  return { url, options: { method: method.toUpperCase(), headers, body: body ? body.value : undefined } };
}

async function send({ url, options }, button, answer) {
  button.disabled = true;
  const begun = performance.now();
  try {
    const response = await fetch(url, options);
    show(answer, url, options, response, await response.text(), Math.round(performance.now() - begun));
  } catch (error) {
    answer.replaceChildren(element("p", { className: "status bad" }, `No answer: ${error.message}`));
  } finally {
    button.disabled = false;
  }
}

function show(answer, url, options, response, text, milliseconds) {
  const headers = ["Location", "ETag", "Allow", "Retry-After", "WWW-Authenticate"]
    .filter((name) => response.headers.has(name)).map((name) => `${name}: ${response.headers.get(name)}`);
  answer.replaceChildren(
    element("p", { className: response.ok ? "status" : "status bad" }, `${response.status} ${response.statusText} `,
      element("small", {}, `${milliseconds} ms`)),
    headers.length ? element("pre", {}, headers.join("\n")) : "",
    element("pre", {}, pretty(text)),
    element("details", {}, element("summary", {}, "As a command"), element("pre", {}, curl(url, options))));
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

// The key stays out of the command: it would end up in the shell's history.
function curl(url, { method, headers, body }) {
  const quoted = (word) => `'${word.replaceAll("'", "'\\''")}'`;
  const parts = ["curl -sS", method === "GET" ? "" : `-X ${method}`, '-H "X-API-KEY: $PUENTE_KEY"'];
  for (const [name, value] of Object.entries(headers)) if (name !== "X-API-KEY") parts.push(`-H ${quoted(`${name}: ${value}`)}`);
  if (body !== undefined) parts.push(`-d ${quoted(body)}`);
  return [...parts, quoted(new URL(url, location.href).href)].filter(Boolean).join(" ");
}

function draw() {
  byId("version").textContent = api.info.version;
  const groups = new Map();
  for (const [path, operations] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      const tag = (operation.tags || ["Other"])[0];
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push({ path, method, operation });
    }
  }
  byId("description").replaceChildren(...prose(api.info.description));
  for (const [tag, entries] of groups) {
    byId("contents").append(element("h2", {}, tag), ...entries.map(({ operation }) =>
      element("a", { href: `#${operation.operationId}` }, operation.summary || operation.operationId)));
    byId("description").append(element("h2", {}, tag),
      ...entries.map(({ path, method, operation }) => drawOperation(path, method, operation)));
  }
}

function keepKey() {
  const input = byId("key");
  input.value = sessionStorage.getItem("puente-key") || "";
  input.addEventListener("input", () => sessionStorage.setItem("puente-key", input.value));
  byId("key-form").addEventListener("submit", (event) => event.preventDefault());
}

async function start() {
  keepKey();
  try {
    api = await (await fetch("/api/openapi.json")).json();
    draw();
    if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
  } catch (error) {
    byId("description").replaceChildren(element("p", { className: "status bad" }, `The description could not be loaded: ${error.message}`));
  }
}

start();
