//go:build integration

package output

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tf runs the real terraform in a folder of its own, with providers from a mirror on this machine: nothing is fetched.
type tf struct {
	t   *testing.T
	dir string
	env []string
}

const providerConfig = `terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}
provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "a"
  secret_key                  = "b"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  endpoints {
    ec2 = "URL"
    sts = "URL"
  }
}
`

// providers are the folders in which a mirror of Terraform's registry is looked for.
var providers = []string{"/usr/share/terraform/providers", "/usr/local/share/terraform/plugins", "/opt/*"}

func newTerraform(t *testing.T, url string) *tf {
	t.Helper()
	need(t, "terraform")
	mirror := ""
	for _, pattern := range providers {
		found, _ := filepath.Glob(filepath.Join(pattern, "registry.terraform.io", "hashicorp", "aws"))
		for _, path := range found {
			mirror = filepath.Dir(filepath.Dir(filepath.Dir(path)))
		}
	}
	if mirror == "" {
		t.Skip("no mirror with Terraform's provider for AWS on this machine")
	}
	x := &tf{t: t, dir: t.TempDir()}
	x.write("terraform.rc", `provider_installation { 
  filesystem_mirror { 
    path = "`+mirror+`" 
  } 
}
`)
	x.write("provider.tf", strings.ReplaceAll(providerConfig, "URL", url))
	x.env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+filepath.Join(x.dir, "terraform.rc"), "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1", "AWS_CONFIG_FILE=/dev/null")
	x.run(0, "init", "-input=false")
	return x
}

func (x *tf) write(name, text string) {
	x.t.Helper()
	if err := os.WriteFile(filepath.Join(x.dir, name), []byte(text), 0o644); err != nil {
		x.t.Fatal(err)
	}
}

func (x *tf) run(want int, args ...string) string {
	x.t.Helper()
	cmd := exec.Command("terraform", append(args, "-no-color")...)
	cmd.Dir, cmd.Env = x.dir, x.env
	out, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != want {
		x.t.Fatalf("terraform %v: %v, exit code %d, want %d\n%s", args, err, code, want, out)
	}
	return string(out)
}

// apply applies, checks that nothing is destroyed unless told, and that a second plan is empty.
func (x *tf) apply(destroys string) {
	x.t.Helper()
	if out := x.run(0, "apply", "-auto-approve", "-input=false"); !strings.Contains(out, " "+destroys+" destroyed") {
		x.t.Errorf("not %s destroyed:\n%s", destroys, out)
	}
	x.run(0, "plan", "-detailed-exitcode", "-input=false") // 2 would be a difference
}

// What sgtrim.tf says, done by the real Terraform: import, apply, a clean plan; then without sgtrim-remove.tf again.
func TestTerraformOnMoto(t *testing.T) {
	p := newPlace(t, startMoto(t))
	x := newTerraform(t, p.url)
	w := motoWorld(t, p, cases...)
	for id, g := range w.e.Groups { // moto's describe-security-group-rules drops descriptions of references and lists
		for i, r := range g.Rules {
			if r.Peer.IsCIDR() {
				continue
			}
			w.e.Groups[id].Rules[i].Description = ""
		}
	}
	removed := 0
	for _, f := range Terraform(w.p, w.e, Proposed) {
		text := string(f.Body)
		if f.Name == "sgtrim-remove.tf" {
			removed = strings.Count(text, "\nimport {")
		}
		x.write(f.Name, withoutDescriptionsOfReferences(text))
	}
	if removed == 0 {
		t.Fatal("nothing is removed: the second step is not tried")
	}
	before := p.state(w.e.Groups)
	x.apply("0")
	for id, lines := range before {
		now := strings.Join(p.state(w.e.Groups)[id], "\n")
		for _, l := range lines {
			rule, _, _ := strings.Cut(l, " | ")
			if inPlace(w, id, rule) || strings.Contains(now, rule+" | ") {
				continue
			}
			t.Errorf("%s: %s is gone after the first apply", id, rule)
		}
	}
	if err := os.Remove(filepath.Join(x.dir, "sgtrim-remove.tf")); err != nil {
		t.Fatal(err)
	}
	x.apply(jsonASCII(removed))
	bare := func(m map[string][]string) map[string][]string {
		for id, lines := range m {
			for i := range lines {
				m[id][i], _, _ = strings.Cut(lines[i], " | ")
			}
		}
		return m
	}
	if diff := cmp.Diff(bare(plannedText(w, Proposed)), bare(p.state(w.e.Groups))); diff != "" {
		t.Errorf("after both applies (-want +got):\n%s", diff)
	}
}

// withoutDescriptionsOfReferences takes out what moto does not give back: the second plan would not be clean for its sake.
func withoutDescriptionsOfReferences(text string) string {
	blocks := strings.Split(text, "resource ")
	for i, b := range blocks {
		if !strings.Contains(b, "referenced_security_group_id") && !strings.Contains(b, "prefix_list_id") {
			continue
		}
		lines := strings.Split(b, "\n")
		for j, l := range lines {
			if strings.HasPrefix(l, "  description") {
				lines[j] = ""
			}
		}
		blocks[i] = strings.Join(lines, "\n")
	}
	return strings.Join(blocks, "resource ")
}

// inPlace reports whether a rule of the group is changed in place.
func inPlace(w *world, group, rule string) bool {
	for _, c := range w.p.Changes {
		for _, o := range c.Old {
			if c.GroupID == group && o.Rule.Direction.String()+" "+o.Service+" "+o.Peer == rule {
				for _, n := range c.New {
					if n.Rule.Peer.Kind() == o.Rule.Peer.Kind() {
						return true
					}
				}
			}
		}
	}
	return false
}

// The findings are ones that BatchImportFindings takes, by botocore's model of it, and moto gives them back.
func TestFindingsByBotocore(t *testing.T) {
	python := need(t, "python3")
	if err := exec.Command(python, "-c", "import botocore").Run(); err != nil {
		t.Skip("no botocore for python3: it comes with the AWS CLI of testdata/integration/run.sh")
	}
	w := findingsWorld(t)
	w.p.Changes[0].Reason = strings.Repeat("long ", 1000)
	list, err := Findings(w.p, w.e, nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "-c", `
import json, sys, re, botocore.session, botocore.validate
shape = botocore.session.get_session().get_service_model("securityhub").operation_model("BatchImportFindings").input_shape
findings = json.load(sys.stdin)
report = botocore.validate.ParamValidator().validate({"Findings": findings}, shape)
if report.has_errors(): sys.exit(report.generate_report())
def blank(v):
    if isinstance(v, dict): return any(map(blank, v.values()))
    if isinstance(v, list): return any(map(blank, v))
    return isinstance(v, str) and not re.search(r"\S", v)
if blank(findings): sys.exit("a blank text")
try:
    botocore.validate.ParamValidator().validate({"Findings": [{}]}, shape).has_errors() or sys.exit("an empty finding was taken")
except KeyError: pass
print(len(findings))
`)
	cmd.Stdin = strings.NewReader(string(raw))
	out, err := cmd.CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != jsonASCII(len(list)) {
		t.Errorf("%v: %s", err, out)
	}
}
