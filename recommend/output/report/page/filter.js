// Search, filter and sort. Their state is in the address, so that a view can be sent to somebody else.

const sorts = {
  order: { label: "most to decide first", key: (group) => -weight(group) },
  name: { label: "name", key: (group) => group.data.group_name.toLowerCase() },
  changes: { label: "number of changes", key: (group) => -group.changes.length },
  quiet: { label: "longest unused first", key: lastUse },
  coverage: { label: "least covered first", key: (group) => group.data.coverage },
};

const weights = { decide: 1e6, ready: 1e3, held: 1, egress: 0 };

function weight(group) {
  return group.changes.reduce((sum, change) => sum + weights[change.bucket], 0);
}

/** The last use of the rules that a group's changes are about; "" sorts first. */
function lastUse(group) {
  return group.changes.map((change) => day(change.data.evidence.last_seen)).sort()[0] ?? "9";
}

const usual = { q: "", show: ["decide", "ready"], direction: "", kind: "", account: "", open: false, sort: "order" };
let filter = { ...usual };

/** Those buckets are shown at first that have something to do; if none has, all. */
function firstShow() {
  const counts = bucketCounts([...changes.values()]);
  return counts.decide + counts.ready > 0 ? ["decide", "ready"] : ["egress", "held", "kept"];
}

function filterBar() {
  const counts = bucketCounts([...changes.values()]);
  counts.kept = groups.reduce((sum, group) => sum + group.kept.length, 0);
  const search = h("input", { type: "search", id: "search", placeholder: "Search names, ids, ports, addresses, reasons", "aria-label": "Search the changes",
    autocomplete: "off", spellcheck: "false", oninput: () => set({ q: search.value }) });
  const chips = Object.entries(buckets).map(([bucket, { label, mark, about }]) => h("button", { type: "button", class: "chip " + bucket, "data-bucket": bucket, title: about,
    onclick: () => set({ show: filter.show.includes(bucket) ? filter.show.filter((b) => b !== bucket) : [...filter.show, bucket] }) },
    h("span", { "aria-hidden": "true" }, mark + " "), label, h("span", { class: "number" }, " " + count(counts[bucket]))));
  const choice = (key, label, options) => options.length < 2 ? null : h("label", null, h("span", null, label),
    h("select", { "data-key": key, onchange: (event) => set({ [key]: event.target.value }) },
      options.map(([value, text]) => h("option", { value }, text))));
  const all = (text, values) => [["", text], ...[...new Set(values)].sort().map((value) => [value, value])];
  const list = [...changes.values()];
  const accounts = all("all accounts", plan.groups.map((g) => g.account_id));
  return h("form", { class: "filter", role: "search", "aria-label": "Filter the changes", onsubmit: (event) => event.preventDefault() },
    search,
    h("div", { class: "chips", role: "group", "aria-label": "Show" }, chips),
    h("div", { class: "choices" },
      choice("direction", "Direction", all("both", list.map((c) => c.data.direction))),
      choice("kind", "Kind", [["", "all"], ...Object.keys(kinds).filter((k) => list.some((c) => c.data.kind === k)).map((k) => [k, kindWords(k)])]),
      accounts.length > 2 && choice("account", "Account", accounts),
      choice("sort", "Sort by", Object.entries(sorts).map(([key, { label }]) => [key, label])),
      h("label", { class: "check" }, h("input", { type: "checkbox", "data-key": "open", onchange: (event) => set({ open: event.target.checked }) }), " undecided only"),
      h("button", { type: "button", class: "plain", id: "reset", onclick: () => set({ ...usual, show: firstShow() }) }, "Reset")),
    h("p", { class: "found", id: "found", role: "status" }));
}

/** Changes the filter, shows it, and puts it into the address. */
function set(changed) {
  const sorted = changed.sort !== undefined && changed.sort !== filter.sort;
  filter = { ...filter, ...changed };
  if (sorted) sortGroups();
  applyFilter();
  showFilter();
  try {
    history.replaceState(null, "", filterAddress());
  } catch {
    // some viewers allow no address of the page's own
  }
}

function filterAddress() {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(filter)) {
    const text = key === "show" ? value.join(",") : value === true ? "1" : value || "";
    const plainly = key === "show" ? firstShow().join(",") : usual[key] || "";
    if (text !== plainly) query.set(key, text);
  }
  return "#changes" + (query.size > 0 ? "?" + query : "");
}

/** Shows the changes as an address has them. */
function showFiltered(query) {
  readFilter(query);
  sortGroups();
  applyFilter();
  showFilter();
}

/** Reads what filterAddress wrote. What it does not know is left out. */
function readFilter(query) {
  const given = new URLSearchParams(query);
  const show = given.has("show") ? given.get("show").split(",").filter((bucket) => Object.hasOwn(buckets, bucket)) : firstShow();
  const sort = Object.hasOwn(sorts, given.get("sort")) ? given.get("sort") : usual.sort;
  filter = { q: given.get("q") ?? "", show, sort, direction: given.get("direction") ?? "", kind: given.get("kind") ?? "",
    account: given.get("account") ?? "", open: given.get("open") === "1" };
}

function showFilter() {
  const search = document.getElementById("search");
  if (search.value !== filter.q) search.value = filter.q;
  for (const chip of document.querySelectorAll(".chip")) chip.setAttribute("aria-pressed", String(filter.show.includes(chip.dataset.bucket)));
  for (const select of document.querySelectorAll(".filter select")) select.value = filter[select.dataset.key];
  document.querySelector('.filter [data-key="open"]').checked = filter.open;
}

function sortGroups() {
  const { key } = sorts[filter.sort];
  const keys = new Map(groups.map((group) => [group, key(group)]));
  const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  groups.sort((a, b) => compare(keys.get(a), keys.get(b)) || compare(a.data.group_id, b.data.group_id));
}

function applyFilter() {
  const words = filter.q.toLowerCase().split(/\s+/).filter(Boolean);
  const found = (text) => words.every((word) => text.includes(word));
  const keptToo = filter.show.includes("kept");
  const matching = [];
  let total = 0, rules = 0;
  for (const group of groups) {
    const account = !filter.account || group.data.account_id === filter.account;
    let any = false;
    for (const change of group.changes) {
      const c = change.data;
      change.matches = account && filter.show.includes(change.bucket) && (!filter.direction || c.direction === filter.direction) &&
        (!filter.kind || c.kind === filter.kind) && !(filter.open && decisions.has(c.change_id)) && found(change.text);
      if (change.matches) {
        any = true;
        total++;
      }
    }
    group.keptMatches = keptToo && account && !filter.kind && group.kept.length > 0 && found(group.keptText);
    if (group.keptMatches) rules += group.kept.length;
    if (any || group.keptMatches) matching.push(group);
  }
  document.getElementById("found").textContent = several(total, "change") + (keptToo ? " and " + several(rules, "unchanged rule") : "") +
    " in " + several(matching.length, "group");
  document.getElementById("none").hidden = matching.length > 0;
  showGroups(matching);
}
