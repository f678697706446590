// What moves on the page beside the chosen shopper: the flow, the events, the shoppers, what went wrong.

import { spark } from "./draw.js";
import { byId, clock, count, eventLine, keep, make, tell } from "./parts.js";

const MOST_LINES = 40;
const A_FRAME = 3;

let last = 0;

/** From Kafka to Redis. */
export function flow(frame) {
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
export function incoming(events, ours, choose) {
  const list = byId("events");
  const fresh = events.filter((event) => event.number > last); // a new stream begins with what was shown before
  last = events.at(-1)?.number ?? last;
  const telling = (event) => (ours.includes(event.shopper) ? 2 : event.kind === "dead" ? 1 : 0);
  const some = fresh.toSorted((a, b) => telling(b) - telling(a)).slice(0, A_FRAME).sort((a, b) => a.number - b.number);
  for (const event of some) {
    const line = eventLine(event.came, event.kind, event.shopper, event.about, choose);
    line.classList.add("new");
    list.prepend(line);
  }
  while (list.children.length > MOST_LINES) list.lastChild.remove();
}

/** Who is in the shop. */
export function live(shoppers, chosen, choose) {
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

/** Records that could not be used. */
export function letters(all) {
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

/** What was broken, and how it came back. */
export function happenings(all) {
  keep(
    byId("happenings"),
    all.slice(-6).reverse(),
    (each) => `${each.at} ${each.text}`,
    (each) => make("li", { "data-tone": each.tone }, make("time", {}, clock(each.at)), make("span", {}, each.text)),
    () => {},
  );
}
