// The page: asks the sandbox every second what is new and shows it. No text from outside ever becomes markup.

const EVERY_MS = 1000;
const THEMES = ["automatic", "light", "dark"];
const LABELS = {
  none: "Normal", down: "Down", slow: "Slow", flaky: "Flaky", rate_limited: "Rate limited",
  garbage: "Garbage", accept_then_drop: "Accept, then drop", conflict: "Conflict",
};

const find = (id) => document.getElementById(id);
const still = window.matchMedia("(prefers-reduced-motion: reduce)");
const page = { state: "", vendor: "", vendors: [], calls: [], cards: new Map(), paused: false, lost: false };

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

async function ask(path, method = "GET", body = undefined) {
  const response = await fetch(path, { method, body: body && JSON.stringify(body) });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.errors?.map((each) => `${each.field}: ${each.message}`).join("; ") || answer.error);
  return answer;
}

async function refresh() {
  try {
    const news = await ask(`/_sandbox/overview?state=${encodeURIComponent(page.state)}`);
    page.lost = false;
    if (!news.unchanged) {
      Object.assign(page, { state: news.state, vendors: news.vendors, calls: news.calls });
      page.vendor ||= news.vendors[0].name;
      show();
    }
  } catch {
    page.lost = true;
    page.state = "";
  }
  showLive();
}

async function live() {
  if (!page.paused && !document.hidden) await refresh();
  setTimeout(live, EVERY_MS);
}

function showLive() {
  const [text, kind] = page.lost ? ["Connection lost", "lost"] : page.paused ? ["Paused", ""] : ["Live", "on"];
  const element = find("live");
  if (element.textContent !== text) element.textContent = text;
  element.className = `live ${kind}`;
}

function show() {
  const vendor = page.vendors.find((each) => each.name === page.vendor);
  showVendors();
  showCounters(vendor);
  showFault(vendor);
  showLinks(vendor);
  showBoard(vendor);
  showConnection(vendor);
  showCalls();
}

function showVendors() {
  find("vendors").replaceChildren(...page.vendors.map((each) => {
    const button = make("button", { type: "button", textContent: each.title });
    button.setAttribute("aria-current", String(each.name === page.vendor));
    button.onclick = () => { page.vendor = each.name; page.cards.clear(); find("board-said").textContent = ""; show(); };
    return button;
  }));
}

function showCounters(vendor) {
  const numbers = { Calls: vendor.calls, "Calls in trouble": vendor.failures, ...vendor.counters };
  find("counters").replaceChildren(...Object.entries(numbers).map(([label, count]) => {
    const box = make("div", {}, make("dt", { textContent: label }), make("dd", { textContent: count.toLocaleString("en") }));
    box.classList.toggle("bad", label === "Calls in trouble" && count > 0);
    return box;
  }));
}

function showFault(vendor) {
  const { fault } = vendor;
  const left = fault.left === null ? "" : ` For ${fault.left} more call${fault.left === 1 ? "" : "s"}.`;
  const only = fault.only ? ` Only calls that contain “${fault.only}”.` : "";
  const share = fault.mode !== "none" && fault.rate < 1 ? ` ${Math.round(fault.rate * 100)} % of calls.` : "";
  const said = fault.modes[fault.mode].replaceAll("`", "") + share + only + left;
  const now = find("fault-now");
  if (now.textContent !== said) now.textContent = said;
  now.closest(".faults").classList.toggle("active", fault.mode !== "none");
  const modes = find("modes");
  if (modes.dataset.vendor !== vendor.name) {
    modes.dataset.vendor = vendor.name;
    modes.replaceChildren(...Object.entries(fault.modes).map(([mode, text]) => {
      const button = make("button", { type: "button", textContent: LABELS[mode] ?? worded(mode), title: text.replaceAll("`", "") });
      button.dataset.mode = mode;
      button.classList.toggle("trouble", mode !== "none");
      button.onclick = () => setFault(mode);
      return button;
    }));
  }
  for (const button of modes.children) button.setAttribute("aria-pressed", String(button.dataset.mode === fault.mode));
}

async function setFault(mode) {
  const form = new FormData(find("details"));
  const fault = { mode };
  if (form.get("rate")) fault.rate = Number(form.get("rate")) / 100;
  if (form.get("seconds")) fault.seconds = Number(form.get("seconds"));
  if (form.get("count")) fault.count = Number(form.get("count"));
  if (form.get("only")) fault.only = form.get("only");
  try {
    await ask(`/_sandbox/faults/${page.vendor}`, "PUT", mode === "none" ? { mode } : fault);
    await refresh();
  } catch (error) {
    find("fault-now").textContent = `Not set: ${error.message}`;
  }
}

