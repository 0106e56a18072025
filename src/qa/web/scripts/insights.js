// The behaviour of the insights page. Runs once, after common.js.
const { failure } = props;
const page = element; // holds the figures, too: no element of ours could
const dark = matchMedia("(prefers-color-scheme: dark)");
const query = { first: "", last: "", language: "", document: "", days: "30" };

let count = 0;
let waiting = false;
let outdated = false; // the query has changed since it was sent
let timers = [];
const settled = new Map(); // group → what was sent, to be undone

function fill() {
  fillZones();
  fillControls();
  load();
}

// --- the query

function fillControls() {
  for (const name of ["first", "last", "language"]) control(name).value = query[name];
  for (const button of element.querySelectorAll(".ranges button"))
    button.setAttribute("aria-pressed", String(button.dataset.days === query.days));
  fillDocuments();
  fillExport();
}

function control(name) {
  return find(`.query [name=${name}]`);
}

function fillDocuments() {
  const select = control("document");
  const known = [...element.querySelectorAll("datalist option")];
  select.replaceChildren(select.firstElementChild, ...known.map((each) => each.cloneNode(true)));
  select.value = query.document;
  if (select.selectedIndex < 0) select.selectedIndex = 0;
  select.hidden = known.length < 2 && !query.document;
}

function fillExport() {
  const { first, last, language: asked, document } = query;
  const given = new URLSearchParams({ first, last, language: asked, document, interface: language });
  find(".export").href = `${location.pathname.replace(/\/$/, "")}/export?${given}`;
}

function inDays(days) {
  query.days = days;
  query.last = "";
  query.first = days ? iso(new Date(Date.now() - (Number(days) - 1) * 86_400_000)) : "";
}

function iso(moment) {
  const [year, month, day] = [moment.getFullYear(), moment.getMonth() + 1, moment.getDate()];
  return [year, ...[month, day].map((part) => String(part).padStart(2, "0"))].join("-");
}

// --- the board

// One request at a time, so that the page shows the answer to the last.
function load() {
  if (waiting) return void (outdated = true);
  waiting = true;
  outdated = false;
  count += 1;
  timers.forEach(clearTimeout);
  timers = [setTimeout(failed, LONGEST_WAIT), setTimeout(() => knock().catch(failed), SUSPICIOUS_WAIT)];
  page.setAttribute("aria-busy", "true");
  status.textContent = faces[language].texts.loading;
  const { first, last, language: asked, document } = query;
  trigger("submit", {
    id: count,
    query: { first: first || null, last: last || null, language: asked, document, interface: language, dark: dark.matches },
  });
}

function show({ id, head, rest, empty }) {
  if (id !== count) return; // of a query that was given up
  waiting = false;
  if (outdated) return load();
  timers.forEach(clearTimeout);
  settled.clear();
  find(".head").innerHTML = head;
  find(".rest").innerHTML = rest;
  page.classList.toggle("empty", empty);
  page.classList.add("loaded");
  page.removeAttribute("aria-busy");
  status.textContent = "";
  fillControls();
}

function failed() {
  outdated = false;
  show({ id: count, head: "", rest: failure[language], empty: true });
}

// --- unanswered questions

async function settle(form, kind) {
  const select = form.elements.clause;
  const rows = [...form.querySelectorAll(".questions li")];
  const chosen = rows.filter((row) => row.querySelector("[type=checkbox]").checked);
  if (!chosen.length) return rows[0].querySelector("[type=checkbox]").focus();
  const wanted = {
    kind,
    clause: select.value,
    document: select.selectedOptions[0].dataset.document,
    questions: chosen.map((row) => {
      const text = row.querySelector(".text");
      return { asked: text.dataset.asked, language: text.dataset.language, text: text.value };
    }),
    interface: language,
  };
  const group = form.closest(".group");
  group.setAttribute("aria-busy", "true");
  try {
    const { html, done } = await call("settle", wanted);
    tell(group, html);
    const undoable = group.querySelector("[data-act=undo]");
    if (undoable) {
      settled.set(group, { ...wanted, questions: done.length ? done : wanted.questions });
      form.hidden = true;
      undoable.focus();
    }
  } catch {
    tell(group, failure[language]);
  }
  group.removeAttribute("aria-busy");
}

function tell(group, html) {
  group.querySelector(".told")?.remove();
  group.insertAdjacentHTML("beforeend", `<div class="told">${html}</div>`);
}

async function undo(group) {
  try {
    const { failed: refused, text } = await call("undo", settled.get(group));
    if (refused) return (group.querySelector(".told").textContent = text);
    settled.delete(group);
    group.querySelector(".told").remove();
    const form = group.querySelector("form");
    form.hidden = false;
    form.querySelector(".primary").focus();
    status.textContent = text;
  } catch {
    tell(group, failure[language]);
  }
}

// --- what people do

const acts = {
  language: (button) => choose(button.dataset.language),
  range: (button) => {
    inDays(button.dataset.days);
    fillControls();
    load();
  },
  reload: load,
  undo: (button) => undo(button.closest(".group")),
};

element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-act]");
  if (button) acts[button.dataset.act](button);
});
element.addEventListener("change", ({ target }) => {
  if (!target.closest(".query")) return;
  query[target.name] = target.value;
  if (target.type === "date") query.days = "chosen";
  fillControls();
  load();
});
element.addEventListener("submit", (event) => {
  if (event.target.matches(".leave")) return;
  event.preventDefault();
  if (event.target.matches(".settle")) settle(event.target, event.submitter?.value ?? "wording");
});
dark.addEventListener("change", load);
window.addEventListener("qa-failure", failed);
watch("value", () => props.value && show(props.value));

element.closest("main")?.removeAttribute("role"); // the landmark that holds the figures, too
page.classList.add("qa", "insights");
page.prepend(find("header"));
inDays("30");
fill();
