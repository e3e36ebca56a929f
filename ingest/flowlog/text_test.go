package flowlog_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/ingest/flowlog"
)

const v2 = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status\n"

func newDecoder(t testing.TB, opt flowlog.Options) *flowlog.Decoder {
	t.Helper()
	d, err := flowlog.NewDecoder(opt)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func zip(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// writer makes random logs, mostly good.
type writer struct {
	*rand.Rand
	wrong float64 // share of values that are wrong
}

func (w writer) pick(s ...string) string { return s[w.IntN(len(s))] }

func (w writer) value(field string) string {
	if w.Float64() < w.wrong {
		return w.pick("-", "x", "-1", "70000", "300", "99999999999999999999", "00080", "1.2.3", "1.2.3.4.5", "fe80::1%eth0", "ACCEPTED", "ok", "0x10", "+5", "1e3",
			"010.0.0.1", "::ffff:10.0.0.1", "4294967296000", "9223372036854775807", "9223372036854775808", strings.Repeat("9", 60))
	}
	switch field {
	case "interface-id":
		if w.IntN(50) == 0 {
			return w.pick("-", "eni-"+strings.Repeat("a", 30))
		}
		return fmt.Sprintf("eni-%017x", w.IntN(20))
	case "account-id":
		return w.pick("123456789012", "unknown", "210987654321")
	case "vpc-id", "subnet-id":
		return fmt.Sprintf("%s%d", field, w.IntN(3))
	case "srcaddr", "dstaddr", "pkt-srcaddr", "pkt-dstaddr":
		switch w.IntN(8) {
		case 0:
			return fmt.Sprintf("2001:db8:%x::%x", w.IntN(65536), w.IntN(4))
		case 1:
			return "2001:0db8:0000:0000:0000:0000:0000:0001"
		}
		return fmt.Sprintf("10.%d.%d.%d", w.IntN(2), w.IntN(256), w.IntN(256))
	case "srcport", "dstport":
		return fmt.Sprint(w.IntN(65536))
	case "protocol":
		return w.pick("6", "6", "17", "1", "58", "255")
	case "packets", "bytes":
		return fmt.Sprint(w.Int64N(1 << w.IntN(63)))
	case "start":
		return fmt.Sprint(1_700_000_000 + w.IntN(1000))
	case "end":
		if w.IntN(20) == 0 {
			return fmt.Sprint((1_700_002_000 + w.Int64N(1000)) * 1000)
		}
		return fmt.Sprint(1_700_001_000 + w.IntN(1000))
	case "action":
		return w.pick("ACCEPT", "REJECT")
	case "log-status":
		return w.pick("OK", "OK", "OK", "OK", "NODATA", "SKIPDATA")
	case "tcp-flags":
		return w.pick("0", "2", "18", "-", "255")
	case "flow-direction":
		return w.pick("ingress", "egress", "-")
	}
	return w.pick("-", "5", "us-east-1", "some-tag%2Dvalue", "arn:aws:ecs:x")
}

func (w writer) format() []string {
	names := strings.Fields("interface-id srcaddr dstaddr srcport dstport protocol action start end")
	for _, extra := range strings.Fields(`account-id vpc-id subnet-id pkt-srcaddr pkt-dstaddr packets bytes log-status tcp-flags
		flow-direction version type region az-id ecs-task-id brand-new-field`) {
		if w.IntN(2) == 0 {
			names = append(names, extra)
		}
	}
	w.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	return names
}

func (w writer) line(names []string) string {
	values := make([]string, len(names))
	quiet := w.IntN(40) == 0
	for i, n := range names {
		values[i] = w.value(n)
		if quiet && n != "start" && n != "end" && n != "interface-id" && n != "log-status" {
			values[i] = "-"
		}
		if quiet && n == "log-status" {
			values[i] = w.pick("NODATA", "SKIPDATA")
		}
	}
	return strings.Join(values, " ")
}

// log makes a text of so many lines.
func (w writer) log(lines int, oddities bool) string {
	var b strings.Builder
	names := w.format()
	end := "\n"
	if oddities && w.IntN(8) == 0 {
		end = "\r\n"
	}
	b.WriteString(strings.Join(names, " ") + end)
	for range lines {
		line := w.line(names)
		if oddities && w.IntN(200) == 0 {
			switch w.IntN(8) {
			case 0:
				line = strings.Replace(line, " ", "  ", 1)
			case 1:
				line = " " + line + " "
			case 2:
				line = ""
			case 3:
				names = w.format()
				line = strings.Join(names, " ")
			case 4:
				line = strings.Join(names, " ")
			case 5:
				line += " more"
			case 6:
				line = strings.Replace(strings.Replace(line, " ", "  ", 1), " - ", " ", 1)
			case 7:
				line = strings.Replace(line, " ", w.pick("\t", "\x00", "\x1f", "\n"), 1)
			}
		}
		b.WriteString(line + end)
	}
	text := b.String()
	if oddities && w.IntN(3) == 0 {
		text = strings.TrimSuffix(text, end)
	}
	return text
}

// The reader gives what the oracle gives, on random logs, plain and gzip, in one goroutine and two.
func TestTextAgainstOracle(t *testing.T) {
	seed := rand.Uint64()
	w := writer{Rand: rand.New(rand.NewPCG(seed, 1))}
	d := newDecoder(t, flowlog.Options{SkipBad: true})
	good := newDecoder(t, flowlog.Options{})
	for i := range 40 {
		w.wrong = []float64{0, 0.00002, 0.002}[i%3]
		text := w.log([]int{0, 3, 200, 3000}[w.IntN(4)], i%2 == 0)
		want := readOracle(text, math.MinInt64, math.MaxInt64)
		check := func(how string, got result) {
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("seed %d, log %d, %s: -want +got\n%s", seed, i, how, diff)
			}
		}
		check("plain", read(d, []byte(text)))
		flowlog.WithoutAssembly(func() { check("without assembly", read(d, []byte(text))) })
		check("gzip", read(d, zip(t, text)))
		check("gzip members", read(d, append(zip(t, text[:len(text)/3]), zip(t, text[len(text)/3:])...)))
		check("overlap", readInput(d, flowlog.Input{Name: "object", Body: bytes.NewReader(zip(t, text)), Overlap: true}))
		if len(want.Bad) == 0 && want.Err == "" {
			check("without SkipBad", read(good, []byte(text)))
			continue
		}
		// Without SkipBad the first bad line ends it.
		_, err := good.Decode(context.Background(), flowlog.Input{Name: "object", Body: strings.NewReader(text)}, flowlog.Output{})
		var e *flowlog.RecordError
		if len(want.Bad) > 0 && (!errors.As(err, &e) || fmt.Sprintf("%d:%s", e.Line, e.Field) != want.Bad[0]) {
			t.Fatalf("seed %d, log %d: got error %v, want one at %s", seed, i, err, want.Bad[0])
		}
	}
}

// Gzip text is parsed where it is inflated. Lines may end anywhere there, be longer than what is kept of them, or be cut off.
func TestPieces(t *testing.T) {
	seed := rand.Uint64()
	w := writer{Rand: rand.New(rand.NewPCG(seed, 1))}
	d := newDecoder(t, flowlog.Options{SkipBad: true})
	for i := range 30 {
		lines := strings.SplitAfter(w.log(4000, i%3 == 0), "\n")
		if i%2 == 1 {
			lines = slices.Repeat([]string{record("", "")}, 4000)
			lines[0] = strings.TrimSuffix(v2, "\n") + " brand-new-field\n"
			for i, line := range lines[1:] {
				lines[i+1] = strings.TrimSuffix(line, "\n") + " x\n"
			}
		}
		for range w.IntN(10) { // long lines, good ones where there is a field for that
			at, length := 1+w.IntN(len(lines)-1), 1+w.IntN([]int{50, 70_000, 500_000}[w.IntN(3)])
			lines[at] = strings.Replace(lines[at], " x\n", " "+strings.Repeat("x", length)+"\n", 1)
			if w.IntN(3) == 0 {
				lines[at] = strings.Repeat(w.pick("x", "x ", "9 "), length) + "\n" + lines[at]
			}
		}
		text := strings.Join(lines, "")
		text = text[:len(text)-w.IntN(2)]
		at := w.IntN(len(text))
		file := append(zip(t, text[:at]), zip(t, text[at:])...)
		in := func(overlap bool) flowlog.Input {
			return flowlog.Input{Name: "object", Body: bytes.NewReader(file), Overlap: overlap}
		}
		got := readInput(d, in(false))
		if diff := cmp.Diff(read(d, []byte(text)), got); diff != "" {
			t.Fatalf("seed %d, log %d: -want +got\n%s", seed, i, diff)
		}
		file = file[:w.IntN(len(file))]
		if diff := cmp.Diff(readInput(d, in(true)), readInput(d, in(false))); diff != "" {
			t.Fatalf("seed %d, log %d cut off at %d: -overlap +pieces\n%s", seed, i, len(file), diff)
		}
	}
}

// A line is too long, or not, whatever is read before it and by whom.
func TestLineLength(t *testing.T) {
	const most = 1 << 20
	d := newDecoder(t, flowlog.Options{SkipBad: true})
	for _, length := range []int{most - 70_000, most, most + 1, 3 * most / 2, 2*most - 100, 2 * most, 5 * most} {
		for _, before := range []int{0, 100_000, 600_000, most} {
			text := v2 + strings.Repeat("x", before) + "\n" + record("", "") + strings.Repeat("y", length) + "\n" + record("", "")
			for _, overlap := range []bool{false, true} {
				for _, body := range [][]byte{[]byte(text), zip(t, text)} {
					got := readInput(d, flowlog.Input{Name: "object", Body: bytes.NewReader(body), Overlap: overlap})
					if tooLong := length > most; (got.Err != "") != tooLong || !tooLong && len(got.Rows) != 2 || len(got.Rows) == 0 {
						t.Errorf("%d bytes after %d, overlap %v: %d rows, error %q", length, before, overlap, len(got.Rows), got.Err)
					}
				}
			}
		}
	}
}

// Windows drop what ended outside, and count it.
func TestWindowAgainstOracle(t *testing.T) {
	seed := rand.Uint64()
	w := writer{Rand: rand.New(rand.NewPCG(seed, 1)), wrong: 0.0005}
	for i := range 15 {
		text := w.log(3000, i%2 == 0)
		since, until := 1_700_001_000+w.Int64N(1500), 1_700_001_500+w.Int64N(2000)
		d := newDecoder(t, flowlog.Options{SkipBad: true, Since: time.Unix(since, 0), Until: time.Unix(until, 0)})
		if diff := cmp.Diff(readOracle(text, since, until), read(d, []byte(text))); diff != "" {
			t.Fatalf("seed %d, log %d: -want +got\n%s", seed, i, diff)
		}
	}
}

// Ordinary logs must take the fast path: a slip there would be found by no comparison.
func TestOrdinaryLogsArePlain(t *testing.T) {
	w := writer{Rand: rand.New(rand.NewPCG(1, 1))}
	d := newDecoder(t, flowlog.Options{})
	for range 50 {
		text := w.log(300, false)
		check := func() {
			if !d.Plain(text) {
				t.Fatalf("not parsed column by column:\n%s", text[:300])
			}
		}
		check()
		flowlog.WithoutAssembly(check)
	}
	if d.Plain(v2 + "2 1  eni-1 10.0.0.1 10.0.0.2 1 2 6 1 1 1 1 ACCEPT OK\n") {
		t.Error("a double space passed as plain")
	}
}

func record(old, new string) string {
	const line = "2 123456789012 eni-1 10.0.0.1 10.0.0.2 40000 443 6 10 840 1700000000 1700000060 ACCEPT OK"
	return strings.Replace(line, old, new, 1) + "\n"
}

// What makes a record a bad one, and what does not.
func TestRecords(t *testing.T) {
	for _, c := range []struct{ name, line, want string }{
		{"good", record("", ""), ""},
		{"port -", record("40000", "-"), ""},
		{"port 65536", record("40000", "65536"), `srcport: "65536": above 65535`},
		{"port 70000", record("443", "70000"), `dstport: "70000": above 65535`},
		{"protocol 300", record(" 6 ", " 300 "), `protocol: "300": above 255`},
		{"protocol -", record(" 6 ", " - "), `protocol: is "-", but a record with status OK needs it`},
		{"negative", record(" 10 ", " -10 "), `packets: "-10": not a whole number of digits only`},
		{"bytes - (block public access)", record("840", "-"), ""},
		{"too many bytes", record("840", "9223372036854775808"), `bytes: "9223372036854775808": above 9223372036854775807`},
		{"start after end", record("1700000000", "1700000061"), "start: start is after end"},
		{"milliseconds", record("1700000060", "1700000060999"), ""},
		{"no start", record("1700000000", "-"), `start: is "-", but every record needs its interval`},
		{"a time beyond", record("1700000060", "17000000600000"), `end: "17000000600000": above 2147483647999`},
		{"address", record("10.0.0.1", "10.0.0.256"), `srcaddr: ParseAddr("10.0.0.256"): IPv4 field has value >255`},
		{"address -", record("10.0.0.2", "-"), `dstaddr: is "-", but a record with status OK needs it`},
		{"zone", record("10.0.0.2", "fe80::1%1"), `dstaddr: "fe80::1%1": no plain address`},
		{"action -", record("ACCEPT", "-"), `action: is "-", but a record with status OK needs it`},
		{"action", record("ACCEPT", "DENY"), `action: "DENY": unknown word`},
		{"status -", record("OK", "-"), "log-status: absent: want OK, NODATA or SKIPDATA"},
		{"status", record("OK", "FINE"), `log-status: "FINE": unknown word`},
		{"interface of a regional NAT gateway", record("eni-1", "-"), ""},
		{"NODATA", "2 123456789012 eni-1 - - - - - - - 1431280876 1431280934 - NODATA\n", ""},
		{"NODATA without interval", "2 123456789012 eni-1 - - - - - - - - - - NODATA\n", `start: is "-", but every record needs its interval`},
		{"too few", "2 123456789012 eni-1 - - - - - - - 1431280876 1431280934 -\n", "13 fields, want 14"},
		{"too many", record("OK", "OK more"), "15 fields, want 14"},
		{"an empty field made up for", record("2 123456789012", "2 "), "13 fields, want 14"},
		{"one field less, the next line one more", record(" OK", "") + record("2", "2 2"), "13 fields, want 14"},
		{"a control byte for a space", record(" 443", "\x1f443"), "byte 0x1f at 44: the file is damaged"},
		{"a tab for a space", record(" 443", "\t443"), ""},
		{"a letter in a time", record("1700000060", "1x00000060"), `end: "1x00000060": not a whole number of digits only`},
		{"a letter in a start", record("1700000000", "1x00000000"), `start: "1x00000000": not a whole number of digits only`},
		{"a letter first in a time", record("1700000060", "x700000060"), `end: "x700000060": not a whole number of digits only`},
		{"zeros", strings.Repeat("\x00", 90) + "\n", "byte 0x00 at 0: the file is damaged"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := v2 + record("", "") + c.line + record("", "")
			_, err := newDecoder(t, flowlog.Options{}).Decode(context.Background(), flowlog.Input{Name: "o", Body: strings.NewReader(text)}, flowlog.Output{})
			got := ""
			if err != nil {
				got = strings.TrimPrefix(strings.TrimPrefix(err.Error(), "o:3: "), "field ")
			}
			if got != c.want {
				t.Errorf("got error %q, want %q", got, c.want)
			}
			// And the oracle agrees on whether it is bad.
			if bad := len(readOracle(text, math.MinInt64, math.MaxInt64).Bad) > 0; bad != (c.want != "") {
				t.Errorf("the oracle says bad: %v", bad)
			}
		})
	}
}