function showLinks(vendor) {
  find("links").replaceChildren(...Object.entries(vendor.links).map(([label, address]) =>
    make("a", { href: address, target: "_blank", rel: "noopener", textContent: label })));
}

function showConnection(vendor) {
  find("connection").replaceChildren(...Object.entries(vendor.connection).flatMap(([label, value]) => [
    make("dt", { textContent: label }),
    make("dd", {}, make("code", { textContent: value.startsWith("/") ? location.origin + value : value })),
  ]));
}

function showBoard(vendor) {
  find("board-title").textContent = vendor.board_title;
  find("columns").setAttribute("aria-label", `${vendor.board_title}, scrolls sideways`);
  const before = places();
  const known = page.cards;
  const first = known.size === 0;
  page.cards = new Map();
  find("track").replaceChildren(...vendor.board.map((column) => columnOf(column, known, first)));
  if (!still.matches) glide(before);
}

function columnOf(column, known, first) {
  const heading = make("h3", {}, make("span", { textContent: column.title }), make("span", { className: "total", textContent: column.total.toLocaleString("en") }));
  const cards = column.cards.map((card) => {
    const now = JSON.stringify([column.id, card]);
    page.cards.set(card.id, now);
    return cardOf(card, !first && known.get(card.id) !== now);
  });
  const box = make("section", { className: cards.length ? "column" : "column vacant" }, heading);
  box.setAttribute("aria-label", `${column.title}, ${column.total}`);
  if (cards.length) box.append(make("ul", { className: "cards" }, ...cards));
  const hidden = column.total - cards.length;
  if (hidden > 0) box.append(make("p", { className: "more", textContent: `and ${hidden.toLocaleString("en")} more` }));
  return box;
}

function cardOf(card, fresh) {
  const element = make("li", { className: fresh ? "card fresh" : "card" }, make("strong", { textContent: card.title }));
  element.dataset.card = card.id;
  for (const line of card.lines) element.append(make("small", { textContent: line }));
  if (card.tag) {
    const initials = card.tag.split(/\s+/).map((word) => word[0]).slice(0, 2).join("");
    const badge = make("i", { textContent: initials });
    badge.setAttribute("aria-hidden", "true");
    element.append(make("small", { className: "tag" }, badge, card.tag));
  }
  const buttons = buttonsOf(card);
  if (buttons.length) element.append(make("div", { className: "acts" }, ...buttons));
  return element;
}

// What a card can be made to do: an action of its vendor, or a webhook sent once more.
function buttonsOf(card) {
  const vendor = page.vendors.find((each) => each.name === page.vendor);
  const webhook = /^webhook-(\d+)$/.exec(card.id);
  if (webhook) return [buttonFor("Send again", "", `/_sandbox/webhooks/${webhook[1]}/again`)];
  return card.actions.map((action) => buttonFor(LABELS[action] ?? worded(action), vendor.actions[action] ?? "", `/_sandbox/${vendor.name}/${action}`, { id: card.id }));
}

function worded(name) {
  const text = name.replaceAll("_", " ");
  return text[0].toUpperCase() + text.slice(1);
}

function buttonFor(label, title, path, body = {}) {
  const button = make("button", { type: "button", textContent: label, title });
  button.onclick = async () => {
    button.disabled = true;
    try {
      await ask(path, "POST", body);
    } catch (error) {
      find("board-said").textContent = `Not done: ${error.message}`;
      button.disabled = false;
      return;
    }
    find("board-said").textContent = "";
    await refresh();
  };
  return button;
}

// A card that changed its place is shown gliding there from where it was.
function places() {
  return new Map([...document.querySelectorAll("[data-card]")].map((each) => [each.dataset.card, each.getBoundingClientRect()]));
}

function glide(before) {
  for (const element of document.querySelectorAll("[data-card]")) {
    const old = before.get(element.dataset.card);
    if (!old) continue;
    const now = element.getBoundingClientRect();
    const [x, y] = [old.left - now.left, old.top - now.top];
    if (x || y) element.animate([{ transform: `translate(${x}px, ${y}px)` }, { transform: "none" }], { duration: 420, easing: "cubic-bezier(.2,.8,.2,1)" });
  }
}

