// One security group, and the list of those that the filter found. The list grows as the reader comes near its end, so that a
// page of thousands of groups opens, and answers a filter, at once.

const batch = 10; // changes that are added to the list at a time

/** The groups that the filter found, in order, and how many of them the list holds yet. */
const listed = { groups: [], length: 0 };

function showGroups(found) {
  listed.groups = found;
  listed.length = 0;
  document.getElementById("groups").replaceChildren();
  showMore();
}

/** Adds groups until the list has a batch of changes more. */
function showMore(upTo = batch) {
  const from = listed.length;
  for (let changes = 0; listed.length < listed.groups.length && changes < upTo; listed.length++) {
    changes += Math.max(1, listed.groups[listed.length].changes.filter((change) => change.matches).length);
  }
  document.getElementById("groups").append(...listed.groups.slice(from, listed.length).map(groupSection));
  document.getElementById("more").hidden = listed.length === listed.groups.length;
}

function moreButton() {
  const button = h("button", { type: "button", id: "more", onclick: () => {
    const next = listed.length;
    showMore();
    listed.groups[next].section.focus();
  } }, "Show more groups");
  new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting)) showMore();
  }, { rootMargin: "1500px 0px" }).observe(button);
  return button;
}

/** Whether the list holds the group yet; with a far one it grows no further than by some batches. */
function isListed(group) {
  const at = listed.groups.indexOf(group);
  while (at >= listed.length && at < listed.length + batch) showMore();
  return at >= 0 && at < listed.length;
}

/** The group as the filter wants it. */
function groupSection(group) {
  const g = group.data;
  const shown = group.changes.filter((change) => change.matches);
  const hidden = group.changes.length - shown.length;
  for (const change of shown) change.card ??= changeCard(change);
  group.section = h("section", { class: "group", id: g.group_id, tabindex: "-1", "aria-labelledby": g.group_id + "-title" },
    h("header", null,
      h("h3", { id: g.group_id + "-title" }, name(g.group_name || "no name"), " ", h("a", { class: "permalink", href: address(g.group_id) }, code(g.group_id))),
      h("p", { class: "about" }, joined([g.account_id, g.region, code(g.vpc_id), several(g.interfaces.length, "interface"),
        g.interfaces.length > 0 && percent(g.coverage) + " covered", g.protected && sentence(g.protected).slice(0, -1)])),
      h("p", { class: "counts" }, joined([
        ...Object.entries(bucketCounts(shown)).filter(([, n]) => n > 0).map(([bucket, n]) => badge(bucket, n)),
        hidden > 0 && h("span", { class: "fine" }, several(hidden, "more change") + " hidden by the filter"),
      ], " "))),
    shown.map((change) => change.card),
    group.kept.length > 0 && keptPart(group));
  return group.section;
}

function keptPart(group) {
  const table = () => h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Rules that stay" }, h("table", { class: "rules" },
    h("thead", null, h("tr", null, ["rule", "seen", "why it stays"].map((title) => h("th", { scope: "col" }, title)))),
    h("tbody", null, group.kept.map(keptRow))));
  return unfolding({ class: "kept", open: group.keptMatches },
    group.kept.length === 1 ? "1 rule stays as it is" : count(group.kept.length) + " rules stay as they are", table);
}

/** Details whose content is made when they are opened first. */
function unfolding(attributes, summary, content) {
  const details = h("details", attributes, h("summary", null, summary));
  const make = () => {
    if (details.open && details.children.length === 1) details.append(content());
  };
  details.addEventListener("toggle", make);
  make();
  return details;
}

function keptRow(rule) {
  return h("tr", null,
    h("td", null, h("div", { class: "rule" }, h("span", { class: "direction" }, rule.direction), " ", code(rule.service),
      rule.direction === "egress" ? " to " : " from ", code(rule.peer), peerName(rule)), note(rule)),
    h("td", null, rule.use.flows > 0 ? joined([several(rule.use.peers, "peer"), several(rule.use.flows, "flow")]) : "no use", strip(rule.use), rule.map && unfolding({ class: "as-table" }, "who used which port", () => useMap(rule))),
    h("td", null, sentence(rule.unsupported || rule.kept)));
}
