package cover

import (
	"errors"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/sgtrim/sgtrim/analyze"
)

// block reads "tcp 443: 10.0.0.1/32 sg-1".
func block(text string) Block {
	service, peers, _ := strings.Cut(text, ":")
	s, err := analyze.ParseService(service)
	if err != nil {
		panic(err)
	}
	b := Block{Service: s}
	for _, p := range strings.Fields(peers) {
		if strings.HasPrefix(p, "sg-") {
			b.Peers = append(b.Peers, analyze.Peer{GroupID: p})
		} else {
			b.Peers = append(b.Peers, analyze.Peer{Prefix: netip.MustParsePrefix(p)})
		}
	}
	return b
}

func blocks(texts ...string) []Block {
	var out []Block
	for _, t := range texts {
		out = append(out, block(t))
	}
	return out
}

func text(bs []Block) string {
	var out []string
	for _, b := range bs {
		s := b.Service.String() + ":"
		for _, p := range b.Peers {
			s += " " + p.String()
		}
		out = append(out, s)
	}
	return strings.Join(out, "; ")
}

func TestMerge(t *testing.T) {
	old := []Allowed{{analyze.PortService(analyze.TCP, analyze.PortRange{First: 1, Last: 100}), analyze.Peer{Prefix: netip.MustParsePrefix("10.0.0.0/24")}}}
	for _, tt := range []struct {
		name string
		in   []Block
		opt  MergeOptions
		want string
	}{
		{"nothing", nil, MergeOptions{}, ""},
		{"one service twice", blocks("tcp 80: 10.0.0.1/32", "tcp 80: 10.0.0.2/32 10.0.0.1/32"), MergeOptions{}, "tcp 80: 10.0.0.1/32 10.0.0.2/32"},
		{"side by side with equal peers", blocks("tcp 80: 10.0.0.1/32", "tcp 82: 10.0.0.1/32", "tcp 81: 10.0.0.1/32"), MergeOptions{}, "tcp 80-82: 10.0.0.1/32"},
		{"side by side with other peers", blocks("tcp 80: 10.0.0.1/32", "tcp 81: 10.0.0.2/32"), MergeOptions{}, "tcp 80: 10.0.0.1/32; tcp 81: 10.0.0.2/32"},
		{"a gap costs, so it stays", blocks("tcp 80: 10.0.0.1/32", "tcp 82: 10.0.0.1/32"), MergeOptions{}, "tcp 80: 10.0.0.1/32; tcp 82: 10.0.0.1/32"},
		{"TCP and UDP stay apart", blocks("tcp 53: 10.0.0.1/32", "udp 53: 10.0.0.1/32"), MergeOptions{}, "tcp 53: 10.0.0.1/32; udp 53: 10.0.0.1/32"},
		{"a small gap before a wide prefix", blocks("tcp 80: 10.0.0.0/24", "tcp 90: 10.0.0.1/32 10.0.0.2/32"), MergeOptions{MaxRules: 2}, "tcp 80: 10.0.0.0/24; tcp 90: 10.0.0.0/30"},
		{"a gap of ports for equal peers", blocks("tcp 80: 10.0.0.1/32 10.0.1.1/32", "tcp 82: 10.0.0.1/32 10.0.1.1/32"), MergeOptions{MaxRules: 2},
			"tcp 80-82: 10.0.0.1/32 10.0.1.1/32"},
		{"references are not joined", blocks("tcp 80: sg-1 sg-2", "tcp 82: sg-1 sg-2"), MergeOptions{MaxRules: 2}, "tcp 80-82: sg-1 sg-2"},
		{"inside the old rule", blocks("tcp 1: 10.0.0.1/32", "tcp 3: 10.0.0.1/32"), MergeOptions{MaxRules: 1, Within: old}, "tcp 1-3: 10.0.0.1/32"},
	} {
		got, err := Merge(tt.in, tt.opt)
		if err != nil || text(got) != tt.want {
			t.Errorf("%s: got %s, %v; want %s", tt.name, text(got), err, tt.want)
		}
	}
	for _, in := range [][]Block{
		blocks("tcp 1: 10.0.0.1/32", "tcp 101: 10.0.0.1/32"),
		blocks("tcp 1: 10.0.0.1/32 10.0.1.1/32"),
		blocks("tcp 1: 10.0.0.1/32", "udp 1: 10.0.0.1/32"),
	} {
		if got, err := Merge(in, MergeOptions{MaxRules: 1, Within: old}); !errors.Is(err, ErrTooMany) {
			t.Errorf("%s: got %s, %v; want ErrTooMany", text(in), text(got), err)
		}
	}
	if _, err := Merge([]Block{{Service: analyze.AllTraffic, Peers: []analyze.Peer{{}}}}, MergeOptions{}); err == nil {
		t.Error("an empty peer: want an error")
	}
}

// cellsOf is a bit for each of 4 ports × 8 addresses that the rules allow.
func cellsOf(bs []Block) (mask uint32) {
	for _, b := range bs {
		for _, p := range b.Peers {
			for port := b.Service.Ports.First; port <= b.Service.Ports.Last; port++ {
				for a := range 8 {
					if p.Prefix.Contains(netip.AddrFrom4([4]byte{10, 0, 0, byte(a)})) {
						mask |= 1 << (int(port)*8 + a)
					}
				}
			}
		}
	}
	return mask
}

