// The live page: one stream of frames from the server, twice a second, and the buttons.

import { ask, faultOf, follow } from "./ask.js";
import { canvas } from "./draw.js";
import { flow, happenings, incoming, letters, live } from "./moving.js";
import { byId, make, tell } from "./parts.js";
import { blank, build, shopper } from "./shopper.js";

const SILENT_MS = 4000;
const AGAIN_MS = 1000;

let about;
let chosen = "";
let you = "";
let stream;
let heard = 0;
let paused = false;
let everything = false;
const visitor = remembered();

start();

async function start() {
  about = await json("/page/about");
  build(about);
  surroundings();
  if (about.may_act) {
    byId("act").hidden = false;
    iAm(await json(`/page/visitor?visitor=${visitor}`));
  }
  byId("break").hidden = !about.may_break;
  choose(named());
  setInterval(watchLink, 500);
}

// --- the stream ---------------------------------------------------------------------------------------------------

async function connect() {
  stream?.abort();
  const own = (stream = new AbortController());
  while (!own.signal.aborted) {
    try {
      await follow(`/page/stream?shopper=${encodeURIComponent(chosen)}`, frame, own.signal);
    } catch (error) {
      if (own.signal.aborted) return;
      console.info(`the stream has ended: ${error.message}`);
    }
    if (own.signal.aborted) return;
    lost();
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

function frame(told) {
  heard = Date.now();
  link("live", "live");
  draw(told);
}

function lost() {
  link("lost", "not connected, trying again");
}

/** A stream that says nothing is as good as none. */
function watchLink() {
  if (heard && Date.now() - heard > SILENT_MS) {
    heard = Date.now();
    lost();
    connect();
  }
}

function link(state, text) {
  const pill = byId("link");
  pill.dataset.state = state;
  tell(pill, text);
  document.body.classList.toggle("stale", state === "lost");
}

function choose(shopper) {
  if (shopper === chosen && stream) return;
  chosen = shopper;
  history.replaceState(null, "", shopper ? `#${encodeURIComponent(shopper)}` : "#");
  tell(byId("shopper-id"), shopper || "…");
  byId("shopper-id").title = shopper;
  byId("is-you").hidden = shopper !== you || !you;
  if (shopper) blank();
  connect();
}

function named() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return location.hash.slice(1);
  }
}

/** What the catalogue and the job decide beside the shopper. */
function surroundings() {
  const columns = about.live_columns.map(([, label]) => make("th", { scope: "col", class: "number" }, label));
  byId("live").tHead.replaceChildren(make("tr", {}, make("th", { scope: "col" }, "shopper"), ...columns));
  for (const branch of about.branches) {
    const rate = make("p", { class: "rate" }, make("span", {}, "–"), make("small", {}, "/s"));
    byId("branches").append(make("li", { "data-branch": branch }, make("h3", {}, branch), rate, canvas(120, 28)));
  }
}

function draw(told) {
  flow(told);
  if (!chosen && told.live.length) choose(told.live[0].shopper);
  if (!paused) incoming(told.events, [chosen, you], choose);
  live(told.live, chosen, choose);
  letters(told.letters);
  happenings(told.happenings);
  if (told.chosen?.shopper === chosen && told.chosen.known) {
    // A device whose user has logged in: everything of it is told of the user, and there only.
    if (told.chosen.same_as) choose(told.chosen.same_as);
    else shopper(told.chosen, told.at);
  }
  document.body.dataset.frame = told.at;
}

// --- the buttons --------------------------------------------------------------------------------------------------

byId("look-up").addEventListener("submit", async (event) => {
  event.preventDefault();
  const wanted = byId("wanted").value.trim();
  // Where ids are kept as hashes, the server knows which.
  if (wanted) choose((await json(`/page/stored?shopper=${encodeURIComponent(wanted)}`)).shopper);
});
byId("you").addEventListener("click", () => choose(you));
byId("more").addEventListener("click", () => {
  everything = !everything;
  byId("windows").classList.toggle("all", everything);
  byId("more").setAttribute("aria-expanded", String(everything));
  tell(byId("more"), everything ? "Show the most telling features" : "Show every feature");
});
byId("pause").addEventListener("click", () => {
  paused = !paused;
  byId("pause").setAttribute("aria-pressed", String(paused));
  tell(byId("pause"), paused ? "Go on" : "Pause");
});
addEventListener("hashchange", () => choose(named()));
for (const button of document.querySelectorAll("[data-deed]")) {
  button.addEventListener("click", () => pressed(button, "/page/act", button.dataset.deed, byId("act-said")));
}
for (const button of document.querySelectorAll("[data-break]")) {
  button.addEventListener("click", () => pressed(button, "/page/break", button.dataset.break, byId("break-said")));
}

async function pressed(button, path, deed, said) {
  button.setAttribute("aria-busy", "true");
  const body = JSON.stringify({ visitor, do: deed, product: byId("product").value });
  try {
    const answer = await ask(path, { method: "POST", headers: { "content-type": "application/json" }, body });
    const told = await answer.json();
    tell(said, answer.ok ? (told.said ?? `Sent: ${button.textContent.toLowerCase()}.`) : faultOf(told));
    said.classList.toggle("bad", !answer.ok);
    if (answer.ok && told.shopper) {
      iAm(told);
      choose(you);
    }
  } catch {
    tell(said, "The server does not answer.");
    said.classList.add("bad");
  }
  button.removeAttribute("aria-busy");
}

function iAm(told) {
  you = told.shopper;
  tell(byId("you"), you);
  byId("you").title = you;
  byId("is-you").hidden = chosen !== you;
  const select = byId("product");
  if (!select.options.length) {
    select.append(...told.shelf.map((each) => make("option", { value: each.id }, `${each.name} · ${each.price}`)));
  }
  document.querySelector("[data-deed=login]").hidden = told.logged_in;
}

function remembered() {
  // `crypto.randomUUID` is not there where the page came by plain HTTP from another machine.
  const digits = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0"));
  const known = sessionStorage.getItem("visitor") ?? digits.join("");
  sessionStorage.setItem("visitor", known);
  return known;
}

async function json(path) {
  for (;;) {
    try {
      const answer = await ask(path);
      if (answer.ok) return await answer.json();
    } catch {
      lost();
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}
