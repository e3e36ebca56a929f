package world

// Bench is a world of about n records in a day, for speed: many client ports, connections repeated as in life. With
// manyKeys nearly every visitor is a new address; without, a few thousand relations carry everything.
func Bench(n int, manyKeys bool) Options {
	o := Options{Seed: 1, Days: 1, AfterDays: 1, Interfaces: 300, RecordTarget: n, Format: V5, Visitors: 500,
		Scenarios: []string{"tiers", "scanners", "longlived", "syslog", "nat", "highports", "ipv6"}}
	if manyKeys {
		o.Visitors = 40_000_000
	}
	return o
}
