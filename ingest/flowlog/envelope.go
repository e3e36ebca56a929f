package flowlog

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxEnvelope bounds one JSON value: Firehose takes records up to 1 MB, a subscription batches less than that.
const maxEnvelope = 32 << 20

var errEnvelopeSize = fmt.Errorf("a value larger than %d MiB", maxEnvelope>>20)

// envelope is one JSON value around log lines (aws-facts §3.4): a record of Firehose, with the line in message, or a batch of a
// CloudWatch Logs subscription, with a line in each of logEvents.
type envelope struct {
	MessageType string     `json:"messageType"`
	Message     *string    `json:"message"`
	LogEvents   []logEvent `json:"logEvents"`
}

type logEvent struct {
	Message *string `json:"message"`
}

// envelopes reads JSON values, one after another with or without newlines between them, as the lines they hold. A line of what
// it gives is one log event; so line numbers count events.
type envelopes struct {
	in    boundedReader
	dec   *json.Decoder
	lines []byte // of the last value, not yet read
	any   bool   // a value has been read
}

func newEnvelopes(r io.Reader) *envelopes {
	e := &envelopes{in: boundedReader{r: r}}
	e.dec = json.NewDecoder(&e.in)
	return e
}

func (e *envelopes) Read(p []byte) (int, error) {
	for len(e.lines) == 0 {
		if err := e.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, e.lines)
	e.lines = e.lines[n:]
	return n, nil
}

// next reads one value. It is io.EOF after the last.
func (e *envelopes) next() error {
	e.in.left = maxEnvelope
	var v envelope
	if err := e.dec.Decode(&v); err != nil {
		var syntax *json.SyntaxError
		var kind *json.UnmarshalTypeError
		switch {
		case err == io.EOF:
			return err
		case !e.any && (errors.As(err, &syntax) || errors.As(err, &kind) || errors.Is(err, errEnvelopeSize)):
			return fmt.Errorf("%w: JSON, but no envelope of CloudWatch Logs or Firehose", ErrNotFlowLog)
		}
		return fmt.Errorf("JSON after this event: %w", err)
	}
	var messages []*string
	switch {
	case v.MessageType == "CONTROL_MESSAGE": // a test of the subscription, its message is none of a flow log
	case v.LogEvents != nil:
		for _, event := range v.LogEvents {
			messages = append(messages, event.Message)
		}
	case v.Message != nil:
		messages = append(messages, v.Message)
	case !e.any:
		return fmt.Errorf("%w: JSON without message and logEvents", ErrNotFlowLog)
	default:
		return errors.New("JSON after this event has neither message nor logEvents")
	}
	e.any = true
	e.lines = e.lines[:0]
	for _, m := range messages {
		if m == nil {
			return errors.New("a log event after this one has no message")
		}
		line := strings.TrimRight(*m, "\r\n")
		if strings.ContainsAny(line, "\r\n") {
			return errors.New("the message of a log event after this one has several lines")
		}
		e.lines = append(append(e.lines, line...), '\n')
	}
	return nil
}

// boundedReader fails when a value goes on and on, which would be held in memory.
type boundedReader struct {
	r    io.Reader
	left int
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errEnvelopeSize
	}
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
