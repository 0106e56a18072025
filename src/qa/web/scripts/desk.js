// The desk of the hotline. Runs once, after common.js.
const field = find(".search input");
const found = find(".found");
const detail = find(".detail");
const strip = find(".tabs");
const panel = find("main");
const help = find("dialog.help");
const today = find("dialog.today");
const quoteCheck = find("dialog.quote-check");
const MOST_TABS = 9; // as many as there are digits

let tabs = JSON.parse(remembered("qa-desk", "sessionStorage") ?? "null") ?? [];
let current = Math.min(Number(remembered("qa-desk-tab", "sessionStorage") ?? 0), Math.max(0, tabs.length - 1));
let active = -1; // the finding that Enter opens
let asking = null; // the search under way
let waiting = false; // another text was typed meanwhile
let shown = ""; // what the findings are of: those of other words must not be opened
let opens = false; // whether Enter was pressed before the findings came
let filters = {}; // language → its documents and departments as options, promised

const tab = () => tabs[current];

function freshTab() {
  return { id: `${Date.now()}-${tabs.length}`, text: "", document: "", department: "", caller: language };
}

function save() {
  remember("qa-desk", JSON.stringify(tabs), "sessionStorage");
  remember("qa-desk-tab", String(current), "sessionStorage");
}

// --- the words of the page

function fill() {
  const texts = fillZones();
  field.placeholder = texts.placeholder;
  for (const [part, text] of [[field, texts.search], [found, texts.found], [strip, texts.tabs], [detail, texts.detail]])
    part.setAttribute("aria-label", text);
  find(".back").textContent = texts.back;
  help.setAttribute("aria-labelledby", "desk-help-title");
  today.setAttribute("aria-labelledby", "desk-today-title");
  quoteCheck.setAttribute("aria-labelledby", "desk-check-title");
  find("[name=keys]").checked = singleKeys();
  fillFilters();
  showTab();
}

async function fillFilters() {
  const asked = language;
  filters[asked] ??= call("filters", { language: asked });
  const html = await filters[asked].catch(() => "");
  if (asked !== language || !html) return;
  find(".filters").innerHTML = html;
  for (const name of ["document", "department"]) find(`.filters [name=${name}]`).value = tab()[name];
}

// --- tabs

function showTabs() {
  strip.replaceChildren(
    ...tabs.map((each, place) => {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", id: `desk-tab-${place}`, textContent: each.text || faces[language].texts.untitled });
      button.setAttribute("role", "tab");
      button.setAttribute("aria-selected", String(place === current));
      button.setAttribute("aria-controls", "desk-panel");
      button.tabIndex = place === current ? 0 : -1;
      button.dataset.act = "tab";
      button.dataset.place = place;
      button.dataset.number = place + 1;
      if (each.state) button.dataset.state = each.state;
      return button;
    }),
  );
  panel.setAttribute("aria-labelledby", `desk-tab-${current}`);
}

function showTab() {
  showTabs();
  const { text, document: chosen, department } = tab();
  field.value = text;
  for (const [name, value] of [["document", chosen], ["department", department]]) {
    const select = find(`.filters [name=${name}]`);
    if (select) select.value = value;
  }
  opens = false;
  shown = "";
  search();
  if (tab().kind) showDetail();
  else clearDetail();
}

function go(place) {
  if (place < 0 || place >= tabs.length) return;
  current = place;
  save();
  showTab();
}

function newTab() {
  if (tabs.length === MOST_TABS) return (status.textContent = faces[language].texts.most);
  tabs.push(freshTab());
  go(tabs.length - 1);
  field.focus();
}

function closeTab() {
  tabs.splice(current, 1);
  if (!tabs.length) tabs.push(freshTab());
  go(Math.min(current, tabs.length - 1));
  field.focus();
}

// --- searching as one types: one request at a time, always the latest text

function wanted() {
  const { id, text, document: chosen, department } = tab();
  return { id, request: { text, document: chosen, department, language } };
}

const keyOf = (search) => JSON.stringify(search);

async function search() {
  if (asking) return void (waiting = true);
  const { id, request } = wanted();
  const key = keyOf({ id, request });
  if (key === shown) return;
  if (!request.text.trim()) return showFound("", key);
  asking = call("search", request);
  const slow = setTimeout(() => found.setAttribute("aria-busy", "true"), 200);
  const html = await asking.catch(() => `<p class="failure" role="alert">${faces[language].texts.failed}</p>`);
  clearTimeout(slow);
  asking = null;
  // Findings of the beginning of what is typed by now are better than none.
  const { id: now, request: typed } = wanted();
  if (id === now && request.text.trim() && typed.text.startsWith(request.text)) showFound(html, key);
  if (waiting) {
    waiting = false;
    search();
  }
}

