// Package flowlog reads one flow-log object, text or Parquet, into Arrow record batches of one fixed schema.
//
// A Decoder belongs to one worker and keeps that worker's buffers and caches. Batches are laid over those buffers: each is
// valid until the function it is handed to returns. Package ingest names the schema and the errors again for its users.
package flowlog

import (
	"github.com/apache/arrow/go/v15/arrow"
)

// Columns of a batch, in this order. All types are fixed; one place (ledger's sink) asserts them.
//
// The four id columns share one index buffer: an interface's account, VPC and subnet are those of the first record of the
// object that names it (they are attributes of the interface, not of the record). An empty string is an unknown one; the
// interface of a record of a regional NAT gateway is unknown. Within an object the dictionaries only grow: an index keeps
// its meaning from batch to batch, and loses it at the next object.
//
// The four address columns share one dictionary, in which no address stands twice, nor need each be used: some may be of
// objects before. Within an object the dictionary of addresses only grows: an index keeps its meaning from batch to batch, and
// may lose it at the next object. Beyond addressesMost entries it is begun anew, before a batch: memory is bounded whatever the
// addresses. Within an object a dictionary begun anew is shorter than that of the batch handed on before.
const (
	ColInterface = iota // dictionary<int32, utf8>
	ColAccount          // dictionary<int32, utf8>, indexes shared with ColInterface
	ColVPC              // dictionary<int32, utf8>, indexes shared with ColInterface
	ColSubnet           // dictionary<int32, utf8>, indexes shared with ColInterface
	ColSrcAddr          // dictionary<int32, fixed_size_binary[16]>, IPv4 as ::ffff:a.b.c.d; null for "-", with index 0
	ColDstAddr
	ColPktSrcAddr // null when the format has no pkt-srcaddr, or "-"
	ColPktDstAddr
	ColSrcPort   // uint16; null for "-"
	ColDstPort   // uint16
	ColProtocol  // uint8
	ColPackets   // int64
	ColBytes     // int64; null for BPA rejects
	ColStart     // int64, unix seconds
	ColEnd       // int64, unix seconds
	ColAction    // uint8: analyze.Action
	ColStatus    // uint8: Status
	ColTCPFlags  // uint8; null when absent or "-"
	ColDirection // uint8: analyze.Direction, DirectionUnknown when absent
	NumColumns
)

// Status is the log-status of a record.
type Status uint8

const (
	StatusOK Status = iota // also when the format has no log-status
	StatusNoData
	StatusSkipData
)

var idType = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}
var addrType = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: &arrow.FixedSizeBinaryType{ByteWidth: 16}}

// Schema is the schema of every batch.
var Schema = arrow.NewSchema([]arrow.Field{
	ColInterface:  {Name: "interface_id", Type: idType},
	ColAccount:    {Name: "account_id", Type: idType},
	ColVPC:        {Name: "vpc_id", Type: idType},
	ColSubnet:     {Name: "subnet_id", Type: idType},
	ColSrcAddr:    {Name: "srcaddr", Type: addrType, Nullable: true},
	ColDstAddr:    {Name: "dstaddr", Type: addrType, Nullable: true},
	ColPktSrcAddr: {Name: "pkt_srcaddr", Type: addrType, Nullable: true},
	ColPktDstAddr: {Name: "pkt_dstaddr", Type: addrType, Nullable: true},
	ColSrcPort:    {Name: "srcport", Type: arrow.PrimitiveTypes.Uint16, Nullable: true},
	ColDstPort:    {Name: "dstport", Type: arrow.PrimitiveTypes.Uint16, Nullable: true},
	ColProtocol:   {Name: "protocol", Type: arrow.PrimitiveTypes.Uint8, Nullable: true},
	ColPackets:    {Name: "packets", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	ColBytes:      {Name: "bytes", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	ColStart:      {Name: "start", Type: arrow.PrimitiveTypes.Int64},
	ColEnd:        {Name: "end", Type: arrow.PrimitiveTypes.Int64},
	ColAction:     {Name: "action", Type: arrow.PrimitiveTypes.Uint8},
	ColStatus:     {Name: "log_status", Type: arrow.PrimitiveTypes.Uint8},
	ColTCPFlags:   {Name: "tcp_flags", Type: arrow.PrimitiveTypes.Uint8, Nullable: true},
	ColDirection:  {Name: "flow_direction", Type: arrow.PrimitiveTypes.Uint8},
}, nil)
