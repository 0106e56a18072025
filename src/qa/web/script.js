// The behaviour of the page. Runs once, with what gr.HTML hands over: element, trigger, props, watch
// and server.
const { faces, failure } = props;
const find = (selector) => element.querySelector(selector);
const root = find(".qa");
const view = find("main");
const log = find(".log");
const form = find(".composer");
const input = find("textarea");
const send = find(".composer button");
const status = find("[role=status]");
const SUSPICIOUS_WAIT = 2_000; // milliseconds; an answer takes a tenth of a second
const LONGEST_WAIT = 30_000;

let language = preferred();
let pending = null; // the turn that waits for its answer
let timers = [];
let count = 0;
const known = {}; // language → its examples, promised
const turns = new Map(); // number → { article, html }

// --- the language of the page

function preferred() {
  const stored = remembered();
  if (stored in faces) return stored;
  const known = navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase());
  return known.find((code) => code in faces) ?? "en";
}

function remembered() {
  try {
    return localStorage.getItem("qa-language");
  } catch {
    return null; // a browser that forbids storage
  }
}

function choose(chosen) {
  language = chosen;
  try {
    localStorage.setItem("qa-language", chosen);
  } catch {}
  fill();
  find(`[data-act=language][data-language=${chosen}]`).focus();
}

function fill() {
  const { tag, texts, ...zones } = faces[language];
  document.documentElement.lang = tag;
  document.title = texts.name;
  for (const zone of element.querySelectorAll("[data-zone]")) zone.innerHTML = zones[zone.dataset.zone];
  fillExamples();
  input.placeholder = texts.placeholder;
  input.setAttribute("aria-label", texts.question);
  send.setAttribute("aria-label", texts.send);
  send.title = texts.send;
  log.setAttribute("aria-label", texts.conversation);
  for (const { article, html } of turns.values()) {
    article.querySelector(".you").textContent = texts.you;
    if (html) article.querySelector(".reply").innerHTML = html[language];
  }
}

// The examples of a language whose parts are still being loaded follow when they have been tried.
async function fillExamples() {
  const asked = language;
  const list = find(".examples[data-waiting]");
  if (!list) return;
  known[asked] ??= server.examples(asked);
  const examples = await known[asked].catch(() => []);
  if (!list.isConnected) return;
  delete list.dataset.waiting;
  [...list.children].forEach((item, position) => {
    if (position >= examples.length) return item.remove();
    item.firstElementChild.disabled = false;
    item.firstElementChild.textContent = examples[position];
  });
  if (!examples.length) list.previousElementSibling.remove();
}

// --- turns

function begin(asked, event, data) {
  if (pending) return;
  count += 1;
  const article = document.createElement("article");
  article.className = "turn";
  article.dataset.turn = count;
  article.innerHTML =
    '<h2 class="asked"><span class="you visually-hidden"></span><span class="bubble"></span></h2>' +
    '<div class="reply" aria-busy="true"><div class="skeleton" aria-hidden="true"><i></i><i></i><i></i></div></div>';
  article.querySelector(".you").textContent = faces[language].texts.you;
  article.querySelector(".bubble").textContent = asked;
  log.append(article);
  root.classList.add("asked-something");
  pending = { id: count, article, asked };
  turns.set(count, pending);
  root.setAttribute("aria-busy", "true");
  status.textContent = faces[language].texts.searching;
  article.scrollIntoView({ block: "start" });
  timers = [setTimeout(failed, LONGEST_WAIT), setTimeout(knock, SUSPICIOUS_WAIT)];
  pending.again = () => begin(asked, event, data);
  trigger(event, { language, ...data, id: count });
}

function ask(question, anew = turns.size === 0) {
  const asked = question.trim();
  if (asked) begin(asked, anew ? "input" : "submit", { question: asked });
}

function show({ id, tag, html }) {
  const turn = turns.get(id);
  if (!turn) return; // of a conversation that was put away
  turn.html = html;
  const reply = turn.article.querySelector(".reply");
  reply.innerHTML = html[language];
  reply.removeAttribute("aria-busy");
  turn.article.querySelector(".bubble").lang = tag;
  if (turn === pending) settle();
}

function settle() {
  timers.forEach(clearTimeout);
  pending = null;
  root.removeAttribute("aria-busy");
  status.textContent = "";
}

// Gradio keeps trying to reach a program that has ended, and says nothing.
function knock() {
  fetch(location.pathname, { method: "HEAD", cache: "no-store" }).catch(failed);
}

function failed() {
  if (pending) show({ id: pending.id, tag: faces[language].tag, html: failure });
}

function startAnew() {
  settle();
  turns.clear();
  log.replaceChildren();
  root.classList.remove("asked-something");
  view.scrollTop = 0;
  input.focus();
}

// --- what people do

const acts = {
  ask: (button) => ask(button.textContent),
  open: (button) => begin(label(button), "select", { ...button.dataset }),
  fresh: (button) => ask(turnOf(button).asked, true),
  retry: (button) => turnOf(button).again(),
  language: (button) => choose(button.dataset.language),
  new: startAnew,
  fold: (button) => {
    const folded = button.previousElementSibling.classList.toggle("folded");
    button.setAttribute("aria-expanded", String(!folded));
    button.textContent = folded ? button.dataset.more : button.dataset.less;
  },
  copy: async (button) => {
    const before = button.textContent;
    await copy(button.dataset.text);
    button.textContent = status.textContent = button.dataset.done;
    setTimeout(() => (button.textContent = before), 1600);
  },
};

function label(button) {
  const parts = [".visually-hidden", ".title"].map((part) => button.querySelector(part)?.textContent.trim());
  return parts.filter(Boolean).join(" ");
}

function turnOf(button) {
  return turns.get(Number(button.closest(".turn").dataset.turn));
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Pages that are not served from this machine by https have no clipboard of their own.
    const area = Object.assign(document.createElement("textarea"), { value: text });
    root.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

function submit() {
  if (pending || !input.value.trim()) return;
  ask(input.value);
  input.value = "";
  grow();
  // On a phone the keyboard would cover the answer.
  if (matchMedia("(pointer: coarse)").matches) input.blur();
  else input.focus();
}

function grow() {
  input.style.height = "auto";
  input.style.height = `${input.scrollHeight}px`;
}

element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-act]");
  if (!button) return;
  event.stopPropagation();
  acts[button.dataset.act](button);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
});
input.addEventListener("keydown", (event) => {
  // Enter also ends the composition of a Chinese or Korean word: that must not send.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  submit();
});
input.addEventListener("input", grow);
window.addEventListener("qa-failure", failed);
watch("value", () => props.value && show(props.value));

fill();
root.hidden = false;
input.focus();
