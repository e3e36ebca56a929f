// One change: the rules before and after, what was seen, what it would deny, and the decision about it.

const shownDenied = 5;

function changeCard(change) {
  const c = change.data;
  const id = c.change_id;
  return h("article", { class: "change " + change.bucket, id, tabindex: "-1", "aria-labelledby": id + "-title" },
    h("header", null,
      h("div", null,
        h("h4", { id: id + "-title" }, badge(change.bucket), " ", kindWords(c.kind), spoken(": " + c.direction + " " + c.old.map((r) => r.service + " " + r.peer).join(", "))),
        h("p", { class: "reason" }, sentence(c.reason))),
      decisionButtons(change)),
    diff(c),
    evidence(c),
    h("div", { class: "details" },
      c.release && fact(change.bucket === "held" ? "Released by" : "To decide", sentence(c.release)),
      c.remarks.map((remark) => fact("Mind", sentence(remark))),
      c.depends_on.length > 0 && fact("Leans on", h("ul", null, c.depends_on.map((d) => h("li", null, dependency(d, c))))),
      c.denies.length > 0 && denied(c)),
    h("p", { class: "fine end" }, h("a", { class: "permalink", href: address(id), "aria-label": "Link to change " + id }, code(id))),
  );
}

/** The mark and the name of a bucket, with how many there are where that is asked for. */
function badge(bucket, n) {
  const { mark, one, many } = buckets[bucket];
  return h("span", { class: "badge " + bucket }, h("span", { "aria-hidden": "true" }, mark + " "), n === undefined ? one : count(n) + " " + (n === 1 ? one : many ?? one));
}

/** A sentence of the plan, as one: with a capital and a full stop. */
function sentence(text) {
  if (!text) return "";
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}

function fact(label, ...content) {
  return h("div", { class: "fact" }, h("span", { class: "term" }, label), h("div", null, content));
}

function diff(c) {
  const fresh = c.new.length > 0 ? c.new.map((rule) => ruleLine(rule, c, "added", c.old)) : h("li", { class: "none" }, "nothing");
  return h("table", { class: "diff" },
    h("thead", null, h("tr", null, h("th", { scope: "col" }, "before"), h("th", { scope: "col" }, "after"))),
    h("tbody", null, h("tr", null,
      h("td", null, h("ul", null, c.old.map((rule) => ruleLine(rule, c, "removed", c.new)))),
      h("td", null, h("ul", null, fresh)))));
}

/** A rule of one side of the diff; what no rule of the other side has is marked. */
function ruleLine(rule, c, what, others) {
  const differs = (key) => (others.length > 0 && others.every((other) => other[key] !== rule[key]) ? "mark" : "span");
  return h("li", { class: what },
    h("span", { class: "sign", "aria-hidden": "true" }, what === "added" ? "+" : "−"), spoken(what + ": "),
    h("div", null,
      h("div", { class: "rule" }, h("span", { class: "direction" }, c.direction), " ", h(differs("service"), null, code(rule.service)),
        c.direction === "egress" ? " to " : " from ", h(differs("peer"), null, code(rule.peer)), peerName(rule)),
      note(rule)));
}

function peerName(rule) {
  return rule.peer_name ? [" ", h("span", { class: "peer-name" }, name(rule.peer_name))] : null;
}

function note(rule) {
  const parts = joined([rule.why && name(rule.why), rule.description && h("q", null, name(rule.description)), rule.rule_id && code(rule.rule_id)]);
  return parts.length > 0 && h("div", { class: "note" }, parts);
}

/** What was seen of a rule. */
function evidence(c) {
  const use = c.evidence;
  const unused = use.flows === 0 && use.hits === 0 && use.maybe_hits === 0;
  return h("div", { class: "evidence" },
    h("p", { class: unused && "none" }, h("span", { class: "term" }, "Seen "), unused ? "no use in the window" : joined([
      several(use.peers, "peer"), use.ports.length > 0 && name(portWords(use.ports)), several(use.flows, "flow"), size(use.bytes),
      use.maybe_hits > 0 && several(use.maybe_hits, "doubtful use") + ", kept",
    ])),
    strip(use));
}

function portWords(ports) {
  return ports.length <= 6 ? ports.join(", ") : ports.slice(0, 6).join(", ") + " and more";
}

/** The days of the window, with those on which the rule was used. */
function strip(use) {
  const days = windowDays();
  if (days === 0) return null;
  const seen = several(use.days_seen, "day") + " of " + count(days) + (day(use.last_seen) ? ", last on " + day(use.last_seen) : "");
  const rects = [];
  for (let i = 0; i < use.day_runs.length; i += 2) {
    const [from, to] = [use.day_runs[i], use.day_runs[i + 1]];
    rects.push(svg("rect", { x: from, y: 0, width: to - from + 1, height: 1 }));
  }
  return h("div", { class: "strip" },
    svg("svg", { viewBox: "0 0 " + days + " 1", preserveAspectRatio: "none", role: "img", "aria-label": "Used on " + seen },
      svg("rect", { class: "all", x: 0, y: 0, width: days, height: 1 }), rects),
    h("span", { class: "fine", "aria-hidden": "true" }, seen));
}

function dependency(d, c) {
  return d.group_id === c.group_id ? code(d.rule) : [code(d.rule), " of ", h("a", { href: address(d.group_id) }, name(d.group_id))];
}

function denied(c) {
  const list = (rows) => h("ul", { class: "traffic" }, rows.map((t) => h("li", null, trafficLine(t))));
  const rest = c.denies.slice(shownDenied);
  return fact("Would deny", h("div", null, several(c.denies.length, "kind") + " of seen traffic:"), list(c.denies.slice(0, shownDenied)),
    rest.length > 0 && unfolding(null, count(rest.length) + " more", () => list(rest)));
}

function trafficLine(t) {
  return [code(t.service), t.direction === "egress" ? " to " : " from ", code(t.peer), t.peer_name && [" ", name(t.peer_name)], " at ", code(t.interface_id), ": ",
    joined([t.strength, several(t.flows, "flow"), "on " + several(t.days_seen, "day"), "last on " + day(t.last_seen), t.cause], ", ")];
}
