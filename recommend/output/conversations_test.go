package output

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/ledger"
	"github.com/sgtrim/sgtrim/analyze/orient"
)

// randomConversations come as a ledger's do: day by day, interface by interface; and many differ in their own address only.
func randomConversations(rng *rand.Rand) (all []orient.Conversation) {
	addrs := []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("2001:db8::1")}
	for day := range int32(2) {
		for _, iface := range []string{"=HYPERLINK(\"http://x\")", "eni-1", "eni-\x1b[2J\xff"} {
			for range rng.IntN(60) {
				start := int64(day)*86400 + rng.Int64N(80000)
				c := orient.Conversation{
					Key: orient.Key{Day: day, Interface: iface, Direction: analyze.Direction(rng.IntN(3)), Local: addrs[rng.IntN(3)], Peer: addrs[rng.IntN(3)],
						Proto: []uint8{1, 6, 17}[rng.IntN(3)], Port: uint16(rng.IntN(2)), Action: analyze.Action(1 + rng.IntN(2))},
					Hours: 1 << rng.IntN(24), First: start, Last: start + rng.Int64N(5000), Orientation: analyze.Reason(rng.IntN(4)),
				}
				c.Counters[rng.IntN(int(analyze.NumStrengths))] = orient.Counter{Flows: 1 + rng.Int64N(3), Packets: rng.Int64N(9), Bytes: rng.Int64N(1 << 50)}
				all = append(all, c)
			}
		}
	}
	return all
}

func sequence(all []orient.Conversation) iter.Seq2[orient.Conversation, error] {
	return func(yield func(orient.Conversation, error) bool) {
		for _, c := range all {
			if !yield(c, nil) {
				return
			}
		}
	}
}

// obviousRows groups by the text of the key columns.
func obviousRows(all []orient.Conversation) []conversationRow {
	groups := map[string][]orient.Conversation{}
	for _, c := range all {
		k := fmt.Sprintf("%05d|%s|%d|%s|%03d|%05d|%d|%v", c.Day, c.Interface, c.Direction, fmt.Sprintf("%x", c.Peer.As16()), c.Proto, c.Port, c.Action, c.Orientation == analyze.Ambiguous)
		groups[k] = append(groups[k], c)
	}
	var rows []conversationRow
	for _, g := range groups {
		r := conversationRow{Day: isoDay(g[0].Day), Account: "123456789012", VPC: "vpc-1", Interface: plain(g[0].Interface), Direction: g[0].Direction.String(),
			Peer: g[0].Peer.String(), Protocol: int32(g[0].Proto), Port: int32(g[0].Port), Action: g[0].Action.String(), First: time.Unix(1<<40, 0)}
		best, strongest := g[0].Orientation, analyze.StrengthNone
		for _, c := range g {
			for s, n := range c.Counters {
				r.Flows, r.Packets, r.Bytes = r.Flows+n.Flows, r.Packets+n.Packets, r.Bytes+n.Bytes
				if n.Flows > 0 {
					strongest = max(strongest, analyze.Strength(s))
				}
			}
			best = min(best, c.Orientation)
			r.Hours |= int32(c.Hours)
			r.First, r.Last = earliest(r.First, time.Unix(c.First, 0).UTC()), latest(r.Last, time.Unix(c.Last, 0).UTC())
		}
		r.Orientation, r.Strength = best.String(), strongest.String()
		rows = append(rows, r)
	}
	return rows
}

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func byText(a, b conversationRow) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) }

func write(t *testing.T, all []orient.Conversation, format string) []byte {
	t.Helper()
	attributes := map[string]ledger.Attributes{}
	for _, c := range all {
		attributes[c.Interface] = ledger.Attributes{Account: "123456789012", VPC: "vpc-1"}
	}
	var b bytes.Buffer
	if err := (&Conversations{Oriented: sequence(all), Attributes: attributes}).Write(&b, format); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Every format says what an obvious grouping says, one row a conversation, in the same order.
func TestConversations(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for range 10 {
		all := randomConversations(rng)
		want := obviousRows(all)
		slices.SortFunc(want, byText)

		pq := write(t, all, "parquet")
		got, err := parquet.Read[conversationRow](bytes.NewReader(pq), int64(len(pq)))
		if err != nil {
			t.Fatal(err)
		}
		inOrder := slices.Clone(got)
		slices.SortFunc(got, byText)
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Fatalf("parquet: -want +got:\n%s", diff)
		}
		if again := write(t, all, "parquet"); !bytes.Equal(pq, again) {
			t.Error("the same conversations make other Parquet bytes")
		}

		for i, line := range strings.Split(strings.TrimSuffix(string(write(t, all, "jsonl")), "\n"), "\n") {
			if len(inOrder) == 0 {
				break
			}
			want, err := json.Marshal(inOrder[i])
			if err != nil {
				t.Fatal(err)
			}
			if unescape := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(want)); line != unescape {
				t.Fatalf("jsonl row %d is %s, want %s", i, line, unescape)
			}
		}

		records, err := csv.NewReader(bytes.NewReader(write(t, all, "csv"))).ReadAll()
		if err != nil || len(records) != len(inOrder)+1 {
			t.Fatalf("csv: %d records, want %d and a header; error %v", len(records), len(inOrder), err)
		}
		for i, cells := range records[1:] {
			v := reflect.ValueOf(inOrder[i])
			for j, cell := range cells {
				want := fmt.Sprint(v.Field(j).Interface())
				if at, ok := v.Field(j).Interface().(time.Time); ok {
					want = at.Format(time.RFC3339)
				}
				if strings.TrimPrefix(cell, "'") != want {
					t.Fatalf("csv row %d, column %s: %q, want %q", i, records[0][j], cell, want)
				}
				if strings.ContainsAny(cell[:min(1, len(cell))], "=+-@\t\r") || strings.Contains(cell, "\x1b") || !utf8.ValidString(cell) {
					t.Errorf("csv cell %q is not safe", cell)
				}
			}
		}
	}
}

// The columns, as docs/ledger.md promises them to other tools.
func TestConversationColumns(t *testing.T) {
	const want = "day,account_id,region,vpc_id,interface_id,direction,peer,protocol,port,action,strength,orientation,flows,packets,bytes,hours,first_seen,last_seen\n"
	if got := string(write(t, nil, "csv")); got != want {
		t.Errorf("csv header %q", got)
	}
	var names []string
	for _, f := range parquet.SchemaOf(conversationRow{}).Fields() {
		names = append(names, f.Name())
	}
	if got := strings.Join(names, ",") + "\n"; got != want {
		t.Errorf("parquet columns %q", got)
	}
	if got := string(write(t, nil, "jsonl")); got != "" {
		t.Errorf("jsonl of nothing: %q", got)
	}
}

func TestConversationErrors(t *testing.T) {
	bad := func(yield func(orient.Conversation, error) bool) {
		yield(orient.Conversation{}, fmt.Errorf("broken day"))
	}
	for _, format := range ConversationFormats {
		if err := (&Conversations{Oriented: bad}).Write(&bytes.Buffer{}, format); err == nil || !strings.Contains(err.Error(), "broken day") {
			t.Errorf("%s: error %v", format, err)
		}
	}
}
