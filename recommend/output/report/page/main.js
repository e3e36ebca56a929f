// The page: its parts, the address that says which is shown, the keys, and printing.

const views = {
  changes: { label: "Changes", parts: () => [h("div", { class: "pair" }, exposurePart(), limitsPart()), changesPart()] },
  pictures: { label: "Pictures", parts: pictureParts },
  traffic: { label: "Traffic", parts: trafficParts },
  input: { label: "Input", parts: () => [inputPart()] },
};

function changesPart() {
  return h("section", { class: "changes", "aria-labelledby": "changes-title" },
    h("h2", { id: "changes-title" }, "Changes"),
    filterBar(),
    h("p", { id: "none", hidden: true }, "Nothing matches the filter."),
    h("div", { id: "groups" }),
    moreButton(),
    h("p", { id: "cut", hidden: true }));
}

/** The address of a part of the page: a view, a group, or a change. */
function address(id) {
  return "#" + encodeURIComponent(id);
}

/** What the address names: "#chg-…", "#sg-…", "#changes?q=…". */
function addressed() {
  const [target, query] = location.hash.slice(1).split(/\?(.*)/s);
  try {
    return [decodeURIComponent(target), query];
  } catch {
    return [target, query]; // not of our making
  }
}

/** Makes the parts of a view when it is first wanted. */
function fillView(key) {
  const view = document.getElementById(key);
  if (view.children.length === 0) view.replaceChildren(...views[key].parts());
}

function showView(view) {
  for (const key of Object.keys(views)) {
    document.getElementById(key).hidden = key !== view;
    if (key === view) fillView(key);
    const link = document.querySelector('#views a[href="#' + key + '"]');
    if (key === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function route() {
  const [target, query] = addressed();
  const change = changes.get(target), group = change?.group ?? groups.find((g) => g.data.group_id === target);
  const view = !group && Object.hasOwn(views, target) ? target : "changes";
  showView(view);
  if (group) return reveal(group, change);
  if (view !== "changes") return;
  showFiltered(query ?? "");
  if (query) document.getElementById("changes-title").scrollIntoView();
}

/** Brings a group or a change before the reader, whatever the filter was. */
function reveal(group, change) {
  if (!isListed(group) || (change && !change.matches)) {
    filter = { ...usual, show: Object.keys(buckets), sort: filter.sort };
    applyFilter();
    if (!isListed(group)) { // too far down: alone, then
      filter.q = group.data.group_id;
      applyFilter();
    }
    showFilter();
  }
  const element = change?.card ?? group.section;
  element.scrollIntoView();
  element.focus({ preventScroll: true });
}

function themeButton() {
  const themes = { "": "Theme: system", light: "Theme: light", dark: "Theme: dark" };
  const order = Object.keys(themes);
  let now = order.includes(recall("sgtrim theme")) ? recall("sgtrim theme") : "";
  const show = () => {
    document.documentElement.dataset.theme = now;
    button.textContent = themes[now];
  };
  const button = h("button", { type: "button", class: "plain", onclick: () => {
    now = order[(order.indexOf(now) + 1) % order.length];
    remember("sgtrim theme", now);
    show();
  } });
  show();
  return button;
}

const keys = {
  j: ["next change", () => step(1)],
  k: ["previous change", () => step(-1)],
  a: ["accept it, or take that back", () => press("accept")],
  r: ["reject it, or take that back", () => press("reject")],
};

function helpButton() {
  return h("button", { type: "button", class: "plain", onclick: () => {
    const dialog = openDialog("Help", h("form", { method: "dialog" },
      h("h2", null, "Keys"),
      h("p", null, "They work while a change has the focus: press Tab in the list of changes, or open one by its link."),
      h("table", null, h("tbody", null, Object.entries(keys).map(([key, [what]]) => h("tr", null, h("th", { scope: "row" }, h("kbd", null, key)), h("td", null, what))))),
      h("h2", null, "What decisions mean"),
      h("p", null, "Changes that are ready go into the scripts unless you reject them; those to decide stay out unless you accept them. ",
        "Nothing happens here: export the decisions and give the file to the next run. They are kept in this browser until then."),
      h("div", { class: "buttons" }, h("button", { class: "main" }, "Close"))));
    return dialog;
  } }, "Help");
}

/** Moves the focus to the next change of the list, which grows as needed. */
function step(by) {
  const cards = () => [...document.querySelectorAll("#groups .change")];
  let all = cards();
  const at = all.indexOf(document.activeElement.closest(".change"));
  if (at + by >= all.length) {
    showMore();
    all = cards();
  }
  const next = all[at + by];
  if (!next) return;
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

function press(verdict) {
  document.activeElement.closest(".change")?.querySelector("button." + verdict)?.click();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea")) return;
  if (!event.target.closest?.(".change")) return; // single keys act on a focused change only [WCAG 2.1.4]
  const key = keys[event.key];
  if (key) {
    event.preventDefault();
    key[1]();
  }
});

const printed = 3000; // changes; that is some hundred pages

// On paper there is nothing to scroll to: all that the filter shows is built, or the paper says that it is not.
window.addEventListener("beforeprint", () => {
  Object.keys(views).forEach(fillView);
  showMore(printed);
  const left = listed.groups.length - listed.length;
  const notice = document.getElementById("cut");
  notice.hidden = left === 0;
  notice.textContent = several(left, "more group") + " of this selection not printed: narrow the filter, and print again. recommendations.json has them all.";
});

function start() {
  document.getElementById("top").replaceChildren(...pageHead());
  document.getElementById("views").replaceChildren(h("ul", null, Object.entries(views).map(([key, { label }]) => h("li", null, h("a", { href: "#" + key }, label)))));
  document.getElementById("main").replaceChildren(...Object.keys(views).map((key) => h("div", { class: "view", id: key })));
  document.getElementById("summary").remove();
  for (const id of ["top", "views", "main"]) document.getElementById(id).hidden = false;
  showView("changes");
  showBasket();
  showFiltered("");
  if (location.hash) route();
  window.addEventListener("hashchange", route);
  performance.mark("ready");
}

start();
