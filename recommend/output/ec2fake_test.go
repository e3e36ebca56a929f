//go:build integration

package output

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/estate/ec2fake"
	"github.com/sgtrim/sgtrim/recommend"
)

// casesWorld makes every case a group of one world: its sg-1 gets the case's number, sg-2 and pl-1 are shared.
func casesWorld(t *testing.T, some []Case) *world {
	w := newWorld(t)
	w.group("sg-0other", "other")
	w.e.PrefixLists["pl-0cdn"] = &estate.PrefixList{ID: "pl-0cdn", Name: "cdn", Version: 2}
	w.eni("eni-0other", "sg-0other")
	for i, c := range some {
		id := fmt.Sprintf("sg-0case%d", i)
		real := strings.NewReplacer("sg-1", id, "sg-2", "sg-0other", "pl-1", "pl-0cdn")
		rules := []string{}
		for _, text := range c.Before {
			rules = append(rules, real.Replace(text))
		}
		w.group(id, c.Name, rules...)
		w.eni(fmt.Sprintf("eni-0case%d", i), id)
		for _, text := range c.Change {
			w.change(id, recommend.NarrowPorts, real.Replace(text))
		}
	}
	return w
}

// snapshot is the world as the describe calls would have answered.
func (w *world) snapshot() *estate.Snapshot {
	w.t.Helper()
	groups := []*estate.Group{}
	scope := estate.SnapshotScope{Scope: w.e.Scopes[0], Objects: map[estate.Kind][]json.RawMessage{}}
	add := func(kind estate.Kind, v any) {
		raw, err := json.Marshal(v)
		if err != nil {
			w.t.Fatal(err)
		}
		scope.Objects[kind] = append(scope.Objects[kind], raw)
	}
	add(estate.VPCs, map[string]any{"VpcId": "vpc-1", "OwnerId": account, "CidrBlock": "10.0.0.0/8", "IsDefault": false})
	for _, g := range w.e.Groups {
		groups = append(groups, g)
		for _, r := range g.Rules {
			m := modified(r)
			m["SecurityGroupRuleId"], m["GroupId"], m["GroupOwnerId"], m["IsEgress"] = r.ID, g.ID, account, r.Direction.String() == "egress"
			if ref, ok := m["ReferencedGroupId"]; ok {
				delete(m, "ReferencedGroupId")
				m["ReferencedGroupInfo"] = map[string]any{"GroupId": ref, "UserId": account}
			}
			tags := []any{}
			for k, v := range r.Tags {
				tags = append(tags, map[string]string{"Key": k, "Value": v})
			}
			m["Tags"] = tags
			add(estate.SecurityGroupRules, m)
		}
	}
	text, err := estate.DescribeSecurityGroups(groups)
	if err != nil {
		w.t.Fatal(err)
	}
	var described struct{ SecurityGroups []json.RawMessage }
	if err := json.Unmarshal(text, &described); err != nil {
		w.t.Fatal(err)
	}
	scope.Objects[estate.SecurityGroups] = described.SecurityGroups
	for id, i := range w.e.Interfaces {
		list := []any{}
		for _, g := range i.Groups {
			list = append(list, map[string]string{"GroupId": g})
		}
		add(estate.NetworkInterfaces, map[string]any{"NetworkInterfaceId": id, "VpcId": "vpc-1", "OwnerId": account, "Groups": list})
	}
	for id, l := range w.e.PrefixLists {
		add(estate.PrefixLists, map[string]any{"PrefixListId": id, "PrefixListName": l.Name, "Version": l.Version, "MaxEntries": 5, "OwnerId": account,
			"AddressFamily": "IPv4", "Entries": []any{map[string]string{"Cidr": "198.51.100.0/24"}}})
	}
	return &estate.Snapshot{Scopes: []estate.SnapshotScope{scope}}
}

func startFake(t *testing.T, w *world, b ec2fake.Behaviour) (*place, *ec2fake.Server) {
	t.Helper()
	f, err := ec2fake.New(w.snapshot(), b)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	p := newPlace(t, f.URL)
	if diff := cmp.Diff(plannedText(w, none), p.state(w.e.Groups)); diff != "" {
		t.Fatalf("set up (-want +got):\n%s", diff)
	}
	p.writeScripts(w)
	return p, f
}

func TestCasesOnFake(t *testing.T) {
	w := casesWorld(t, cases)
	p, _ := startFake(t, w, ec2fake.Behaviour{PageSize: 4, ThrottleEvery: 17})
	p.run(0, "apply.sh", "--apply")
	if diff := cmp.Diff(plannedText(w, Proposed), p.state(w.e.Groups)); diff != "" {
		t.Errorf("after apply (-want +got):\n%s", diff)
	}
	p.run(0, "rollback.sh", "--apply")
	if diff := cmp.Diff(plannedText(w, none), p.state(w.e.Groups)); diff != "" {
		t.Errorf("after rollback (-want +got):\n%s", diff)
	}
}

// Killed after any call of the AWS CLI, the script resumes.
func TestKilledOnFake(t *testing.T) {
	three := cases[3] // authorize, then revoke
	w := casesWorld(t, []Case{three})
	for kill := 1; ; kill++ {
		p, f := startFake(t, w, ec2fake.Behaviour{})
		setUp := len(f.Calls())
		var mu sync.Mutex
		cmd := exec.Command("bash", filepath.Join(p.dir, "apply.sh"), "--apply")
		cmd.Env, cmd.SysProcAttr = p.vars, &syscall.SysProcAttr{Setpgid: true}
		f.SetBehaviour(ec2fake.Behaviour{After: func(n int, _ string) bool {
			if n != setUp+kill {
				return true
			}
			mu.Lock()
			defer mu.Unlock()
			syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			return false
		}})
		mu.Lock()
		err := cmd.Start()
		mu.Unlock()
		if err != nil {
			t.Fatal(err)
		}
		cmd.Wait()
		f.SetBehaviour(ec2fake.Behaviour{})
		if code := cmd.ProcessState.ExitCode(); code == 0 {
			if kill < 7 {
				t.Errorf("the script made %d calls only", kill-1)
			}
			return // it made fewer calls than that: every one was tried
		} else if code != -1 {
			t.Fatalf("killed at call %d: exit code %d", kill, code)
		}
		p.run(0, "apply.sh", "--apply")
		if diff := cmp.Diff(plannedText(w, Proposed), p.state(w.e.Groups)); diff != "" {
			t.Fatalf("killed at call %d, and resumed (-want +got):\n%s", kill, diff)
		}
	}
}
