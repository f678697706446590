// The parts of the page that show lists and tables. Everything is inserted as text, never as markup.

export const byId = (id) => document.getElementById(id);

/** An element with text or children; attributes by name, classes by `class`. */
export function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** Set text only where it differs, so that selections and readers are left in peace. */
export function tell(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export const count = (number) => Number(number).toLocaleString("en");
export const clock = (ms) => new Date(Number(ms)).toLocaleTimeString("en-GB");
export const words = (name) => name.replaceAll("_", " ");

/** A span as `0:42`, `4:59` or `23:07:10`. */
export function span(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const two = (number) => String(number).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  const short = `${minutes < 60 ? minutes : two(minutes % 60)}:${two(seconds % 60)}`;
  return minutes < 60 ? short : `${Math.floor(minutes / 60)}:${short}`;
}

/** A value as a person reads it; `text` is what Redis holds, undefined where there is none. */
export function shown(feature, text) {
  if (text === undefined || text === null) return "–";
  if (feature.type === "bool") return text === "1" ? "yes" : "no";
  if (feature.type === "ms") return feature.unit.includes("epoch") ? clock(text) : `${(Number(text) / 1000).toFixed(1)} s`;
  if (feature.type === "float") return String(Math.round(Number(text) * 1000) / 1000);
  if (feature.type === "list") return JSON.parse(text).join(", ") || "–";
  return text;
}

/** What an amount is in: the catalogue names the field with the currency. */
export function unit(feature, row) {
  return feature.type === "money" ? row[feature.unit] ?? "" : "";
}

const BRANCH = [
  [/cart/, "cart"],
  [/transaction|refund|checkout|trns/, "purchase"],
  [/list_view/, "category"],
  [/product|promo|list/, "product"],
  [/dead|filtered/, "dead"],
];
export const branchOf = (kind) => (BRANCH.find(([pattern]) => pattern.test(kind)) ?? [0, "session"])[1];

/** One line of the stream or the timeline. */
export function eventLine(at, kind, shopper, about, choose) {
  const line = make(
    "li",
    { "data-branch": branchOf(kind), "data-kind": kind },
    make("time", {}, clock(at)),
    make("span", { class: "kind" }, words(kind)),
  );
  if (shopper) {
    const who = make("button", { type: "button", class: "link id", title: shopper }, shopper);
    who.addEventListener("click", () => choose(shopper));
    line.append(who);
  }
  line.append(make("span", { class: "about", title: about }, about));
  return line;
}

/** Rows of a list that keep their elements from frame to frame, so that focus stays where it is. */
export function keep(parent, items, keyOf, create, update) {
  const known = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  const alike = new Map();
  const wanted = items.map((item) => {
    const number = alike.get(keyOf(item)) ?? 0;
    alike.set(keyOf(item), number + 1);
    const key = `${keyOf(item)} ${number}`;
    let element = known.get(key);
    if (!element) {
      element = create(item);
      element.dataset.key = key;
    }
    known.delete(key);
    update(element, item);
    return element;
  });
  for (const gone of known.values()) gone.remove();
  wanted.forEach((element, i) => {
    if (parent.children[i] !== element) parent.insertBefore(element, parent.children[i] ?? null);
  });
}