// leastCells is the least number of cells that at most n rules can allow and hold all of need: every choice of rules.
func leastCells(need uint32, n int, rules []uint32) int {
	if need == 0 {
		return 0
	}
	least := 33
	var choose func(from, left int, have uint32)
	choose = func(from, left int, have uint32) {
		if bits.OnesCount32(have) >= least {
			return
		}
		if need&^have == 0 {
			least = bits.OnesCount32(have)
			return
		}
		if left == 0 {
			return
		}
		for i := from; i < len(rules); i++ {
			choose(i+1, left-1, have|rules[i])
		}
	}
	choose(0, n, 0)
	return least
}

func TestMergeAgainstBruteForce(t *testing.T) {
	var rules []uint32
	for first := range uint16(4) {
		for last := first; last < 4; last++ {
			for bits := 29; bits <= 32; bits++ {
				for a := 0; a < 8; a += 1 << (32 - bits) {
					s := analyze.PortService(analyze.TCP, analyze.PortRange{First: first, Last: last})
					p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(a)}), bits)
					rules = append(rules, cellsOf([]Block{{s, []analyze.Peer{{Prefix: p}}}}))
				}
			}
		}
	}
	worlds, optimal, ours, least, worst := 0, 0, 0, 0, 1.0
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 4))
		var in []Block
		for port := range 4 {
			var hosts []netip.Addr
			for range r.IntN(4) {
				hosts = append(hosts, netip.AddrFrom4([4]byte{10, 0, 0, byte(r.IntN(8))}))
			}
			ps, err := Addrs(hosts, Options{RuleCost: 1})
			if err != nil {
				t.Fatal(err)
			}
			b := block(fmt.Sprintf("tcp %d:", port))
			for _, p := range ps {
				b.Peers = append(b.Peers, analyze.Peer{Prefix: p})
			}
			in = append(in, b)
		}
		need, most := cellsOf(in), 1+r.IntN(3)
		got, err := Merge(in, MergeOptions{MaxRules: most})
		if err != nil || Rules(got) > most || need&^cellsOf(got) != 0 {
			t.Fatalf("seed %d: %s in %d rules: got %s, %v", seed, text(in), most, text(got), err)
		}
		if need == 0 {
			continue
		}
		n, best := bits.OnesCount32(cellsOf(got)), leastCells(need, most, rules)
		if n < best {
			t.Fatalf("seed %d: %s: %d cells are fewer than brute force's %d", seed, text(got), n, best)
		}
		worlds, ours, least = worlds+1, ours+n, least+best
		if n == best {
			optimal++
		}
		worst = max(worst, float64(n)/float64(best))
	}
	t.Logf("%d worlds: %d optimal, %.1f %% more cells in all, at worst %.2f times", worlds, optimal, 100*float64(ours-least)/float64(least), worst)
	if optimal*10 < worlds*6 || ours*100 > least*115 || worst > 2.5 {
		t.Errorf("%d of %d optimal, %d cells against %d, worst %.2f", optimal, worlds, ours, least, worst)
	}
}

// A rule that leaves the old rules never comes out, and nothing that went in is lost.
func TestMergeStaysWithin(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 5))
		var old []Allowed
		var in []Block
		for range 1 + r.IntN(3) {
			first := uint16(r.IntN(3))
			p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(r.IntN(8))}), 29+r.IntN(2)).Masked()
			s := analyze.PortService(analyze.TCP, analyze.PortRange{First: first, Last: first + 1})
			old = append(old, Allowed{s, analyze.Peer{Prefix: p}})
			for range 4 {
				port := first + uint16(r.IntN(2))
				host := analyze.Peer{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, p.Addr().As4()[3] + byte(r.IntN(1<<(32-p.Bits())))}), 32)}
				in = append(in, Block{analyze.PortService(analyze.TCP, analyze.PortRange{First: port, Last: port}), []analyze.Peer{host}})
			}
		}
		got, err := Merge(in, MergeOptions{MaxRules: 1 + r.IntN(4), Within: old})
		if errors.Is(err, ErrTooMany) {
			continue
		}
		if err != nil || cellsOf(in)&^cellsOf(got) != 0 {
			t.Fatalf("seed %d: %s: got %s, %v", seed, text(in), text(got), err)
		}
		for _, b := range got {
			for _, p := range b.Peers {
				if !slices.ContainsFunc(old, func(w Allowed) bool {
					return w.Service.Ports.Covers(b.Service.Ports) && w.Peer.Prefix.Bits() <= p.Prefix.Bits() && w.Peer.Prefix.Contains(p.Prefix.Addr())
				}) {
					t.Fatalf("seed %d: %s %s lies in none of %v", seed, b.Service, p, old)
				}
			}
		}
	}
}

func BenchmarkMerge(b *testing.B) {
	r := rand.New(rand.NewPCG(6, 6))
	var in []Block
	for port := range 400 {
		x := block(fmt.Sprintf("tcp %d:", 10+3*port))
		for range 20 {
			x.Peers = append(x.Peers, analyze.Peer{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(r.IntN(200))}), 32)})
		}
		in = append(in, x)
	}
	for b.Loop() {
		if _, err := Merge(in, MergeOptions{MaxRules: 60}); err != nil {
			b.Fatal(err)
		}
	}
}
