package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/recommend"
)

// hostile texts try to leave the place that each of them is put into.
var hostile = []string{
	`</script><script>document.title="owned"</script>`, `<!--<script>`, `"><img src=x onerror=alert(1)>`, `'; alert(1); '`, `${alert(1)}`,
	`{{.Policy}}`, "]]>", "\u2028\u2029", "\u202egnirts\u202c", "\x00\x1b[31m", `javascript:alert(1)`, `</pre><style>*{display:none}</style>`,
	"\xff\xfe", `&lt;b&gt;`, "back`tick", `</title><meta http-equiv="refresh" content="0;url=//x">`,
}

// hostilePlan has every hostile text wherever the reviewed account can put one.
func hostilePlan() *recommend.Plan {
	p := &recommend.Plan{ID: "plan-1", Policy: recommend.Policy{Level: "balanced", Egress: "report"}, Proof: recommend.Proof{Holds: true}}
	for i, s := range hostile {
		id := "sg-" + string(rune('a'+i))
		text := recommend.RuleText{ID: s, Service: "tcp 443", Peer: "0.0.0.0/0", PeerName: s, Description: s, Why: s, Tags: map[string]string{s: s}}
		traffic := []recommend.Traffic{{Interface: s, Direction: analyze.Ingress, Peer: s, PeerName: s, Service: s, Cause: s}}
		p.Groups = append(p.Groups, recommend.Group{ID: id, Name: s, VPC: s, Protected: s, Interfaces: []string{s},
			Rules: []recommend.Rule{{Direction: analyze.Ingress, Description: s, PeerName: s, Kept: s}}})
		p.Changes = append(p.Changes, recommend.Change{ID: "chg-" + id, Kind: recommend.Unused, Status: recommend.Review, GroupID: id, GroupName: s,
			Direction: analyze.Ingress, Old: []recommend.RuleText{text}, New: []recommend.RuleText{text}, Reason: s, Release: s,
			Remarks: []string{s}, Denies: traffic, DependsOn: []recommend.Dependency{{GroupID: s, Rule: s}}})
		p.Unexplained = append(p.Unexplained, traffic...)
		p.Notes = append(p.Notes, s)
		p.Input.BadRecords = append(p.Input.BadRecords, s)
	}
	return p
}

func write(t *testing.T, p *recommend.Plan) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var (
	block  = regexp.MustCompile(`(?s)<(script|style)( type="application/json" id="plan")?>(.*?)</(?:script|style)>`)
	meta   = regexp.MustCompile(`<meta http-equiv="Content-Security-Policy" content="([^"]*)">`)
	markup = regexp.MustCompile(`<[a-zA-Z/!][^>]*>`)
)

// The page's markup is the same whatever the plan holds; texts are in the data block and, escaped, in the plain summary.
func TestTextsCannotBecomeMarkup(t *testing.T) {
	want := markup.FindAllString(block.ReplaceAllString(write(t, &recommend.Plan{}), "<$1>"), -1)
	got := markup.FindAllString(block.ReplaceAllString(write(t, hostilePlan()), "<$1>"), -1)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the markup of the hostile page (-empty plan +hostile):\n%s", diff)
	}
}

// What the page runs is what its policy names, and nothing else may run or be fetched.
func TestPolicyNamesWhatThePageHas(t *testing.T) {
	page := write(t, hostilePlan())
	policy := meta.FindStringSubmatch(page)
	if policy == nil {
		t.Fatal("no policy")
	}
	var want []string
	for _, b := range block.FindAllStringSubmatch(page, -1) {
		if b[2] == "" {
			sum := sha256.Sum256([]byte(b[3]))
			want = append(want, b[1]+" 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
		}
	}
	slices.Sort(want)
	var got []string
	for _, part := range strings.Split(strings.NewReplacer("&#39;", "'", "&#43;", "+").Replace(policy[1]), "; ") {
		words := strings.Fields(part)
		for _, w := range words[1:] {
			if kind, ok := strings.CutSuffix(words[0], "-src"); ok && kind != "default" {
				got = append(got, kind+" "+w)
			} else if w != "'none'" {
				t.Errorf("the policy allows %s", part)
			}
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("blocks of the page and hashes of its policy (-blocks +policy):\n%s", diff)
	}
	if m := regexp.MustCompile(`(?i)(src|href)="(https?:|//)`).FindString(page); m != "" {
		t.Errorf("the page refers to the network: %s", m)
	}
}

// The data block is the plan as recommendations.json has it.
func TestDataIsThePlan(t *testing.T) {
	for _, b := range block.FindAllStringSubmatch(write(t, hostilePlan()), -1) {
		if b[2] == "" {
			continue
		}
		var got recommend.Plan
		if err := json.Unmarshal([]byte(b[3]), &got); err != nil {
			t.Fatal(err)
		}
		for i, s := range hostile {
			if want := strings.ToValidUTF8(s, "\ufffd"); s != "\xff\xfe" && got.Groups[i].Name != want {
				t.Errorf("group name: got %q, want %q", got.Groups[i].Name, want)
			}
		}
		if strings.Contains(b[3], "null") {
			t.Error("the data has null for an empty list")
		}
		return
	}
	t.Fatal("no data block")
}

func TestSameBytes(t *testing.T) {
	if a, b := write(t, hostilePlan()), write(t, hostilePlan()); a != b {
		t.Error("two pages of one plan differ")
	}
}

// The scripts never hand text to a parser of markup or code.
func TestScriptsMakeNoMarkup(t *testing.T) {
	for _, word := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "DOMParser", "srcdoc", "createContextualFragment"} {
		if strings.Contains(script, word) {
			t.Errorf("the scripts use %s", word)
		}
	}
}
