// Package duckdb reads the ledger's files, and what sgtrim export writes, with an engine that shares no code with sgtrim. It
// is a module of its own, since the engine is large and needs cgo.
package duckdb

import (
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2" // the driver "duckdb"
)

// sgtrim runs the program built by run.sh, or by this test.
func sgtrim(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command(binary(t), append(args, "--quiet")...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("sgtrim %v: %v", args, err)
	}
	return string(out)
}

var built string

func binary(t *testing.T) string {
	t.Helper()
	if built == "" {
		dir, err := os.MkdirTemp("", "sgtrim-duckdb-")
		if err != nil {
			t.Fatal(err)
		}
		built = filepath.Join(dir, "sgtrim")
		cmd := exec.Command("go", "build", "-o", built, "./cmd/sgtrim")
		cmd.Dir, cmd.Env = "../..", append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	return built
}

func TestMain(m *testing.M) {
	code := m.Run()
	if built != "" {
		os.RemoveAll(filepath.Dir(built))
	}
	os.Exit(code)
}

// answer is the one value of a query, as text.
func answer(t *testing.T, db *sql.DB, query string, args ...any) string {
	t.Helper()
	var v sql.NullString
	if err := db.QueryRow(fmt.Sprintf(query, args...)).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v.String
}

const header = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status tcp-flags flow-direction vpc-id subnet-id\n"

func TestDuckDB(t *testing.T) {
	dir := t.TempDir()
	logs := filepath.Join(dir, "a.log")
	var text strings.Builder
	text.WriteString(header)
	packets, bytes := 0, 0
	for i := range 3000 { // 2026-03-01 and -02; clients of a service, and its replies
		start := 1772330400 + i*40
		client := fmt.Sprintf("10.0.%d.%d", i%7, i%50)
		if i%10 == 0 {
			client = fmt.Sprintf("2001:db8::%x", i%90)
		}
		own := "10.0.9.9"
		if i%10 == 0 {
			own = "2001:db8:9::9"
		}
		fmt.Fprintf(&text, "5 123456789012 eni-%d %s %s %d 443 6 9 900 %d %d ACCEPT OK 3 ingress vpc-1 subnet-1\n", i%3, client, own, 40000+i%999, start, start+30)
		fmt.Fprintf(&text, "5 123456789012 eni-%d %s %s 443 %d 6 11 1100 %d %d ACCEPT OK 19 egress vpc-1 subnet-1\n", i%3, own, client, 40000+i%999, start, start+30)
		packets, bytes = packets+20, bytes+2000
	}
	if err := os.WriteFile(logs, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	ledger, exported := filepath.Join(dir, "ledger"), filepath.Join(dir, "x.parquet")
	sgtrim(t, "ingest", logs, "--ledger", ledger)
	sgtrim(t, "export", "--ledger", ledger, "--format", "parquet", "-o", exported)
	lines := filepath.Join(dir, "x.csv")
	sgtrim(t, "export", "--ledger", ledger, "--format", "csv", "-o", lines)

	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	evidence := filepath.Join(ledger, "evidence", "*.parquet")
	const key = "day, account_id, region, source, interface_id, a, b, protocol, port_a, port_b, action, side, client, reason, strength"
	for _, tt := range []struct{ name, query, want string }{
		{"packets of the evidence", "SELECT sum(ab_packets + ba_packets)::BIGINT FROM '" + evidence + "'", fmt.Sprint(packets)},
		{"bytes of the evidence", "SELECT sum(ab_bytes + ba_bytes)::BIGINT FROM '" + evidence + "'", fmt.Sprint(bytes)},
		{"a key twice", "SELECT count(*) FROM (SELECT 1 FROM '" + evidence + "' GROUP BY " + key + " HAVING count(*) > 1)", "0"},
		{"days", "SELECT string_agg(DISTINCT day::VARCHAR, ' ' ORDER BY day::VARCHAR) FROM '" + evidence + "'", "2026-03-01 2026-03-02"},
		{"the type of day", "SELECT typeof(any_value(day)) FROM '" + evidence + "'", "DATE"},
		{"flags are booleans", "SELECT typeof(any_value(ab_flagged)) FROM '" + evidence + "'", "BOOLEAN"},
		{"coverage", "SELECT sum(accepts)::BIGINT FROM '" + filepath.Join(ledger, "coverage", "*.parquet") + "'", "6000"},
		{"objects", "SELECT string_agg(size || ' ' || first_day || ' ' || last_day, ';') FROM '" + filepath.Join(ledger, "objects", "*.parquet") + "'",
			fmt.Sprint(text.Len()) + " 2026-03-01 2026-03-02"},
		{"interfaces", "SELECT string_agg(interface_id || vpc_id || subnet_id, ' ' ORDER BY interface_id) FROM '" + filepath.Join(ledger, "interfaces", "*.parquet") + "'",
			"eni-0vpc-1subnet-1 eni-1vpc-1subnet-1 eni-2vpc-1subnet-1"},
		{"the export's sums", "SELECT concat(sum(flows), ' ', sum(packets), ' ', sum(bytes)) FROM '" + exported + "'", fmt.Sprintf("6000 %d %d", packets, bytes)},
		{"an exported key twice", "SELECT count(*) FROM (SELECT 1 FROM '" + exported +
			"' GROUP BY day, interface_id, direction, peer, protocol, port, action, orientation = 'ambiguous' HAVING count(*) > 1)", "0"},
		{"exported times", "SELECT concat(typeof(any_value(first_seen)), ' ', epoch(min(first_seen))::BIGINT, ' ', epoch(max(last_seen))::BIGINT) FROM '" + exported + "'",
			"TIMESTAMP WITH TIME ZONE 1772330400 1772450390"},
		{"services", "SELECT string_agg(DISTINCT direction || ' ' || protocol || ' ' || port, ';') FROM '" + exported + "'", "ingress 6 443"},
		{"CSV and Parquet say the same", "SELECT count(*) FROM (SELECT day, interface_id, direction, peer, protocol, port, action, strength, orientation, flows, packets, bytes, hours FROM '" +
			exported + "' EXCEPT ALL SELECT day, interface_id, direction, peer, protocol, port, action, strength, orientation, flows, packets, bytes, hours FROM '" + lines + "')", "0"},
	} {
		if got := answer(t, db, "%s", tt.query); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	rows := answer(t, db, "SELECT count(*) FROM '%s'", exported)
	if grouped := answer(t, db, `SELECT count(*) FROM (SELECT DISTINCT day, interface_id, b, port_a, protocol FROM '%s' WHERE client = 'b')`, evidence); rows != grouped {
		t.Errorf("%s rows are exported, and the evidence has %s conversations", rows, grouped)
	}
}
