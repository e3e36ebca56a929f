// The pictures. Each has its figures as a table as well, for those who cannot see it and those who want to know exactly.

function figure(id, title, content, about, table, left) {
  return h("figure", { class: "panel", "aria-labelledby": id },
    h("h2", { id }, title),
    content,
    h("figcaption", { class: "fine" }, about, left > 0 && " " + count(left) + " more are left out."),
    table && unfolding({ class: "as-table" }, "As a table", table));
}

function dataTable(columns, rows, cells) {
  return h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Table" }, h("table", { class: "rules" },
    h("thead", null, h("tr", null, columns.map((c) => h("th", { scope: "col" }, c)))),
    h("tbody", null, rows.slice(0, firstRows).map((row) => h("tr", null, cells(row).map((cell) => h("td", null, cell)))),
      rows.length > firstRows && h("tr", null, h("td", { colspan: columns.length }, count(rows.length - firstRows) + " more in recommendations.json")))));
}

function legend(entries) {
  return h("ul", { class: "legend" }, entries.map(([kind, label]) => h("li", null,
    svg("svg", { viewBox: "0 0 28 10", width: 28, height: 10, "aria-hidden": "true" }, svg("path", { class: "link " + kind, d: "M1 5H27", "stroke-width": kind === "seen" ? 4 : 1.6 })), " ", label)));
}

/** A chart with two axes; the marks are made when the scales x and y know their room. */
function chart({ label, height, xLabel, yLabel, x, y }, ...marks) {
  const margin = { top: 14, right: 30, bottom: 44, left: 62 }, width = 720;
  const g = svg("g", { transform: "translate(" + margin.left + " " + margin.top + ")" });
  const [w, h1] = [width - margin.left - margin.right, height - margin.top - margin.bottom];
  x.range([0, w]);
  y.range([h1, 0]);
  const bottom = svg("g", { class: "axis", transform: "translate(0 " + h1 + ")" }), side = svg("g", { class: "axis" });
  d3.axisBottom(x).ticks(7).tickSizeOuter(0)(d3.select(bottom));
  d3.axisLeft(y).ticks(5).tickSizeInner(-w).tickSizeOuter(0)(d3.select(side));
  g.append(side, bottom, svg("text", { class: "axis-label", x: w / 2, y: h1 + 38, "text-anchor": "middle" }, xLabel),
    svg("text", { class: "axis-label", transform: "rotate(-90)", x: -h1 / 2, y: -46, "text-anchor": "middle" }, yLabel), ...marks.map((mark) => mark()).flat());
  return h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": label },
    svg("svg", { class: "chart", viewBox: "0 0 " + width + " " + height, role: "img", "aria-label": label }, g));
}

const shownCovered = 60;

