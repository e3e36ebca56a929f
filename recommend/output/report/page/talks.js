// Who talks to whom: those who open connections on the left, those who answer on the right, before and after the plan.

const shownParties = 24; // on a side

const states = {
  before: { label: "Before", about: "as the rules are now", taken: () => false },
  after: { label: "After", about: "with what is ready", taken: (c) => c.status === "proposed" },
  review: { label: "With review", about: "and all that is to be decided", taken: (c) => c.status !== "held" },
};

/** Who may open connections to whom by the ingress rules of a state: "from\nto" of every rule. */
function allowedPairs(taken) {
  const pairs = new Set();
  for (const group of groups) {
    const data = group.data;
    const gone = new Set(), fresh = [];
    for (const { data: change } of group.changes) {
      if (change.direction !== "ingress" || !taken(change)) continue;
      for (const rule of change.old) gone.add(rule.service + " " + rule.peer);
      fresh.push(...change.new);
    }
    for (const rule of [...data.rules.filter((r) => r.direction === "ingress" && !gone.has(r.service + " " + r.peer)), ...fresh]) {
      pairs.add(partyOf(rule.peer) + "\n" + data.group_id);
    }
  }
  return pairs;
}

function partyOf(peer) {
  return peer === "0.0.0.0/0" || peer === "::/0" ? "Internet" : peer;
}

const groupNames = new Map(plan.groups.map((g) => [g.group_id, g.group_name || g.group_id]));

function partyName(id) {
  return groupNames.get(id) ?? id;
}

function talksFigure() {
  const seen = new Map(plan.picture.talks.map((talk) => [partyOf(talk.from) + "\n" + talk.to, talk]));
  const allowed = Object.fromEntries(Object.entries(states).map(([state, { taken }]) => [state, allowedPairs(taken)]));
  let state = "before", only = "";
  const drawing = h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Who talks to whom, drawn" });
  const caption = h("p", { class: "fine", role: "status" });
  const buttons = Object.entries(states).map(([key, { label, about }]) => h("button", { type: "button", class: "chip", title: about, onclick: () => {
    state = key;
    draw();
  } }, label));
  const parties = [...new Set([...seen.keys()].flatMap((pair) => pair.split("\n")))].filter((id) => groupNames.has(id));
  const select = h("select", { onchange: () => { only = select.value; draw(); } }, h("option", { value: "" }, "the busiest"),
    parties.sort((a, b) => partyName(a).localeCompare(partyName(b), "en")).map((id) => h("option", { value: id }, partyName(id))));
  function draw() {
    buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(Object.keys(states)[i] === state)));
    const links = talkLinks(seen, allowed, state, only);
    drawing.replaceChildren(talkDrawing(links));
    const tell = (kind, what) => several(links.all.filter((l) => l.kind === kind).length, "pair") + " " + what;
    caption.replaceChildren(...joined([tell("seen", "seen"), tell("allowed", "allowed and not seen"), state === "before" && tell("goes", "allowed and not seen, gone with the plan"),
      state !== "before" && tell("fresh", "by new rules"), links.left > 0 && count(links.left) + " more not drawn: choose a group to see its own"]));
  }
  draw();
  return figure("talks", "Who talks to whom",
    [h("div", { class: "choices" }, h("div", { class: "chips", role: "group", "aria-label": "State of the rules" }, buttons),
      h("label", null, h("span", null, "Show"), select)),
      legend([["seen", "seen and needed"], ["allowed", "allowed, not seen"], ["goes", "allowed, not seen, goes"], ["fresh", "by a new rule"]]), drawing, caption],
    "A party is the group with the fewest members that an interface carries, or the place of the peer. Allowed: by ingress rules, as they name their peers.",
    () => dataTable(["from", "to", "services", "conversations", "flows"], plan.picture.talks, (t) => [name(partyName(t.from)), name(partyName(t.to)), name(t.services.join(", ")),
      count(t.conversations), count(t.flows)]),
    plan.picture.talks_left);
}

