// Small charts as SVG. Points come in time order; heights are numbers.

const NS = "http://www.w3.org/2000/svg";

function shape(name, attributes, parent) {
  const made = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent?.append(made);
  return made;
}

/** An empty drawing; what it shows is said in text beside it. */
export function canvas(width, height) {
  const svg = shape("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  svg.classList.add("chart");
  return svg;
}

/** A rate from report to report, as a filled line. */
export function spark(svg, heights) {
  const [width, height] = size(svg);
  if (heights.length < 2) return svg.replaceChildren();
  // A burst, as after a restart, would leave the rest flat: it is cut off.
  const usual = heights.toSorted((a, b) => a - b)[Math.floor(heights.length * 0.9)];
  const top = Math.max(1, Math.min(Math.max(...heights), 1.5 * usual + 1));
  const points = heights.map((each, i) => [
    round((i / (heights.length - 1)) * width),
    round(height - 1 - (Math.min(each, top) / top) * (height - 3)),
  ]);
  const line = points.map((point) => point.join(" ")).join("L");
  svg.replaceChildren(
    shape("path", { class: "area", d: `M0 ${height}L${line}L${width} ${height}Z` }),
    shape("path", { class: "line", d: `M${line}` }),
  );
}

/** A value as steps over time: solid until `now`, dashed after it. */
export function steps(svg, points, now) {
  const [width, height] = size(svg);
  if (points.length < 2) return svg.replaceChildren();
  const first = points[0][0];
  const span = points.at(-1)[0] - first;
  const top = Math.max(...points.map((point) => point[1]), 1);
  const x = (at) => round(((at - first) / span) * width);
  const y = (value) => round(height - 2 - (value / top) * (height - 6));
  const past = points.filter((point) => point[0] <= now);
  const future = points.filter((point) => point[0] >= now);
  const path = (some) => stairs(some, x, y);
  const here = past.at(-1) ?? points[0];
  const solid = past.length > 1 ? path(past) : "";
  svg.replaceChildren(
    ...(solid ? [shape("path", { class: "area", d: `${solid}V${height}H${x(past[0][0])}Z` })] : []),
    shape("line", { class: "now", x1: x(now), x2: x(now), y1: 0, y2: height }),
    shape("path", { class: "future", d: path(future) }),
    shape("path", { class: "line", d: solid }),
    shape("circle", { class: "dot", cx: x(here[0]), cy: y(here[1]), r: 3 }),
  );
}

function stairs(points, x, y) {
  if (!points.length) return "";
  let path = `M${x(points[0][0])} ${y(points[0][1])}`;
  for (const [at, value] of points.slice(1)) path += `H${x(at)}V${y(value)}`;
  return path;
}

function size(svg) {
  const { width, height } = svg.viewBox.baseVal;
  return [width, height];
}

const round = (number) => Math.round(number * 10) / 10;
