package recommend

import (
	"math"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
)

// TestMeasure counts cells one by one in a small universe and compares.
func TestMeasure(t *testing.T) {
	protos := []analyze.Proto{analyze.ICMP, analyze.TCP, analyze.UDP, 50}
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 7))
		var rules []analyze.Rule
		named := map[analyze.Proto]bool{analyze.ICMP: true, analyze.TCP: true, analyze.UDP: true}
		for range 1 + rng.IntN(5) {
			p := protos[rng.IntN(len(protos))]
			s := analyze.ProtoService(p)
			switch named[p] = true; {
			case p != 50 && rng.IntN(6) == 0:
				s = analyze.AllTraffic
			case p.HasPorts():
				first := uint16(rng.IntN(200))
				s = analyze.PortService(p, analyze.PortRange{First: first, Last: first + uint16(rng.IntN(300))})
			}
			peer := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(rng.IntN(16))}), 28+rng.IntN(5)).Masked()
			rules = append(rules, analyze.Rule{RuleKey: analyze.RuleKey{GroupID: "sg-a", Direction: ingress, Service: s, Peer: analyze.Peer{Prefix: peer}}})
		}
		want := 0.0
		for p := range named {
			ports := 1
			if p.HasPorts() {
				ports = 65536
			}
			for port := range ports {
				for host := range 16 {
					a := netip.AddrFrom4([4]byte{10, 0, 0, byte(host)})
					for _, r := range rules {
						if r.Service.MatchFlow(uint8(p), uint16(port)) == analyze.Yes && r.Peer.Prefix.Contains(a) {
							want++
							break
						}
					}
				}
			}
		}
		x := estate.NewIndex(&estate.Estate{})
		got := measure(x, State{"sg-a": rules}, []string{"sg-a"})
		if got.cells4 != want || got.cells6 != 0 {
			t.Errorf("seed %d: cells = %v and %v, want %v and 0\n%v", seed, got.cells4, got.cells6, want, rules)
		}
	}
}

func TestOpenPorts(t *testing.T) {
	s := space{
		open4: []analyze.PortRange{{First: 22, Last: 22}, {First: 0, Last: 9}, {First: 5, Last: 20}},
		open6: []analyze.PortRange{{First: 22, Last: 30}, {First: 65535, Last: 65535}},
	}
	for _, tt := range []struct {
		v4, v6 bool
		want   int64
	}{{false, false, 0}, {true, false, 22}, {false, true, 10}, {true, true, 31}} {
		if got := s.open(tt.v4, tt.v6); got != tt.want {
			t.Errorf("open(%v, %v) = %d, want %d", tt.v4, tt.v6, got, tt.want)
		}
	}
}

func TestExposureNeverGrows(t *testing.T) {
	for seed := range uint64(60) {
		p := randomWorld(t, seed).review(Options{})
		for _, f := range []ExposureFigures{p.Exposure.After, p.Exposure.AfterReview} {
			b := p.Exposure.Before
			if f.Reachable > b.Reachable || f.Log2Space > b.Log2Space+1e-9 || math.IsNaN(f.Log2Space) {
				t.Errorf("seed %d: exposure grew from %+v to %+v", seed, b, f)
			}
		}
	}
}
