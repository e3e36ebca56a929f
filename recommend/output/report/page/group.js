// One security group. Its heading is there from the start; the changes below it are built when the group comes near the
// window, so that a page of thousands of groups opens at once.

const changeHeight = 260, headHeight = 90; // px, before a group is built

function groupSection(group) {
  const g = group.data;
  group.body = h("div", { class: "body" });
  group.counts = h("p", { class: "counts" });
  group.section = h("section", { class: "group", id: g.group_id, tabindex: "-1", "aria-labelledby": g.group_id + "-title" },
    h("header", null,
      h("h3", { id: g.group_id + "-title" }, name(g.group_name || "no name"), " ", h("a", { class: "permalink", href: "#" + g.group_id }, code(g.group_id))),
      h("p", { class: "about" }, joined([g.account_id, g.region, code(g.vpc_id), several(g.interfaces.length, "interface"),
        g.interfaces.length > 0 && percent(g.coverage) + " covered", g.protected && sentence(g.protected).slice(0, -1)])),
      group.counts),
    group.body);
  nearby.observe(group.section);
  return group.section;
}

const nearby = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (entry.isIntersecting) build(bySection.get(entry.target));
  }
}, { rootMargin: "1200px 0px" });
const bySection = new Map();

/** Builds what stands below a group's heading, once. */
function build(group) {
  if (group.built) return;
  group.built = true;
  nearby.unobserve(group.section);
  group.cards = group.changes.map((change) => {
    change.card = changeCard(change);
    return change.card;
  });
  group.keptPart = group.kept.length > 0 ? keptPart(group) : null;
  group.body.style.minHeight = "";
  group.body.replaceChildren(...group.cards, ...(group.keptPart ? [group.keptPart] : []));
  showMatches(group);
}

/** Hides what the filter does not want; before a group is built, only holds its place. */
function showMatches(group) {
  group.section.hidden = !group.matches;
  if (!group.matches) return;
  const shown = group.changes.filter((change) => change.matches);
  const hidden = group.changes.length - shown.length;
  group.counts.replaceChildren(...joined([
    ...Object.entries(bucketCounts(shown)).filter(([, n]) => n > 0).map(([bucket, n]) => badge(bucket, n)),
    hidden > 0 && h("span", { class: "fine" }, several(hidden, "more change") + " hidden by the filter"),
  ], " "));
  if (!group.built) {
    group.body.style.minHeight = shown.length * changeHeight + "px";
    return;
  }
  for (const change of group.changes) change.card.hidden = !change.matches;
  if (group.keptPart) group.keptPart.open = group.keptMatches;
}

function keptPart(group) {
  return h("details", { class: "kept" },
    h("summary", null, group.kept.length === 1 ? "1 rule stays as it is" : count(group.kept.length) + " rules stay as they are"),
    h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Rules that stay" }, h("table", { class: "rules" },
      h("thead", null, h("tr", null, ["rule", "seen", "why it stays"].map((title) => h("th", { scope: "col" }, title)))),
      h("tbody", null, group.kept.map((rule) => h("tr", null,
        h("td", null, h("div", { class: "rule" }, h("span", { class: "direction" }, rule.direction), " ", code(rule.service),
          rule.direction === "egress" ? " to " : " from ", code(rule.peer), peerName(rule)), note(rule)),
        h("td", null, rule.use.flows > 0 ? joined([several(rule.use.peers, "peer"), several(rule.use.flows, "flow")]) : "no use", strip(rule.use)),
        h("td", null, sentence(rule.unsupported || rule.kept))))))));
}
