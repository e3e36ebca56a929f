// Numbers, dates and terms as the page shows them.

const digits = new Intl.NumberFormat("en-US");

function count(n) {
  return digits.format(n);
}

/** "1 group", "2 groups". */
function several(n, what) {
  return count(n) + " " + what + (n === 1 ? "" : "s");
}

/** A share of 0 to 1 as per cent, rounded down at two digits so that nothing short of all reads as 100 %. */
function percent(share) {
  return String(Math.floor(share * 10000 + 1e-6) / 100) + " %";
}

/** A share of 0 to 1 as per cent, for risks: small ones must not read as none. */
function share(x) {
  if (x === 0) return "0 %";
  if (x < 0.0001) return "< 0.01 %";
  return String(Number((x * 100).toPrecision(2))) + " %";
}

function size(bytes) {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let i = 0;
  for (; bytes >= 1000 && i < units.length - 1; i++) bytes /= 1000;
  return (i === 0 || bytes >= 100 ? Math.round(bytes) : bytes.toFixed(1)) + " " + units[i];
}

/** The UTC day of an RFC 3339 time; "" for none. */
function day(time) {
  return time && !time.startsWith("0001-") ? time.slice(0, 10) : "";
}

const dayLength = 86400000; // ms

/** Calendar days that the window touches; 0 without a window. */
function windowDays() {
  const { since, until } = plan.window;
  return day(since) ? Math.ceil((Date.parse(until) - Date.parse(day(since))) / dayLength) : 0;
}

const kinds = {
  duplicate: "Remove a duplicate",
  unused: "Remove, unused",
  redundant: "Remove, redundant",
  stale: "Remove a stale reference",
  "narrow-ports": "Narrow the ports",
  "narrow-peers": "Narrow the peers",
};

function kindWords(kind) {
  return Object.hasOwn(kinds, kind) ? kinds[kind] : kind;
}

/**
 * What a reader has to do with a change. Egress findings are review changes that the policy only reports: nearly every group
 * has the rule for all egress that EC2 gives it, and they would hide the rest.
 */
const buckets = {
  decide: { label: "To decide", one: "to decide", mark: "◐", about: "A person decides. Left out unless you accept." },
  ready: { label: "Ready", one: "ready", mark: "●", about: "In the scripts unless you reject." },
  egress: { label: "Egress findings", one: "egress finding", many: "egress findings", mark: "◇", about: "Reported only; --egress ports or --egress full proposes." },
  held: { label: "Held", one: "held", mark: "○", about: "The evidence is not enough yet." },
  kept: { label: "Unchanged rules", one: "unchanged", mark: "=", about: "Rules that stay as they are, and why." },
};