function coverageFigure() {
  const rows = plan.picture.coverage;
  const days = windowDays();
  const some = rows.slice(0, shownCovered);
  const row = 16, left = 230, width = 1000, height = some.length * row + 26;
  const x = d3.scaleLinear([0, days], [left, width]);
  const shade = (hours) => (hours >= 24 ? "full" : hours > 0 ? "part" : "none");
  const since = Date.parse(day(plan.window.since));
  const months = d3.utcMonths(since, since + days * dayLength).map((time) => [(time - since) / dayLength, time.toISOString().slice(0, 7)]);
  const drawing = svg("svg", { class: "coverage", viewBox: "0 0 " + width + " " + height, role: "img",
    "aria-label": "Covered hours of each day, for " + several(some.length, "interface") + "; the table below has them" },
    months.map(([at, label]) => [svg("line", { class: "month", x1: x(at), x2: x(at), y1: 18, y2: height }), x(at) < width - 60 && svg("text", { class: "side", x: x(at) + 3, y: 12 }, label)]),
    some.map((r, i) => [
      svg("text", { x: left - 8, y: 20 + i * row, dy: "0.8em", "text-anchor": "end" }, r.interface_id),
      r.share < 1 && svg("rect", { class: "none", x: left, y: 21 + i * row, width: width - left, height: row - 4 }),
      d3.range(0, r.runs.length, 3).map((k) => svg("rect", { class: shade(r.runs[k + 2]), x: x(r.runs[k]), y: 21 + i * row, width: x(r.runs[k + 1] + 1) - x(r.runs[k]), height: row - 4 },
        svg("title", null, r.interface_id + ": " + count(r.runs[k + 2]) + " of 24 hours on " + several(r.runs[k + 1] - r.runs[k] + 1, "day")))),
    ]));
  const key = [["full", "all 24 hours"], ["part", "some hours"], ["none", "none"]];
  return figure("coverage", "Coverage by interface and day",
    [h("ul", { class: "legend" }, key.map(([kind, label]) => h("li", null, svg("svg", { class: "coverage", viewBox: "0 0 28 10", width: 28, height: 10, "aria-hidden": "true" },
      svg("rect", { class: kind, x: 1, y: 0.5, width: 26, height: 9 })), " ", label))),
      h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Coverage, drawn" }, drawing)],
    rows.length > some.length ? "The " + count(some.length) + " least covered of " + several(rows.length, "interface") + "." : "Interfaces that carry groups, the least covered first. An interface that came later begins later.",
    () => dataTable(["interface", "covered since it came", "groups"], rows, (r) => [code(r.interface_id), percent(r.share), joined(r.groups.map((id) => h("a", { href: address(id) }, name(partyName(id)))), ", ")]),
    plan.picture.coverage_left);
}

function tradeoffFigure() {
  const points = plan.picture.tradeoff, before = plan.exposure.before;
  if (points.length === 0) return null;
  const all = [...points, { rules: before.rules, log2_space: before.log2_space }];
  const around = (values) => {
    const [low, high] = d3.extent(values), pad = Math.max((high - low) * 0.15, 0.5);
    return d3.scaleLinear().domain([Math.max(0, low - pad), high + pad]);
  };
  const x = around(all.map((p) => p.rules)), y = around(all.map((p) => p.log2_space));
  const places = d3.groups(points, (p) => p.rules + " " + p.log2_space).map(([, list]) => list);
  const mark = (p, label, kind) => svg("g", { class: "point " + kind, transform: "translate(" + x(p.rules) + " " + y(p.log2_space) + ")" }, svg("circle", { r: 6 }),
    svg("text", { x: 0, y: -11, "text-anchor": "middle" }, label));
  return figure("tradeoff", "Rules and exposure",
    chart({ label: "Ingress rules against allowed space, by the most rules that one rule may become", height: 320, xLabel: "ingress rules", yLabel: "allowed space, IPv4 (log2)", x, y },
      () => svg("path", { class: "curve", d: d3.line((p) => x(p.rules), (p) => y(p.log2_space))(points) }),
      () => mark(before, "now", "old"),
      () => places.map((list) => mark(list[0], list.length > 1 ? list[0].max_rules + "–" + list[list.length - 1].max_rules : String(list[0].max_rules),
        list.some((p) => p.max_rules === plan.policy.max_rules) ? "chosen" : ""))),
    "What the plan, with all that is to be decided, would come to with another --max-rules: the numbers at the points. Filled: this plan.",
    () => dataTable(["--max-rules", "ingress rules", "allowed space (log2)"], points, (p) => [count(p.max_rules), count(p.rules), p.log2_space.toFixed(2)]));
}

const shownSpaces = 40;

function spacesFigure() {
  const rows = [...changes.values()].map((change) => change.data).filter((c) => c.direction === "ingress" && c.status !== "held" && c.space.before > c.space.after)
    .sort((a, b) => b.space.before - b.space.after - (a.space.before - a.space.after) || (a.change_id < b.change_id ? -1 : 1));
  if (rows.length === 0) return null;
  const some = rows.slice(0, shownSpaces);
  const row = 24, left = 400, width = 1000, height = some.length * row + 46;
  const x = d3.scaleLinear([0, Math.max(34, d3.max(some, (c) => c.space.before))], [left, width - 20]);
  const axis = svg("g", { class: "axis", transform: "translate(0 " + (some.length * row + 16) + ")" });
  d3.axisBottom(x).ticks(8).tickFormat((n) => "2^" + n).tickSizeInner(-some.length * row).tickSizeOuter(0)(d3.select(axis));
  const at = (n) => x(Math.max(0, n));
  const drawing = svg("svg", { class: "spaces", viewBox: "0 0 " + width + " " + height, role: "group", "aria-label": "Allowed space before and after, and used space, of " + several(some.length, "change") + "; the table below has them" },
    axis,
    some.map((c, i) => {
      const y = 16 + i * row + 4;
      return svg("g", null,
        svg("a", { href: address(c.change_id) }, svg("text", { x: left - 12, y, dy: "0.35em", "text-anchor": "end" }, shortened(c.group_name + " · " + c.old.map((r) => r.service + " " + r.peer).join(", "), 54))),
        svg("line", { class: "gone", x1: at(c.space.after), x2: at(c.space.before), y1: y, y2: y }),
        svg("circle", { class: "before", cx: at(c.space.before), cy: y, r: 5 }),
        c.space.after >= 0 && svg("circle", { class: "after", cx: at(c.space.after), cy: y, r: 5 }),
        c.space.used >= 0 && svg("path", { class: "used", d: "M" + at(c.space.used) + " " + (y - 7) + "v14" }));
    }));
  const key = [[svg("circle", { class: "before", cx: 14, cy: 5, r: 4.5 }), "allowed before"], [svg("circle", { class: "after", cx: 14, cy: 5, r: 4.5 }), "allowed after"], [svg("path", { class: "used", d: "M14 0v10" }), "used"]];
  return figure("spaces", "Allowed against used, by change",
    [h("ul", { class: "legend" }, key.map(([mark, label]) => h("li", null, svg("svg", { class: "spaces", viewBox: "0 0 28 10", width: 28, height: 10, "aria-hidden": "true" }, mark), " ", label))),
      h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Allowed against used, drawn" }, drawing)],
    "Pairs of address and port, on a scale of powers of two: one step to the left is half. No filled dot: the rule goes. Ingress, not held" +
      (rows.length > some.length ? "; the " + count(some.length) + " that give up most of " + count(rows.length) + "." : "."),
    () => dataTable(["change", "group", "rule", "before", "after", "used"], rows, (c) => [h("a", { href: address(c.change_id) }, code(c.change_id)), name(c.group_name),
      name(c.old.map((r) => r.service + " " + r.peer).join(", ")), power(c.space.before), power(c.space.after), power(c.space.used)]));
}

/** A size of a space, as people read it. */
function power(log2) {
  if (log2 < 0) return "none";
  return log2 < 20 ? count(Math.round(2 ** log2)) : "2^" + log2.toFixed(1);
}

function backtestFigure() {
  const test = plan.backtest;
  if (!test) {
    return h("section", { class: "panel", "aria-labelledby": "backtest" }, h("h2", { id: "backtest" }, "Backtest"),
      h("p", null, "This plan holds no backtest. ", code("sgtrim backtest"), " learns on the window's first days and replays the rest: what it predicted against what happened."));
  }
  const tested = test.changes.filter((c) => c.actual.connections > 0);
  const most = Math.max(0.01, d3.max([test.predicted.high, test.actual.share, ...tested.flatMap((c) => [c.predicted.high, c.actual.share])]) ?? 0);
  const x = d3.scaleLinear().domain([0, most]).nice(), y = d3.scaleLinear().domain([0, most]).nice();
  const as = (n) => Number((n * 100).toPrecision(3)) + " %";
  const point = (p, a, inside, kind, title) => svg("g", { class: "tested " + kind + (inside ? "" : " outside") },
    svg("line", { x1: x(p.low), x2: x(p.high), y1: y(a.share), y2: y(a.share) }),
    inside ? svg("circle", { cx: x(p.expected), cy: y(a.share), r: 5 }, svg("title", null, title)) :
      svg("path", { d: "M-5 -5L5 5M-5 5L5 -5", transform: "translate(" + x(p.expected) + " " + y(a.share) + ")" }, svg("title", null, title)));
  return figure("backtest", "Backtest: predicted against actual",
    [h("p", null, "Learnt on ", several(test.learn.days, "day"), ", replayed on ", several(test.replay.days, "day"), ": of ", several(test.actual.connections, "connection"), " the proposed changes would have denied ",
      count(test.actual.denied), " (", share(test.actual.share), "); predicted ", riskShare(test.predicted), ". ", h("strong", null, test.inside ? "Inside the interval." : "Outside the interval.")),
      chart({ label: "Predicted against actual share of denied connections, by change", height: 340, xLabel: "predicted share (with its 90 % interval)", yLabel: "actual share", x, y },
        () => svg("line", { class: "curve", x1: x(0), y1: y(0), x2: x(x.domain()[1]), y2: y(x.domain()[1]) }),
        () => tested.map((c) => point(c.predicted, c.actual, c.inside, c.status, c.group_name + " " + kindWords(c.kind) + ": predicted " + as(c.predicted.expected) + ", actual " + as(c.actual.share))),
        () => point(test.predicted, test.actual, test.inside, "whole", "all proposed changes"))],
    "On the line, prediction and fact agree. A cross: the fact lies outside the interval. Shares from 0 to 1.",
    () => dataTable(["change", "group", "status", "predicted", "90 %", "actual", "denied"], test.changes, (c) => [code(c.change_id), name(c.group_name), c.status, share(c.predicted.expected),
      share(c.predicted.low) + " to " + share(c.predicted.high), share(c.actual.share), count(c.actual.denied) + " of " + count(c.actual.connections)]));
}

function pictureParts() {
  return [talksFigure(), spacesFigure(), tradeoffFigure(), backtestFigure(), coverageFigure()].filter(Boolean);
}
