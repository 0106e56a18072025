// What all faces share: the language of the page, the clipboard, downloads. A face defines `fill`,
// which writes its words. What gr.HTML hands over: element, trigger, props, watch and server.
const { faces } = props;
const find = (selector) => element.querySelector(selector);
const root = find(".qa");
const status = find("[role=status]");

const SUSPICIOUS_WAIT = 2_000; // milliseconds; an answer takes a tenth of a second
const LONGEST_WAIT = 30_000;

// A page of another site shows this one in a frame, in a language of its choice (widget.js).
const parameters = new URLSearchParams(location.search);
root?.classList.toggle("embedded", parameters.has("embedded"));

let language = preferred();

function remembered(key, storage = "localStorage") {
  try {
    return window[storage].getItem(key);
  } catch {
    return null; // a browser that forbids storage
  }
}

function remember(key, value, storage = "localStorage") {
  try {
    window[storage].setItem(key, value);
  } catch {}
}

function preferred() {
  if (parameters.get("language") in faces) return parameters.get("language");
  const stored = remembered("qa-language");
  if (stored in faces) return stored;
  const known = navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase());
  return known.find((code) => code in faces) ?? "en";
}

function choose(chosen) {
  speak(chosen);
  remember("qa-language", chosen);
  find(`[data-act=language][data-language=${chosen}]`).focus();
}

function speak(chosen) {
  language = chosen;
  // Downloads and pages made by the server ask the cookie.
  document.cookie = `qa-language=${chosen}; path=/; max-age=31536000; samesite=strict`;
  fill();
  window.dispatchEvent(new CustomEvent("qa-language", { detail: chosen }));
}

// The zones of the page in its language; what is left of the face's words is returned.
function fillZones() {
  const { tag, texts, ...zones } = faces[language];
  document.documentElement.lang = tag;
  document.title = texts.name;
  for (const zone of element.querySelectorAll("[data-zone]")) zone.innerHTML = zones[zone.dataset.zone];
  fillNavigation();
  return texts;
}

// The other faces, as far as this reader may open them, and the way out for who has logged in.
let accessible;
async function fillNavigation() {
  const links = element.querySelectorAll("header nav a");
  const root = links[0].getAttribute("href"); // wherever the site is mounted
  accessible ??= fetch(`${root}faces`, { cache: "no-store" }).then((reply) => reply.json());
  const { open = [], user = "" } = await accessible.catch(() => ({}));
  for (const link of links) link.hidden = !open.includes(link.dataset.path);
  find(".leave").hidden = !user;
  find(".leave .user").textContent = user;
}

// What callers have asked one clerk is not for the next one at this screen.
element.addEventListener("submit", ({ target }) => {
  if (target.matches(".leave")) remember("qa-desk", "[]", "sessionStorage");
});

// Gradio keeps trying to reach a program that has ended, or gives nothing, and does not say so.
function knock() {
  return fetch(location.pathname, { method: "HEAD", cache: "no-store" });
}

// What a function of the server returns; fails when the program has ended.
function call(name, request) {
  const timers = [];
  const lost = new Promise((_, fail) => {
    timers.push(setTimeout(() => knock().catch(fail), SUSPICIOUS_WAIT), setTimeout(fail, LONGEST_WAIT));
  });
  const reply = server[name](request).then((value) => (value === undefined ? Promise.reject() : value));
  return Promise.race([reply, lost]).finally(() => timers.forEach(clearTimeout));
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Pages that are not served from this machine or by https have no clipboard of their own.
    const area = Object.assign(document.createElement("textarea"), { value: text });
    const focused = document.activeElement;
    root.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    focused?.focus();
  }
}

// Says on a button, and to screen readers, that it has done its work.
function confirmOn(button, done) {
  const label = button.querySelector(".label") ?? button;
  button.dataset.before ??= label.textContent;
  label.textContent = status.textContent = done;
  button.classList.add("done");
  clearTimeout(Number(button.dataset.timer));
  button.dataset.timer = setTimeout(() => {
    label.textContent = button.dataset.before;
    status.textContent = "";
    button.classList.remove("done");
  }, 1600);
}

function download({ name, type, data }) {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const address = URL.createObjectURL(new Blob([bytes], { type }));
  Object.assign(document.createElement("a"), { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

// Gradio puts the page into a landmark of its own: the page has one of its own.
element.closest("main")?.setAttribute("role", "presentation");

window.addEventListener("storage", ({ key, newValue }) => {
  if (key === "qa-language" && newValue in faces && newValue !== language) speak(newValue);
});
