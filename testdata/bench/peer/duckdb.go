package main

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	_ "github.com/duckdb/duckdb-go/v2" // the driver "duckdb"

	"github.com/klauspost/compress/gzip"
)

// types of the fields that are no text, by AWS's table of fields.
var types = map[string]string{
	"version": "INTEGER", "srcport": "INTEGER", "dstport": "INTEGER", "protocol": "INTEGER", "tcp-flags": "INTEGER", "traffic-path": "INTEGER",
	"packets": "BIGINT", "bytes": "BIGINT", "start": "BIGINT", "end": "BIGINT",
}

// bare is the least that sums flow logs up: the lower port stands for the service. All its values are asked for: what nobody
// asks for DuckDB neither sums nor reads.
const bare = `SELECT sum(n)::BIGINT, sum(packets), sum(bytes), min(first), max(last) FROM (
	SELECT interface_id, srcaddr, dstaddr, protocol, least(srcport, dstport) AS port, action,
		count(*) AS n, sum(packets) AS packets, sum(bytes) AS bytes, min(start) AS first, max("end") AS last
	FROM logs GROUP BY ALL)`

// count is bare without its values: it only counts the records of each group.
const count = `SELECT sum(n)::BIGINT FROM (
	SELECT interface_id, srcaddr, dstaddr, protocol, least(srcport, dstport) AS port, action, count(*) AS n
	FROM logs GROUP BY ALL)`

// byKey groups by the key of the ledger's evidence, with its values, as far as one record tells: where flags show a port as the
// client's it leaves the key. It knows less than sgtrim does: not the counterpart record, not what repeats, and of hours only
// that of a record's end.
const byKey = `COPY (
	SELECT "end" // 86400 AS day, interface_id, %s AS flow_direction, %s AS source, %s AS target, protocol,
		%s AS source_port, %s AS target_port, action, count(*) AS flows, sum(packets)::BIGINT AS packets, sum(bytes)::BIGINT AS bytes,
		bit_or(%s) AS flags, bit_or(1 << ("end" %% 86400 // 3600)::INTEGER) AS hours, min(start) AS first, max("end") AS last
	FROM logs GROUP BY ALL) TO '%s' (FORMAT parquet, COMPRESSION zstd)`

func keyQuery(full bool, out string) string {
	if full {
		return fmt.Sprintf(byKey, "flow_direction", "coalesce(pkt_srcaddr, srcaddr)", "coalesce(pkt_dstaddr, dstaddr)",
			"CASE WHEN tcp_flags & 18 = 2 THEN 0 ELSE srcport END", "CASE WHEN tcp_flags & 18 = 18 THEN 0 ELSE dstport END", "tcp_flags", out)
	}
	return fmt.Sprintf(byKey, "NULL", "srcaddr", "dstaddr", "srcport", "dstport", "0", out)
}

// duckDB returns a competitor.
func duckDB(who string) func(threads int, logs, out string) (int64, error) {
	return func(threads int, logs, out string) (int64, error) {
		files, err := filesBelow(logs)
		if err != nil {
			return 0, err
		}
		db, err := sql.Open("duckdb", "")
		if err != nil {
			return 0, err
		}
		defer db.Close()
		conn, err := db.Conn(context.Background())
		if err != nil {
			return 0, err
		}
		defer conn.Close()
		exec := func(query string) (err error) {
			_, err = conn.ExecContext(context.Background(), query)
			return err
		}
		view, full, err := logsView(files)
		if err != nil {
			return 0, err
		}
		for _, query := range []string{fmt.Sprintf("SET threads = %d", threads), "SET preserve_insertion_order = false", view} {
			if err := exec(query); err != nil {
				return 0, err
			}
		}
		switch who {
		case "key":
			return 0, exec(keyQuery(full, out))
		case "count":
			var n int64
			err = conn.QueryRowContext(context.Background(), count).Scan(&n)
			return n, err
		}
		var n int64
		var values [4]any
		err = conn.QueryRowContext(context.Background(), bare).Scan(&n, &values[0], &values[1], &values[2], &values[3])
		return n, err
	}
}

// logsView is the query that makes the view logs, and whether it has the fields of version 3 to 5.
func logsView(files []string) (query string, full bool, err error) {
	if strings.HasSuffix(files[0], ".parquet") {
		return fmt.Sprintf("CREATE VIEW logs AS SELECT * FROM read_parquet([%s])", quoted(files)), true, nil
	}
	fields, err := header(files[0])
	if err != nil {
		return "", false, err
	}
	columns := make([]string, len(fields))
	for i, f := range fields {
		kind := types[f]
		if kind == "" {
			kind = "VARCHAR"
		}
		columns[i] = fmt.Sprintf("'%s': '%s'", strings.ReplaceAll(f, "-", "_"), kind)
		full = full || f == "flow-direction"
	}
	return fmt.Sprintf(`CREATE VIEW logs AS SELECT * FROM read_csv([%s], delim = ' ', header = true, nullstr = '-', auto_detect = false,
		quote = '', escape = '', compression = 'gzip', columns = {%s})`, quoted(files), strings.Join(columns, ", ")), full, nil
}

func quoted(files []string) string { return "'" + strings.Join(files, "', '") + "'" }

func filesBelow(dir string) (files []string, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("%s: no files", dir)
	}
	return files, err
}

// header is the first line of a gzip text.
func header(name string) ([]string, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	b := make([]byte, 4096)
	n, err := r.Read(b)
	if n == 0 {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	line, _, _ := strings.Cut(string(b[:n]), "\n")
	return strings.Fields(line), nil
}
