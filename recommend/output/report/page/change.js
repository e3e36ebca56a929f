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
    spaceLine(c.space),
    mapPart(change),
    h("div", { class: "details" },
      c.decision && fact("Decided", formerDecision(c.decision)),
      riskFact(c.risk),
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

/** A decision that this review was given. */
function formerDecision(d) {
  return [h("strong", null, verdictsTaken[d.decision] ?? d.decision), " by ", name(d.by), d.until && ", until " + d.until, d.reason && [": ", h("q", null, name(d.reason))],
    d.effect && [" ", sentence(d.effect)]];
}

const verdictsTaken = { accept: "accepted", reject: "rejected", except: "excepted" };

/** Shares of connections that are expected to be denied. */
function riskFact(risk) {
  if (!risk || risk.connections === 0) return null;
  if (risk.vague) return fact("Risk", "too little traffic to tell: ", several(risk.connections, "connection"), " through the group in ", several(risk.period_days, "day"));
  return fact("Risk", riskShare(risk), " of the group's next ", several(risk.connections, "connection"), " (", several(risk.period_days, "day"), ") expected to be denied");
}

function riskShare(risk) {
  return [h("strong", null, share(risk.expected)), " (90 %: " + share(risk.low) + " to " + share(risk.high) + ")"];
}

/** What was seen of a rule. */
function evidence(c) {
  const use = c.evidence;
  const unused = use.flows === 0 && use.hits === 0 && use.maybe_hits === 0;
  return h("div", { class: "evidence" },
    h("span", { class: "term" }, "Seen"),
    h("p", { class: unused && "none" }, unused ? "no use in the window" : joined([
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

/** How much was allowed, stays allowed, and was used: bars on a scale of powers of two. */
function spaceLine(space) {
  if (space.before < 0) return null;
  const most = Math.max(48, space.before);
  const bar = (kind, log2, y) => log2 >= 0 && svg("rect", { class: kind, x: 0, y, height: 4, width: Math.max(1.5, (log2 / most) * 200) });
  return h("div", { class: "evidence" },
    h("span", { class: "term" }, "Space"),
    h("p", null, "allowed ", power(space.before), " → ", power(space.after), " · used ", power(space.used),
      h("span", { class: "fine" }, " pairs of address and port")),
    svg("svg", { class: "space", viewBox: "0 0 200 16", preserveAspectRatio: "none", "aria-hidden": "true" }, bar("bar0", space.before, 0), bar("bar1", space.after, 6), bar("used", space.used, 12)));
}

/** Who used which port of the changed rule. */
function mapPart(change) {
  const rule = change.group.data.rules.find((r) => r.change_id === change.data.change_id);
  return rule?.map ? unfolding({ class: "as-table" }, "Who used which port", () => useMap(rule)) : null;
}

function useMap(rule) {
  const { peers, ports, addresses } = rule.map;
  const most = Math.max(...addresses.flat(), 1);
  const level = (n) => (n === 0 ? 0 : 1 + Math.floor((4 * Math.log(n)) / Math.log(most + 1)));
  return h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Who used which port" }, h("table", { class: "map" },
    h("caption", { class: "fine" }, "Addresses of each peer that used each port. ", code(rule.service), " ", code(rule.peer), " also allows everything that is not in this table."),
    h("thead", null, h("tr", null, h("td"), ports.map((port) => h("th", { scope: "col" }, name(port))))),
    h("tbody", null, peers.map((peer, i) => h("tr", null, h("th", { scope: "row" }, name(peer.name), " ", h("span", { class: "fine" }, several(peer.addresses, "address").replace(/addresss$/, "addresses"))),
      addresses[i].map((n) => h("td", { class: "level" + level(n) }, n > 0 ? count(n) : "")))))));
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
