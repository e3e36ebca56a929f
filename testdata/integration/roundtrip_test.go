// Package integration holds the tests that need other programs: an S3 server (versitygw), an EC2 API server (moto) and the
// AWS CLI, all on this machine. run.sh installs what it can and starts them. It is a module of its own, so that the
// program does not depend on what only these tests need.
package integration

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

const (
	region  = "eu-west-1"
	account = "123456789012" // moto's
	bucket  = "flow-logs"
	days    = 4 // of logs
)

// lab is the two servers and the environment in which sgtrim and the scripts run.
type lab struct {
	t        *testing.T
	dir      string
	moto, s3 string // URLs
	env      []string
}

// need finds a program, or skips the test with its name.
func need(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("%s is not on the PATH: run testdata/integration/run.sh", program)
	}
	return path
}

// serve starts a server on a free port of loopback, waits until it listens, and stops it after the test.
func serve(t *testing.T, command func(port string) *exec.Cmd) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
	l.Close()
	cmd := command(port)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for range 600 {
		if c, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			c.Close()
			return "http://127.0.0.1:" + port
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("%s does not listen:\n%s", cmd.Path, log.String())
	return ""
}

func newLab(t *testing.T) *lab {
	moto, gateway := need(t, "moto_server"), need(t, "versitygw")
	need(t, "aws")
	need(t, "sgtrim")
	l := &lab{t: t, dir: t.TempDir()}
	store := filepath.Join(l.dir, "s3")
	if err := os.MkdirAll(filepath.Join(store, bucket), 0o755); err != nil {
		t.Fatal(err)
	}
	l.moto = serve(t, func(port string) *exec.Cmd { return exec.Command(moto, "-H", "127.0.0.1", "-p", port) })
	l.s3 = serve(t, func(port string) *exec.Cmd {
		return exec.Command(gateway, "-q", "--keep-alive", "-p", "127.0.0.1:"+port, "-a", "testkey", "-s", "testsecret", "--region", region,
			"posix", "--nometa", store)
	})
	l.env = append(os.Environ(), "AWS_ENDPOINT_URL_S3="+l.s3, "AWS_ENDPOINT_URL_EC2="+l.moto, "AWS_ENDPOINT_URL_STS="+l.moto,
		"AWS_ACCESS_KEY_ID=testkey", "AWS_SECRET_ACCESS_KEY=testsecret", "AWS_REGION="+region, "AWS_DEFAULT_REGION="+region,
		"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "SGTRIM_WAIT=0")
	return l
}

// run runs a command and returns what it printed; another exit code than wanted ends the test.
func (l *lab) run(want int, env []string, name string, args ...string) string {
	l.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(slices.Clone(l.env), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		l.t.Fatal(err)
	}
	if code := cmd.ProcessState.ExitCode(); code != want {
		l.t.Fatalf("%s %v: exit code %d, want %d\n%s", name, args, code, want, out)
	}
	return string(out)
}

// ec2 calls the EC2 query API of moto and returns the first match of the pattern in the answer.
func (l *lab) ec2(pattern string, params ...string) string {
	l.t.Helper()
	form := url.Values{"Version": {"2016-11-15"}}
	for i := 0; i < len(params); i += 2 {
		form.Set(params[i], params[i+1])
	}
	req, err := http.NewRequest("POST", l.moto, strings.NewReader(form.Encode()))
	if err != nil {
		l.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=testkey/20260101/"+region+"/ec2/aws4_request, SignedHeaders=host, Signature=0")
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		l.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		l.t.Fatal(err)
	}
	found := regexp.MustCompile(pattern).FindSubmatch(body)
	if answer.StatusCode != 200 || found == nil {
		l.t.Fatalf("%v: %s\n%s", params, answer.Status, body)
	}
	return string(found[1])
}

// allow adds a rule to a group. The source is a CIDR or a group.
func (l *lab) allow(group, proto string, from, to int, source, description string) {
	l.t.Helper()
	p := []string{"Action", "AuthorizeSecurityGroupIngress", "GroupId", group, "IpPermissions.1.IpProtocol", proto,
		"IpPermissions.1.FromPort", fmt.Sprint(from), "IpPermissions.1.ToPort", fmt.Sprint(to)}
	switch {
	case strings.HasPrefix(source, "sg-"):
		p = append(p, "IpPermissions.1.Groups.1.GroupId", source, "IpPermissions.1.Groups.1.Description", description)
	case strings.Contains(source, ":"):
		p = append(p, "IpPermissions.1.Ipv6Ranges.1.CidrIpv6", source, "IpPermissions.1.Ipv6Ranges.1.Description", description)
	default:
		p = append(p, "IpPermissions.1.IpRanges.1.CidrIp", source, "IpPermissions.1.IpRanges.1.Description", description)
	}
	l.ec2(`(true)`, p...)
}

// host is an interface of one tier.
type host struct{ eni, addr string }

// shop is an estate of three tiers: web is open to the world, talks to app, which talks to db.
type shop struct {
	web, app, db string // groups
	hosts        map[string][]host
}

func (l *lab) build() *shop {
	vpc := l.ec2(`<vpcId>([^<]+)`, "Action", "CreateVpc", "CidrBlock", "10.0.0.0/16")
	s := &shop{hosts: map[string][]host{}}
	group := func(name string) string {
		return l.ec2(`<groupId>([^<]+)`, "Action", "CreateSecurityGroup", "GroupName", name, "GroupDescription", "tier "+name, "VpcId", vpc)
	}
	// Names are the owner's to choose: these must stay words everywhere.
	s.web, s.app, s.db = group("web'; touch pwned; '"), group("app $(touch pwned)"), group("db `touch pwned`")
	gateway := l.ec2(`<internetGatewayId>([^<]+)`, "Action", "CreateInternetGateway")
	l.ec2(`(AttachInternetGatewayResponse)`, "Action", "AttachInternetGateway", "InternetGatewayId", gateway, "VpcId", vpc)
	for i, tier := range []string{"web", "app", "db"} {
		subnet := l.ec2(`<subnetId>([^<]+)`, "Action", "CreateSubnet", "VpcId", vpc, "CidrBlock", fmt.Sprintf("10.0.%d.0/24", i+1))
		for j := range 2 {
			addr := fmt.Sprintf("10.0.%d.%d", i+1, 10+j)
			eni := l.ec2(`<networkInterfaceId>([^<]+)`, "Action", "CreateNetworkInterface", "SubnetId", subnet, "PrivateIpAddress", addr,
				"SecurityGroupId.1", map[string]string{"web": s.web, "app": s.app, "db": s.db}[tier])
			s.hosts[tier] = append(s.hosts[tier], host{eni, addr})
		}
	}
	l.allow(s.web, "tcp", 443, 443, "0.0.0.0/0", "the shop")
	l.allow(s.web, "tcp", 22, 22, "10.0.0.0/8", "ssh, once")
	l.allow(s.app, "tcp", 0, 65535, "10.0.0.0/16", "from web")
	l.allow(s.app, "tcp", 9000, 9000, "10.0.9.0/24", "monitoring that is gone")
	l.allow(s.db, "tcp", 5432, 5432, "10.0.0.0/16", "from app")
	l.allow(s.db, "tcp", 5432, 5432, "10.0.2.0/24", "from app, again")
	l.allow(s.db, "tcp", 3306, 3306, s.app, "mysql, unused")
	return s
}

// logs writes flow logs in AWS's layout: every pair of hosts connects in every hour of the days before today.
func (l *lab) logs(s *shop) string {
	root := filepath.Join(l.dir, "logs")
	first := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -days)
	port := 0
	for hour := range 24 * days {
		at := first.Add(time.Duration(hour) * time.Hour)
		var b strings.Builder
		b.WriteString("version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status vpc-id tcp-flags flow-direction\n")
		record := func(eni, direction, src, dst string, sport, dport, flags int) {
			fmt.Fprintf(&b, "5 %s %s %s %s %d %d 6 10 1200 %d %d ACCEPT OK vpc-1 %d %s\n", account, eni, src, dst, sport, dport,
				at.Unix()+600, at.Unix()+660, flags, direction)
		}
		connect := func(client, server host, service int) {
			port = (port + 1) % 20000
			from := 40000 + port
			record(server.eni, "ingress", client.addr, server.addr, from, service, 3)
			record(server.eni, "egress", server.addr, client.addr, service, from, 19)
			if client.eni != "" {
				record(client.eni, "egress", client.addr, server.addr, from, service, 3)
				record(client.eni, "ingress", server.addr, client.addr, service, from, 19)
			}
		}
		for i := range 2 {
			connect(host{addr: fmt.Sprintf("198.51.100.%d", 1+(hour*7+i)%250)}, s.hosts["web"][i], 443)
			connect(s.hosts["web"][i], s.hosts["app"][i], 8080)
			connect(s.hosts["app"][i], s.hosts["db"][i], 5432)
		}
		name := fmt.Sprintf("AWSLogs/%s/vpcflowlogs/%s/%s/%s_vpcflowlogs_%s_fl-0123456789abcdef0_%s_%08x.log", account, region,
			at.Format("2006/01/02"), account, region, at.Format("20060102T1504Z"), hour)
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			l.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			l.t.Fatal(err)
		}
	}
	return root
}

