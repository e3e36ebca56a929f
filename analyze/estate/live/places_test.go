package live_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sgtrim/sgtrim/analyze/estate"
	"github.com/sgtrim/sgtrim/analyze/estate/ec2fake"
	"github.com/sgtrim/sgtrim/analyze/estate/live"
)

// manyAccounts is an Organization: STS and Organizations, before an EC2 server for each account. The access key of an assumed
// role is the account's number behind "AKIA".
type manyAccounts struct {
	*httptest.Server
	servers map[string]*ec2fake.Server // by account
	closed  string                     // account whose role nobody may assume
	denied  bool                       // Organizations
}

var accessKey = regexp.MustCompile(`Credential=AKIA(\d+)/\d+/([a-z0-9-]+)/`)

func newAccounts(t *testing.T, ids ...string) *manyAccounts {
	t.Helper()
	serve(t, ec2fake.Behaviour{}) // for the environment
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIA"+ids[0])
	m := &manyAccounts{servers: map[string]*ec2fake.Server{}}
	for _, id := range ids {
		s, err := estate.ReadSnapshot("../testdata/shop.json")
		if err != nil {
			t.Fatal(err)
		}
		scope := s.Scopes[0]
		scope.Account = id
		s.Scopes = nil
		for _, region := range []string{"eu-west-1", "us-east-1"} {
			scope.Region = region
			s.Scopes = append(s.Scopes, scope)
		}
		f, err := ec2fake.New(s, ec2fake.Behaviour{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(f.Close)
		m.servers[id] = f
	}
	m.Server = httptest.NewServer(m)
	t.Cleanup(m.Close)
	return m
}

func (m *manyAccounts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	form, _ := url.ParseQuery(string(body)) // of JSON calls nothing
	signed := accessKey.FindStringSubmatch(r.Header.Get("Authorization"))
	switch {
	case strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".ListAccounts"):
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		if m.denied {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"__type":"AccessDeniedException","Message":"no"}`)
			return
		}
		var accounts []string
		for _, id := range slices.Sorted(maps.Keys(m.servers)) {
			accounts = append(accounts, fmt.Sprintf(`{"Id":%q,"Status":"ACTIVE"}`, id))
		}
		accounts = append(accounts, `{"Id":"999999999999","Status":"SUSPENDED"}`)
		if !strings.Contains(string(body), "NextToken") { // the second page holds the second half
			fmt.Fprintf(w, `{"Accounts":[%s],"NextToken":"2"}`, strings.Join(accounts[:1], ","))
		} else {
			fmt.Fprintf(w, `{"Accounts":[%s]}`, strings.Join(accounts[1:], ","))
		}
	case form.Get("Action") == "AssumeRole":
		id := strings.Split(form.Get("RoleArn"), ":")[4]
		w.Header().Set("Content-Type", "text/xml")
		if id == m.closed || form.Get("ExternalId") != "agreed" {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>`)
			return
		}
		fmt.Fprintf(w, `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>AKIA%s</AccessKeyId><SecretAccessKey>s</SecretAccessKey>`+
			`<SessionToken>t</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
			id, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	case form.Get("Action") == "DescribeRegions":
		w.Header().Set("Content-Type", "text/xml")
		fmt.Fprint(w, `<DescribeRegionsResponse><regionInfo><item><regionName>us-east-1</regionName></item><item><regionName>eu-west-1</regionName></item></regionInfo></DescribeRegionsResponse>`)
	default:
		to, err := url.Parse(m.servers[signed[1]].URL)
		if err != nil {
			panic(err)
		}
		httputil.NewSingleHostReverseProxy(to).ServeHTTP(w, r)
	}
}

// scopes are the accounts and regions of a snapshot, in its order.
func scopes(s *estate.Snapshot) (out []string) {
	for _, scope := range s.Scopes {
		out = append(out, scope.Account+" "+scope.Region)
	}
	return out
}

// Every account of the Organization, in every region that is switched on; each with the credentials of its own role.
func TestOrganization(t *testing.T) {
	m := newAccounts(t, "111111111111", "222222222222", "333333333333")
	opt := live.Options{EndpointURL: m.URL, MaxBackoff: time.Millisecond, Regions: []string{live.AllRegions}, OrganizationRole: "sgtrim-read", ExternalID: "agreed"}
	s, err := live.Snapshot(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"111111111111 eu-west-1", "111111111111 us-east-1", "222222222222 eu-west-1", "222222222222 us-east-1", "333333333333 eu-west-1", "333333333333 us-east-1"}
	if got := scopes(s); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if len(s.Problems) != 0 {
		t.Errorf("problems: %v", s.Problems)
	}

	m.closed = "222222222222"
	m.servers["333333333333"].SetBehaviour(ec2fake.Behaviour{Denied: []string{"DescribeSecurityGroups"}})
	if s, err = live.Snapshot(t.Context(), opt); err != nil {
		t.Fatal(err)
	}
	if got := scopes(s); !slices.Equal(got, want[:2]) {
		t.Errorf("with two accounts closed: got %q", got)
	}
	if text := fmt.Sprint(s.Problems); len(s.Problems) != 3 || !strings.Contains(text, "arn:aws:iam::222222222222:role/sgtrim-read") ||
		!strings.Contains(text, "sts:AssumeRole") || !strings.Contains(text, "333333333333") || !strings.Contains(text, "ec2:DescribeSecurityGroups") {
		t.Errorf("problems: %s", text)
	}

	m.denied = true
	if _, err := live.Snapshot(t.Context(), opt); err == nil || !strings.Contains(err.Error(), "organizations:ListAccounts") {
		t.Errorf("without Organizations: %v", err)
	}
}

// Named roles and regions, in the order given; an account seen twice counts once.
func TestRolesAndRegions(t *testing.T) {
	m := newAccounts(t, "111111111111", "222222222222")
	opt := live.Options{
		EndpointURL: m.URL, MaxBackoff: time.Millisecond, ExternalID: "agreed", Regions: []string{"us-east-1", "eu-west-1"},
		RoleARNs: []string{"arn:aws:iam::222222222222:role/a", "arn:aws:iam::111111111111:role/b", "arn:aws:iam::222222222222:role/c"},
	}
	s, err := live.Snapshot(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"222222222222 us-east-1", "222222222222 eu-west-1", "111111111111 us-east-1", "111111111111 eu-west-1"}
	if got := scopes(s); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	opt.ExternalID = ""
	if _, err := live.Snapshot(t.Context(), opt); err == nil || !strings.Contains(err.Error(), "no account can be read") {
		t.Errorf("no role can be assumed: %v", err)
	}
}

// Several profiles are several accounts, each with the keys of its own, whatever keys the environment has.
func TestProfiles(t *testing.T) {
	m := newAccounts(t, "111111111111", "222222222222", "333333333333")
	config := filepath.Join(t.TempDir(), "config")
	text := ""
	for name, account := range map[string]string{"shop": "222222222222", "bank": "333333333333"} {
		text += fmt.Sprintf("[profile %s]\naws_access_key_id = AKIA%s\naws_secret_access_key = s\nregion = eu-west-1\n", name, account)
	}
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CONFIG_FILE", config)
	opt := live.Options{EndpointURL: m.URL, MaxBackoff: time.Millisecond, Profiles: []string{"shop", "bank"}}
	s, err := live.Snapshot(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := scopes(s), []string{"222222222222 eu-west-1", "333333333333 eu-west-1"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	opt.Profiles = []string{"shop", "none"}
	if _, err := live.Snapshot(t.Context(), opt); err == nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("a profile that is not there: %v", err)
	}
}
