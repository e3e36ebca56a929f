package world

import "time"

// DemoLogs are the log options Demo is meant for: a file a day keeps the example small.
var DemoLogs = LogOptions{Slot: 24 * time.Hour}

// shop is the example estate while it is built.
type shop struct {
	w                                    *World
	v                                    *VPC
	alb, web, app, bastion, mon, base    *Group
	albs, webs, apps, jump, monitor, job *fleet
}

// Demo is a small bookshop in one VPC, grown over years: about twenty groups, forty interfaces, 95 days of full-field
// logs. It tells of the load balancer somebody opened a staging port on, of a database that is open to the world because
// it was quicker, of an SSH gateway under attack, and of rules that look idle and must stay. Every status appears.
func Demo(seed uint64) *World {
	w, err := empty(Options{Seed: seed, Days: 95, AfterDays: 31, Format: V5, ChurnDays: 6, Visitors: 1500, Scenarios: []string{}})
	if err == nil {
		w.scenario = "demo"
		s := &shop{w: w, v: w.addVPC("bookshop")}
		s.front()
		s.back()
		s.operations()
		s.edges()
		s.leftovers()
		w, err = w.finish()
	}
	if err != nil {
		panic(err) // the options are ours
	}
	return w
}

// front: load balancer and web tier, and the people who administer them.
func (s *shop) front() {
	w, v := s.w, s.v
	s.alb = w.group(v, "shop-alb", "public load balancer")
	s.web = w.group(v, "shop-web", "web tier, autoscaled")
	s.bastion = w.group(v, "shop-bastion", "SSH gateway")
	s.mon = w.group(v, "shop-monitoring", "monitoring")
	s.base = w.group(v, "base-linux", "carried by every Linux host")

	s.alb.in("tcp", 443, 443, "0.0.0.0/0", "the shop")
	s.alb.in("tcp", 80, 80, "0.0.0.0/0", "redirect to https")
	partner := s.alb.in("tcp", 443, 443, "203.0.113.0/24", "partner bookshops")
	w.defect(partner, "inside tcp 443 from the world", 0, false, nil, Outcome{"duplicate", "proposed"})
	w.unusedDefect(s.alb.in("tcp", 8443, 8443, "0.0.0.0/0", "staging, ask Kim"), "open to the world, used by nobody")

	s.web.in("tcp", 8080, 8080, s.alb, "from the load balancer")
	ssh := s.web.in("tcp", 22, 22, "10.0.0.0/8", "administration")
	w.defect(ssh, "only the SSH gateway uses it", peersWindow, false, ssh.instead(func(n *Rule) { n.Peer = s.bastion.ID }),
		Outcome{"narrow-peers", "proposed"})

	s.albs = w.fleetOf(v, hosts{name: "shop-alb", n: 2, subnets: v.public(), groups: group(s.alb), kind: ALB, public: true})
	s.webs = w.fleetOf(v, hosts{name: "shop-web", n: 5, subnets: v.app(), groups: group(s.web, s.base), life: w.ChurnDays})
	public := visitors(w.Visitors, 1)
	w.flow(flow{from: public, to: s.albs.any(), proto: tcp, port: 443, perDay: 110, when: business})
	w.flow(flow{from: public, to: s.albs.any(), proto: tcp, port: 80, perDay: 12, when: business})
	w.flow(flow{from: fixedHosts(onInternet, Linux, "203.0.113.9", "203.0.113.77"), to: s.albs.any(), proto: tcp, port: 443, perDay: 6})
	w.flow(flow{from: visitors(30000, 0x5ca), to: s.albs.any(), proto: tcp, ports: closedPort, perDay: 15, style: rejected, attack: true})
	staging := func(*rng) uint16 { return 8443 }
	w.flow(flow{from: visitors(30000, 0x5cb), to: s.albs.any(), proto: tcp, ports: staging, perDay: 2, style: refused, attack: true})
	w.flow(flow{from: s.albs.any(), to: s.webs.any(), proto: tcp, port: 8080, perDay: 90, when: business})
}

