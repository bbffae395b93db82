// The inbox page: asks once a second what is new, and shows it as the recipient has it. No text from outside becomes markup;
// the HTML of a mail stands in a frame in which nothing runs.

const EVERY_MS = 1000;
const THEMES = ["automatic", "light", "dark"];
const LINK = /(https?:\/\/[^\s<>"')]+[^\s<>"').,;])/;
const KINDS = { mail: "Mail", whatsapp: "WhatsApp", sms: "SMS", chat: "Chat", call: "Call" };
const CALLS = { human: "a person answers", machine: "a machine answers", "no-answer": "nobody answers", busy: "it is busy", failed: "it fails" };
const MESSAGES = { delivered: "is delivered", read: "is read", undelivered: "is not delivered", failed: "fails", silent: "is never heard of" };
const MAILS = { delivered: "is delivered", deferred: "is delayed", hard_bounce: "bounces", soft_bounce: "bounces softly", spam: "is called spam", silent: "is never heard of" };
const REFUSALS = { delivered: MAILS.delivered, hard_bounce: "is refused", soft_bounce: "is refused for now" };
const SENDERS = { brevo: "Brevo", resend: "Resend", smtp: "Mail server" };
const ENVELOPE = "M3 6h18v12H3zM3 7l9 7 9-7";
const PHONE = "M6 3h3l2 5-2.5 1.5a12 12 0 0 0 6 6L16 13l5 2v3a3 3 0 0 1-3 3A15 15 0 0 1 3 6a3 3 0 0 1 3-3z";

const find = (id) => document.getElementById(id);
const page = { state: "", people: [], choices: {}, undelivered: [], chosen: "", shown: new Map(), lost: false };

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function drawing(path) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

async function ask(path, method = "GET", body = undefined) {
  const response = await fetch(path, { method, body: body && JSON.stringify(body) });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

async function act(vendor, action, given) {
  try {
    await ask(`/_sandbox/${vendor}/${action}`, "POST", given);
    find("trouble").hidden = true;
    await refresh();
  } catch (error) {
    find("trouble").textContent = `Not done: ${error.message}`;
    find("trouble").hidden = false;
    setTimeout(() => { find("trouble").hidden = true; }, 6000);
  }
}

async function refresh() {
  try {
    const news = await ask(`/_sandbox/inbox?state=${encodeURIComponent(page.state)}`);
    page.lost = false;
    if (!news.unchanged) {
      Object.assign(page, { state: news.state, people: news.people, choices: news.choices, undelivered: news.undelivered });
      show();
    }
  } catch {
    page.lost = true;
    page.state = "";
  }
  const live = find("live");
  live.textContent = page.lost ? "Connection lost" : "Live";
  live.className = page.lost ? "live lost" : "live on";
}

async function live() {
  if (!document.hidden) await refresh();
  setTimeout(live, EVERY_MS);
}

function show() {
  const asked = decodeURIComponent(location.hash.slice(1));
  page.chosen ||= page.people.find((each) => each.addresses.includes(asked))?.id ?? page.people[0]?.id ?? "";
  showPeople();
  const person = page.people.find((each) => each.id === page.chosen);
  showWho(person);
  showItems(person);
  showRules();
  showLost();
}

// What the vendors could not tell the app, because it was not there or did not take it.
function showLost() {
  const count = page.undelivered.length;
  find("lost").hidden = count === 0;
  const latest = page.undelivered.at(-1)?.what;
  find("lost").firstChild.textContent = count === 1 ? `The app has not taken “${latest}”.` : `The app has not taken ${count} webhooks, the latest “${latest}”.`;
}

async function sendAgain() {
  for (const each of page.undelivered) await ask(`/_sandbox/webhooks/${each.id}/again`, "POST");
  await refresh();
}

function showPeople() {
  const wanted = find("filter").value.trim().toLowerCase();
  const fitting = page.people.filter((person) => `${person.name} ${person.addresses.join(" ")} ${person.items.map((each) => `${each.title} ${each.text}`).join(" ")}`.toLowerCase().includes(wanted));
  find("nobody").hidden = fitting.length > 0;
  find("nobody").textContent = page.people.length ? "Nobody fits." : "Nobody has got anything yet.";
  const focused = document.activeElement?.dataset?.person;
  find("people").replaceChildren(...fitting.map((person) => {
    const last = person.items.at(-1);
    const button = make("button", { type: "button" },
      make("span", { className: "face", textContent: initials(person) }),
      make("span", { className: "name", textContent: called(person) }),
      make("span", { className: "when", textContent: clock(last.at) }),
      make("span", { className: "last", textContent: `${KINDS[last.kind]}: ${last.title || last.text || last.status}` }));
    button.querySelector(".face").setAttribute("aria-hidden", "true");
    button.dataset.person = person.id;
    button.setAttribute("aria-current", String(person.id === page.chosen));
    button.onclick = () => { page.chosen = person.id; history.replaceState(null, "", `#${encodeURIComponent(person.id)}`); show(); };
    return make("li", {}, button);
  }));
  if (focused) document.querySelector(`#people [data-person="${CSS.escape(focused)}"]`)?.focus();
}

function initials(person) {
  const words = called(person).replace(/@.*/, "").match(/[\p{L}\p{N}]+/gu) ?? ["?"];
  return /^\d/.test(words[0]) ? words[0].slice(-2) : words.map((word) => word[0]).slice(0, 2).join("").toUpperCase();
}

const called = (person) => person.name || person.addresses[0];
const numberOf = (person) => person?.addresses.find((address) => address.startsWith("+"));

function showWho(person) {
  find("person-name").textContent = person ? called(person) : "Nobody chosen";
  find("person-address").textContent = person?.name ? person.addresses.join(" · ") : "";
  find("face").textContent = person ? initials(person) : "";
  find("reply").hidden = !numberOf(person) && !person?.items.some((item) => item.vendor === "meta");
  const fields = person ? choicesFor(person) : [];
  const now = JSON.stringify([page.chosen, fields.map((each) => [each.vendor, each.value])]);
  if (find("next").dataset.now === now || find("next").contains(document.activeElement)) return;
  find("next").dataset.now = now;
  find("next").replaceChildren(...fields.map(fieldOf));
}

// What becomes of the next call, message or mail to this person; used up by it.
function choicesFor(person) {
  const number = numberOf(person);
  const mail = person.items.findLast((each) => each.kind === "mail");
  const called = { to: number, once: true };
  const mailed = mail && { to: mail.person, once: true };
  return [
    number && { label: "At the next call", vendor: "twilio", action: "answer", words: CALLS, given: called, value: chosen("twilio", `calls:${number}`) },
    number && { label: "The next message", vendor: "twilio", action: "deliver", words: MESSAGES, given: called, value: chosen("twilio", `messages:${number}`) },
    mail && { label: "The next mail", vendor: mail.vendor, action: "outcome", words: mailWords(mail.vendor), given: mailed, value: chosen(mail.vendor, mail.person) },
  ].filter(Boolean);
}

const mailWords = (vendor) => (vendor === "smtp" ? REFUSALS : MAILS);

function chosen(vendor, id) {
  return (page.choices[vendor] ?? []).find((each) => each.id === id)?.outcome ?? "";
}

function fieldOf({ label, vendor, action, words, given, value }) {
  const select = make("select", {}, make("option", { value: "", textContent: "as usual", disabled: value !== "" }),
    ...Object.entries(words).map(([word, text]) => make("option", { value: word, textContent: text })));
  select.value = value;
  select.onchange = () => { select.blur(); act(vendor, action, { ...given, outcome: select.value }); };
  return make("label", {}, `${label}:`, select);
}

function showRules() {
  if (find("rules").open && find("rules").contains(document.activeElement) && document.activeElement.tagName === "SELECT") return;
  const fields = [
    { label: "Calls", vendor: "twilio", action: "answer", words: CALLS, given: {}, value: chosen("twilio", "calls:*") || "human" },
    { label: "SMS and WhatsApp", vendor: "twilio", action: "deliver", words: MESSAGES, given: {}, value: chosen("twilio", "messages:*") || "delivered" },
    ...Object.keys(SENDERS).filter((name) => name in page.choices).map((vendor) => (
      { label: `Mails by ${SENDERS[vendor]}`, vendor, action: "outcome", words: mailWords(vendor), given: {}, value: chosen(vendor, "*") || "delivered" })),
  ];
  find("rules-fields").replaceChildren(...fields.map(fieldOf));
}

function showItems(person) {
  const list = find("items");
  const items = person?.items ?? [];
  const other = list.dataset.person !== page.chosen;
  const atEnd = other || list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  list.hidden = items.length === 0;
  find("empty").hidden = items.length > 0;
  if (other) page.shown.clear();
  list.dataset.person = page.chosen;
  const newestMail = items.findLast((each) => each.kind === "mail");
  let day = "";
  const rows = items.flatMap((item) => {
    const row = rowOf(item, { open: item === newestMail, fresh: !other });
    const today = new Date(item.at).toLocaleDateString("en-GB", { weekday: "long", day: "numeric", month: "long" });
    if (today === day) return [row];
    day = today;
    return [page.shown.get(`day ${day}`) ?? remember(`day ${day}`, make("li", { className: "day", textContent: day })), row];
  });
  const keep = new Set(rows);
  for (const old of [...list.children]) if (!keep.has(old)) old.remove();
  rows.forEach((row, place) => { if (list.children[place] !== row) list.insertBefore(row, list.children[place] ?? null); });
  if (atEnd) list.scrollTop = list.scrollHeight;
}

function remember(key, element) {
  page.shown.set(key, element);
  return element;
}

// A row that is there already stays, so that an open mail keeps its frame; only what has changed about it is shown anew.
function rowOf(item, { open, fresh }) {
  const key = `${item.vendor} ${item.id}`;
  const now = JSON.stringify(item);
  let row = page.shown.get(key);
  if (!row) {
    row = remember(key, make("li", { className: `item ${item.kind}${item.incoming ? " incoming" : ""}${fresh ? " fresh" : ""}` }));
    if (item.kind === "mail") row.append(letterOf(item, open));
  }
  if (row.dataset.now === now) return row;
  row.dataset.now = now;
  const unfolded = row.querySelector("details.menu")?.open ?? false; // a status that comes meanwhile closes no list
  if (item.kind === "mail") row.querySelector(".foot").replaceWith(footOf(item));
  else row.replaceChildren(item.kind === "call" ? ringOf(item) : make("div", { className: "bubble" }, ...linked(item.text)));
  row.querySelector(":scope > .meta")?.remove();
  row.append(metaOf(item));
  if (item.kind !== "mail" && item.deeds.length) row.append(deedsOf(item));
  if (unfolded) row.querySelector("details.menu").open = true;
  return row;
}

function linked(text) {
  return text.split(LINK).map((part, place) => (place % 2 ? make("a", { href: part, target: "_blank", rel: "noreferrer", textContent: part }) : part));
}

function metaOf(item) {
  const parts = [make("b", { textContent: item.kind === "mail" ? SENDERS[item.vendor] : KINDS[item.kind] }), make("span", { textContent: clock(item.at) })];
  if (item.steps.length) parts.push(make("span", { textContent: item.steps.map((step) => step.word.replaceAll("_", " ")).join(" → ") }));
  else if (item.status) parts.push(make("span", { textContent: item.status }));
  if (item.trouble) parts.push(make("span", { className: "wrong", textContent: `⚠ ${item.trouble.replaceAll("_", " ")}` }));
  if (item.kind !== "mail") for (const [name, value] of Object.entries(item.facts)) parts.push(make("span", { textContent: `${name} ${value}` }));
  return make("div", { className: "meta" }, ...parts);
}

function deedsOf(item) {
  const buttonOf = (deed) => {
    const button = make("button", { type: "button", textContent: deed.label });
    button.classList.toggle("way-out", deed.action === "unsubscribe");
    button.classList.toggle("answer", deed.answer);
    button.onclick = () => act(item.vendor, deed.action, { id: item.id, ...deed.given });
    return button;
  };
  const menu = item.deeds.filter((deed) => deed.menu);
  const list = menu.length ? [make("details", { className: "menu" }, make("summary", { textContent: menu[0].menu }), make("div", {}, ...menu.map(buttonOf)))] : [];
  return make("div", { className: "deeds" }, ...list, ...item.deeds.filter((deed) => !deed.menu).map(buttonOf));
}

function ringOf(item) {
  const missed = !item.status.startsWith("completed") && item.status !== "in-progress" && item.status !== "ringing";
  return make("div", { className: missed ? "ring missed" : "ring" }, drawing(PHONE),
    make("strong", { textContent: `Call from ${item.sender}` }), make("small", { textContent: item.status }),
    make("div", { className: "said", textContent: item.text }));
}

function letterOf(item, open) {
  const inside = make("div", { className: "inside" });
  const letter = make("details", { className: "letter", open },
    make("summary", {}, drawing(ENVELOPE), make("strong", { textContent: item.title }),
      make("span", { className: "when", textContent: clock(item.at) }), make("span", { className: "from", textContent: item.sender })),
    inside, make("div", { className: "foot" }));
  const fill = () => { if (letter.open && !inside.hasChildNodes()) inside.append(...partsOf(item)); };
  letter.ontoggle = fill;
  fill();
  return letter;
}

function partsOf(item) {
  const tabs = make("div", { className: "tabs" });
  tabs.setAttribute("role", "tablist");
  const body = make("div", {});
  const views = { Mail: () => frameOf(item), "Plain text": () => make("pre", { textContent: item.text, tabIndex: 0 }), Header: () => headerOf(item) };
  if (!item.html) delete views.Mail;
  for (const [name, view] of Object.entries(views)) {
    const tab = make("button", { type: "button", textContent: name });
    tab.setAttribute("role", "tab");
    tab.onclick = () => {
      body.replaceChildren(view());
      for (const each of tabs.children) each.setAttribute("aria-selected", String(each === tab));
    };
    tabs.append(tab);
  }
  tabs.firstChild.onclick();
  return [tabs, body];
}

// Nothing runs in the frame; it is of our origin only so that its height can be read.
function frameOf(item) {
  const frame = make("iframe", { title: item.title, src: `/_sandbox/inbox/${encodeURIComponent(item.vendor)}/${encodeURIComponent(item.id)}`, loading: "lazy" });
  frame.sandbox = "allow-same-origin allow-popups allow-popups-to-escape-sandbox";
  frame.onload = () => {
    const list = find("items");
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
    frame.style.height = `${Math.min(Math.max(frame.contentDocument.documentElement.scrollHeight, 80), 2400)}px`;
    if (atEnd) list.scrollTop = list.scrollHeight;
  };
  return frame;
}

function headerOf(item) {
  const named = { From: item.sender, To: item.name ? `${item.name} <${item.person}>` : item.person, Subject: item.title, ...item.facts };
  return make("dl", {}, ...Object.entries(named).flatMap(([name, value]) => [make("dt", { textContent: name }), make("dd", { textContent: value })]));
}

function footOf(item) {
  const foot = make("div", { className: "foot" });
  if (item.links.length) {
    foot.append(make("div", { className: "links" }, make("b", { textContent: item.follows ? "Links (following one is told to the sender)" : "Links" }),
      ...item.links.map((link) => {
        const anchor = make("a", { href: link, target: "_blank", rel: "noreferrer", textContent: link });
        anchor.onclick = () => { if (item.follows) act(item.vendor, "click", { id: item.id, link }); };
        return anchor;
      })));
  }
  if (item.deeds.length) foot.append(deedsOf(item));
  return foot;
}

function clock(at) {
  return new Date(at).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
}

function setTheme(theme) {
  if (theme === "automatic") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  find("theme").textContent = `Theme: ${theme}`;
  localStorage.setItem("theme", theme);
}

function chosenPerson() {
  return page.people.find((each) => each.id === page.chosen);
}

function whoWrites() {
  const number = numberOf(chosenPerson());
  return number ? { from: number } : { user_id: page.chosen };
}

function carrierOf(channel) { // an answer goes the way the last message came
  const latest = chosenPerson()?.items.findLast((item) => item.kind === "whatsapp");
  return channel === "whatsapp" && latest?.vendor === "meta" ? "meta" : "twilio";
}

function say(text) {
  const channel = find("reply").elements.channel.value;
  if (text.trim()) act(carrierOf(channel), "reply", { ...whoWrites(), text, channel });
}

find("filter").oninput = showPeople;
find("reply").onsubmit = (event) => {
  event.preventDefault();
  say(find("reply").elements.text.value);
  find("reply").elements.text.value = "";
};
for (const button of document.querySelectorAll("[data-say]")) button.onclick = () => say(button.dataset.say);
find("photo").onclick = () => act(carrierOf("whatsapp"), "photo", { ...whoWrites(), caption: find("reply").elements.text.value });
find("next").onsubmit = (event) => event.preventDefault();
find("lost").querySelector("button").onclick = sendAgain;
find("rules-open").onclick = () => { showRules(); find("rules").showModal(); };
find("theme").onclick = () => setTheme(THEMES[(THEMES.indexOf(localStorage.getItem("theme")) + 1) % THEMES.length]);
setTheme(THEMES.includes(localStorage.getItem("theme")) ? localStorage.getItem("theme") : "automatic");
live();
