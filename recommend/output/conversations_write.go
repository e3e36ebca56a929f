package output

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"reflect"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
)

// Write writes the conversations in one of ConversationFormats, row by row: equal conversations give equal bytes.
func (c *Conversations) Write(w io.Writer, format string) error {
	var err error
	switch format {
	case "parquet":
		err = c.writeParquet(w)
	case "csv":
		err = c.writeCSV(w)
	case "jsonl":
		err = c.writeJSONL(w)
	default:
		err = fmt.Errorf("format %q is unknown", format)
	}
	if err != nil {
		return fmt.Errorf("write conversations: %w", err)
	}
	return nil
}

// exportGroupRows bounds what is held of a Parquet file in the making.
const exportGroupRows = 1 << 17

func (c *Conversations) writeParquet(w io.Writer) error {
	out := parquet.NewGenericWriter[conversationRow](w, parquet.CreatedBy("sgtrim", "export-1", "0"),
		parquet.Compression(&zstd.Codec{Level: zstd.SpeedFastest, Concurrency: 1}), parquet.MaxRowsPerRowGroup(exportGroupRows))
	batch := make([]conversationRow, 0, 1024)
	for row, err := range c.rows() {
		if err != nil {
			return err
		}
		if batch = append(batch, row); len(batch) < cap(batch) {
			continue
		}
		if _, err := out.Write(batch); err != nil {
			return err
		}
		batch = batch[:0]
	}
	if _, err := out.Write(batch); err != nil {
		return err
	}
	return out.Close()
}

// writeCSV writes a header and the rows; times are RFC 3339. No cell is taken for a formula by a spreadsheet.
func (c *Conversations) writeCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	t := reflect.TypeFor[conversationRow]()
	cells := make([]string, t.NumField())
	for i := range cells {
		cells[i] = t.Field(i).Tag.Get("json")
	}
	if err := out.Write(cells); err != nil {
		return err
	}
	for row, err := range c.rows() {
		if err != nil {
			return err
		}
		row.cells(cells)
		if err := out.Write(cells); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// cells are the row's values in the order of its fields.
func (r *conversationRow) cells(to []string) {
	values := []any{r.Day, r.Account, r.Region, r.VPC, r.Interface, r.Direction, r.Peer, r.Protocol, r.Port, r.Action, r.Strength,
		r.Orientation, r.Flows, r.Packets, r.Bytes, r.Hours, timeCell(r.First), timeCell(r.Last)}
	for i, v := range values {
		to[i] = csvCell(fmt.Sprint(v))
	}
}

func (c *Conversations) writeJSONL(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for row, err := range c.rows() {
		if err != nil {
			return err
		}
		if err := enc.Encode(row); err != nil {
			return err
		}
	}
	return nil
}
