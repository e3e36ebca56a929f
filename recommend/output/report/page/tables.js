// Seen traffic that is nobody's change, and the input. Long lists show their first rows until asked for more.

const firstRows = 200;

function trafficTable(title, id, about, rows) {
  const columns = ["interface", "direction", "service", "peer", "strength", "flows", "days", "last seen"];
  const causes = rows.some((t) => t.cause);
  const body = h("tbody");
  const more = h("button", { type: "button", onclick: () => { add(rows.length); body.rows[firstRows].focus(); } });
  const add = (upTo) => {
    for (let i = body.rows.length; i < Math.min(upTo, rows.length); i++) body.append(trafficRow(rows[i], causes));
    more.hidden = body.rows.length === rows.length;
    more.textContent = "Show the other " + count(rows.length - body.rows.length);
  };
  add(firstRows);
  return h("section", { class: "panel", "aria-labelledby": id },
    h("h2", { id }, title),
    h("p", null, rows.length === 0 ? "None." : about),
    rows.length > 0 && h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": title }, h("table", { class: "rows" },
      h("thead", null, h("tr", null, columns.map((c) => h("th", { scope: "col" }, c)), causes && h("th", { scope: "col" }, "likely cause"))),
      body)),
    rows.length > firstRows && more);
}

function trafficRow(t, causes) {
  return h("tr", { tabindex: "-1" }, h("td", null, code(t.interface_id)), h("td", null, t.direction), h("td", null, code(t.service)),
    h("td", null, code(t.peer), t.peer_name && [" ", name(t.peer_name)]), h("td", null, t.strength), h("td", { class: "n" }, count(t.flows)),
    h("td", { class: "n" }, count(t.days_seen)), h("td", null, day(t.last_seen)), causes && h("td", null, t.cause));
}

function trafficParts() {
  return [
    trafficTable("Accepted traffic that no rule explains", "unexplained",
      "It was allowed when it was seen, and no rule of the estate as described allows it.", plan.unexplained),
    trafficTable("Rejected again and again", "rejected", "Recurring connection attempts that were refused: rules that may be missing, or scanners.", plan.rejected),
  ];
}

function inputPart() {
  const input = plan.input, policy = plan.policy;
  const row = (label, ...value) => h("div", { class: "fact" }, h("span", { class: "term" }, label), h("div", null, value));
  const lines = (title, list, show) => list.length > 0 && h("details", null, h("summary", null, title + ": " + count(list.length)),
    h("ul", { class: "points" }, list.slice(0, firstRows).map((item) => h("li", null, show(item))),
      list.length > firstRows && h("li", null, count(list.length - firstRows) + " more in recommendations.json")));
  return h("section", { class: "panel", "aria-labelledby": "input" },
    h("h2", { id: "input" }, "Input and policy"),
    row("Records", several(input.records, "record") + " in " + several(input.objects, "object") + " (" + size(input.bytes) + "): " + joined([
      count(input.used) + " used as evidence", count(input.coverage_only) + " for coverage alone", count(input.outside) + " outside the window",
      count(input.errors) + " with errors"], ", ").join("") + "."),
    row("Doubts", several(plan.totals.ambiguous, "conversation") + " whose opener is not clear; " + several(plan.totals.unplaced_peers, "private peer") +
      " that no interface holds. They only ever keep a permission."),
    row("Policy", "level " + policy.level + ", egress " + policy.egress + "; days of evidence asked for: " + policy.ports_days + " to narrow ports, " +
      policy.peers_days + " to narrow peers, " + policy.unused_days + " to remove what is unused" + (policy.min_window ? " (set by --min-window)" : "") + "."),
    row("Proof", sentence(plan.proof.subsets)),
    row("Estate", day(plan.estate_captured) ? "as of " + day(plan.estate_captured) : "of an unknown time", "."),
    lines("Records that could not be read", input.bad_records, code),
    lines("Objects that are no flow logs", input.not_flow_logs, code),
    lines("Objects of the estate that were not understood", input.estate_problems, (p) => [code(p.source), " ", code(p.object), ": ", name(p.cause)]),
    lines("Contradictions between the sources of the estate's past", plan.conflicts, (c) => [code(c.object), ": ",
      joined(c.claims.map((claim) => claim.source + " of " + claim.at + ": " + claim.says), "; ").join(""), ". From ", c.from, " to ",
      c.until, " sgtrim believes ", c.believed, ", for ", c.why, "."]));
}
