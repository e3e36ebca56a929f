package world

// buildLongLived: a connection opened before the window shows flags 0 only [F 1.5]; one of a few days shows SYN on its
// first day and FIN on its last.
func buildLongLived(w *World, v *VPC) {
	g := w.group(v, "queue", "message queue")
	sub, subs := w.clients(v, "subscriber", 3)
	g.in("tcp", 5671, 5671, subs, "subscribers stay connected")
	g.in("tcp", 15671, 15671, subs, "management")
	q := w.fleetOf(v, hosts{name: "queue", n: 2, subnets: v.data(), groups: group(g)})
	w.flow(flow{from: sub.any(), to: q.any(), proto: tcp, port: 5671, long: 5})
	w.flow(flow{from: sub.any(), to: q.any(), proto: tcp, port: 15671, long: 2, life: 3*day + 5*hour})
}

// buildSyslog: one-way UDP is a request like any other [design §4.4].
func buildSyslog(w *World, v *VPC) {
	g := w.group(v, "loghost", "log collector")
	senders, from := w.clients(v, "logsender", 4)
	g.in("udp", 514, 514, from, "syslog")
	g.in("tcp", 6514, 6514, from, "syslog over TLS")
	f := w.fleetOf(v, hosts{name: "loghost", n: 1, subnets: v.ops(), groups: group(g)})
	w.flow(flow{from: senders.any(), to: f.any(), proto: udp, port: 514, perDay: 120, style: oneWay})
	w.flow(flow{from: senders.any(), to: f.any(), proto: tcp, port: 6514, perDay: 12})
}

// buildRPC: the endpoint mapper on 135 names a dynamic port in 49152–65535, a new one each time: three or four hundred
// ports that must become the range, not a list.
func buildRPC(w *World, v *VPC) {
	g := w.group(v, "domain", "domain controllers")
	g2 := w.group(v, "winapp", "Windows servers")
	g.in("tcp", 135, 135, g2, "RPC endpoint mapper")
	g.in("tcp", 88, 88, g2, "Kerberos")
	g.in("udp", 53, 53, g2, "own DNS: logged, unlike Amazon's [F 2.1]")
	g.in("tcp", 53, 53, g2, "own DNS over TCP")
	r := g.in("tcp", 49152, 65535, g2, "RPC dynamic ports")
	w.keep(r, portsWindow, "dynamic ports: the next call takes another one of the range")
	dc := w.fleetOf(v, hosts{name: "domain", n: 2, subnets: v.data(), groups: group(g), os: Windows})
	win := w.fleetOf(v, hosts{name: "winapp", n: 3, subnets: v.app(), groups: group(g2), os: Windows})
	dynamic := func(r *rng) uint16 { return uint16(r.between(49152, 65535)) }
	w.flow(flow{from: win.any(), to: dc.any(), proto: tcp, port: 135, perDay: 24, fixed: true})
	w.flow(flow{from: win.any(), to: dc.any(), proto: tcp, ports: dynamic, perDay: 24, fixed: true, unstable: true})
	w.flow(flow{from: win.any(), to: dc.any(), proto: tcp, port: 88, perDay: 24})
	w.flow(flow{from: win.any(), to: dc.any(), proto: udp, port: 53, perDay: 120, style: datagram})
	w.flow(flow{from: win.any(), to: dc.any(), proto: tcp, port: 53, perDay: 4, fixed: true})
}

// buildNTP: clients of the company's own time servers use port 123 at both ends (Amazon's 169.254.169.123 is never
// logged [F 2.1]).
func buildNTP(w *World, v *VPC) {
	g := w.group(v, "timehost", "time servers")
	hosts1, from := w.clients(v, "timeclient", 3)
	g.in("udp", 123, 123, from, "ntp")
	f := w.fleetOf(v, hosts{name: "timehost", n: 2, subnets: v.ops(), groups: group(g)})
	w.flow(flow{from: hosts1.any(), to: f.any(), proto: udp, port: 123, perDay: 90, style: equalPorts})
	w.flow(flow{from: f.any(), to: fixedHosts(onPremises, Linux, "10.200.9.1", "10.200.9.2"), proto: udp, port: 123, perDay: 24, style: equalPorts})
}