// back: application, database, standby, cache.
func (s *shop) back() {
	w, v := s.w, s.v
	s.app = w.group(v, "shop-app", "application tier, autoscaled")
	all := s.app.in("tcp", 0, 65535, s.web, "all ports for now")
	w.defect(all, "only 8443 is used", portsWindow, false, all.instead(func(n *Rule) { n.From, n.To = 8443, 8443 }), Outcome{"narrow-ports", "proposed"})
	s.app.in("tcp", 22, 22, s.bastion, "administration")
	gone := s.app.in("tcp", 9000, 9000, id("sg", hash(w.Seed, hashString("gone"))), "search service, moved away")
	w.defect(gone, "the referenced group is gone", 0, false, nil, Outcome{"stale", "review"})

	db := w.closedGroup(v, "shop-db", "orders database")
	db.out("tcp", 443, 443, v.S3, "backups to S3")
	open := db.in("tcp", 5432, 5432, "0.0.0.0/0", "quick fix, tighten later")
	w.defect(open, "only the application uses it, and nothing outside can reach it", peersWindow, false,
		open.instead(func(n *Rule) { n.Peer = s.app.ID }), Outcome{"narrow-peers", "proposed"})
	probe := db.in("tcp", 5433, 5433, s.app, "is the standby up yet")
	w.keep(probe, 3, "the application probes the standby; refusing fast is what it needs")

	cache := w.group(v, "shop-cache", "session cache")
	cache.in("tcp", 6379, 6379, s.app, "redis")
	w.unusedDefect(cache.in("tcp", 11211, 11211, s.app, "memcached, before redis"), "nothing has used it")

	s.apps = w.fleetOf(v, hosts{name: "shop-app", n: 5, subnets: v.app(), groups: group(s.app, s.base), life: w.ChurnDays})
	dbs := w.fleetOf(v, hosts{name: "shop-db", n: 2, subnets: v.data(), groups: group(db), kind: RDS})
	caches := w.fleetOf(v, hosts{name: "shop-cache", n: 2, subnets: v.data(), groups: group(cache), kind: Cache})
	w.flow(flow{from: s.webs.any(), to: s.apps.any(), proto: tcp, port: 8443, perDay: 90, when: business})
	w.flow(flow{from: s.apps.any(), to: dbs.one(0), proto: tcp, port: 5432, perDay: 70, when: business})
	w.flow(flow{from: s.apps.any(), to: dbs.one(1), proto: tcp, port: 5433, perDay: 24, style: refused})
	w.flow(flow{from: s.apps.any(), to: caches.any(), proto: tcp, port: 6379, perDay: 60, when: business})
	w.flow(flow{from: dbs.one(0), to: s3Addrs, proto: tcp, port: 443, perDay: 4, when: atNight, style: bulk, unstable: true})
}

// operations: SSH gateway under attack, monitoring, logs, pings, and the shared group.
func (s *shop) operations() {
	w, v := s.w, s.v
	ssh := s.bastion.in("tcp", 22, 22, "0.0.0.0/0", "administrators, from anywhere")
	w.defect(ssh, "administrators come from the office only", peersWindow, false,
		ssh.instead(func(n *Rule) { n.Peer = officeEgress.String() }), Outcome{"narrow-peers", "review"})
	dash := s.mon.in("tcp", 3000, 3000, onPrem, "dashboards for the company")
	w.defect(dash, "used from the office network only", peersWindow, false, dash.instead(func(n *Rule) { n.Peer = office.String() }),
		Outcome{"narrow-peers", "proposed"})
	s.mon.in("udp", 514, 514, s.base, "syslog")
	s.base.in("tcp", 9100, 9100, s.mon, "node exporter")
	s.base.in("icmp", -1, -1, s.mon, "ping")
	mtu := s.base.in("icmp", 3, 4, "0.0.0.0/0", "path MTU discovery")
	w.keep(mtu, 0, "a type-specific ICMP rule cannot be judged by logs")

	s.jump = w.fleetOf(v, hosts{name: "shop-bastion", n: 1, subnets: v.public(), groups: group(s.bastion, s.base), public: true})
	s.monitor = w.fleetOf(v, hosts{name: "shop-monitoring", n: 1, subnets: v.ops(), groups: group(s.mon, s.base)})
	admins := fixedHosts(onInternet, NATPort, "198.51.100.2", "198.51.100.3", "198.51.100.5")
	w.flow(flow{from: admins, to: s.jump.any(), proto: tcp, port: 22, perDay: 6, when: workHours, style: bulk})
	w.flow(flow{from: guessers, to: s.jump.any(), proto: tcp, port: 22, perDay: 25, style: login, attack: true})
	w.flow(flow{from: visitors(20000, 0x551), to: s.jump.any(), proto: tcp, port: 22, perDay: 6, style: silent, attack: true})
	w.flow(flow{from: laptops(office, w.Seed), to: s.monitor.any(), proto: tcp, port: 3000, perDay: 25, when: workHours})
	for _, f := range []*fleet{s.webs, s.apps} {
		w.flow(flow{from: s.jump.any(), to: f.any(), proto: tcp, port: 22, perDay: 4, when: workHours, style: bulk})
		w.flow(flow{from: f.any(), to: s.monitor.any(), proto: udp, port: 514, perDay: 24, style: oneWay})
	}
	for _, f := range []*fleet{s.webs, s.apps, s.jump} {
		w.flow(flow{from: s.monitor.any(), to: f.any(), proto: tcp, port: 9100, perDay: 20})
		w.flow(flow{from: s.monitor.any(), to: f.any(), proto: icmp, perDay: 8, style: ping})
	}
}

