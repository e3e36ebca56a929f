package world

import "fmt"

// perVPC is about how many interfaces one VPC holds before another is opened.
const perVPC = 400

// buildTiers: the classic three tiers, autoscaled, with references from each to the one in front of it [F 5: a reference
// is the private addresses of all interfaces that carry the group]. The number of members follows Options.Interfaces.
func buildTiers(w *World, main *VPC) {
	want := w.tierInterfaces()
	for i := 0; want > 0; i++ {
		v := main
		if i > 0 {
			v = w.addVPC(fmt.Sprintf("cell-%d", i+1))
		}
		n := min(want, perVPC)
		w.tierCell(v, n, i)
		want -= n
	}
}

// tierInterfaces is what the scenarios before leave of Options.Interfaces, at least a handful.
func (w *World) tierInterfaces() int {
	return max(16, w.Options.Interfaces-len(w.InterfacesAt(w.start)))
}

func (w *World) tierCell(v *VPC, n, cell int) {
	lb := w.group(v, "shop-alb", "public load balancer")
	web := w.group(v, "shop-web", "web tier")
	app := w.group(v, "shop-app", "application tier")
	db := w.closedGroup(v, "shop-db", "database")
	cache := w.group(v, "shop-cache", "cache")
	bastion := w.group(v, "shop-bastion", "bastion")

	lb.in("tcp", 443, 443, "0.0.0.0/0", "shop, from everywhere")
	lb.in("tcp", 80, 80, "0.0.0.0/0", "redirect to https")
	web.in("tcp", 8080, 8080, lb, "from the load balancer")
	web.in("tcp", 22, 22, bastion, "administration")
	app.in("tcp", 8443, 8443, web, "from the web tier")
	app.in("tcp", 22, 22, bastion, "administration")
	db.in("tcp", 5432, 5432, app, "from the application")
	db.out("tcp", 443, 443, "0.0.0.0/0", "backups and patches")
	cache.in("tcp", 6379, 6379, app, "sessions")
	bastion.in("tcp", 22, 22, office, "administrators on the office network")

	nWeb := max(3, (n-9)*4/10)
	nApp := max(4, n-9-nWeb)
	churn := w.ChurnDays
	lbs := w.fleetOf(v, hosts{name: "shop-alb", n: 2, subnets: v.public(), groups: group(lb), kind: ALB, public: true, life: churn * 5})
	webs := w.fleetOf(v, hosts{name: "shop-web", n: nWeb, subnets: v.app(), groups: group(web), life: churn})
	apps := w.fleetOf(v, hosts{name: "shop-app", n: nApp, subnets: v.app(), groups: group(app), life: churn})
	dbs := w.fleetOf(v, hosts{name: "shop-db", n: 2, subnets: v.data(), groups: group(db), kind: RDS})
	caches := w.fleetOf(v, hosts{name: "shop-cache", n: 2, subnets: v.data(), groups: group(cache), kind: Cache})
	jump := w.fleetOf(v, hosts{name: "shop-bastion", n: 1, subnets: v.ops(), groups: group(bastion)})

	public := visitors(w.Visitors, uint64(cell))
	m := float64(nWeb)
	w.flow(flow{from: public, to: lbs.any(), proto: tcp, port: 443, perDay: 60 * m * w.Crowd, when: business})
	w.flow(flow{from: public, to: lbs.any(), proto: tcp, port: 80, perDay: 8 * m * w.Crowd, when: business})
	w.flow(flow{from: lbs.any(), to: webs.any(), proto: tcp, port: 8080, perDay: 60 * m, when: business})
	w.flow(flow{from: webs.any(), to: apps.any(), proto: tcp, port: 8443, perDay: 60 * m, when: business})
	w.flow(flow{from: apps.any(), to: dbs.any(), proto: tcp, port: 5432, perDay: 40 * m, when: business})
	w.flow(flow{from: apps.any(), to: caches.any(), proto: tcp, port: 6379, perDay: 40 * m, when: business})
	w.flow(flow{from: jump.any(), to: webs.any(), proto: tcp, port: 22, perDay: 4, when: workHours, style: bulk})
	w.flow(flow{from: jump.any(), to: apps.any(), proto: tcp, port: 22, perDay: 4, when: workHours, style: bulk})
	w.flow(flow{from: laptops(office, w.Seed), to: jump.any(), proto: tcp, port: 22, perDay: 8, when: workHours, style: bulk})
	w.flow(flow{from: dbs.any(), to: s3Addrs, proto: tcp, port: 443, perDay: 2, when: atNight, style: bulk})
}

// buildMicroservices: services of four members, each called by a few others on a port of its own. RulesPerGroup fills each
// group up with rules that nobody uses.
func buildMicroservices(w *World, v *VPC) {
	n := w.Services
	groups, fleets := make([]*Group, n), make([]*fleet, n)
	for i := range n {
		if i > 0 && i%250 == 0 {
			v = w.addVPC(fmt.Sprintf("services-%d", i/250+1))
		}
		name := fmt.Sprintf("svc-%03d", i)
		groups[i] = w.group(v, name, "service "+name)
		fleets[i] = w.fleetOf(v, hosts{name: name, n: 4, subnets: v.app(), groups: group(groups[i]), kind: Fargate, life: w.ChurnDays * 3})
	}
	for i, g := range groups {
		port := 8000 + i%1000
		callers := map[int]bool{i: true}
		for k := 1; k <= 3; k++ {
			j := (i + k*k) % n
			if callers[j] || groups[j].VPC != g.VPC {
				continue
			}
			callers[j] = true
			g.in("tcp", port, port, groups[j], "called by "+groups[j].Name)
			w.flow(flow{from: fleets[j].any(), to: fleets[i].any(), proto: tcp, port: uint16(port), perDay: 20, when: business})
		}
		w.fillUp(g, i)
	}
}

// fillUp adds unused rules on the loads of other times.
func (w *World) fillUp(g *Group, i int) {
	for k := 0; len(g.Rules)-2 < w.RulesPerGroup; k++ {
		r := g.in("tcp", 20000+k, 20000+k, fmt.Sprintf("10.%d.%d.0/24", 20+i%100, k%256), "former client")
		w.unusedDefect(r, "no connection ever used it")
	}
}
