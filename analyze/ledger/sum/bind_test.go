package sum

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/ledger/sum/sumtest"
	"github.com/sgtrim/sgtrim/ingest"
)

// An index of the dictionary of addresses means what the batch says, though the dictionary grows, moves, is begun anew in the same
// memory, is another one for the next object, or is empty, and though codes are forgotten.
func TestBindAddresses(t *testing.T) {
	const different = 12 << 8
	rng := rand.New(rand.NewPCG(1, 2))
	s := &Sum{}
	s.names.codes = map[string]uint32{}
	w := newWorker(s)
	d := make([]byte, 0, 16*2000)
	some := func(most int) {
		for n := rng.IntN(most); n > 0 && len(d) < cap(d); n-- {
			a := netip.AddrFrom4([4]byte{10, 0, byte(rng.IntN(different >> 8)), byte(rng.IntN(256))}).As16()
			d = append(d, a[:]...)
		}
	}
	bind := func() {
		t.Helper()
		w.cols.addrs = addrDictionary{d}
		w.bindAddresses()
		for i := range len(d) / 16 {
			if got, want := w.addrs.of(w.codeOf[i]), w.cols.addrs.value(i); got != want {
				t.Fatalf("the code of %x stands for %x", want, got)
			}
		}
	}
	for range 5000 {
		switch rng.IntN(12) {
		case 0: // the next object: anything
			if err := w.reset(); err != nil {
				t.Fatal(err)
			}
			if rng.IntN(2) == 0 {
				d = d[:0]
				some(1500)
			}
			if rng.IntN(4) == 0 && len(d) > 0 {
				d[16*rng.IntN(len(d)/16)+15]++
			}
		case 1:
			w.forgetAddresses()
		case 2: // begun anew, and shorter
			n := len(d) / 16
			d = d[:0]
			some(max(n, 1))
		case 3:
			d = append(make([]byte, 0, cap(d)), d...)
		case 4: // begun anew behind a batch without addresses
			d = d[:0]
			bind()
			some(1500)
		default:
			some(200)
		}
		bind()
	}
	if w.addrs.n > different {
		t.Errorf("%d codes of %d addresses", w.addrs.n, different)
	}
}

// Addresses of records that make no pairs are forgotten, too, in the middle of an object and between objects.
func TestAddressesAreBounded(t *testing.T) {
	const rows = 4000
	w := New(open(t, t.TempDir(), 64<<20)).Sink(0).(*worker)
	n, most := 0, 0
	next := func() netip.Addr {
		n++
		return netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
	}
	for object := range 4 {
		if err := w.Begin(ingest.Object{URL: string(rune('a' + object))}); err != nil {
			t.Fatal(err)
		}
		if w.addrs.n > addressesMost {
			t.Errorf("an object begins with %d addresses", w.addrs.n)
		}
		for range 9 + 8*object { // the first ends with more than the next may begin with
			var d dictionary
			d.begin()
			var records []sumtest.Record
			for range rows {
				records = append(records, sumtest.Record{Interface: "-", Src: next(), Dst: next(), SrcPort: 1, DstPort: 2, Proto: 6, Packets: 1, Bytes: 40,
					Start: worldDay * 86400, End: worldDay*86400 + 60, Action: analyze.Accept, Direction: analyze.Ingress})
			}
			if err := w.Observe(d.batch(records)); err != nil {
				t.Fatal(err)
			}
			most = max(most, w.addrs.n)
		}
		if err := w.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	if bound := 2*rows + 2*w.mostPairs(); most > bound {
		t.Errorf("%d addresses in memory, %d were to be the most", most, bound)
	}
	if most < 4*rows {
		t.Errorf("at most %d addresses were in memory: the bound was not looked for", most)
	}
}