// rules is what a describe-security-groups form holds, as sets of direction, protocol, ports, source and description by group.
type rules map[string][]string

func rulesOf(t *testing.T, groups []any) rules {
	set := rules{}
	for _, g := range groups {
		g := g.(map[string]any)
		id := g["GroupId"].(string)
		set[id] = []string{}
		for key, direction := range map[string]string{"IpPermissions": "ingress", "IpPermissionsEgress": "egress"} {
			list, _ := g[key].([]any)
			for _, p := range list {
				p := p.(map[string]any)
				for kind, name := range map[string]string{"IpRanges": "CidrIp", "Ipv6Ranges": "CidrIpv6", "PrefixListIds": "PrefixListId", "UserIdGroupPairs": "GroupId"} {
					sources, _ := p[kind].([]any)
					for _, x := range sources {
						x := x.(map[string]any)
						set[id] = append(set[id], fmt.Sprintf("%s %v %s %v | %v", direction, p["IpProtocol"], ports(p), x[name], orEmpty(x["Description"])))
					}
				}
			}
		}
		slices.Sort(set[id])
	}
	if len(set) == 0 {
		t.Fatal("no groups")
	}
	return set
}

func ports(p map[string]any) string {
	from, to := p["FromPort"], p["ToPort"]
	if p["IpProtocol"] == "-1" || from == nil {
		return "*"
	}
	return fmt.Sprintf("%v-%v", from, to)
}

