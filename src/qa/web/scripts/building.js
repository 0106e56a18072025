// A quiet line while the index is built anew, and word once the new one answers. Comes after
// common.js; `props.build` names the index whose words the page was made with.
const banner = Object.assign(document.createElement("p"), { className: "building", hidden: true });
banner.setAttribute("role", "status");
(root ?? element).append(banner); // the insights page is the element itself
const BUILDING_LOOK = 3_000; // milliseconds
const IDLE_LOOK = 15_000;
const NOTICE = 12_000;
let answering = props.build;
let announced = null; // the text of the banner in each language
let noticed = 0; // until when the notice of a new index is shown
let looks = 0;

function showBanner() {
  const text = announced?.[language] ?? "";
  if (banner.textContent !== text) banner.textContent = text;
  banner.hidden = !text;
}

async function lookAtIndex() {
  let wait = IDLE_LOOK;
  if (!document.hidden) {
    try {
      const site = element.querySelector("header nav a")?.getAttribute("href") ?? "/";
      const reply = await fetch(`${site}status/build`, { cache: "no-store" });
      const state = await reply.json();
      if (state.build && state.build !== answering) {
        answering = state.build;
        if (looks) noticed = Date.now() + NOTICE; // who opens the page now need not be told
        await renewWords();
      }
      const notice = state.state === "idle" && Date.now() < noticed;
      announced = notice ? state.renewed : state.text;
      looks += 1;
      if (state.state === "building" || notice) wait = BUILDING_LOOK;
    } catch {} // a program that has ended says so at the next question
    showBanner();
  }
  setTimeout(lookAtIndex, wait);
}

// What the page says of its documents is that of the index which answers.
async function renewWords() {
  if (!server.renewed) return;
  const focused = document.activeElement;
  Object.assign(faces, await server.renewed({}));
  fill();
  if (document.activeElement !== focused && focused?.isConnected) focused.focus();
}

window.addEventListener("qa-language", showBanner);
setTimeout(lookAtIndex, 2_000);
