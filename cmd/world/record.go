package world

import (
	"net/netip"
	"strconv"
)

// Status is the log-status of a record.
type Status uint8

const (
	OK Status = iota
	NoData
	SkipData
)

func (s Status) String() string { return [...]string{"OK", "NODATA", "SKIPDATA"}[s] }

// Opener is the truth about a record: which end opened the connection (of a ping: who asked). Logs do not hold it.
type Opener uint8

const (
	OpenedByNobody Opener = iota // rows without traffic
	OpenedBySource
	OpenedByDestination
)

// Record is one flow-log record, with the truth beside it.
type Record struct {
	Log              *FlowLog
	Interface        *Interface
	Status           Status
	Egress           bool // flow-direction
	Reject           bool
	Protocol         uint8
	Flags            uint8 // tcp-flags
	Path             uint8 // traffic-path; 0 is "-"
	Opener           Opener
	SrcPort, DstPort uint16
	Src, Dst         netip.Addr // srcaddr, dstaddr
	PktSrc, PktDst   netip.Addr
	Packets, Bytes   int64
	Start, End       int64
	SrcService       string // pkt-src-aws-service; "" is "-"
	DstService       string
	Scenario         string
}

// V2Fields is the default format; V5Fields are all fields of versions 2 to 5, in the order of AWS's table [F 1.2].
var (
	V2Fields = []string{"version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets",
		"bytes", "start", "end", "action", "log-status"}
	V5Fields = append(V2Fields[:len(V2Fields):len(V2Fields)], "vpc-id", "subnet-id", "instance-id", "tcp-flags", "type", "pkt-srcaddr",
		"pkt-dstaddr", "region", "az-id", "sublocation-type", "sublocation-id", "pkt-src-aws-service", "pkt-dst-aws-service",
		"flow-direction", "traffic-path")
)

// column is one field of a format.
type column uint8

const (
	colVersion column = iota
	colAccount
	colInterface
	colSrc
	colDst
	colSrcPort
	colDstPort
	colProtocol
	colPackets
	colBytes
	colStart
	colEnd
	colAction
	colStatus
	colVPC
	colSubnet
	colInstance
	colFlags
	colType
	colPktSrc
	colPktDst
	colRegion
	colAZ
	colSublocationType
	colSublocation
	colSrcService
	colDstService
	colDirection
	colPath // the last: kinds ends here
)

// columnByName follows V5Fields, whose order is that of the constants.
var columnByName = func() map[string]column {
	m := map[string]column{}
	for i, f := range V5Fields {
		m[f] = column(i)
	}
	return m
}()

// fieldVersion is the format version a column came with [F 1.2].
func fieldVersion(c column) int {
	switch {
	case c <= colStatus:
		return 2
	case c <= colPktDst:
		return 3
	case c <= colSublocation:
		return 4
	}
	return 5
}

// layout is a chosen format.
type layout struct {
	w       *World
	columns []column
	version int // the highest of the chosen fields' [F 1.1]
}

func (w *World) layout() layout {
	l := layout{w: w, version: 2}
	for _, f := range w.Fields {
		c := columnByName[f]
		l.columns = append(l.columns, c)
		l.version = max(l.version, fieldVersion(c))
	}
	return l
}

// appendText appends the record as a line of text.
func (l *layout) appendText(b []byte, r *Record) []byte {
	for i, c := range l.columns {
		if i > 0 {
			b = append(b, ' ')
		}
		b = l.appendField(b, r, c)
	}
	return append(b, '\n')
}

func (l *layout) appendField(b []byte, r *Record, c column) []byte {
	switch kinds[c] {
	case number32, number64:
		if n, ok := l.number(r, c); ok {
			return strconv.AppendUint(b, uint64(n), 10)
		}
	case address:
		if a := r.addr(c); a.IsValid() {
			return appendAddr(b, a)
		}
	default:
		if s := l.text(r, c); s != "" {
			return append(b, s...)
		}
	}
	return append(b, '-')
}

// kind is the type of a column, as Parquet has it; addresses are strings there.
type kind uint8

const (
	words kind = iota
	address
	number32
	number64
)

var kinds = [...]kind{
	colVersion: number32, colSrcPort: number32, colDstPort: number32, colProtocol: number32, colFlags: number32, colPath: number32,
	colPackets: number64, colBytes: number64, colStart: number64, colEnd: number64,
	colSrc: address, colDst: address, colPktSrc: address, colPktDst: address,
}

// octets are the numbers 0 to 255 as text.
var octets = func() (t [256]string) {
	for i := range t {
		t[i] = strconv.Itoa(i)
	}
	return t
}()

func appendAddr(b []byte, a netip.Addr) []byte {
	if !a.Is4() {
		return a.AppendTo(b)
	}
	q := a.As4()
	b = append(b, octets[q[0]]...)
	b = append(append(b, '.'), octets[q[1]]...)
	b = append(append(b, '.'), octets[q[2]]...)
	return append(append(b, '.'), octets[q[3]]...)
}

// number is the value of an integer column; false where it is "-" or no integer.
func (l *layout) number(r *Record, c column) (int64, bool) {
	ok := r.Status == OK
	switch c {
	case colVersion:
		return int64(l.version), true
	case colStart:
		return r.Start, true
	case colEnd:
		return r.End, true
	case colSrcPort:
		return int64(r.SrcPort), ok
	case colDstPort:
		return int64(r.DstPort), ok
	case colProtocol:
		return int64(r.Protocol), ok
	case colPackets:
		return r.Packets, ok
	case colBytes:
		return r.Bytes, ok
	case colFlags:
		return int64(r.Flags), ok
	case colPath:
		return int64(r.Path), ok && r.Path > 0
	}
	return 0, false
}

// addr is the value of an address column; rows without traffic have none.
func (r *Record) addr(c column) netip.Addr {
	switch c {
	case colSrc:
		return r.Src
	case colDst:
		return r.Dst
	case colPktSrc:
		return r.PktSrc
	case colPktDst:
		return r.PktDst
	}
	return netip.Addr{}
}

// text is the value of a text column, "" for "-".
func (l *layout) text(r *Record, c column) string {
	switch c {
	case colAccount:
		return l.w.Account
	case colInterface:
		return r.Interface.ID
	case colStatus:
		return r.Status.String()
	case colVPC:
		return r.Interface.VPC().ID
	case colSubnet:
		return r.Interface.Subnet.ID
	case colInstance:
		return r.Interface.InstanceID
	case colRegion:
		return l.w.Region
	case colAZ:
		return r.Interface.Subnet.AZID
	}
	if r.Status != OK {
		return ""
	}
	return trafficText(r, c)
}

func trafficText(r *Record, c column) string {
	switch c {
	case colAction:
		if r.Reject {
			return "REJECT"
		}
		return "ACCEPT"
	case colType:
		if r.Src.Is6() {
			return "IPv6"
		}
		return "IPv4"
	case colSrcService:
		return r.SrcService
	case colDstService:
		return r.DstService
	case colDirection:
		return Rule{Egress: r.Egress}.Direction()
	}
	return ""
}
