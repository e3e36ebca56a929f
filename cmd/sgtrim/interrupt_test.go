package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

const oneGroup = `{"SecurityGroups": [{"GroupId": "sg-1", "GroupName": "one", "OwnerId": "123456789012", "VpcId": "vpc-1",
 "IpPermissions": [], "IpPermissionsEgress": []}]}`

// A signal in the middle of reading ends the run with 130, and what was temporary is gone.
func TestInterruptWhileReading(t *testing.T) {
	estate := filepath.Join(t.TempDir(), "estate.json")
	if err := os.WriteFile(estate, []byte(oneGroup), 0o644); err != nil {
		t.Fatal(err)
	}
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	in, feed := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		io.WriteString(feed, "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status\n")
		cancel() // the reader is at work, and the sender goes on holding its end open
	}()
	var out, errs bytes.Buffer
	done := make(chan int)
	go func() {
		done <- run(ctx, []string{"review", "-", "--estate", estate, "--quiet"}, streams{in, &out, &errs})
	}()
	select {
	case code := <-done:
		if code != exitInterrupted || errs.String() != "sgtrim: error: interrupted\n" || out.Len() > 0 {
			t.Errorf("code %d, stdout %q, stderr %q", code, out.String(), errs.String())
		}
	case <-time.After(20 * time.Second):
		t.Fatal("still running 20 s after the signal")
	}
	if left, _ := os.ReadDir(temporary); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
