package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/sgtrim/sgtrim/analyze/estate/ec2fake"
)

var update = flag.Bool("update", false, "rewrite the golden parts of testdata/script")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"sgtrim": func() {
		longestPause = time.Millisecond
		main()
	}})
}

// TestScripts runs the golden transcripts. Beside testscript's own words they may say "exits CODE sgtrim …",
// "gzip FROM TO", "truncate FROM BYTES TO", "replace OLD NEW FROM TO", "hostile FROM DIR" (a copy under a name that would steer a terminal),
// "ago FROM TO" (@3d@ becomes the time of three days ago, #3d# its seconds since 1970), and "serve DIR [denied ACTION...]" (AWS is an account
// with the estate in the folder).
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "../../testdata/script",
		UpdateScripts: *update,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "gzip": gzipFile, "truncate": truncateFile, "hostile": hostileName, "replace": replaceText,
			"ago": agoText, "serve": serveAWS,
		},
		Setup: func(env *testscript.Env) error {
			// No AWS settings of the machine reach a script, and nothing outside it is asked.
			for _, name := range []string{"AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} {
				env.Setenv(name, "")
			}
			env.Setenv("AWS_CONFIG_FILE", env.WorkDir+"/no-config")
			env.Setenv("AWS_SHARED_CREDENTIALS_FILE", env.WorkDir+"/no-credentials")
			env.Setenv("AWS_EC2_METADATA_DISABLED", "true")
			return nil
		},
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE command [arguments]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func gzipFile(ts *testscript.TestScript, _ bool, args []string) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(ts.ReadFile(args[0])))
	ts.Check(err)
	ts.Check(w.Close())
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), b.Bytes(), 0o644))
}

func truncateFile(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(ts.ReadFile(args[0]))[:n], 0o644))
}

func hostileName(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[1])
	ts.Check(os.MkdirAll(dir, 0o755))
	ts.Check(os.WriteFile(filepath.Join(dir, "\x1b[2Jname.log"), []byte(ts.ReadFile(args[0])), 0o644))
}

func replaceText(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[2])
	if !strings.Contains(text, args[0]) {
		ts.Fatalf("%s does not hold %q", args[2], args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[3]), []byte(strings.ReplaceAll(text, args[0], args[1])), 0o644))
}

var agoMark = regexp.MustCompile(`([@#])(\d+)d[@#]`)

func agoText(ts *testscript.TestScript, _ bool, args []string) {
	today := time.Now().UTC().Truncate(24 * time.Hour)
	text := agoMark.ReplaceAllStringFunc(ts.ReadFile(args[0]), func(mark string) string {
		n, err := strconv.Atoi(strings.Trim(mark, "@#d"))
		ts.Check(err)
		t := today.AddDate(0, 0, -n)
		if mark[0] == '#' {
			return strconv.FormatInt(t.Unix(), 10)
		}
		return t.Format(time.RFC3339)
	})
	ts.Check(os.MkdirAll(filepath.Dir(ts.MkAbs(args[1])), 0o755))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o644))
}

func serveAWS(ts *testscript.TestScript, _ bool, args []string) {
	var b ec2fake.Behaviour
	if len(args) > 2 && args[1] == "denied" {
		b.Denied = args[2:]
	}
	f, err := newServer(ts.MkAbs(args[0]), b)
	ts.Check(err)
	ts.Defer(f.Close)
	for name, value := range serverEnvironment(f) {
		ts.Setenv(name, value)
	}
}