// buildStandby: the standby accepts no clients; a health check that is refused at once must stay refused at once, so its
// rule is needed although nothing is ever answered [design §4.6].
func buildStandby(w *World, v *VPC) {
	g := w.group(v, "standby-db", "standby database")
	proxy, from := w.clients(v, "dbproxy", 2)
	r := g.in("tcp", 5433, 5433, from, "health checks of the standby")
	g.in("tcp", 9187, 9187, from, "exporter")
	w.keep(r, 3, "the proxies probe the standby; refusing fast is what they need")
	f := w.fleetOf(v, hosts{name: "standby-db", n: 1, subnets: v.data(), groups: group(g)})
	w.flow(flow{from: proxy.any(), to: f.any(), proto: tcp, port: 5433, perDay: 48, style: refused, fixed: true})
	w.flow(flow{from: proxy.any(), to: f.any(), proto: tcp, port: 9187, perDay: 24, fixed: true})
}

// buildLatePackets: see style late [F 2.3].
func buildLatePackets(w *World, v *VPC) {
	g := w.closedGroup(v, "orders", "order service")
	cg := w.closedGroup(v, "checkout", "checkout")
	g.in("tcp", 8444, 8444, cg, "orders")
	cg.out("tcp", 8444, 8444, g, "orders")
	c := w.fleetOf(v, hosts{name: "checkout", n: 2, subnets: v.app(), groups: group(cg)})
	s := w.fleetOf(v, hosts{name: "orders", n: 2, subnets: v.app(), groups: group(g)})
	w.flow(flow{from: c.any(), to: s.any(), proto: tcp, port: 8444, perDay: 60, style: late})
}

// buildICMP: logs carry neither type nor code [F 1.9]; a rule for "fragmentation needed" can never be told unused.
func buildICMP(w *World, v *VPC) {
	targets, g := w.clients(v, "pinged", 3)
	probe, from := w.clients(v, "prober", 1)
	g.in("icmp", -1, -1, from, "ping")
	g.in("tcp", 9101, 9101, from, "agent")
	r := g.in("icmp", 3, 4, world4, "path MTU discovery")
	w.keep(r, 0, "a type-specific ICMP rule cannot be judged by logs")
	w.flow(flow{from: probe.any(), to: targets.any(), proto: icmp, perDay: 96, style: ping, fixed: true})
	w.flow(flow{from: probe.any(), to: targets.any(), proto: tcp, port: 9101, perDay: 24, fixed: true})
}

// buildESP: protocols other than TCP, UDP and ICMP have no ports in rules and logs [F 1.9, 4.4].
func buildESP(w *World, v *VPC) {
	g := w.group(v, "vpn", "IPsec endpoint")
	r := g.in("50", 0, 0, "10.200.250.0/24", "ESP")
	g.in("udp", 500, 500, "10.200.250.0/24", "IKE")
	w.keep(r, 3, "the tunnel's payload")
	f := w.fleetOf(v, hosts{name: "vpn", n: 1, subnets: v.ops(), groups: group(g)})
	remote := fixedHosts(onPremises, Linux, "10.200.250.1", "10.200.250.2")
	w.flow(flow{from: remote, to: f.any(), proto: esp, perDay: 24, style: tunnel, fixed: true})
	w.flow(flow{from: remote, to: f.any(), proto: udp, port: 500, perDay: 12, style: equalPorts, fixed: true})
}