// edges: what stands beside the shop: payments behind a network load balancer, batch jobs, the warehouse's uploads, the
// accountants, a report on Sundays.
func (s *shop) edges() {
	w, v := s.w, s.v
	nlb := w.group(v, "payments-nlb", "network load balancer of the payment callbacks")
	nlb.in("tcp", 443, 443, "0.0.0.0/0", "payment providers")
	pay := w.group(v, "payments", "payment callbacks")
	behind := pay.in("tcp", 9443, 9443, nlb, "forwarded by the load balancer, client addresses kept")
	pay.in("tcp", 9444, 9444, nlb, "health checks")
	w.keep(behind, 0, "an NLB that keeps client addresses forwards through it: logs show clients, not the NLB")
	lbs := w.fleetOf(v, hosts{name: "payments-nlb", n: 1, subnets: v.public(), groups: group(nlb), kind: NLB, public: true})
	pays := w.fleetOf(v, hosts{name: "payments", n: 2, subnets: v.app(), groups: group(pay), kind: Fargate})
	w.flow(flow{from: visitors(60, 0x9a9), to: pays.any(), proto: tcp, port: 9443, perDay: 24, style: throughNLB, via: lbs.slots[0][0], listen: 443})
	w.flow(flow{from: lbs.any(), to: pays.any(), proto: tcp, port: 9444, perDay: 24})

	batch := w.group(v, "shop-batch", "nightly jobs")
	any := batch.in("-1", 0, 0, s.app, "everything from the application")
	ideal := append(any.instead(func(n *Rule) { n.Protocol, n.From, n.To = "tcp", 8000, 8000 }),
		any.instead(func(n *Rule) { n.Protocol, n.From, n.To = "udp", 8125, 8125 })...)
	w.defect(any, "tcp 8000 and udp 8125 are used", portsWindow, false, ideal, Outcome{"narrow-ports", "proposed"})
	s.job = w.fleetOf(v, hosts{name: "shop-batch", n: 2, subnets: v.app(), groups: group(batch)})
	w.flow(flow{from: s.apps.any(), to: s.job.any(), proto: tcp, port: 8000, perDay: 16})
	w.flow(flow{from: s.apps.any(), to: s.job.any(), proto: udp, port: 8125, perDay: 16, style: oneWay})
	w.flow(flow{from: s.job.any(), to: visitors(8, 0xca11), proto: tcp, port: 443, perDay: 12, style: throughNAT, via: w.natGateway(v)})

	drop := w.group(v, "warehouse-dropzone", "stock files from the warehouse")
	up := drop.in("tcp", 22, 22, onPrem, "uploads")
	host := func(a string) Rule { return up.instead(func(n *Rule) { n.Peer = a })[0] }
	w.defect(up, "two fixed hosts use it", peersWindow, false, []Rule{host("10.200.8.11/32"), host("10.200.8.12/32")}, Outcome{"narrow-peers", "proposed"})
	zone := w.fleetOf(v, hosts{name: "warehouse-dropzone", n: 1, subnets: v.data(), groups: group(drop)})
	w.flow(flow{from: fixedHosts(onPremises, Linux, "10.200.8.11", "10.200.8.12"), to: zone.any(), proto: tcp, port: 22, perDay: 8, when: atNight, style: bulk})

	acc := w.group(v, "accounting-db", "accounting")
	closing := acc.in("tcp", 3306, 3306, batch, "month-end closing")
	acc.in("tcp", 3306, 3306, office, "accountants")
	w.keep(closing, 32, "used at the end of each month only")
	books := w.fleetOf(v, hosts{name: "accounting-db", n: 1, subnets: v.data(), groups: group(acc), kind: RDS})
	w.flow(flow{from: s.job.any(), to: books.any(), proto: tcp, port: 3306, perDay: 6, when: monthEnd, style: bulk})
	w.flow(flow{from: laptops(office, w.Seed+1), to: books.any(), proto: tcp, port: 3306, perDay: 16, when: workHours})

	fn := w.group(v, "sales-report", "weekly report function")
	lake := w.group(v, "sales-store", "sales figures")
	weekly := lake.in("tcp", 5439, 5439, fn, "weekly report")
	lake.in("tcp", 5440, 5440, batch, "loader")
	w.keep(weekly, 8, "the function runs on Sundays only")
	fns := w.fleetOf(v, hosts{name: "sales-report", n: 2, subnets: v.app(), groups: group(fn), kind: Lambda, life: 28})
	store := w.fleetOf(v, hosts{name: "sales-store", n: 1, subnets: v.data(), groups: group(lake)})
	w.flow(flow{from: fns.any(), to: store.any(), proto: tcp, port: 5439, perDay: 10, when: sundays})
	w.flow(flow{from: s.job.any(), to: store.any(), proto: tcp, port: 5440, perDay: 6, when: atNight})
}

