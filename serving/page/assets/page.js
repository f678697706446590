// The live page: one stream of frames from the server, twice a second, and the buttons.

import { ask, faultOf, follow } from "./ask.js";
import { canvas, spark, steps } from "./draw.js";
import { byId, count, clock, eventLine, keep, make, shown, span, tell, unit, words } from "./parts.js";
import { explain } from "./why.js";

const MOST_LINES = 40;
const A_FRAME = 3;
const SILENT_MS = 4000;
const AGAIN_MS = 1000;
const TELLING = new Set([
  "product_view_count", "unique_products_viewed", "last_product_viewed", "avg_viewed_price", "top_category",
  "cart_add_count", "cart_remove_count", "cart_value", "orders_count", "order_value", "items_purchased",
  "latest_device",
]);
const SESSION = [
  "session_id", "session_open", "session_duration", "event_count", "page_count", "product_view_count", "cart_add_count",
  "cart_ratio", "orders_count", "order_value", "converted", "bounce", "checkout_step", "marketing_campaign", "exit_page",
];

let about;
let chosen = "";
let you = "";
let stream;
let heard = 0;
let paused = false;
let everything = false;
let rows = {};
let last = 0;
const features = { rolling: [], session: new Map(), byName: new Map() };
const visitor = remembered();

start();

async function start() {
  about = await json("/page/about");
  for (const feature of about.features) {
    if (feature.session) features.session.set(feature.name, feature);
    else {
      features.rolling.push(feature);
      features.byName.set(feature.name, feature);
    }
  }
  build();
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

/** Nothing of the shopper before may stand under another's name. */
function blank() {
  rows = {};
  for (const button of document.querySelectorAll("#shopper button.value")) {
    button.textContent = "–";
    button.dataset.value = "";
  }
  for (const drawing of document.querySelectorAll("#charts svg")) drawing.replaceChildren();
  for (const { label } of about.windows) byId(`head-${label}`).dataset.version = "";
  byId("session").dataset.version = "";
  byId("timeline").replaceChildren();
}

function named() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return location.hash.slice(1);
  }
}

// --- what never changes -------------------------------------------------------------------------------------------

function build() {
  const labels = about.windows.map((window) => window.label);
  byId("windows").tHead.replaceChildren(
    make(
      "tr",
      {},
      make("th", { scope: "col" }, "Feature"),
      ...labels.map((label) => make("th", { scope: "col", class: "number", id: `head-${label}` }, label, make("small", {}))),
    ),
  );
  const body = byId("windows").tBodies[0];
  let branch = "";
  for (const feature of features.rolling) {
    if (feature.branch !== branch) {
      branch = feature.branch;
      const head = make("tr", { class: "branch", "data-branch": branch }, make("th", { colspan: labels.length + 1, scope: "colgroup" }, branch));
      body.append(head);
    }
    const name = make("th", { scope: "row", title: feature.doc }, words(feature.name), make("small", {}));
    const cells = labels.map((label) => make("td", { class: "number" }, valueButton(label, feature)));
    body.append(make("tr", { class: TELLING.has(feature.name) ? "" : "extra", "data-feature": feature.name }, name, ...cells));
  }
  byId("live").tHead.replaceChildren(
    make("tr", {}, make("th", { scope: "col" }, "shopper"), ...about.live_columns.map(([, label]) => make("th", { scope: "col", class: "number" }, label))),
  );
  for (const [name, label] of about.headlines) {
    const item = make("li", { "data-feature": name, "data-branch": features.byName.get(name).branch }, make("h3", {}, label));
    item.append(valueButton(about.windows[0].label, features.byName.get(name)), make("small", {}), canvas(240, 56));
    byId("charts").append(item);
  }
  for (const branchName of about.branches) {
    const item = make("li", { "data-branch": branchName }, make("h3", {}, branchName));
    item.append(make("p", { class: "rate" }, make("span", {}, "–"), make("small", {}, "/s")), canvas(120, 28));
    byId("branches").append(item);
  }
  for (const name of SESSION) {
    const feature = features.session.get(name);
    if (feature) byId("session").append(make("div", { "data-feature": name }, make("dt", { title: feature.doc }, words(name)), make("dd", {}, valueButton("session", feature))));
  }
}

function valueButton(label, feature) {
  const button = make("button", { type: "button", class: "value", "data-window": label, "data-feature": feature.name }, "–");
  button.addEventListener("click", () => explain(chosen, label, feature, rows[label] ?? {}));
  return button;
}

// --- a frame ------------------------------------------------------------------------------------------------------

function draw(frame) {
  flow(frame);
  if (!chosen && frame.live.length) choose(frame.live[0].shopper);
  if (!paused) incoming(frame.events);
  live(frame.live);
  letters(frame.letters);
  happenings(frame.happenings);
  if (frame.chosen?.shopper === chosen && frame.chosen.known) shopper(frame.chosen, frame.at);
  document.body.dataset.frame = frame.at;
}

