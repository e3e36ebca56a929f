package report

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/recommend"
	"github.com/sgtrim/sgtrim/recommend/output"
	"github.com/sgtrim/sgtrim/recommend/output/report/plantest"
)

func write(t *testing.T, p *recommend.Plan) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var (
	block  = regexp.MustCompile(`(?s)<(script|style)( type="text/plain" id="plan")?>(.*?)</(?:script|style)>`)
	meta   = regexp.MustCompile(`<meta http-equiv="Content-Security-Policy" content="([^"]*)">`)
	markup = regexp.MustCompile(`<[a-zA-Z/!][^>]*>`)
)

// The page's markup is the same whatever the plan holds; texts are in the data block and, escaped, in the plain summary.
func TestTextsCannotBecomeMarkup(t *testing.T) {
	want := markup.FindAllString(block.ReplaceAllString(write(t, &recommend.Plan{}), "<$1>"), -1)
	for round := range plantest.Texts {
		got := markup.FindAllString(block.ReplaceAllString(write(t, plantest.Hostile(round)), "<$1>"), -1)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("round %d: the markup of the hostile page (-empty plan +hostile):\n%s", round, diff)
		}
	}
}

// What the page runs is what its policy names, and nothing else may run or be fetched.
func TestPolicyNamesWhatThePageHas(t *testing.T) {
	page := write(t, plantest.Hostile(0))
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
	for _, p := range []*recommend.Plan{{}, plantest.Hostile(0), plantest.Big(3, 1)} {
		blocks := block.FindAllStringSubmatch(write(t, p), -1)
		at := slices.IndexFunc(blocks, func(b []string) bool { return b[2] != "" })
		if at < 0 {
			t.Fatal("no data block")
		}
		var file bytes.Buffer
		if err := output.JSON(&file, p); err != nil {
			t.Fatal(err)
		}
		zip, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(blocks[at][3])))
		if err != nil {
			t.Fatal(err)
		}
		var want, got any
		if err := errors.Join(json.Unmarshal(file.Bytes(), &want), json.NewDecoder(zip).Decode(&got)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("recommendations.json and the page's data (-file +page):\n%s", diff)
		}
	}
}

func TestSameBytes(t *testing.T) {
	if a, b := write(t, plantest.Hostile(0)), write(t, plantest.Hostile(0)); a != b {
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