// buildHighPorts: service ports that lie among client ports, where "the lower port is the server" fails; peer-to-peer
// brokers that open connections to each other; pods behind a node's interface, whose log shows the node's address [F 1.4].
func buildHighPorts(w *World, v *VPC) {
	g := w.group(v, "kafka", "brokers")
	app, from := w.clients(v, "producer", 4)
	g.in("tcp", 9092, 9092, from, "clients")
	g.in("tcp", 9093, 9093, g, "between brokers")
	k := w.fleetOf(v, hosts{name: "kafka", n: 3, subnets: v.data(), groups: group(g)})
	w.flow(flow{from: app.any(), to: k.any(), proto: tcp, port: 9092, perDay: 120})
	w.flow(flow{from: app.any(), to: k.any(), proto: tcp, port: 9092, long: 6, life: 2 * day})
	w.flow(flow{from: k.any(), to: k.any(), proto: tcp, port: 9093, perDay: 48})

	n := w.group(v, "k8s-node", "cluster nodes")
	r := n.in("tcp", 30000, 32767, from, "NodePort")
	one := func(port int) Rule { return r.instead(func(n *Rule) { n.From, n.To = port, port })[0] }
	w.defect(r, "three node ports are used, always the same", portsWindow, false, []Rule{one(30080), one(31443), one(32100)},
		Outcome{"narrow-ports", "proposed"})
	n.in("tcp", 50051, 50051, from, "gRPC in pods")
	n.in("tcp", 27017, 27017, n, "MongoDB in pods")
	n.in("tcp", 61616, 61616, from, "ActiveMQ in pods")
	nodes := w.fleetOf(v, hosts{name: "k8s-node", n: 3, subnets: v.app(), groups: group(n), pods: 4})
	nodePort := func(r *rng) uint16 { return [...]uint16{30080, 31443, 32100}[r.n(3)] }
	w.flow(flow{from: app.any(), to: nodes.any(), proto: tcp, ports: nodePort, perDay: 90, fixed: true})
	w.flow(flow{from: app.any(), to: nodes.pod(), proto: tcp, port: 50051, perDay: 120})
	w.flow(flow{from: nodes.pod(), to: nodes.pod(), proto: tcp, port: 27017, perDay: 60})
	w.flow(flow{from: app.any(), to: nodes.pod(), proto: tcp, port: 61616, perDay: 60})
}

// buildSharedGroup: a group that three fleets carry; its rules are used by some of them only on some ports, but removing
// one would cut somebody. The default group allows itself everything and is never more than a person's decision.
func buildSharedGroup(w *World, v *VPC) {
	base := w.group(v, "base-linux", "carried by all Linux hosts")
	ops, from := w.clients(v, "ops", 1)
	ssh := base.in("tcp", 22, 22, from, "administration")
	base.in("tcp", 9102, 9102, from, "node exporter")
	w.keep(ssh, 5, "only some of the carrying hosts are administered at any time")
	var fleets []*fleet
	for _, name := range []string{"billing", "search", "mailer"} {
		own := w.group(v, name, name)
		own.in("tcp", 8088, 8088, from, "own port")
		f := w.fleetOf(v, hosts{name: name, n: 2, subnets: v.app(), groups: group(own, base)})
		w.flow(flow{from: ops.any(), to: f.any(), proto: tcp, port: 9102, perDay: 48, fixed: true})
		w.flow(flow{from: ops.any(), to: f.any(), proto: tcp, port: 8088, perDay: 24, fixed: true})
		fleets = append(fleets, f)
	}
	w.flow(flow{from: ops.any(), to: fleets[0].any(), proto: tcp, port: 22, perDay: 6, when: workHours, style: bulk, fixed: true})

	d := w.fleetOf(v, hosts{name: "left-in-default", n: 2, subnets: v.app(), groups: group(v.Default)})
	self := v.Default.Rules[len(v.Default.Rules)-1]
	w.defect(self, "one port is used between the hosts of the default group", portsWindow, false,
		self.instead(func(n *Rule) { n.Protocol, n.From, n.To = "tcp", 4369, 4369 }), Outcome{"narrow-ports", "review"}, Outcome{"narrow-peers", "review"})
	w.flow(flow{from: d.any(), to: d.any(), proto: tcp, port: 4369, perDay: 24, fixed: true})
}

