package flowlog

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// fieldNames are AWS's names of the columns of a batch, by column.
var fieldNames = [NumColumns]string{
	ColInterface: "interface-id", ColAccount: "account-id", ColVPC: "vpc-id", ColSubnet: "subnet-id",
	ColSrcAddr: "srcaddr", ColDstAddr: "dstaddr", ColPktSrcAddr: "pkt-srcaddr", ColPktDstAddr: "pkt-dstaddr",
	ColSrcPort: "srcport", ColDstPort: "dstport", ColProtocol: "protocol", ColPackets: "packets", ColBytes: "bytes",
	ColStart: "start", ColEnd: "end", ColAction: "action", ColStatus: "log-status", ColTCPFlags: "tcp-flags",
	ColDirection: "flow-direction",
}

// required columns: a format without one of them cannot be read (design §4.1).
var required = []int{
	ColInterface, ColSrcAddr, ColDstAddr, ColSrcPort, ColDstPort, ColProtocol, ColAction, ColStart, ColEnd,
}

// otherNames are field names that are known but not read: versions 2 to 11 of VPC flow logs and 6 of transit gateways
// (aws-facts §1.2, §3.2). They only serve to tell a header line from a record.
var otherNames = strings.Fields(`
	version instance-id type region az-id sublocation-type sublocation-id pkt-src-aws-service pkt-dst-aws-service
	traffic-path ecs-cluster-arn ecs-cluster-name ecs-container-instance-arn ecs-container-instance-id ecs-container-id
	ecs-second-container-id ecs-service-name ecs-task-definition-arn ecs-task-arn ecs-task-id reject-reason resource-id
	encryption-status instance-tag instance-tag-2 interface-tag interface-tag-2 asg-tag asg-tag-2 interface-type
	next-hop-interface-id next-hop-subnet-id next-hop-az-id next-hop-vpc-id next-hop-interface-type
	resource-type tgw-id tgw-attachment-id tgw-src-vpc-account-id tgw-dst-vpc-account-id tgw-src-vpc-id tgw-dst-vpc-id
	tgw-src-subnet-id tgw-dst-subnet-id tgw-src-eni tgw-dst-eni tgw-src-az-id tgw-dst-az-id tgw-pair-attachment-id
	packets-lost-no-route packets-lost-blackhole packets-lost-mtu-exceeded packets-lost-ttl-expired`)

// defaultFields is the default (version 2) format, what a file without header and with 14 fields a line is taken for.
const defaultFields = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"

// columnOf maps every known name to its column, -1 for those that are not read.
var columnOf = func() map[string]int {
	m := make(map[string]int, len(otherNames)+NumColumns)
	for _, name := range otherNames {
		m[name] = -1
	}
	for c, name := range fieldNames {
		m[name] = c
	}
	return m
}()

// recordFormat says where the columns stand in a line.
type recordFormat struct {
	fields int             // tokens a line has
	at     [NumColumns]int // position of each column, -1 when the format lacks it
	// stamped: each line may start with the time that a CloudWatch Logs export puts before the message (aws-facts §3.3).
	// It is not counted in fields and at.
	stamped bool
	header  bool // the file says its format; else it was assumed or given
}

func (f *recordFormat) has(column int) bool { return f.at[column] >= 0 }

// isHeader reports whether the tokens of a line are field names. No record passes: each holds a number or an address,
// and names start with a letter. Unknown names may stand among known ones, as AWS adds fields.
func isHeader(tokens [][]byte) bool {
	known := 0
	for _, t := range tokens {
		if !isName(t) {
			return false
		}
		if _, ok := columnOf[string(t)]; ok {
			known++
		}
	}
	return known > 1 && known*2 >= len(tokens)
}

func isName(t []byte) bool {
	for i, c := range t {
		letter := c >= 'a' && c <= 'z'
		if !letter && (i == 0 || c != '-' && (c < '0' || c > '9')) {
			return false
		}
	}
	return len(t) > 0
}

// newFormat resolves the names of a format. It refuses formats that cannot be read.
func newFormat(names []string) (*recordFormat, error) {
	f := &recordFormat{fields: len(names)}
	for c := range f.at {
		f.at[c] = -1
	}
	for i, name := range names {
		if strings.HasPrefix(name, "tgw-") {
			return nil, ErrTransitGateway
		}
		c, ok := columnOf[name]
		if !ok || c < 0 {
			continue
		}
		if f.at[c] >= 0 {
			return nil, &RecordError{Field: name, Err: errors.New("named twice")}
		}
		f.at[c] = i
	}
	return f, f.complete()
}

