//go:build integration

package output

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/analyze/estate/ec2fake"
)

// killedRun runs a script with an aws in front of the real one that ends the script, with SIGKILL, after its n-th call. It
// returns false when the script made fewer calls.
func (p *place) killedRun(n int, script string, args ...string) bool {
	p.t.Helper()
	dir := p.t.TempDir()
	text := fmt.Sprintf(`#!/usr/bin/env bash
%s "$@"
code=$?
echo >>%s/calls
[ "$(wc -l <%s/calls)" -lt %d ] || kill -KILL 0
exit $code
`, need(p.t, "aws"), dir, dir, n)
	if err := os.WriteFile(filepath.Join(dir, "aws"), []byte(text), 0o755); err != nil {
		p.t.Fatal(err)
	}
	cmd := exec.Command("bash", append([]string{filepath.Join(p.dir, script)}, args...)...)
	cmd.Env = append(slices.Clone(p.vars), "PATH="+dir+":"+os.Getenv("PATH"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, _ := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != -1 && code != 0 {
		p.t.Fatalf("%s, to be killed after call %d: exit code %d\n%s", script, n, code, out)
	}
	return cmd.ProcessState.ExitCode() == -1
}

// killedEverywhere applies the plan of w, killed after each call in turn and resumed; then rolls it back in the same way.
// Every time the rules are as planned, and then as they were.
func killedEverywhere(t *testing.T, p *place, w *world) {
	p.writeScripts(w)
	before := p.state(w.e.Groups)
	after := plannedText(w, Proposed)
	for n, killed := 1, true; killed; n++ {
		killed = false
		for _, step := range []struct {
			script string
			want   map[string][]string
		}{{"apply.sh", after}, {"rollback.sh", before}} {
			if p.killedRun(n, step.script, "--apply") {
				killed = true
				p.run(0, step.script, "--apply")
			}
			if diff := cmp.Diff(step.want, p.state(w.e.Groups)); diff != "" {
				t.Fatalf("%s, killed after call %d and resumed (-want +got):\n%s", step.script, n, diff)
			}
		}
		if !killed && n < 7 {
			t.Errorf("the scripts made %d calls only", n-1)
		}
	}
}

// One group with every way of changing a rule: removed, added, in place, replaced.
func TestKilledAfterEveryCall(t *testing.T) {
	every := cases[len(cases)-1]
	t.Run("moto", func(t *testing.T) {
		p := newPlace(t, startMoto(t))
		killedEverywhere(t, p, motoWorld(t, p, every))
	})
	t.Run("fake EC2", func(t *testing.T) {
		w := casesWorld(t, []Case{every})
		p, _ := startFake(t, w, ec2fake.Behaviour{})
		killedEverywhere(t, p, w)
	})
	if !strings.HasPrefix(every.Name, "removals, additions") {
		t.Fatalf("the last case is %q", every.Name)
	}
}
