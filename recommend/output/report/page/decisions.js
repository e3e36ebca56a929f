// Accept or reject, change by change. Decisions are kept in this browser under the plan's id, and exported as the file that
// sgtrim's --decisions takes.

const storageKey = "sgtrim decisions " + plan.plan_id;

/** Change id → { verdict: "accept" | "reject", why }. */
const decisions = new Map(Object.entries(recall(storageKey) ?? {}).filter(([id]) => changes.has(id)));

/** Storage may be refused (private windows, some viewers): then decisions last as long as the page. */
function recall(key) {
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch {
    return null;
  }
}

function remember(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // see recall
  }
}

const verdicts = { accept: "Accept", reject: "Reject" };

/** Held changes are left to the evidence: accepting one would do nothing. */
function decisionButtons(change) {
  if (change.bucket === "held") return null;
  const id = change.data.change_id;
  const why = h("input", { type: "text", class: "why", placeholder: "why (optional)", "aria-label": "Why, for change " + id, autocomplete: "off", maxlength: "500",
    oninput: () => { decisions.get(id).why = why.value; saveDecisions(); } });
  const buttons = Object.entries(verdicts).map(([verdict, label]) => h("button", { type: "button", class: verdict, "data-verdict": verdict,
    "aria-label": label + " change " + id, onclick: () => decide(change, verdict) }, label));
  change.controls = { buttons, why };
  showDecision(change);
  return h("div", { class: "decision" }, h("div", { class: "buttons", role: "group", "aria-label": "Decision" }, buttons), why);
}

/** Takes the decision; the same one again takes it back. */
function decide(change, verdict) {
  const id = change.data.change_id;
  const now = decisions.get(id);
  if (now?.verdict === verdict) decisions.delete(id);
  else decisions.set(id, { verdict, why: now?.why ?? "" });
  saveDecisions();
  showDecision(change);
  showBasket();
  announce(decisions.has(id) ? verdicts[verdict] + "ed" : "Decision taken back");
}

function showDecision(change) {
  const decision = decisions.get(change.data.change_id);
  const { buttons, why } = change.controls;
  for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.verdict === decision?.verdict));
  why.hidden = !decision;
  why.value = decision?.why ?? "";
}

function saveDecisions() {
  remember(storageKey, Object.fromEntries(decisions));
}

/** The bar at the foot of the window: how far the reader has come, and the export. */
function showBasket() {
  const open = [...changes.values()].filter((change) => change.bucket === "decide");
  const done = open.filter((change) => decisions.has(change.data.change_id)).length;
  const accepted = [...decisions.values()].filter((d) => d.verdict === "accept").length;
  const basket = document.getElementById("basket");
  basket.hidden = decisions.size === 0;
  basket.replaceChildren(
    h("span", null, h("strong", null, several(decisions.size, "decision")), ": ", count(accepted), " accepted, ", count(decisions.size - accepted), " rejected",
      open.length > 0 && " · " + count(done) + " of " + count(open.length) + " to decide"),
    h("span", { class: "buttons" },
      h("button", { type: "button", onclick: forgetDecisions }, "Clear"),
      h("button", { type: "button", class: "main", id: "export", onclick: exportDialog }, "Export…")));
}

function forgetDecisions() {
  if (!confirm("Clear " + several(decisions.size, "decision") + "?")) return;
  decisions.clear();
  saveDecisions();
  for (const change of changes.values()) if (change.controls) showDecision(change);
  showBasket();
  document.getElementById("main").focus();
}

/** The decisions as the file, in the order of the plan. */
function decisionsFile(who, until) {
  const rows = plan.changes.filter((c) => decisions.has(c.change_id)).map((c) => {
    const { verdict, why } = decisions.get(c.change_id);
    return { change_id: c.change_id, decision: verdict, by: who, reason: why, ...(until && { until }),
      about: [c.group_name, c.direction, ...c.old.map((rule) => rule.service + " " + rule.peer)].join(" ") };
  });
  return JSON.stringify({ schema_version: 1, decisions: rows }, null, 2) + "\n";
}

function exportDialog() {
  const field = (label, input) => h("label", null, h("span", null, label), input);
  const who = h("input", { type: "text", autocomplete: "name", required: true, value: recall("sgtrim who") ?? "" });
  const until = h("input", { type: "date" });
  const preview = h("textarea", { readonly: true, rows: "10", "aria-label": "The decisions file", spellcheck: "false" });
  const show = () => { preview.value = decisionsFile(who.value, until.value); };
  const save = () => {
    remember("sgtrim who", who.value);
    const url = URL.createObjectURL(new Blob([decisionsFile(who.value, until.value)], { type: "application/json" }));
    h("a", { href: url, download: "decisions.json" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
    dialog.close();
    announce("Saved as decisions.json");
  };
  const form = h("form", { method: "dialog", onsubmit: (event) => { event.preventDefault(); save(); } },
    h("h2", null, "Export ", several(decisions.size, "decision")),
    h("p", null, "Give the file to the next run: ", code("--decisions decisions.json")),
    h("div", { class: "fields" }, field("Decided by", who), field("Until (optional)", until)),
    preview,
    h("div", { class: "buttons" },
      h("button", { type: "button", onclick: () => dialog.close() }, "Cancel"),
      h("button", { type: "submit", class: "main" }, "Download")));
  const dialog = openDialog("Export decisions", form);
  form.addEventListener("input", show);
  show();
}

/** A modal dialog that is gone when it closes; the focus goes back to where it was. */
function openDialog(label, content) {
  const dialog = h("dialog", { "aria-label": label }, content);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
