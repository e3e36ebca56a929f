// The head of the page: what the plan asks of its reader, what it gains, what it rests on, and what was not judged.

function pageHead() {
  const totals = plan.totals;
  const counts = bucketCounts([...changes.values()]);
  const scopes = [...new Set(plan.groups.map((g) => joined([g.account_id, g.region], " ").join("")))];
  document.title = "sgtrim review · " + several(totals.groups, "security group");
  return [
    h("div", { class: "masthead" },
      h("p", { class: "brand" }, "sgtrim review"),
      h("div", { class: "tools" }, themeButton(), helpButton())),
    h("h1", null, several(totals.groups, "security group"), ", ", several(totals.rules, "rule"), ", ", several(totals.interfaces, "interface")),
    h("p", { class: "about whole" }, joined([
      scopes.length > 3 ? count(scopes.length) + " accounts and regions" : scopes.join(", "),
      windowWords(), ["plan ", code(plan.plan_id)], expiryWords(),
    ].map((part) => part && h("span", null, part)))),
    verdict(counts),
    proofLine(),
    plan.risk?.connections > 0 && h("p", { class: "proof" }, h("strong", null, "Risk: "), "of the next ", several(plan.risk.connections, "connection"),
      " (", several(plan.risk.period_days, "day"), "), the selected changes together are expected to deny ", riskShare(plan.risk), "."),
  ].filter(Boolean);
}

function windowWords() {
  if (!day(plan.window.since)) return "no flow logs with use or coverage";
  return "flow logs from " + day(plan.window.since) + " to " + lastDay(plan.window.until) + ", " + several(plan.window.days, "day") + " with records";
}

/** The last day of a window whose end, as an instant, does not belong to it. */
function lastDay(until) {
  return new Date(Date.parse(until) - 1).toISOString().slice(0, 10);
}

function expiryWords() {
  return day(plan.expires) ? "valid until " + day(plan.expires) : null;
}

function verdict(counts) {
  const parts = ["decide", "ready", "held", "egress"].map((bucket) =>
    h("a", { class: "figure " + bucket, href: "#changes?show=" + bucket },
      h("span", { class: "number" }, count(counts[bucket])),
      h("span", { class: "label" }, h("span", { class: "mark", "aria-hidden": "true" }, buckets[bucket].mark + " "), buckets[bucket].label),
      h("span", { class: "hint" }, buckets[bucket].about)));
  return h("div", { class: "verdict" }, parts);
}

function proofLine() {
  const proof = plan.proof;
  if (!proof.holds) return h("p", { class: "proof fails", role: "alert" }, h("strong", null, "The proof does not hold. Do not apply this plan."));
  return h("p", { class: "proof" }, h("strong", null, "Proof: "),
    "nothing that was seen and is needed would be denied (", several(proof.needs, "conversation"), " and ", several(proof.rules, "rule"), " checked",
    proof.doubtful ? "; " + count(proof.doubtful) + " that only a doubtful match allows, all kept" : "", ").");
}

const exposureFigures = [
  ["ingress rules", "rules", count],
  ["open to the world, IPv4", "world_open_v4", count],
  ["open to the world, IPv6", "world_open_v6", count],
  ["of these, admin or database ports", "admin_open", count],
  ["interface × port pairs reached", "reachable", count],
  ["allowed space, IPv4 (log2)", "log2_space", (n) => n.toFixed(1)],
  ["allowed space, IPv6 (log2)", "log2_space_v6", (n) => n.toFixed(1)],
];

function exposurePart() {
  const { before, after, after_review: review } = plan.exposure;
  return h("section", { class: "panel", "aria-labelledby": "exposure" },
    h("h2", { id: "exposure" }, "Exposure"),
    h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Exposure before and after" }, h("table", { class: "exposure" },
      h("thead", null, h("tr", null, h("td"), ["before", "after", "with review"].map((title) => h("th", { scope: "col" }, title)),
        h("td", { class: "wide" }))),
      h("tbody", null, exposureFigures.map(([label, key, show]) => h("tr", { class: before[key] === review[key] ? "same" : null },
        h("th", { scope: "row" }, label),
        h("td", null, show(before[key])),
        h("td", { class: after[key] < before[key] ? "less" : null }, show(after[key])),
        h("td", { class: review[key] < after[key] ? "less" : null }, show(review[key])),
        h("td", { class: "wide" }, bars([before[key], after[key], review[key]]))))))),
    h("p", { class: "fine" }, "Ingress only. After: what is ready; with review: and all that is to be decided. Reached: by the world, on interfaces that it can reach. Space: pairs of address and port that interfaces let in."));
}

/** Three bars on one scale; the table beside them says the same in figures. */
function bars(values) {
  const most = Math.max(...values, 1e-9);
  return svg("svg", { class: "bars", viewBox: "0 0 120 18", width: "120", height: "18", "aria-hidden": "true", focusable: "false" },
    values.map((value, i) => svg("rect", { class: "bar" + i, x: 0, y: 1 + i * 6, height: 4, width: Math.max(value > 0 ? 1 : 0, (120 * value) / most) })));
}

function limitsPart() {
  const covered = plan.groups.filter((g) => g.interfaces.length > 0);
  const thin = covered.filter((g) => g.coverage < 0.95);
  const bare = plan.groups.length - covered.length;
  const guarded = plan.groups.filter((g) => g.protected);
  const few = plan.notes.slice(0, 4), more = plan.notes.slice(4);
  return h("section", { class: "panel", "aria-labelledby": "limits" },
    h("h2", { id: "limits" }, "What it rests on, and what was not judged"),
    h("ul", { class: "points" },
      h("li", null, several(plan.totals.conversations, "conversation"), " seen, ", count(plan.totals.needs), " of them needed; from ",
        several(plan.input.records, "record"), " in ", several(plan.input.objects, "object"), "."),
      h("li", null, thin.length === 0 ? "Every group that an interface carries is covered in at least 95 % of its hours." :
        [h("strong", null, several(thin.length, "group")), thin.length === 1 ? " is" : " are", " covered in less than 95 % of the hours: ",
          joined(thin.slice(0, 3).map(groupLink), ", "), thin.length > 3 ? " and " + count(thin.length - 3) + " more" : "", "."]),
      bare > 0 && h("li", null, several(bare, "group"), bare === 1 ? " is" : " are", " carried by no interface, so no use of ", bare === 1 ? "its" : "their", " rules can be seen."),
      guarded.length > 0 && h("li", null, several(guarded.length, "group"), guarded.length === 1 ? " has" : " have", " protected rules: ",
        joined(guarded.slice(0, 3).map(groupLink), ", "), guarded.length > 3 ? " and " + count(guarded.length - 3) + " more" : "", "."),
      plan.input.errors > 0 && h("li", null, h("strong", null, several(plan.input.errors, "record")), " could not be read and ",
        plan.input.errors === 1 ? "was" : "were", " skipped; the hours they stood for count as gaps."),
      few.map((note) => h("li", null, note))),
    more.length > 0 && h("details", null, h("summary", null, several(more.length, "more note")), h("ul", { class: "points" }, more.map((note) => h("li", null, note)))));
}

function groupLink(group) {
  return h("a", { href: address(group.group_id) }, name(group.group_name || group.group_id));
}