function showFound(html, key) {
  shown = key;
  found.innerHTML = html;
  found.dataset.of = JSON.parse(key).request.text;
  found.removeAttribute("aria-busy");
  const rows = options();
  rows.forEach((row, place) => (row.id = `desk-finding-${place}`));
  field.setAttribute("aria-expanded", String(rows.length > 0));
  activate(rows.length ? 0 : -1, false);
  found.scrollTop = 0;
  if (opens && isCurrent()) openActive();
}

const isCurrent = () => shown === keyOf(wanted());

const options = () => [...found.querySelectorAll("[role=option]")];

function activate(place, visible = true) {
  const rows = options();
  rows[active]?.setAttribute("aria-selected", "false");
  active = Math.max(-1, Math.min(place, rows.length - 1));
  const row = rows[active];
  if (!row) return field.removeAttribute("aria-activedescendant");
  row.setAttribute("aria-selected", "true");
  field.setAttribute("aria-activedescendant", row.id);
  if (visible) row.scrollIntoView({ block: "nearest" });
}

// --- opening what was found

function openActive() {
  opens = !isCurrent();
  const row = options()[active];
  if (row && !opens) openFinding(row.dataset);
}

function openFinding({ kind, key, question }) {
  const asked = question ?? tab().text;
  if (asked !== tab().asked) Object.assign(tab(), { entry: "", state: "", note: "", to: "" });
  Object.assign(tab(), { kind, key, asked });
  save();
  showDetail(true);
}

async function showDetail(focus = false) {
  const { id, kind, key, asked, caller, entry = "" } = tab();
  root.classList.add("opened");
  const request = { kind, key, text: asked ?? "", caller, language, entry };
  const slow = setTimeout(() => detail.setAttribute("aria-busy", "true"), 150);
  const reply = await call("detail", request).catch(() => null);
  clearTimeout(slow);
  detail.removeAttribute("aria-busy");
  if (id !== tab().id) return;
  if (!reply) return (detail.innerHTML = `<p class="failure" role="alert">${faces[language].texts.failed}</p>`);
  detail.innerHTML = reply.html;
  Object.assign(tab(), { entry: reply.entry, script: reply.script });
  const [note, to] = [detail.querySelector("[name=note]"), detail.querySelector("[name=to]")];
  if (note) note.value = tab().note ?? "";
  if (to && tab().to) to.value = tab().to;
  showMark("");
  save();
  detail.scrollTop = 0;
  if (focus) detail.focus();
}

function clearDetail() {
  root.classList.remove("opened");
  detail.innerHTML = `<div class="empty">${faces[language].empty}</div>`;
}

// --- what became of the call

async function mark(state) {
  const given = tab();
  if (!given.kind || !detail.querySelector(".marks")) return;
  const taken = given.state === state ? null : state;
  const to = taken === "handed_over" ? (detail.querySelector("[name=to]")?.value ?? "") : "";
  const note = detail.querySelector("[name=note]")?.value ?? "";
  const request = { text: given.asked ?? given.text, entry: given.entry, caller: given.caller, language, state: taken, to, note, tab: given.id };
  const reply = await call("mark", request).catch(() => null);
  if (reply) Object.assign(given, { state: taken ?? "", to, note, entry: reply.entry });
  save();
  showTabs();
  showMark(reply?.said ?? faces[language].texts.failed, !reply);
}

function showMark(said, failed = false) {
  for (const button of detail.querySelectorAll("[data-act=mark]"))
    button.setAttribute("aria-pressed", String(button.dataset.state === tab().state));
  const line = detail.querySelector(".said");
  if (!line) return;
  line.textContent = status.textContent = said;
  line.classList.toggle("alarm", failed);
}

// --- what people do

