// The behaviour of the chat. Runs once, after common.js.
const { failure } = props;
const view = find("main");
const log = find(".log");
const form = find(".composer");
const input = find("textarea");
const send = find(".composer button");

let pending = null; // the turn that waits for its answer
let timers = [];
let count = 0;
let said = []; // the steps that the next question may lean on: nothing of them is kept elsewhere
const known = {}; // language → its examples, promised
const turns = new Map(); // number → { article, html, … }

// --- the words of the page

function fill() {
  const texts = fillZones();
  fillExamples();
  input.placeholder = texts.placeholder;
  input.setAttribute("aria-label", texts.question);
  send.setAttribute("aria-label", texts.send);
  send.title = texts.send;
  log.setAttribute("aria-label", texts.conversation);
  for (const turn of turns.values()) {
    turn.article.querySelector(".you").textContent = texts.you;
    if (turn.html) fillReply(turn);
  }
}

function fillReply(turn) {
  turn.article.querySelector(".reply").innerHTML = turn.html[language];
  const rating = turn.article.querySelector(".rating");
  if (!rating) return;
  rating.hidden = !turn.entry;
  showThumb(rating, turn.thumb);
}

// The examples of a language whose parts are still being loaded follow when they have been tried.
async function fillExamples() {
  const asked = language;
  const list = find(".examples[data-waiting]");
  if (!list) return;
  known[asked] ??= call("examples", asked);
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
  pending = { id: count, article, asked, clause: data.clause ?? "" };
  turns.set(count, pending);
  root.setAttribute("aria-busy", "true");
  status.textContent = faces[language].texts.searching;
  article.scrollIntoView({ block: "start" });
  timers = [setTimeout(failed, LONGEST_WAIT), setTimeout(() => knock().catch(failed), SUSPICIOUS_WAIT)];
  pending.again = () => begin(asked, event, data);
  trigger(event, { language, after: "", ...data, id: count, said });
}

function ask(question, anew = turns.size === 0, after = "") {
  const asked = question.trim();
  if (asked) begin(asked, anew ? "input" : "submit", { question: asked, after });
}

function show({ id, tag, html, entry = "", after = "", said: steps = said }) {
  const turn = turns.get(id);
  if (!turn) return; // of a conversation that was put away
  said = steps;
  Object.assign(turn, { html, entry, after });
  fillReply(turn);
  turn.article.querySelector(".reply").removeAttribute("aria-busy");
  turn.article.querySelector(".bubble").lang = tag;
  if (turn === pending) settle();
}

function settle() {
  timers.forEach(clearTimeout);
  pending = null;
  root.removeAttribute("aria-busy");
  status.textContent = "";
}

function failed() {
  if (pending) show({ id: pending.id, tag: faces[language].tag, html: failure });
}

function startAnew() {
  settle();
  turns.clear();
  said = [];
  log.replaceChildren();
  root.classList.remove("asked-something");
  history.replaceState(null, "", location.pathname);
  view.scrollTop = 0;
  input.focus();
}

// --- links that open a question: they hold it behind #, which no server gets to see

function address({ asked, clause, after }) {
  const parts = clause ? { clause, q: asked } : { q: asked, ...(after && { after }) };
  return `${location.origin}${location.pathname}#${new URLSearchParams(parts)}`;
}

function openShared() {
  const shared = new URLSearchParams(location.hash.slice(1));
  const [asked, clause] = [shared.get("q") ?? "", shared.get("clause")];
  if (clause) begin(asked || clause, "select", { clause, language });
  else if (asked) ask(asked, true, shared.get("after") ?? "");
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
    await copy(button.dataset.text);
    confirmOn(button, button.dataset.done);
  },
  share: async (button) => {
    await copy(address(turnOf(button)));
    confirmOn(button, button.dataset.done);
  },
  print: (button) => {
    const { article } = turnOf(button);
    root.classList.add("printing");
    article.classList.add("printed-turn");
    window.print();
    root.classList.remove("printing");
    article.classList.remove("printed-turn");
  },
  word: async (button) => {
    const { asked } = turnOf(button);
    const cards = JSON.parse(button.dataset.cards);
    const request = { question: asked, cards, answered: button.dataset.language, language };
    await call("word", request).then(download).catch(() => confirmOn(button, button.dataset.failed));
  },
  duties: showDuties,
  thumb: rate,
  reason: rate,
};

// What else a department is responsible for, under the departments of the clause.
async function showDuties(button) {
  const group = button.closest(".departments");
  const panel = group.querySelector(".duties");
  const open = button.getAttribute("aria-expanded") === "true";
  for (const chip of group.querySelectorAll("[data-act=duties]")) chip.setAttribute("aria-expanded", "false");
  panel.hidden = open;
  if (open) return;
  button.setAttribute("aria-expanded", "true");
  panel.innerHTML = '<div class="skeleton" aria-hidden="true"><i></i><i></i></div>';
  const { department, clause, language: answered } = button.dataset;
  const html = await call("duties", { department, clause, answered, language }).catch(() => failure[language]);
  if (button.getAttribute("aria-expanded") === "true") panel.innerHTML = html;
}

// A thumb is taken back by a second click; thumbs down may say why.
async function rate(button) {
  const turn = turnOf(button);
  const { thumb, reason = "" } = button.dataset;
  const again = turn.thumb?.thumb === thumb && (turn.thumb.reason ?? "") === reason;
  turn.thumb = again && !reason ? null : { thumb, reason };
  const rating = button.closest(".rating");
  showThumb(rating, turn.thumb);
  const sent = { entry: turn.entry, thumb: "", reason: "", ...turn.thumb };
  await call("rate", sent).catch(() => (status.textContent = failure[language]));
}

function showThumb(rating, given) {
  for (const button of rating.querySelectorAll("[data-act=thumb]"))
    button.setAttribute("aria-pressed", String(button.dataset.thumb === given?.thumb));
  for (const button of rating.querySelectorAll("[data-act=reason]"))
    button.setAttribute("aria-pressed", String(!!given && button.dataset.reason === given.reason));
  rating.querySelector(".reasons").hidden = given?.thumb !== "down";
  const thanks = rating.querySelector(".thanks");
  thanks.hidden = !(given?.thumb === "up" || given?.reason);
  if (!thanks.hidden) status.textContent = thanks.textContent;
}

function label(button) {
  const parts = [".visually-hidden", ".title"].map((part) => button.querySelector(part)?.textContent.trim());
  return parts.filter(Boolean).join(" ");
}

function turnOf(button) {
  return turns.get(Number(button.closest(".turn").dataset.turn));
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
window.addEventListener("hashchange", openShared);
watch("value", () => props.value && show(props.value));

fill();
root.hidden = false;
input.focus();
openShared();