func TestFormats(t *testing.T) {
	custom := "${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${action} ${start} ${end}"
	short := "eni-1 10.0.0.1 10.0.0.2 1 2 6 ACCEPT 1700000000 1700000060\n"
	for _, c := range []struct {
		name, fields, text string
		records            int64
		err                error
	}{
		{"empty", "", "", 0, nil},
		{"blank", "", "\n\n", 0, nil},
		{"header only", "", v2, 0, nil},
		{"no header, default format", "", record("", "") + record("", ""), 2, nil},
		{"no header, exported from CloudWatch", "", "2023-01-01T00:00:00.000Z " + record("", "") + record("", ""), 2, nil},
		{"no header, exported with milliseconds", "", "1672531200000 " + record("", ""), 1, nil},
		{"no header, other format", "", short, 0, flowlog.ErrNoHeader},
		{"no header, fields given", custom, short + short, 2, nil},
		{"no header, plain names", strings.NewReplacer("${", "", "}", "").Replace(custom), short, 1, nil},
		{"no header, fields given, exported", custom, "2023-01-01T00:00:00.000Z " + short, 1, nil},
		{"fields given, but there is a header", custom, v2 + record("", ""), 1, nil},
		{"transit gateway", "", "version tgw-id srcaddr dstaddr start end\n", 0, flowlog.ErrTransitGateway},
		{"required fields missing", "", "version srcaddr dstaddr start end\n6 10.0.0.1 10.0.0.2 1 2\n", 0, flowlog.ErrMissingFields},
		{"header turns bad", "", v2 + record("", "") + "version srcaddr dstaddr start end\n", 1, flowlog.ErrMissingFields},
		{"a text", "", "This is a text about flow logs and nothing else.\n", 0, flowlog.ErrNotFlowLog},
		{"one long line", "", strings.Repeat("x", 3<<20), 0, flowlog.ErrNotFlowLog},
		{"JSON", "", `{"messageType":"DATA_MESSAGE"}`, 0, flowlog.ErrNotFlowLog},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDecoder(t, flowlog.Options{LogFields: c.fields})
			counts, err := d.Decode(context.Background(), flowlog.Input{Name: "o", Body: strings.NewReader(c.text)}, flowlog.Output{})
			if !errors.Is(err, c.err) || counts.Records != c.records {
				t.Errorf("got %d records, error %v; want %d, %v", counts.Records, err, c.records, c.err)
			}
		})
	}
}