function showCalls() {
  const wanted = find("filter").value.trim().toLowerCase();
  const trouble = find("failures").checked;
  const calls = page.calls.filter((call) => call.vendor === page.vendor);
  const fitting = calls.filter((call) => (!trouble || call.outcome !== "ok")
    && `${call.what} ${call.path} ${call.outcome} ${call.status ?? "cut"} ${call.fault ?? ""}`.toLowerCase().includes(wanted));
  const list = find("list");
  const shown = new Map([...list.children].map((each) => [each.dataset.seq, each]));
  const rows = fitting.map((call) => shown.get(String(call.seq)) ?? rowOf(call));
  if (rows.length !== list.children.length || rows.some((row, place) => row !== list.children[place])) update(list, rows);
  find("empty").hidden = calls.length > 0;
  find("none").hidden = calls.length === 0 || fitting.length > 0;
}

// Rows that stay are not taken out and put back, so that what is open or has the focus keeps it.
function update(list, rows) {
  const keep = new Set(rows);
  for (const old of [...list.children]) if (!keep.has(old)) old.remove();
  rows.forEach((row, place) => { if (list.children[place] !== row) list.insertBefore(row, list.children[place] ?? null); });
}

function rowOf(call) {
  const [sign, kind] = call.outcome === "ok" ? ["✓", "ok"] : call.status !== null && call.status < 400 && !call.fault ? ["!", "odd"] : ["✕", "bad"];
  const chip = make("span", { className: `chip ${kind}`, textContent: `${sign} ${call.status ?? "cut"}` });
  const time = new Date(call.at);
  const when = make("span", { className: "when" }, `${time.toLocaleTimeString("en-GB")}.${String(time.getMilliseconds()).padStart(3, "0")}`);
  if (call.fault || call.outcome !== "ok") when.append(" · ", make("span", { className: "told", textContent: told(call) }));
  const took = make("span", { className: "took", textContent: `${call.ms < 10 ? call.ms.toFixed(1) : Math.round(call.ms)} ms` });
  const details = make("details", {}, make("summary", {}, chip, make("span", { className: "what", textContent: call.what }), when, took));
  details.ontoggle = () => { if (details.open && !details.dataset.full) openCall(call, details); };
  const row = make("li", {}, details);
  row.dataset.seq = call.seq;
  return row;
}

function told(call) {
  if (!call.fault) return call.outcome;
  const fault = LABELS[call.fault] ?? call.fault;
  const same = [fault, call.fault].some((name) => name.toLowerCase() === call.outcome) || call.outcome === "limited";
  return same ? fault : `${fault}: ${call.outcome}`;
}

async function openCall(call, details) {
  details.dataset.full = "yes";
  const inside = make("div", { className: "inside" });
  details.append(inside);
  try {
    const whole = await ask(`/_sandbox/calls/${call.seq}`);
    const body = whole.body === null ? "(no longer kept)" : JSON.stringify(whole.body, null, 1);
    const headers = Object.entries(whole.headers).map(([name, value]) => `${name}: ${value}`).join("\n");
    inside.append(make("h4", { textContent: "Request" }), block(`${whole.method} ${whole.path}\n${headers}`),
      make("h4", { textContent: "Body" }), block(body.length > 60000 ? `${body.slice(0, 60000)}\n…` : body));
  } catch (error) {
    inside.append(make("p", { textContent: `Not shown: ${error.message}` }));
    delete details.dataset.full;
  }
}

function block(text) {
  const element = make("pre", { textContent: text, tabIndex: 0 });
  return element;
}

function setTheme(theme) {
  if (theme === "automatic") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  find("theme").textContent = `Theme: ${theme}`;
  localStorage.setItem("theme", theme);
}

find("theme").onclick = () => setTheme(THEMES[(THEMES.indexOf(localStorage.getItem("theme")) + 1) % THEMES.length]);
find("pause").onclick = () => {
  page.paused = !page.paused;
  find("pause").setAttribute("aria-pressed", String(page.paused));
  showLive();
};
find("options").onclick = () => {
  const hidden = !find("details").hidden;
  find("details").hidden = hidden;
  find("options").setAttribute("aria-expanded", String(!hidden));
};
find("filter").oninput = showCalls;
find("failures").onchange = showCalls;
find("details").onsubmit = (event) => event.preventDefault();
find("reset").onclick = () => find("reset-dialog").showModal();
find("reset-dialog").onclose = async () => {
  const dialog = find("reset-dialog");
  if (dialog.returnValue !== "reset") return;
  const without = new FormData(dialog.querySelector("form"));
  await ask("/_sandbox", "DELETE", Object.fromEntries([...without.keys()].map((name) => [name, false])));
  page.cards.clear();
  await refresh();
};
setTheme(THEMES.includes(localStorage.getItem("theme")) ? localStorage.getItem("theme") : "automatic");
live();