function flow(frame) {
  tell(byId("come"), String(Math.round(frame.come_per_s)));
  tell(byId("sample"), frame.come_per_s > 2 * A_FRAME ? "some of them" : "");
  const { verdicts, read, balanced, waiting } = frame.accounting;
  tell(byId("waiting"), frame.kafka_error || `${count(waiting)} waiting for the job`);
  const { fresh, reported_ms: reported } = frame;
  tell(byId("fresh"), fresh ? String(fresh.p50) : reported === null ? "–" : count(reported));
  const measured = fresh ? `until an event can be read (99 %: ${fresh.p99} ms)` : "since the job's last report";
  tell(byId("fresh-hint"), frame.redis_error ? "Redis does not answer" : measured);
  byId("fresh-hint").classList.toggle("bad", Boolean(frame.redis_error));
  const sum = Object.entries(verdicts).map(([name, number]) => `${name} ${count(number)}`).join(" + ");
  const line = byId("accounting");
  tell(line, `read ${count(read)} = ${sum} ${balanced ? "✓" : "≠"}`);
  line.title = balanced ? "Every record that was read has exactly one verdict." : "Some records have no verdict yet.";
  const job = byId("job");
  job.hidden = false;
  job.dataset.state = frame.job_state === "RUNNING" ? "live" : "lost";
  tell(job, { RUNNING: "job running", SILENT: "job silent" }[frame.job_state] ?? "job restarting");
  frame.branches.forEach((branch, i) => {
    const item = byId("branches").children[i];
    tell(item.querySelector(".rate span"), branch.per_s < 10 ? branch.per_s.toFixed(1) : String(Math.round(branch.per_s)));
    item.title = `${count(branch.applied)} events applied`;
    spark(item.querySelector("svg"), branch.series);
  });
}

/** A few of each frame's events: more could not be read, and the chosen shopper's and dead ones before others. */
function incoming(events) {
  const list = byId("events");
  const fresh = events.filter((event) => event.number > last); // a new stream begins with what was shown before
  last = events.at(-1)?.number ?? last;
  const telling = (event) => (event.shopper === chosen || event.shopper === you ? 2 : event.kind === "dead" ? 1 : 0);
  const some = fresh.toSorted((a, b) => telling(b) - telling(a)).slice(0, A_FRAME).sort((a, b) => a.number - b.number);
  for (const event of some) {
    const line = eventLine(event.came, event.kind, event.shopper, event.about, choose);
    line.classList.add("new");
    list.prepend(line);
  }
  while (list.children.length > MOST_LINES) list.lastChild.remove();
}

function live(shoppers) {
  keep(
    byId("live").tBodies[0],
    shoppers,
    (each) => each.shopper,
    (each) => {
      const button = make("button", { type: "button", class: "link id", title: each.shopper }, each.shopper);
      button.addEventListener("click", () => choose(each.shopper));
      return make("tr", {}, make("th", { scope: "row" }, button), ...each.values.map(() => make("td", { class: "number" })));
    },
    (row, each) => {
      row.classList.toggle("chosen", each.shopper === chosen);
      row.querySelector("button").setAttribute("aria-current", String(each.shopper === chosen));
      each.values.forEach((value, i) => tell(row.cells[i + 1], value || "–"));
    },
  );
}

function letters(all) {
  keep(
    byId("letters"),
    all.slice(0, 5),
    (each) => each.id,
    (each) => {
      const reasons = each.reasons.map((reason) => `${reason.field} is ${reason.value}; expected ${reason.expected}`);
      const more = reasons.length > 1 ? ` (and ${reasons.length - 1} more)` : "";
      const why = make("span", { class: "reason", title: reasons.join("\n") }, each.bug ?? (reasons.length ? reasons[0] + more : each.kind));
      return make("li", { "data-kind": each.kind, title: each.id }, make("time", {}, clock(each.at)), why);
    },
    () => {},
  );
}

function happenings(all) {
  keep(
    byId("happenings"),
    all.slice(-6).reverse(),
    (each) => `${each.at} ${each.text}`,
    (each) => make("li", { "data-tone": each.tone }, make("time", {}, clock(each.at)), make("span", {}, each.text)),
    () => {},
  );
}

function shopper(told, now) {
  rows = told.rows;
  for (const { label } of about.windows) {
    const row = rows[label];
    const head = byId(`head-${label}`);
    head.dataset.version = row?._v ?? "";
    const overdue = row && now > Number(row._next) + 2000;
    tell(head.querySelector("small"), !row ? "empty" : overdue ? "overdue" : `changes in ${span(Number(row._next) - now)}`);
  }
  for (const button of document.querySelectorAll("#shopper button.value")) fill(button);
  for (const item of byId("charts").children) {
    const points = told.charts?.points?.[item.dataset.feature] ?? [];
    steps(item.querySelector("svg"), points, told.charts?.now ?? now);
  }
  byId("session").dataset.version = rows.session?._v ?? "";
  keep(
    byId("timeline"),
    told.timeline,
    (each) => `${each.at} ${each.kind} ${each.about}`,
    (each) => eventLine(each.at, each.kind, "", each.about),
    () => {},
  );
}

function fill(button) {
  const { window: label, feature: name } = button.dataset;
  const feature = label === "session" ? features.session.get(name) : features.byName.get(name);
  const row = rows[label] ?? {};
  const text = shown(feature, row[name]);
  button.dataset.value = row[name] ?? "";
  if (button.textContent !== text) {
    if (button.textContent !== "–" || text !== "0") flash(button);
    button.textContent = text;
    button.setAttribute("aria-label", `${words(name)}, ${label}: ${text} ${unit(feature, row)}. Why?`);
    button.title = text.length > 14 ? text : "Why?";
  }
  const small = button.closest("li")?.querySelector("small") ?? button.closest("tr")?.querySelector("th small");
  if (small && (feature.type === "money" || button.closest("li"))) {
    const known = button.closest("li") ? [unit(feature, row), label].filter(Boolean).join(" · ") : unit(feature, row);
    if (known) tell(small, known);
  }
}

function flash(element) {
  element.classList.remove("changed");
  void element.offsetWidth; // so that the animation begins anew
  element.classList.add("changed");
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
  const known = sessionStorage.getItem("visitor") ?? crypto.randomUUID();
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
