package flowlog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"

	"github.com/sgtrim/sgtrim/ingest/flowlog"
)

// result is what reading an object gives, in a form that can be compared.
type result struct {
	Rows   []string // the columns of a row, with spaces between; "-" is null
	Bad    []string // "line:field"
	Err    string   // class of the error that ended it
	Counts flowlog.Counts
}

// oracle reads flow-log text in the slow and obvious way.
type oracle struct {
	known        map[string]bool
	names        []string // of the format; nil before it is known
	header       bool     // the format was said by the file
	ifaces       map[string][4]string
	since, until int64
	result
}

var fieldName = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

func readOracle(text string, since, until int64) result {
	o := oracle{known: flowlog.KnownNames(), ifaces: map[string][4]string{}, since: since, until: until}
	for i, line := range strings.Split(text, "\n") {
		if !o.line(i+1, line) {
			break
		}
	}
	return o.result
}

func fields(line string) []string {
	return strings.FieldsFunc(line, func(r rune) bool { return r <= ' ' })
}

// line takes one line and is false when reading ends.
func (o *oracle) line(n int, line string) bool {
	tokens := fields(line)
	if o.names == nil {
		switch {
		case len(tokens) == 0:
			return true
		case o.isHeader(tokens):
			return o.setHeader(tokens)
		case stamp(tokens[0]) && o.isDefault(tokens[1:]), !stamp(tokens[0]) && o.isDefault(tokens): // no version looks like a stamp
			o.names = strings.Fields("version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status")
		default:
			o.Err = "no format"
			return false
		}
	}
	if strings.ContainsFunc(line, func(r rune) bool { return r < '\t' || r > '\r' && r < ' ' }) {
		return o.bad(n, "")
	}
	if len(tokens) == 0 {
		return true
	}
	if o.isHeader(tokens) {
		return o.setHeader(tokens)
	}
	if !o.header && len(tokens) == len(o.names)+1 && stamp(tokens[0]) {
		tokens = tokens[1:]
	}
	if len(tokens) != len(o.names) {
		return o.bad(n, "")
	}
	value := map[string]string{}
	for i, name := range o.names {
		value[name] = tokens[i]
	}
	return o.record(n, value)
}

func (o *oracle) isHeader(tokens []string) bool {
	known := 0
	for _, t := range tokens {
		if !fieldName.MatchString(t) {
			return false
		}
		if o.known[t] {
			known++
		}
	}
	return known > 1 && known*2 >= len(tokens)
}

func (o *oracle) setHeader(tokens []string) bool {
	seen := map[string]bool{}
	for _, t := range tokens {
		if strings.HasPrefix(t, "tgw-") {
			o.Err = class(flowlog.ErrTransitGateway)
			return false
		}
		if indexOf(flowlog.FieldNames(), t) >= 0 && seen[t] {
			o.Err = "twice"
			return false
		}
		seen[t] = true
	}
	for _, t := range strings.Fields("interface-id srcaddr dstaddr srcport dstport protocol action start end") {
		if !seen[t] {
			o.Err = class(flowlog.ErrMissingFields)
			return false
		}
	}
	o.names, o.header = tokens, true
	return true
}

func indexOf(list []string, s string) int {
	for i, x := range list {
		if x == s {
			return i
		}
	}
	return -1
}

func (o *oracle) isDefault(f []string) bool {
	if len(f) != 14 || indexOf([]string{"OK", "NODATA", "SKIPDATA"}, f[13]) < 0 {
		return false
	}
	return digits.MatchString(f[0]) && digits.MatchString(f[10]) && digits.MatchString(f[11])
}

