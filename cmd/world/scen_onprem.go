package world

// buildPrefixLists: a customer's list as source (mutable without any event of the group [F 5]), and the S3 gateway
// endpoint's list as destination: flows keep the public addresses of S3, and the list is the only stable name [F 6].
func buildPrefixLists(w *World, v *VPC) {
	pl := w.prefixList("corporate-offices", 10, office.String(), "10.200.5.0/26", officeEgress.String())
	g := w.closedGroup(v, "intranet", "intranet")
	g.in("tcp", 443, 443, pl, "offices")
	r := g.out("tcp", 443, 443, v.S3, "S3 by the gateway endpoint")
	w.keep(r, 8, "the list stands for addresses of S3 that change")
	f := w.fleetOf(v, hosts{name: "intranet", n: 2, subnets: v.app(), groups: group(g)})
	w.flow(flow{from: laptops(office, w.Seed+1), to: f.any(), proto: tcp, port: 443, perDay: 40, when: workHours})
	w.flow(flow{from: f.any(), to: s3Addrs, proto: tcp, port: 443, perDay: 40, fixed: true, unstable: true})
}

// buildOffice: laptops of a /26 get new addresses every day; what is needed is the network, not the addresses seen.
func buildOffice(w *World, v *VPC) {
	g := w.group(v, "wiki", "wiki, for the office")
	r := g.in("tcp", 8090, 8090, onPrem, "the whole company network")
	w.defect(r, "used from one office network only", peersWindow, false, r.instead(func(n *Rule) { n.Peer = office.String() }),
		Outcome{"narrow-peers", "proposed"})
	f := w.fleetOf(v, hosts{name: "wiki", n: 2, subnets: v.app(), groups: group(g)})
	w.flow(flow{from: laptops(office, w.Seed+2), to: f.any(), proto: tcp, port: 8090, perDay: 60, when: workHours, fixed: true})
}

// buildBatchHosts: two hosts on premises, always the same: they are what is needed, nothing wider.
func buildBatchHosts(w *World, v *VPC) {
	g := w.group(v, "dropzone", "file transfer")
	r := g.in("tcp", 22, 22, onPrem, "batch uploads")
	one := func(host string) Rule { return r.instead(func(n *Rule) { n.Peer = host })[0] }
	w.defect(r, "two fixed hosts use it", peersWindow, false, []Rule{one("10.200.8.11/32"), one("10.200.8.12/32")},
		Outcome{"narrow-peers", "proposed"})
	f := w.fleetOf(v, hosts{name: "dropzone", n: 1, subnets: v.data(), groups: group(g)})
	batch := fixedHosts(onPremises, Linux, "10.200.8.11", "10.200.8.12")
	w.flow(flow{from: batch, to: f.any(), proto: tcp, port: 22, perDay: 12, when: atNight, style: bulk, fixed: true})
}

// buildMonthly: a job that runs on the last day of each month only. A window without a month's end cannot see it.
func buildMonthly(w *World, v *VPC) {
	g := w.group(v, "ledger-db", "accounting database")
	job, from := w.clients(v, "closing", 1)
	r := g.in("tcp", 3306, 3306, from, "month-end closing")
	clerk, clerks := w.clients(v, "accounting", 2)
	g.in("tcp", 3307, 3307, clerks, "daily work")
	w.keep(r, 32, "used at the end of each month only")
	f := w.fleetOf(v, hosts{name: "ledger-db", n: 1, subnets: v.data(), groups: group(g)})
	w.flow(flow{from: job.any(), to: f.any(), proto: tcp, port: 3306, perDay: 6, when: monthEnd, style: bulk, fixed: true})
	w.flow(flow{from: clerk.any(), to: f.any(), proto: tcp, port: 3307, perDay: 30, when: workHours, fixed: true})
}

// buildBlocked: a client inside that keeps trying a port nobody opened for it: a possibly missing rule, never a need.
func buildBlocked(w *World, v *VPC) {
	g := w.group(v, "vault", "secrets")
	c, from := w.clients(v, "deploy", 1)
	g.in("tcp", 8200, 8200, from, "secrets")
	f := w.fleetOf(v, hosts{name: "vault", n: 1, subnets: v.data(), groups: group(g)})
	w.flow(flow{from: c.any(), to: f.any(), proto: tcp, port: 8200, perDay: 48, fixed: true})
	w.flow(flow{from: c.any(), to: f.any(), proto: tcp, port: 8201, perDay: 24, style: rejected, attack: true, fixed: true})
}
