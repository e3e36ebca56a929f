package flowlog_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/ingest/flowlog"
)

// wrapped puts lines into JSON as CloudWatch Logs and Firehose do, by chance the one or the other, with and without newlines.
func wrapped(t testing.TB, r *rand.Rand, lines []string) string {
	t.Helper()
	var b strings.Builder
	put := func(v any) {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(text)
		if r.IntN(2) == 0 {
			b.WriteString("\n")
		}
	}
	for len(lines) > 0 {
		switch r.IntN(4) {
		case 0:
			put(map[string]any{"messageType": "CONTROL_MESSAGE", "logEvents": []any{map[string]any{"message": "CWL CONTROL MESSAGE: Checking health"}}})
		case 1:
			put(map[string]any{"message": lines[0] + "\n"})
			lines = lines[1:]
		default:
			events := []any{}
			for range r.IntN(len(lines) + 1) {
				events = append(events, map[string]any{"id": "1", "timestamp": 1, "message": lines[0]})
				lines = lines[1:]
			}
			put(map[string]any{"messageType": "DATA_MESSAGE", "logGroup": "g", "logStream": "eni-1-all", "logEvents": events})
		}
	}
	return b.String()
}

// What is wrapped reads as the bare lines do: the same rows, counts and bad lines.
func TestEnvelopesReadAsTheirLines(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 3))
		w := writer{Rand: r, wrong: 0.01}
		text := strings.TrimSuffix(w.log(1+r.IntN(400), false), "\n")
		d := newDecoder(t, flowlog.Options{SkipBad: true})
		want := read(d, []byte(text))
		in := []byte(wrapped(t, r, strings.Split(text, "\n")))
		for range r.IntN(3) { // a subscription's batches are compressed, Firehose may compress again
			in = zip(t, string(in))
		}
		if diff := cmp.Diff(want, read(d, in)); diff != "" {
			t.Fatalf("seed %d: -bare +wrapped\n%s", seed, diff)
		}
	}
}

// Firehose writes one gzip member after the other.
func TestEnvelopesInSeveralMembers(t *testing.T) {
	line := strings.TrimSuffix(record("", ""), "\n")
	one := fmt.Sprintf(`{"messageType":"DATA_MESSAGE","logEvents":[{"message":%q}]}`, line)
	d := newDecoder(t, flowlog.Options{})
	got := read(d, append(zip(t, one), zip(t, one)...))
	if got.Err != "" || got.Counts.OK != 2 {
		t.Errorf("got %+v", got)
	}
}

func TestBadEnvelopes(t *testing.T) {
	good := fmt.Sprintf(`{"message":%q}`, strings.TrimSuffix(record("", ""), "\n"))
	for name, c := range map[string]struct{ in, err string }{
		"other JSON":     {`{"SecurityGroups":[]}`, "not a VPC flow log: JSON without message and logEvents"},
		"not JSON":       {`{braces} of something`, "not a VPC flow log: JSON, but no envelope"},
		"other message":  {`{"message":{"level":"info"}}`, "not a VPC flow log: JSON, but no envelope"},
		"a log line":     {`{"message":"GET / HTTP/1.1"}`, "not a VPC flow log"},
		"endless":        {`{"x":"` + strings.Repeat("a", 33<<20) + `"}`, "not a VPC flow log: JSON, but no envelope"},
		"cut off":        {good + `{"mess`, "x:1: JSON after this event: unexpected EOF"},
		"changes":        {good + `{"level":"info"}`, "x:1: JSON after this event has neither message nor logEvents"},
		"several lines":  {good + `{"message":"a\nb"}`, "x:1: the message of a log event after this one has several lines"},
		"empty event":    {good + `{"logEvents":[{"id":"1"}]}`, "x:1: a log event after this one has no message"},
		"endless, later": {good + `{"x":"` + strings.Repeat("a", 66<<20) + `"}`, "x:1: JSON after this event: a value larger than 32 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newDecoder(t, flowlog.Options{}).Decode(t.Context(), flowlog.Input{Name: "x", Body: strings.NewReader(c.in)}, flowlog.Output{})
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("got %v, want %s", err, c.err)
			}
		})
	}
}

// Whatever JSON comes, the counts add up and nothing crashes; what is good before a fault has been read.
func FuzzEnvelopes(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 4))
	w := writer{Rand: r, wrong: 0.05}
	for range 5 {
		f.Add([]byte(wrapped(f, r, strings.Split(strings.TrimSuffix(w.log(5, false), "\n"), "\n"))))
	}
	f.Add([]byte(`{"message":"a"}{"logEvents":[{}]}`))
	d := newDecoder(f, flowlog.Options{SkipBad: true})
	f.Fuzz(func(t *testing.T, b []byte) {
		if !bytes.HasPrefix(b, []byte("{")) {
			return
		}
		got := read(d, b)
		if c := got.Counts; c.Records != c.OK+c.NoData+c.SkipData+c.Outside+c.Bad {
			t.Errorf("counts do not add up: %+v", c)
		}
		if again := read(d, b); cmp.Diff(got, again) != "" {
			t.Errorf("read again: %s", cmp.Diff(got, again))
		}
	})
}