// buildPeering: references into a peered VPC of the same region [F 5].
func buildPeering(w *World, v *VPC) {
	far := w.addVPC("shared-services")
	p := w.peer(v, far)
	mon := w.group(far, "monitoring", "monitoring in the shared VPC")
	g := w.group(v, "monitored", "monitored hosts")
	g.in("tcp", 9103, 9103, mon, "scrapes across the peering")
	m := w.fleetOf(far, hosts{name: "monitoring", n: 2, subnets: far.ops(), groups: group(mon)})
	f := w.fleetOf(v, hosts{name: "monitored", n: 3, subnets: v.app(), groups: group(g)})
	r := mon.in("tcp", 9093, 9093, v.CIDR, "alerts from the peered VPC")
	w.defect(r, "three hosts use it", peersWindow, false, r.instead(func(n *Rule) { n.Peer, n.PeeringID = g.ID, p.ID }),
		Outcome{"narrow-peers", "proposed"}, Outcome{"narrow-peers", "review"})
	w.flow(flow{from: m.any(), to: f.any(), proto: tcp, port: 9103, perDay: 96, fixed: true})
	w.flow(flow{from: f.any(), to: m.any(), proto: tcp, port: 9093, perDay: 12, fixed: true})
}

// buildLambda: a function that runs once a week from a few interfaces that AWS manages and may replace [F 6].
func buildLambda(w *World, v *VPC) {
	fn := w.group(v, "report-fn", "weekly report function")
	g := w.group(v, "warehouse", "data warehouse")
	r := g.in("tcp", 5439, 5439, fn, "weekly report")
	etl, from := w.clients(v, "etl", 1)
	g.in("tcp", 5440, 5440, from, "loader")
	w.keep(r, 8, "the function runs on Sundays only")
	f := w.fleetOf(v, hosts{name: "report-fn", n: 2, subnets: v.app(), groups: group(fn), kind: Lambda, life: 21})
	s := w.fleetOf(v, hosts{name: "warehouse", n: 1, subnets: v.data(), groups: group(g)})
	w.flow(flow{from: f.any(), to: s.any(), proto: tcp, port: 5439, perDay: 12, when: sundays, fixed: true})
	w.flow(flow{from: etl.any(), to: s.any(), proto: tcp, port: 5440, perDay: 24, fixed: true})
}

// sundays is 05:00 to 07:00 on Sundays.
func sundays(t int64) float64 {
	if h := t / hour % 24; (t/day+4)%7 == 0 && h >= 5 && h < 7 {
		return 0.5
	}
	return 0
}

// buildProtected: shapes that AWS services put there and need, seen or not: all-traffic self rules for EFA, groups of the
// load balancer controller and of EKS [design §7.7].
func buildProtected(w *World, v *VPC) {
	efa := w.closedGroup(v, "hpc-efa", "EFA cluster")
	in := efa.in("-1", 0, 0, efa, "EFA needs all traffic from itself")
	out := efa.out("-1", 0, 0, efa, "EFA needs all traffic to itself")
	w.keep(in, 0, "EFA: all traffic within the group")
	w.keep(out, 0, "EFA: all traffic within the group")
	f := w.fleetOf(v, hosts{name: "hpc", n: 2, subnets: v.app(), groups: group(efa)})
	for _, m := range f.slots {
		m[0].Type = "efa"
	}
	w.flow(flow{from: f.any(), to: f.any(), proto: tcp, port: 2049, perDay: 24, fixed: true})

	lb := w.group(v, "k8s-elb-a1b2c3", "[k8s] Managed SecurityGroup for LoadBalancer")
	lb.Tags = map[string]string{"elbv2.k8s.aws/cluster": "prod", "elbv2.k8s.aws/resource": "ManagedLBSecurityGroup"}
	r := lb.in("tcp", 8443, 8443, "0.0.0.0/0", "")
	lb.in("tcp", 443, 443, "0.0.0.0/0", "")
	w.keep(r, 0, "managed by the AWS Load Balancer Controller")
	lbs := w.fleetOf(v, hosts{name: "k8s-front", n: 2, subnets: v.public(), groups: group(lb), kind: ALB, public: true})
	w.flow(flow{from: visitors(w.Visitors, 0x8a), to: lbs.any(), proto: tcp, port: 443, perDay: 40, when: business})
}
