// The plan, and the groups with their changes as the page looks at them.

const plan = await unpack(document.getElementById("plan").textContent);

/** The value whose JSON was packed by gzip and base64. */
async function unpack(text) {
  const packed = atob(text);
  const bytes = new Uint8Array(packed.length);
  for (let i = 0; i < packed.length; i++) bytes[i] = packed.charCodeAt(i);
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
}

function bucketOf(change) {
  if (change.status === "proposed") return "ready";
  if (change.status === "held") return "held";
  return change.direction === "egress" && plan.policy.egress === "report" && !change.selected ? "egress" : "decide";
}

/** Groups of the plan: { data, changes: [{ data, bucket, text, group }], kept: [rules], keptText }. */
const groups = makeGroups();
const changes = new Map(groups.flatMap((group) => group.changes.map((change) => [change.data.change_id, change])));

function makeGroups() {
  const byGroup = new Map();
  for (const data of plan.changes) {
    if (!byGroup.has(data.group_id)) byGroup.set(data.group_id, []);
    byGroup.get(data.group_id).push(data);
  }
  return plan.groups.map((data) => {
    const about = [data.group_id, data.group_name, data.account_id, data.region, data.vpc_id].join("\n");
    const group = { data, kept: data.rules.filter((rule) => !rule.change_id) };
    group.changes = (byGroup.get(data.group_id) ?? []).map((change) => ({
      data: change, group, bucket: bucketOf(change), text: (about + "\n" + changeText(change)).toLowerCase(),
    }));
    const order = Object.keys(buckets);
    group.changes.sort((a, b) => order.indexOf(a.bucket) - order.indexOf(b.bucket));
    group.keptText = (about + "\n" + group.kept.map((rule) => ruleText(rule) + "\n" + rule.kept).join("\n")).toLowerCase();
    return group;
  });
}

/** All that a search may find of a change. */
function changeText(change) {
  return [
    change.change_id, change.kind, change.status, change.direction, change.reason, change.release,
    ...change.old.map(ruleText), ...change.new.map(ruleText), ...change.remarks, ...change.evidence.ports,
    ...change.denies.map((traffic) => traffic.peer + " " + (traffic.peer_name ?? "") + " " + traffic.interface_id),
  ].join("\n");
}

function ruleText(rule) {
  return [rule.rule_id, rule.service, rule.peer, rule.peer_name, rule.description, rule.why].filter(Boolean).join(" ");
}

function bucketCounts(list) {
  const counts = Object.fromEntries(Object.keys(buckets).map((bucket) => [bucket, 0]));
  for (const change of list) counts[change.bucket]++;
  return counts;
}
