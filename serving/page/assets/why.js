// "Why is this value 3?": the panes and the events behind it.

import { ask, faultOf } from "./ask.js";
import { branchOf, byId, clock, make, shown, span, unit, words } from "./parts.js";

const PARTS = {
  counts: "",
  left: "has left",
  duplicate: "duplicate: not counted",
  future: "ahead of the clock: not counted",
  late: "too late: not counted",
};

/** Ask and show; `row` is the row the value was read from. */
export async function explain(shopper, windowLabel, feature, row) {
  const dialog = byId("why");
  const body = byId("why-body");
  byId("why-heading").textContent = `Why is ${words(feature.name)} ${shown(feature, row[feature.name])}?`;
  body.replaceChildren(make("p", { class: "hint" }, "Reading the events …"));
  if (!dialog.open) dialog.showModal();
  const asked = new URLSearchParams({ shopper, window: windowLabel, feature: feature.name });
  try {
    const answer = await ask(`/page/why?${asked}`);
    const told = await answer.json();
    body.replaceChildren(...(answer.ok ? parts(told, windowLabel, feature, row) : [make("p", { class: "bad" }, faultOf(told))]));
  } catch {
    body.replaceChildren(make("p", { class: "bad" }, "The server does not answer. It will be asked again when you choose the value again."));
  }
}

function parts(told, windowLabel, feature, row) {
  const value = shown(feature, told.value);
  const head = make(
    "p",
    { class: "answer", id: "why-value", "data-value": told.value ?? "", "data-version": told.version ?? "" },
    make("span", { class: "big" }, value),
    ` ${unit(feature, row)} in ${windowLabel}`,
  );
  const made = [head, make("p", {}, feature.doc), make("p", { class: told.same ? "good" : "bad", id: "why-said" }, told.said)];
  if (!told.there) return made;
  if (told.panes.length) made.push(panes(told, feature));
  made.push(events(told, feature, windowLabel));
  return made;
}

function panes(told, feature) {
  const rows = told.panes.map((pane) =>
    make(
      "tr",
      {},
      make("td", {}, `${clock(pane.start)} – ${clock(pane.end)}`),
      make("td", { class: "number" }, String(pane.events)),
      make("td", {}, `${clock(pane.leaves)} (in ${span(pane.leaves - told.at)})`),
      make("td", { class: "number" }, shown(feature, pane.after)),
    ),
  );
  return table("Panes: what leaves when, and what is left then", ["pane", "#events", "leaves at", "#value then"], rows, "why-panes");
}

function events(told, feature, windowLabel) {
  const rows = told.steps.map((step) =>
    make(
      "tr",
      { "data-branch": branchOf(step.kind), class: step.part === "counts" ? "" : "faint" },
      make("td", {}, clock(step.at)),
      make("td", {}, make("span", { class: "kind" }, words(step.kind))),
      make("td", { class: "about" }, PARTS[step.part] || step.about, before(step)),
      make("td", { class: "number" }, shown(feature, step.value)),
    ),
  );
  const left = told.left_out ? `, without ${told.left_out} earlier ones` : "";
  const where = windowLabel === "session" ? "of the session" : "inside the window";
  if (!rows.length) return make("p", { class: "hint" }, `No event ${where} is about it.`);
  return table(`Events ${where}, as they came${left}`, ["time", "event", "about", "#value with it"], rows, "why-events");
}

/** Of what a device did for whom somebody logged in. */
function before(step) {
  return step.device ? make("small", { title: `by the device ${step.device}` }, " not logged in") : "";
}

/** Heads of numbers begin with `#`. */
function table(caption, heads, rows, id) {
  const column = (each) => make("th", { scope: "col", class: each.startsWith("#") ? "number" : "" }, each.replace("#", ""));
  const head = make("tr", {}, ...heads.map(column));
  return make(
    "div",
    { class: "scroll" },
    make("table", { id }, make("caption", {}, caption), make("thead", {}, head), make("tbody", {}, ...rows)),
  );
}
