//go:build integration

package output

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/recommend"
)

// The scripts, run by the real AWS CLI. testdata/integration/run.sh puts aws and moto_server on the PATH.

const region = "eu-west-1"

// need finds a program, or skips the test with its name.
func need(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("%s is not on the PATH: run testdata/integration/run.sh", program)
	}
	return path
}

// startMoto starts an EC2 API server on loopback and returns its address.
func startMoto(t *testing.T) string {
	t.Helper()
	moto := need(t, "moto_server")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
	l.Close()
	cmd := exec.Command(moto, "-H", "127.0.0.1", "-p", port)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	url := "http://127.0.0.1:" + port
	for range 300 {
		if r, err := http.Get(url + "/moto-api/"); err == nil {
			r.Body.Close()
			return url
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("moto_server does not answer")
	return ""
}

// place is an EC2 API server, with a client for setting up and looking.
type place struct {
	t    *testing.T
	url  string
	api  *ec2.Client
	dir  string
	vars []string // environment of the scripts
}

func newPlace(t *testing.T, url string) *place {
	need(t, "aws")
	return &place{t: t, url: url, dir: t.TempDir(),
		api: ec2.New(ec2.Options{Region: region, BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")}),
		vars: append(os.Environ(), "AWS_ENDPOINT_URL="+url, "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b", "AWS_REGION="+region,
			"AWS_DEFAULT_REGION="+region, "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "SGTRIM_WAIT=0"),
	}
}

// check fails the test on an error of setting up.
func check[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// state is every rule of the groups: meaning and description. Descriptions come from describe-security-groups, because
// moto's describe-security-group-rules drops some.
func (p *place) state(groups map[string]*estate.Group) map[string][]string {
	p.t.Helper()
	all := map[string][]string{}
	for id := range groups {
		out := check[*ec2.DescribeSecurityGroupsOutput](p.t)(p.api.DescribeSecurityGroups(context.Background(), &ec2.DescribeSecurityGroupsInput{GroupIds: []string{id}}))
		all[id] = []string{}
		for d, permissions := range map[string][]types.IpPermission{"ingress": out.SecurityGroups[0].IpPermissions, "egress": out.SecurityGroups[0].IpPermissionsEgress} {
			for _, x := range permissions {
				s := check[analyze.Service](p.t)(analyze.ServiceFromEC2(*x.IpProtocol, x.FromPort, x.ToPort))
				add := func(source, description *string) {
					all[id] = append(all[id], fmt.Sprintf("%s %s %s | %s", d, s, *source, aws.ToString(description)))
				}
				for _, r := range x.IpRanges {
					add(r.CidrIp, r.Description)
				}
				for _, r := range x.Ipv6Ranges {
					add(r.CidrIpv6, r.Description)
				}
				for _, r := range x.PrefixListIds {
					add(r.PrefixListId, r.Description)
				}
				for _, r := range x.UserIdGroupPairs {
					add(r.GroupId, r.Description)
				}
			}
		}
		slices.Sort(all[id])
	}
	return all
}

// plannedText is State in the same words.
func plannedText(w *world, include Include) map[string][]string {
	all := map[string][]string{}
	for id, rules := range Filled(w.p).State(w.e, include) {
		all[id] = []string{}
		for _, r := range rules {
			all[id] = append(all[id], fmt.Sprintf("%s %s %s | %s", r.Direction, r.Service, r.Peer, r.Description))
		}
		slices.Sort(all[id])
	}
	return all
}

func (p *place) writeScripts(w *world) {
	for _, f := range Scripts(w.p, w.e, Proposed) {
		if err := os.WriteFile(filepath.Join(p.dir, f.Name), f.Body, 0o755); err != nil {
			p.t.Fatal(err)
		}
	}
}

func (p *place) run(want int, script string, args ...string) string {
	p.t.Helper()
	cmd := exec.Command("bash", append([]string{filepath.Join(p.dir, script)}, args...)...)
	cmd.Env = p.vars
	out, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != want {
		p.t.Fatalf("%s %v: exit code %d (%v), want %d\n%s", script, args, code, err, want, out)
	}
	return string(out)
}

// motoWorld makes every case a group in moto: sg-1 is the case's group, sg-2 another and pl-1 a prefix list.
func motoWorld(t *testing.T, p *place, cases ...Case) *world {
	ctx := context.Background()
	w := newWorld(t)
	vpc := *check[*ec2.CreateVpcOutput](t)(p.api.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})).Vpc.VpcId
	subnet := *check[*ec2.CreateSubnetOutput](t)(p.api.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: &vpc, CidrBlock: aws.String("10.0.0.0/20")})).Subnet.SubnetId
	list := check[*ec2.CreateManagedPrefixListOutput](t)(p.api.CreateManagedPrefixList(ctx, &ec2.CreateManagedPrefixListInput{
		PrefixListName: aws.String("cdn"), AddressFamily: aws.String("IPv4"), MaxEntries: aws.Int32(5),
		Entries: []types.AddPrefixListEntry{{Cidr: aws.String("198.51.100.0/24")}}})).PrefixList
	w.e.PrefixLists[*list.PrefixListId] = &estate.PrefixList{ID: *list.PrefixListId, Version: aws.ToInt64(list.Version)}
	group := func(name string) string {
		id := *check[*ec2.CreateSecurityGroupOutput](t)(p.api.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{
			GroupName: &name, Description: aws.String("case"), VpcId: &vpc})).GroupId
		check[*ec2.RevokeSecurityGroupEgressOutput](t)(p.api.RevokeSecurityGroupEgress(ctx, &ec2.RevokeSecurityGroupEgressInput{GroupId: &id,
			IpPermissions: []types.IpPermission{{IpProtocol: aws.String("-1"), IpRanges: []types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}}}}))
		eni := check[*ec2.CreateNetworkInterfaceOutput](t)(p.api.CreateNetworkInterface(ctx, &ec2.CreateNetworkInterfaceInput{SubnetId: &subnet, Groups: []string{id}}))
		w.eni(*eni.NetworkInterface.NetworkInterfaceId, id)
		return id
	}
	other := group("other")
	w.group(other, "other")
	for i, c := range cases {
		if c.NoMoto != "" {
			t.Logf("%s: not on moto: %s", c.Name, c.NoMoto)
			continue
		}
		id := group(fmt.Sprintf("case %d", i))
		real := strings.NewReplacer("sg-1", id, "sg-2", other, "pl-1", *list.PrefixListId)
		var rules []string
		for _, text := range c.Before {
			rules = append(rules, real.Replace(text))
		}
		for i, r := range w.group(id, c.Name, rules...).Rules {
			w.e.Groups[id].Rules[i].ID = p.authorize(r)
		}
		for _, text := range c.Change {
			w.change(id, recommend.NarrowPorts, real.Replace(text))
		}
	}
	return w
}