func orEmpty(v any) any {
	if v == nil {
		return ""
	}
	return v
}

func (l *lab) read(path string, v any) {
	l.t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		l.t.Fatal(err)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		l.t.Fatalf("%s: %v", path, err)
	}
}

// snapshot asks sgtrim for the rules in force.
func (l *lab) snapshot() rules {
	l.t.Helper()
	path := filepath.Join(l.dir, "snapshot.json")
	l.run(0, nil, "sgtrim", "snapshot", "-o", path)
	var s struct {
		Scopes []struct{ SecurityGroups []any }
	}
	l.read(path, &s)
	var groups []any
	for _, scope := range s.Scopes {
		groups = append(groups, scope.SecurityGroups...)
	}
	return rulesOf(l.t, groups)
}

func (l *lab) same(what string, want, got rules) {
	l.t.Helper()
	for _, id := range slices.Sorted(maps.Keys(want)) {
		if !slices.Equal(want[id], got[id]) {
			l.t.Errorf("%s: group %s\nwant %s\ngot  %s", what, id, strings.Join(want[id], "\n     "), strings.Join(got[id], "\n     "))
		}
	}
	if len(want) != len(got) {
		l.t.Errorf("%s: %d groups, want %d", what, len(got), len(want))
	}
}

// plan is what these tests read of recommendations.json.
type plan struct {
	Changes []struct {
		ID        string `json:"change_id"`
		Status    string
		Kind      string
		GroupID   string `json:"group_id"`
		DependsOn []struct {
			GroupID string `json:"group_id"`
		} `json:"depends_on"`
	}
}