// With SkipBad, the records of a refused format are counted, wherever the format comes.
func TestRefusedRecordsAreCounted(t *testing.T) {
	refused := "version srcaddr dstaddr start end\n"
	for _, text := range []string{
		refused + strings.Repeat("6 10.0.0.1 10.0.0.2 1 2\n", 20_000),
		v2 + record("", "") + record("", "") + refused + strings.Repeat("6 10.0.0.1 10.0.0.2 1 2\n", 19_998),
	} {
		d := newDecoder(t, flowlog.Options{SkipBad: true})
		counts, err := d.Decode(context.Background(), flowlog.Input{Name: "o", Body: strings.NewReader(text)}, flowlog.Output{})
		if !errors.Is(err, flowlog.ErrMissingFields) || counts.Records != 20_000 {
			t.Errorf("got %+v, error %v", counts, err)
		}
	}
}

func TestMissingFieldsAreNamed(t *testing.T) {
	_, err := newDecoder(t, flowlog.Options{}).Decode(context.Background(), flowlog.Input{
		Name: "o", Body: strings.NewReader("version interface-id srcaddr dstaddr srcport dstport protocol start end\n"),
	}, flowlog.Output{})
	if want := "o:1: the format lacks required fields: action"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestLogFieldsRefused(t *testing.T) {
	for _, s := range []string{"  ", "${srcaddr", "version srcaddr", "Srcaddr dstaddr", "${tgw-id} ${srcaddr}"} {
		if _, err := flowlog.NewDecoder(flowlog.Options{LogFields: s}); err == nil && strings.TrimSpace(s) != "" {
			t.Errorf("%q was accepted", s)
		}
	}
}

// Damaged gzip is an error, wherever it is damaged, and a line too long is named.
func TestDamagedText(t *testing.T) {
	w := writer{Rand: rand.New(rand.NewPCG(2, 1))}
	text := w.log(5000, false)
	whole := zip(t, text)
	damage := map[string]struct {
		body  []byte
		cause string
	}{
		"cut off":         {whole[:len(whole)/2], "gzip: unexpected EOF"},
		"cut in header":   {whole[:3], "gzip: unexpected EOF"},
		"checksum":        {append(bytes.Clone(whole[:len(whole)-8]), 1, 2, 3, 4, 5, 6, 7, 8), "gzip: byte"},
		"garbage after":   {append(bytes.Clone(whole), "garbage"...), "gzip: "},
		"second member":   {append(bytes.Clone(whole), whole[:len(whole)/2]...), "gzip: unexpected EOF"},
		"no trailer":      {whole[:len(whole)-8], "gzip: unexpected EOF"},
		"a line too long": {[]byte(v2 + record("", "") + strings.Repeat("9", 3<<20)), ""},
	}
	for name, c := range damage {
		for _, overlap := range []bool{false, true} {
			for _, skip := range []bool{false, true} {
				d := newDecoder(t, flowlog.Options{SkipBad: skip})
				_, err := d.Decode(context.Background(), flowlog.Input{Name: "s3://b/k", Body: bytes.NewReader(c.body), Overlap: overlap}, flowlog.Output{})
				if err == nil || !strings.HasPrefix(err.Error(), "s3://b/k") || !strings.Contains(err.Error(), c.cause) {
					t.Errorf("%s: got error %v, want one that names the object and %q", name, err, c.cause)
				}
			}
		}
	}
}

// A decoder keeps nothing of an object: the same object gives the same again after others.
func TestDecoderIsReused(t *testing.T) {
	d := newDecoder(t, flowlog.Options{SkipBad: true})
	w := writer{Rand: rand.New(rand.NewPCG(3, 1))}
	a, b := w.log(2000, true), w.log(2000, true)
	first := read(d, []byte(a))
	read(d, []byte(b))
	read(d, []byte("rubbish"))
	read(d, zip(t, b)[:200])
	if diff := cmp.Diff(first, read(d, []byte(a))); diff != "" {
		t.Errorf("-first +again\n%s", diff)
	}
}

// An interface's attributes are those of the first record that names it.
func TestAttributes(t *testing.T) {
	text := "interface-id account-id vpc-id srcaddr dstaddr srcport dstport protocol action start end\n" +
		"eni-1 111111111111 vpc-1 10.0.0.1 10.0.0.2 1 2 6 ACCEPT 1 2\n" +
		"eni-1 222222222222 vpc-2 10.0.0.1 10.0.0.2 1 2 6 ACCEPT 1 2\n" +
		"eni-2 unknown - 10.0.0.1 10.0.0.2 1 2 6 ACCEPT 1 2\n"
	var got []string
	for _, row := range read(newDecoder(t, flowlog.Options{}), []byte(text)).Rows {
		got = append(got, strings.Join(strings.Fields(row)[:4], " "))
	}
	want := []string{`"eni-1" "111111111111" "vpc-1" ""`, `"eni-1" "111111111111" "vpc-1" ""`, `"eni-2" "" "" ""`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// What is kept of interfaces from one object to the next tells nothing of the next, whose first records may say something else; and
// very many are not kept.
func TestAttributesOverObjects(t *testing.T) {
	d, rng := newDecoder(t, flowlog.Options{}), rand.New(rand.NewPCG(5, 1))
	for object := range 12 {
		interfaces := []int{5, 5, 9000}[object%3]
		var b strings.Builder
		b.WriteString("interface-id account-id vpc-id srcaddr dstaddr srcport dstport protocol action start end\n")
		for range 10 * interfaces {
			fmt.Fprintf(&b, "eni-%d %d %s 10.0.0.1 10.0.0.2 1 2 6 ACCEPT 1 2\n", rng.IntN(interfaces), rng.IntN(3), []string{"vpc-1", "-", "unknown"}[rng.IntN(3)])
		}
		if diff := cmp.Diff(readOracle(b.String(), math.MinInt64, math.MaxInt64), read(d, []byte(b.String()))); diff != "" {
			t.Fatalf("object %d: -want +got\n%s", object, diff)
		}
	}
}

// A field missing at the end of one line and one too many at the start of the next look whole together: they are not.
func TestShiftedLines(t *testing.T) {
	text := strings.TrimSpace(v2) + " region\n" + record("", "") + "x " + record("OK", "OK us-east-1")
	want := []string{"2:", "3:"}
	if got := read(newDecoder(t, flowlog.Options{SkipBad: true}), []byte(text)); !slices.Equal(got.Bad, want) {
		t.Errorf("got %+v, want bad lines %q", got, want)
	}
}

// More interfaces and addresses than the caches hold, and names that differ in one letter only.
func TestManyInterfaces(t *testing.T) {
	var b strings.Builder
	b.WriteString(v2)
	for i := range 24_000 {
		b.WriteString(strings.Replace(record("10.0.0.1", fmt.Sprintf("10.%d.%d.%d", i%7, i/200%256, i%200)), "eni-1", fmt.Sprintf("eni-%017x", i%6000*16), 1))
	}
	text := b.String()
	if diff := cmp.Diff(readOracle(text, math.MinInt64, math.MaxInt64), read(newDecoder(t, flowlog.Options{}), []byte(text))); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// A format without log-status does not say why a record is empty: it is taken for a gap.
func TestEmptyRecordWithoutStatus(t *testing.T) {
	text := "interface-id srcaddr dstaddr srcport dstport protocol action start end\neni-1 - - - - - - 1 2\n"
	got := read(newDecoder(t, flowlog.Options{}), []byte(text)).Counts
	if want := (flowlog.Counts{Records: 1, SkipData: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// Parsing allocates nothing per record; making batches some small things per batch.
func TestTextAllocations(t *testing.T) {
	w := writer{Rand: rand.New(rand.NewPCG(4, 1))}
	text := []byte(w.log(60_000, false))
	half := text[:bytes.IndexByte(text[len(text)/2:], '\n')+len(text)/2+1]
	d := newDecoder(t, flowlog.Options{})
	body := bytes.NewReader(nil)
	allocs := func(b []byte) float64 {
		return testing.AllocsPerRun(3, func() {
			body.Reset(b)
			if _, err := d.Decode(context.Background(), flowlog.Input{Name: "o", Body: body}, flowlog.Output{}); err != nil {
				t.Fatal(err)
			}
		})
	}
	if a, b := allocs(half), allocs(text); b > a {
		t.Errorf("30,000 records more allocate %v times", b-a)
	}
}

func FuzzText(f *testing.F) {
	w := writer{Rand: rand.New(rand.NewPCG(5, 1)), wrong: 0.01}
	for range 10 {
		f.Add([]byte(w.log(5, true)))
	}
	f.Add([]byte(v2 + record("", "")))
	f.Add([]byte("1672531200000 " + record("", "")))
	f.Add([]byte("x\n" + v2))
	d := newDecoder(f, flowlog.Options{SkipBad: true})
	f.Fuzz(func(t *testing.T, b []byte) {
		if bytes.HasPrefix(b, []byte{0x1f, 0x8b}) || bytes.HasPrefix(b, []byte("PAR1")) || bytes.HasPrefix(bytes.TrimLeft(b, " \t\r\n"), []byte("{")) {
			return // for other tests
		}
		want := readOracle(string(b), math.MinInt64, math.MaxInt64)
		refused := want.Err == flowlog.ErrMissingFields.Error()
		if refused {
			want.Counts = flowlog.Counts{} // the rest of the object is counted as lost
		}
		if want.Err == "not a VPC flow log" {
			want.Err = "no format"
		}
		check := func() {
			got := read(d, b)
			if refused {
				got.Counts = flowlog.Counts{}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		}
		check()
		flowlog.WithoutAssembly(check)
	})
}