const acts = {
  language: (button) => choose(button.dataset.language),
  tab: (button) => go(Number(button.dataset.place)),
  newTab,
  closeTab,
  help: () => help.showModal(),
  check: () => quoteCheck.showModal(),
  close: (button) => button.closest("dialog").close(),
  today: async () => {
    today.innerHTML = (await call("log", { language }).catch(() => "")) || `<p class="failure" role="alert">${faces[language].texts.failed}</p>`;
    if (!today.open) today.showModal();
  },
  excel: async (button) => {
    const file = await call("excel", { language }).catch(() => null);
    if (file) download(file);
    confirmOn(button, file ? button.dataset.done : faces[language].texts.failed);
  },
  open: (button) => openFinding({ kind: "clause", key: button.dataset.clause }),
  caller: (button) => speakTo(button.dataset.language),
  copyScript: async (button) => {
    await copy(tab().script);
    confirmOn(button, button.dataset.done);
  },
  copy: async (button) => {
    await copy(button.dataset.text);
    confirmOn(button, button.dataset.done);
  },
  mark: (button) => mark(button.dataset.state),
  back: () => (root.classList.remove("opened"), field.focus()),
};

function speakTo(caller) {
  tab().caller = caller;
  save();
  if (tab().kind) showDetail().then(() => detail.querySelector(`[data-act=caller][data-language=${caller}]`)?.focus());
}

const press = (act) => detail.querySelector(`[data-act=${act}]`)?.click();
const keys = {
  "/": () => field.select(),
  j: () => activate(active + 1),
  k: () => activate(Math.max(0, active - 1)),
  ArrowDown: () => activate(active + 1),
  ArrowUp: () => activate(Math.max(0, active - 1)),
  Enter: openActive,
  c: () => press("copyScript"),
  l: () => speakTo(Object.keys(faces)[(Object.keys(faces).indexOf(tab().caller) + 1) % 3]),
  a: () => mark("answered"),
  h: () => mark("handed_over"),
  u: () => mark("unanswered"),
  m: () => detail.querySelector("[name=note]")?.focus(),
  n: newTab,
  x: closeTab,
  t: () => acts.today(),
  q: () => acts.check(),
  "?": () => acts.help(),
  Escape: () => find(".back").checkVisibility() && acts.back(),
};

function singleKeys() {
  return remembered("qa-desk-keys") !== "off";
}

function onKey(event) {
  if (event.isComposing || event.keyCode === 229 || element.querySelector("dialog[open]")) return;
  const digit = /^Digit([1-9])$/.exec(event.code)?.[1];
  if (event.altKey && !event.ctrlKey && !event.metaKey) {
    if (!digit && event.code !== "KeyN") return;
    event.preventDefault();
    return digit ? go(Number(digit) - 1) : newTab();
  }
  if (event.ctrlKey || event.metaKey) return;
  const { target } = event;
  if (target === field) {
    if (event.key === "Escape") return detail.focus();
    if (!["ArrowDown", "ArrowUp", "Enter"].includes(event.key)) return;
  } else if (target.closest("input, select, textarea")) {
    if (event.key === "Escape") detail.focus();
    return;
  } else if (target.closest("[role=tab]") && ["ArrowLeft", "ArrowRight"].includes(event.key)) {
    go(current + (event.key === "ArrowRight" ? 1 : -1));
    return strip.querySelector("[aria-selected=true]").focus();
  } else if (event.key === "Enter" && target.closest("button, a, summary")) {
    return;
  }
  if (event.key.length === 1 && !singleKeys() && target !== field) return;
  if (digit && target !== field && event.key === digit) {
    event.preventDefault();
    return go(Number(digit) - 1);
  }
  const act = keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

element.addEventListener("click", (event) => {
  const row = event.target.closest("[role=option]");
  if (row) {
    activate(options().indexOf(row), false);
    return openActive();
  }
  const button = event.target.closest("[data-act]");
  if (!button) return;
  event.stopPropagation();
  acts[button.dataset.act](button);
});
element.addEventListener("change", ({ target }) => {
  if (target.name === "document" || target.name === "department") {
    tab()[target.name] = target.value;
    save();
    search();
  }
  if (target.name === "keys") remember("qa-desk-keys", target.checked ? "on" : "off");
  if (target.name === "note") ((tab().note = target.value), save());
});
quoteCheck.addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = quoteCheck.querySelector("[name=pasted]").value;
  const asked = text.trim() ? call("check", { text, language }) : Promise.resolve("");
  quoteCheck.querySelector(".checked").innerHTML = await asked.catch(
    () => `<p class="failure" role="alert">${faces[language].texts.failed}</p>`,
  );
});
field.addEventListener("input", () => {
  opens = false;
  tab().text = field.value;
  strip.querySelector("[aria-selected=true]").textContent = field.value || faces[language].texts.untitled;
  save();
  search();
});
document.addEventListener("keydown", onKey);

if (!tabs.length) tabs.push(freshTab());
fill();
root.hidden = false;
field.focus();