/** The links of a state, at most between so many parties of a side. */
function talkLinks(seen, allowed, state, only) {
  const links = [];
  for (const pair of new Set([...seen.keys(), ...allowed[state]])) {
    const [from, to] = pair.split("\n");
    if (only && from !== only && to !== only) continue;
    const talk = seen.get(pair);
    const kind = talk ? "seen" : state === "before" ? (allowed.review.has(pair) ? "allowed" : "goes") : allowed.before.has(pair) ? "allowed" : "fresh";
    links.push({ from, to, kind, weight: talk?.conversations ?? 0 });
  }
  links.sort((a, b) => b.weight - a.weight || (a.from + a.to < b.from + b.to ? -1 : 1));
  const froms = new Set(), tos = new Set(), shown = [];
  const fits = (set, id) => set.has(id) || (set.size < shownParties && Boolean(set.add(id)));
  for (const link of links) {
    if ((froms.has(link.from) || froms.size < shownParties) && (tos.has(link.to) || tos.size < shownParties)) {
      fits(froms, link.from);
      fits(tos, link.to);
      shown.push(link);
    }
  }
  return { shown, all: links, left: links.length - shown.length };
}

function talkDrawing({ shown }) {
  const width = 1000, row = 26, left = 300, right = 700;
  // Parties of a side stand in the order of the middle of those they are linked with, so that fewer lines cross.
  const froms = [...new Set(shown.map((l) => l.from))];
  const at = new Map(froms.map((id, i) => [id, i]));
  const tos = d3.groups(shown, (l) => l.to).map(([id, list]) => [id, d3.mean(list, (l) => at.get(l.from))]).sort((a, b) => a[1] - b[1]).map(([id]) => id);
  const height = Math.max(froms.length, tos.length, 1) * row + 30;
  const place = (list) => d3.scalePoint(list, [30, height - 14]).padding(0.5);
  const y1 = place(froms), y2 = place(tos);
  const thick = d3.scaleSqrt([0, d3.max(shown, (l) => l.weight) || 1], [1.2, 9]);
  const line = d3.linkHorizontal().source((l) => [left + 8, y1(l.from)]).target((l) => [right - 8, y2(l.to)]).x((p) => p[0]).y((p) => p[1]);
  const drawn = shown.map((l) => ({ l, path: svg("path", { class: "link " + l.kind, d: line(l), "stroke-width": l.kind === "seen" ? thick(l.weight) : 1.4 },
    svg("title", null, partyName(l.from) + " → " + partyName(l.to) + (l.weight ? ": " + several(l.weight, "conversation") : ""))) }));
  const order = ["allowed", "goes", "fresh", "seen"];
  drawn.sort((a, b) => order.indexOf(a.l.kind) - order.indexOf(b.l.kind));
  const mark = (side, id) => ({
    onpointerenter: () => drawn.forEach(({ l, path }) => path.classList.toggle("dim", l[side] !== id)),
    onpointerleave: () => drawn.forEach(({ path }) => path.classList.remove("dim")),
  });
  const node = (id, x, y, side) => svg("g", { class: groupNames.has(id) ? "party" : "party place", ...mark(side, id) },
    svg("circle", { cx: x, cy: y, r: 5 }),
    svg("text", { x: x + (side === "from" ? -11 : 11), y, dy: "0.34em", "text-anchor": side === "from" ? "end" : "start" }, shortened(partyName(id), 34), svg("title", null, partyName(id) + " " + id)));
  return svg("svg", { class: "talks", viewBox: "0 0 " + width + " " + height, role: "img", "aria-label": several(shown.length, "link") + " between " + count(froms.length) + " that open connections and " + count(tos.length) + " that answer; the table below has them" },
    svg("text", { class: "side", x: left, y: 14, "text-anchor": "end" }, "opens"), svg("text", { class: "side", x: right, y: 14 }, "answers"),
    drawn.map(({ path }) => path), froms.map((id) => node(id, left, y1(id), "from")), tos.map((id) => node(id, right, y2(id), "to")));
}

function shortened(text, most) {
  return text.length <= most ? text : text.slice(0, most - 1) + "…";
}
