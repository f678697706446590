// The chosen shopper: every window's values, charts, the session. Built once, filled with each frame.

import { canvas, steps } from "./draw.js";
import { byId, eventLine, keep, make, shown, span, tell, unit, words } from "./parts.js";
import { explain } from "./why.js";

const TELLING = new Set([
  "product_view_count", "unique_products_viewed", "last_product_viewed", "avg_viewed_price", "top_category",
  "cart_add_count", "cart_remove_count", "cart_value", "orders_count", "order_value", "items_purchased",
  "latest_device",
]);
const SESSION = [
  "session_id", "session_open", "session_duration", "event_count", "page_count", "product_view_count", "cart_add_count",
  "cart_ratio", "orders_count", "order_value", "converted", "bounce", "checkout_step", "marketing_campaign", "exit_page",
];

let windows = [];
let rows = {};
const features = { rolling: new Map(), session: new Map() };

/** Make the tables and charts that the catalogue asks for. */
export function build(about) {
  windows = about.windows.map((window) => window.label);
  for (const feature of about.features) features[feature.session ? "session" : "rolling"].set(feature.name, feature);
  heads();
  let branch = "";
  for (const feature of features.rolling.values()) {
    if (feature.branch !== branch) branchHead((branch = feature.branch));
    featureRow(feature);
  }
  for (const [name, label] of about.headlines) headline(features.rolling.get(name), label);
  for (const name of SESSION) if (features.session.has(name)) sessionEntry(features.session.get(name));
}

function heads() {
  const labels = windows.map((label) => make("th", { scope: "col", class: "number", id: `head-${label}` }, label, make("small")));
  byId("windows").tHead.replaceChildren(make("tr", {}, make("th", { scope: "col" }, "Feature"), ...labels));
}

function branchHead(branch) {
  const head = make("th", { colspan: windows.length + 1, scope: "colgroup" }, branch);
  byId("windows").tBodies[0].append(make("tr", { class: "branch", "data-branch": branch }, head));
}

function featureRow(feature) {
  const name = make("th", { scope: "row", title: feature.doc }, words(feature.name), make("small"));
  const cells = windows.map((label) => make("td", { class: "number" }, valueButton(label, feature)));
  const rank = TELLING.has(feature.name) ? "" : "extra";
  byId("windows").tBodies[0].append(make("tr", { class: rank, "data-feature": feature.name }, name, ...cells));
}

function headline(feature, label) {
  const item = make("li", { "data-feature": feature.name, "data-branch": feature.branch }, make("h3", {}, label));
  item.append(valueButton(windows[0], feature), make("small"), canvas(240, 56));
  byId("charts").append(item);
}

function sessionEntry(feature) {
  const name = make("dt", { title: feature.doc }, words(feature.name));
  const value = make("dd", {}, valueButton("session", feature));
  byId("session").append(make("div", { "data-feature": feature.name }, name, value));
}

function valueButton(label, feature) {
  const button = make("button", { type: "button", class: "value", "data-window": label, "data-feature": feature.name }, "–");
  button.addEventListener("click", () => explain(byId("shopper-id").title, label, feature, rows[label] ?? {}));
  return button;
}

/** Nothing of the shopper before may stand under another's name. */
export function blank() {
  rows = {};
  for (const button of document.querySelectorAll("#shopper button.value")) {
    button.textContent = "–";
    button.dataset.value = "";
  }
  for (const drawing of document.querySelectorAll("#charts svg")) drawing.replaceChildren();
  for (const label of windows) byId(`head-${label}`).dataset.version = "";
  byId("session").dataset.version = "";
  byId("timeline").replaceChildren();
}

/** Fill everything in from a frame. */
export function shopper(told, now) {
  rows = told.rows;
  for (const label of windows) {
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
  const feature = features[label === "session" ? "session" : "rolling"].get(name);
  const row = rows[label] ?? {};
  const text = shown(feature, row[name]);
  button.dataset.value = row[name] ?? "";
  if (button.textContent !== text) {
    if (button.textContent !== "–" || text !== "0") flash(button);
    button.textContent = text;
    button.title = text.length > 14 ? text : "Why?";
  }
  const said = `${words(name)}, ${label}: ${text === "–" ? "no value" : text} ${unit(feature, row)}. Why?`;
  if (button.ariaLabel !== said) button.ariaLabel = said;
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