func TestRoundTrip(t *testing.T) {
	l := newLab(t)
	s := l.build()
	l.run(0, nil, "aws", "s3", "cp", "--only-show-errors", "--recursive", l.logs(s), "s3://"+bucket+"/")

	out := filepath.Join(l.dir, "out")
	summary := l.run(0, nil, "sgtrim", "review", "s3://"+bucket+"/", "-o", out, "--min-window", "2d", "--region", region)
	t.Logf("%s", summary)
	checkSchema(t, filepath.Join(out, "recommendations.json"))
	var p plan
	l.read(filepath.Join(out, "recommendations.json"), &p)
	var described struct{ SecurityGroups []any }
	l.read(filepath.Join(out, "proposed.json"), &described)
	proposed := rulesOf(t, described.SecurityGroups)
	before := l.snapshot()
	changed := changedGroups(before, proposed)
	if len(changed) < 2 {
		t.Fatalf("the review proposes changes of %v only\n%s", changed, summary)
	}

	apply, rollback := filepath.Join(out, "apply.sh"), filepath.Join(out, "rollback.sh")
	l.run(0, nil, "bash", apply)
	l.same("after a dry run", before, l.snapshot())
	l.run(0, nil, "bash", apply, "--apply")
	l.same("after apply.sh", proposed, l.snapshot())
	l.run(0, nil, "bash", rollback, "--apply")
	l.same("after rollback.sh", before, l.snapshot())
	if found, _ := filepath.Glob("pwned"); len(found) > 0 {
		t.Fatal("a group's name was run as a command")
	}

	// A rule added by hand: that group and the groups whose changes lean on it are left alone.
	edited := changed[len(changed)-1]
	l.allow(edited, "tcp", 3389, 3389, "192.0.2.7/32", "by hand")
	want := maps.Clone(proposed)
	want[edited] = l.snapshot()[edited]
	for _, c := range p.Changes {
		for _, d := range c.DependsOn {
			if d.GroupID == edited && c.GroupID != edited && c.Status == "proposed" {
				want[c.GroupID] = before[c.GroupID]
			}
		}
	}
	said := l.run(3, nil, "bash", apply, "--apply")
	if !strings.Contains(said, edited+" skipped: a rule the plan does not know: ingress tcp 3389 from 192.0.2.7/32") {
		t.Errorf("apply.sh does not say why it skipped %s:\n%s", edited, said)
	}
	l.same("after apply.sh with an edit by hand", want, l.snapshot())
	l.ec2(`(true)`, "Action", "RevokeSecurityGroupIngress", "GroupId", edited, "IpPermissions.1.IpProtocol", "tcp", "IpPermissions.1.FromPort", "3389",
		"IpPermissions.1.ToPort", "3389", "IpPermissions.1.IpRanges.1.CidrIp", "192.0.2.7/32")
	l.run(0, nil, "bash", rollback, "--apply")
	l.same("after rollback.sh of the rest", before, l.snapshot())

	// Killed after some call of the AWS CLI, again and again, and then let go on to the end.
	for kill := 3; kill <= 7; kill += 2 {
		l.run(-1, l.killer(kill), "bash", apply, "--apply")
	}
	l.run(0, nil, "bash", apply, "--apply")
	l.same("after apply.sh killed and resumed", proposed, l.snapshot())
}

func changedGroups(a, b rules) []string {
	var ids []string
	for _, id := range slices.Sorted(maps.Keys(a)) {
		if !slices.Equal(a[id], b[id]) {
			ids = append(ids, id)
		}
	}
	return ids
}

// killer makes an aws that ends the script, with SIGKILL, after its n-th call, and returns the environment that uses it.
func (l *lab) killer(n int) []string {
	l.t.Helper()
	dir := filepath.Join(l.dir, fmt.Sprintf("kill%d", n))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		l.t.Fatal(err)
	}
	text := fmt.Sprintf(`#!/usr/bin/env bash
%s "$@"
code=$?
echo >>%s/calls
[ "$(wc -l <%s/calls)" -lt %d ] || kill -KILL 0
exit $code
`, need(l.t, "aws"), dir, dir, n)
	if err := os.WriteFile(filepath.Join(dir, "aws"), []byte(text), 0o755); err != nil {
		l.t.Fatal(err)
	}
	return []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
}

// checkSchema holds the plan against the published schema with a validator that is not ours.
func checkSchema(t *testing.T, path string) {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile("../../recommend/output/schema.json")
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	v, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(v); err != nil {
		t.Error(err)
	}
}