// authorize adds a rule and returns its id.
func (p *place) authorize(r analyze.Rule) string {
	p.t.Helper()
	permission := types.IpPermission{IpProtocol: aws.String(r.Service.Proto.String())}
	if from, to, ok := r.Service.EC2Ports(); ok {
		permission.FromPort, permission.ToPort = &from, &to
	}
	description := &r.Description
	if r.Description == "" {
		description = nil
	}
	switch source := aws.String(r.Peer.String()); r.Peer.Kind() {
	case analyze.GroupPeer:
		permission.UserIdGroupPairs = []types.UserIdGroupPair{{GroupId: source, Description: description}}
	case analyze.ListPeer:
		permission.PrefixListIds = []types.PrefixListId{{PrefixListId: source, Description: description}}
	case analyze.IPv6Peer:
		permission.Ipv6Ranges = []types.Ipv6Range{{CidrIpv6: source, Description: description}}
	default:
		permission.IpRanges = []types.IpRange{{CidrIp: source, Description: description}}
	}
	ctx, all := context.Background(), []types.IpPermission{permission}
	if r.Direction == analyze.Egress {
		out := check[*ec2.AuthorizeSecurityGroupEgressOutput](p.t)(p.api.AuthorizeSecurityGroupEgress(ctx, &ec2.AuthorizeSecurityGroupEgressInput{GroupId: &r.GroupID, IpPermissions: all}))
		return *out.SecurityGroupRules[0].SecurityGroupRuleId
	}
	out := check[*ec2.AuthorizeSecurityGroupIngressOutput](p.t)(p.api.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &r.GroupID, IpPermissions: all}))
	return *out.SecurityGroupRules[0].SecurityGroupRuleId
}

func TestCasesOnMoto(t *testing.T) {
	p := newPlace(t, startMoto(t))
	w := motoWorld(t, p, cases...)
	if diff := cmp.Diff(plannedText(w, none), p.state(w.e.Groups)); diff != "" {
		t.Fatalf("set up (-want +got):\n%s", diff)
	}
	p.writeScripts(w)
	p.run(0, "apply.sh", "--apply")
	after := plannedText(w, Proposed)
	for _, lines := range after { // moto loses the description of a rule with a prefix list
		for i := range lines {
			if text, _, _ := strings.Cut(lines[i], " | "); strings.Contains(text, " pl-") {
				lines[i] = text + " | "
			}
		}
	}
	if diff := cmp.Diff(after, p.state(w.e.Groups)); diff != "" {
		t.Errorf("after apply (-want +got):\n%s", diff)
	}

	// A rule added by hand: the rollback leaves that group alone, and only that.
	edited := w.p.Changes[0].GroupID
	hand := rule(t, edited, "ingress tcp 3389 0.0.0.0/0 | by hand")
	p.authorize(hand)
	if out := p.run(3, "rollback.sh", "--apply"); !strings.Contains(out, edited+" skipped: a rule the plan does not know: ingress tcp 3389 from 0.0.0.0/0") {
		t.Errorf("the edit is not said:\n%s", out)
	}
	want := plannedText(w, none)
	want[edited] = append(plannedText(w, Proposed)[edited], "ingress tcp 3389 0.0.0.0/0 | by hand")
	slices.Sort(want[edited])
	if diff := cmp.Diff(want, p.state(w.e.Groups)); diff != "" {
		t.Errorf("after rollback (-want +got):\n%s", diff)
	}
}
