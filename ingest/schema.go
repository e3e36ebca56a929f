package ingest

import "github.com/sgtrim/sgtrim/ingest/flowlog"

// Schema is the schema of every batch; package flowlog says what each column holds.
var Schema = flowlog.Schema

// Columns of a batch, in this order.
const (
	ColInterface  = flowlog.ColInterface
	ColAccount    = flowlog.ColAccount
	ColVPC        = flowlog.ColVPC
	ColSubnet     = flowlog.ColSubnet
	ColSrcAddr    = flowlog.ColSrcAddr
	ColDstAddr    = flowlog.ColDstAddr
	ColPktSrcAddr = flowlog.ColPktSrcAddr
	ColPktDstAddr = flowlog.ColPktDstAddr
	ColSrcPort    = flowlog.ColSrcPort
	ColDstPort    = flowlog.ColDstPort
	ColProtocol   = flowlog.ColProtocol
	ColPackets    = flowlog.ColPackets
	ColBytes      = flowlog.ColBytes
	ColStart      = flowlog.ColStart
	ColEnd        = flowlog.ColEnd
	ColAction     = flowlog.ColAction
	ColStatus     = flowlog.ColStatus
	ColTCPFlags   = flowlog.ColTCPFlags
	ColDirection  = flowlog.ColDirection
	NumColumns    = flowlog.NumColumns
)

// Status is the log-status of a record.
type Status = flowlog.Status

// Statuses of a record.
const (
	StatusOK       = flowlog.StatusOK
	StatusNoData   = flowlog.StatusNoData
	StatusSkipData = flowlog.StatusSkipData
)

// RecordError is a bad record: where it stands and why it cannot be read.
type RecordError = flowlog.RecordError

// Causes that callers tell apart with errors.Is.
var (
	ErrTransitGateway = flowlog.ErrTransitGateway
	ErrNotFlowLog     = flowlog.ErrNotFlowLog
	ErrNoHeader       = flowlog.ErrNoHeader
	ErrMissingFields  = flowlog.ErrMissingFields
)