// leftovers: a Windows server nobody dares to touch, an API without hosts, a service too young to judge, hosts in the
// default group.
func (s *shop) leftovers() {
	w, v := s.w, s.v
	old := w.group(v, "legacy-files", "file server of 2014")
	old.in("tcp", 445, 445, office, "shares")
	w.unusedDefect(old.in("tcp", 3389, 3389, "10.0.0.0/8", "remote desktop"), "nothing has used it")
	w.unusedDefect(old.in("tcp", 21, 21, "0.0.0.0/0", "ftp"), "nothing has used it")
	files := w.fleetOf(v, hosts{name: "legacy-files", n: 1, subnets: v.data(), groups: group(old), os: Windows})
	w.flow(flow{from: laptops(office, w.Seed+2), to: files.any(), proto: tcp, port: 445, perDay: 20, when: workHours})

	empty := w.group(v, "retired-api", "the API before the app")
	for _, port := range []int{80, 443} {
		r := empty.in("tcp", port, port, "0.0.0.0/0", "public api")
		w.defect(r, "no interface carries the group: scaled to zero, or named by a template", 0, false, nil, Outcome{"", "held"})
	}

	young := w.group(v, "recommender", "new, since last week")
	r := young.in("tcp", 8500, 8500, "10.0.0.0/8", "everybody inside")
	w.defect(r, "only the application uses it, but ten days are too few to say so", 0, false,
		r.instead(func(n *Rule) { n.Peer = s.app.ID }), Outcome{"narrow-peers", "held"})
	recs := w.fleetOf(v, hosts{name: "recommender", n: 2, subnets: v.app(), groups: group(young), from: w.end - 10*day})
	w.flow(flow{from: s.apps.any(), to: recs.any(), proto: tcp, port: 8500, perDay: 40, when: business})

	strays := w.fleetOf(v, hosts{name: "stray", n: 2, subnets: v.app(), groups: group(v.Default)})
	self := v.Default.Rules[len(v.Default.Rules)-1]
	w.defect(self, "one port is used between the hosts of the default group", portsWindow, false,
		self.instead(func(n *Rule) { n.Protocol, n.From, n.To = "tcp", 4369, 4369 }), Outcome{"narrow-ports", "review"}, Outcome{"narrow-peers", "review"})
	w.flow(flow{from: strays.any(), to: strays.any(), proto: tcp, port: 4369, perDay: 10})
}