// complete refuses a format that lacks required columns, and names them.
func (f *recordFormat) complete() error {
	var missing []string
	for _, c := range required {
		if !f.has(c) {
			missing = append(missing, fieldNames[c])
		}
	}
	if missing != nil {
		return fmt.Errorf("%w: %s", ErrMissingFields, strings.Join(missing, ", "))
	}
	return nil
}

func headerFormat(tokens [][]byte) (*recordFormat, error) {
	names := make([]string, len(tokens))
	for i, t := range tokens {
		names[i] = string(t)
	}
	f, err := newFormat(names)
	if err == nil {
		f.header = true
	}
	return f, err
}

// ParseLogFields reads the field names of a format without header, "${version} ${account-id} …" as DescribeFlowLogs gives
// them or plain names. Unknown names are ignored, as those of a header line are.
func ParseLogFields(s string) ([]string, error) {
	names := strings.Fields(s)
	for i, name := range names {
		if inner, ok := strings.CutPrefix(name, "${"); ok {
			name, ok = strings.CutSuffix(inner, "}")
			if !ok {
				return nil, fmt.Errorf("log fields: %q: want ${name} or name", names[i])
			}
		}
		if !isName([]byte(name)) {
			return nil, fmt.Errorf("log fields: %q is no field name", names[i])
		}
		names[i] = name
	}
	if len(names) == 0 {
		return nil, errors.New("log fields: no names")
	}
	if _, err := newFormat(names); err != nil {
		return nil, fmt.Errorf("log fields: %w", err)
	}
	return names, nil
}

// guessFormat tells the format of a file whose first line is no header: the names given by the user, or the default
// format when the line fits it.
func guessFormat(first [][]byte, given []string) (*recordFormat, error) {
	rest := first
	stamped := len(first) > 1 && isStamp(first[0])
	if stamped {
		rest = first[1:]
	}
	if given != nil {
		f, err := newFormat(given)
		if err != nil {
			return nil, err
		}
		f.stamped = stamped && len(first) == f.fields+1
		return f, nil
	}
	if looksDefault(rest) {
		f, err := newFormat(strings.Fields(defaultFields))
		if err != nil {
			return nil, err
		}
		f.stamped = stamped
		return f, nil
	}
	if looksLikeRecord(rest) {
		return nil, ErrNoHeader
	}
	return nil, ErrNotFlowLog
}

var (
	statusWords = [][]byte{[]byte("OK"), []byte("NODATA"), []byte("SKIPDATA")}
	actionWords = [][]byte{[]byte("ACCEPT"), []byte("REJECT")}
)

func oneOf(t []byte, words [][]byte) bool {
	for _, w := range words {
		if bytes.Equal(t, w) {
			return true
		}
	}
	return false
}

// looksDefault reports whether a line can be one of the default format: 14 fields, of them a version, an interval, and a
// status.
func looksDefault(tokens [][]byte) bool {
	return len(tokens) == 14 && allDigits(tokens[0]) && allDigits(tokens[10]) && allDigits(tokens[11]) &&
		oneOf(tokens[13], statusWords)
}

// looksLikeRecord reports whether a line is a flow record of an unknown format: it has a verdict or status, or an
// interface.
func looksLikeRecord(tokens [][]byte) bool {
	if len(tokens) < 4 {
		return false
	}
	addrs := 0
	for _, t := range tokens {
		if oneOf(t, actionWords) || oneOf(t, statusWords[1:]) || bytes.HasPrefix(t, []byte("eni-")) {
			return true
		}
		if _, err := parseAddr(t); err == nil {
			addrs++
		}
	}
	return addrs >= 2
}

// isStamp reports whether a token is the time before an exported log event: ISO 8601 or milliseconds since 1970.
func isStamp(t []byte) bool {
	if len(t) == 13 && allDigits(t) {
		return true
	}
	return len(t) >= 20 && t[4] == '-' && t[7] == '-' && t[10] == 'T' && t[13] == ':' && t[len(t)-1] == 'Z' &&
		allDigits(t[:4]) && allDigits(t[5:7]) && allDigits(t[8:10])
}

func allDigits(t []byte) bool {
	for _, c := range t {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(t) > 0
}