var (
	digits  = regexp.MustCompile(`^[0-9]+$`)
	isoTime = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}T..:.*Z$`)
)

func stamp(t string) bool {
	return len(t) == 13 && digits.MatchString(t) || len(t) >= 20 && isoTime.MatchString(t)
}

func (o *oracle) bad(n int, field string) bool {
	o.Bad = append(o.Bad, fmt.Sprintf("%d:%s", n, field))
	o.Counts.Records++
	o.Counts.Bad++
	return true
}

// record takes the values of a record by name.
func (o *oracle) record(n int, value map[string]string) bool {
	cells, field := parseRecord(value)
	if field != "" {
		return o.bad(n, field)
	}
	o.Counts.Records++
	id := value["interface-id"]
	if _, ok := o.ifaces[id]; !ok {
		o.ifaces[id] = [4]string{name(id), name(value["account-id"]), name(value["vpc-id"]), name(value["subnet-id"])}
	}
	copy(cells, func() []string { a := o.ifaces[id]; return a[:] }())
	end, _ := strconv.ParseInt(cells[flowlog.ColEnd], 10, 64)
	if end < o.since || end >= o.until {
		o.Counts.Outside++
		return true
	}
	switch cells[flowlog.ColStatus] {
	case "0":
		o.Counts.OK++
	case "1":
		o.Counts.NoData++
	case "2":
		o.Counts.SkipData++
	}
	o.Rows = append(o.Rows, strings.Join(cells, " "))
	return true
}

func name(s string) string {
	if s == "-" || s == "unknown" {
		s = ""
	}
	return strconv.Quote(s)
}

// parseRecord gives the cells of a record, or the field that makes it a bad one: the first in the order of the columns
// whose value is wrong in itself, else the first that is wrong among the others.
func parseRecord(value map[string]string) (cells []string, badField string) {
	cells = make([]string, flowlog.NumColumns)
	for c, field := range flowlog.FieldNames() {
		v, has := value[field]
		if !has {
			v = "-"
		}
		if c <= flowlog.ColSubnet {
			continue
		}
		text, ok := parseCell(c, v)
		if c == flowlog.ColStatus && !has {
			text, ok = "0", true
		}
		if !ok {
			return nil, field
		}
		cells[c] = text
	}
	empty := cells[flowlog.ColSrcAddr] == "-" && cells[flowlog.ColDstAddr] == "-" && cells[flowlog.ColProtocol] == "-" && cells[flowlog.ColAction] == "0"
	if _, has := value["log-status"]; !has && empty {
		cells[flowlog.ColStatus] = "2"
	}
	if cells[flowlog.ColStatus] == "0" {
		for _, c := range []int{flowlog.ColSrcAddr, flowlog.ColDstAddr, flowlog.ColProtocol, flowlog.ColAction} {
			if cells[c] == "-" || c == flowlog.ColAction && cells[c] == "0" {
				return nil, flowlog.FieldNames()[c]
			}
		}
	}
	start, _ := strconv.ParseInt(cells[flowlog.ColStart], 10, 64)
	end, _ := strconv.ParseInt(cells[flowlog.ColEnd], 10, 64)
	if start > end {
		return nil, "start"
	}
	return cells, ""
}

func parseCell(column int, v string) (string, bool) {
	number := func(most uint64) (string, bool) {
		if v == "-" {
			return "-", true
		}
		n, err := strconv.ParseUint(v, 10, 64)
		return strconv.FormatUint(n, 10), err == nil && n <= most
	}
	word := func(words ...string) (string, bool) {
		i := indexOf(words, v)
		return strconv.Itoa(i), i >= 0
	}
	switch column {
	case flowlog.ColSrcPort, flowlog.ColDstPort:
		return number(65535)
	case flowlog.ColProtocol, flowlog.ColTCPFlags:
		return number(255)
	case flowlog.ColPackets, flowlog.ColBytes:
		return number(1<<63 - 1)
	case flowlog.ColStart, flowlog.ColEnd:
		n, err := strconv.ParseUint(v, 10, 64)
		if n > 2147483647 {
			n /= 1000
		}
		return strconv.FormatUint(n, 10), err == nil && n <= 2147483647
	case flowlog.ColAction:
		return word("-", "ACCEPT", "REJECT")
	case flowlog.ColStatus:
		return word("OK", "NODATA", "SKIPDATA")
	case flowlog.ColDirection:
		return word("-", "ingress", "egress")
	}
	if v == "-" {
		return "-", true
	}
	ip, err := netip.ParseAddr(v)
	if err != nil || ip.Zone() != "" {
		return "", false
	}
	return fmt.Sprintf("%x", ip.As16()), true
}

// class is the kind of an error.
func class(err error) string {
	for _, e := range []error{flowlog.ErrTransitGateway, flowlog.ErrMissingFields} {
		if errors.Is(err, e) {
			return e.Error()
		}
	}
	if errors.Is(err, flowlog.ErrNotFlowLog) || errors.Is(err, flowlog.ErrNoHeader) {
		return "no format"
	}
	if err != nil && strings.Contains(err.Error(), "named twice") {
		return "twice"
	}
	return fmt.Sprint(err)
}

// read decodes an object for real.
func read(d *flowlog.Decoder, body []byte) result {
	return readInput(d, flowlog.Input{Name: "object", Body: bytes.NewReader(body)})
}

func readInput(d *flowlog.Decoder, in flowlog.Input) result {
	var r result
	counts, err := d.Decode(context.Background(), in, flowlog.Output{
		Batch: func(rec arrow.Record) error {
			if rec.NumRows() == 0 || rec.NumRows() > 16384 {
				return fmt.Errorf("a batch of %d rows", rec.NumRows())
			}
			if !rec.Schema().Equal(flowlog.Schema) {
				return errors.New("another schema")
			}
			r.Rows = append(r.Rows, rowsOf(rec)...)
			return nil
		},
		Bad: func(e *flowlog.RecordError) error {
			if e.Object != "object" {
				return fmt.Errorf("object %q", e.Object)
			}
			r.Bad = append(r.Bad, fmt.Sprintf("%d:%s", e.Line, e.Field))
			return nil
		},
	})
	if err != nil {
		r.Err = class(err)
	}
	r.Counts = counts
	return r
}

func rowsOf(rec arrow.Record) []string {
	out := make([]string, rec.NumRows())
	for r := range out {
		cells := make([]string, rec.NumCols())
		for c := range cells {
			cells[c] = cell(rec.Column(c), r)
		}
		out[r] = strings.Join(cells, " ")
	}
	return out
}

func cell(a arrow.Array, r int) string {
	if a.IsNull(r) {
		return "-"
	}
	switch a := a.(type) {
	case *array.Dictionary:
		switch values := a.Dictionary().(type) {
		case *array.String:
			return strconv.Quote(values.Value(a.GetValueIndex(r)))
		case *array.FixedSizeBinary:
			return fmt.Sprintf("%x", values.Value(a.GetValueIndex(r)))
		}
	}
	return a.ValueStr(r)
}
