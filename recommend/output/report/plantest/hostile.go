// Package plantest makes plans for tests of what shows plans: hostile ones and big ones. No program imports it.
package plantest

import (
	"fmt"
	"reflect"
	"time"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/recommend"
)

// Texts try, each in its way, to leave the place that they are put into. Any that runs as script sets the page's title to
// Owned.
var Texts = []string{
	`</script><script>document.title="Owned"</script>`,
	`<!--<script>`,
	`"><img src=x onerror='document.title="Owned"'>`,
	`'; document.title="Owned"; '`,
	`${document.title="Owned"}`,
	`{{.Policy}}`,
	"]]>",
	"line\u2028paragraph\u2029end",
	"\u202egnirts\u202c",
	"\x00\x1b[31m\x07\r\n",
	`javascript:document.title="Owned"`,
	`</pre><style>*{display:none}</style>`,
	"\xff\xfe",
	`&lt;b&gt;&amp;`,
	"back`tick\\",
	`</title><meta http-equiv="refresh" content="0;url=//invalid">`,
	`<svg/onload=document.title="Owned">`,
	`%E0%A4%A?#&=/../`,
	"__proto__",
}

// Owned is what the title becomes when one of Texts runs.
const Owned = "Owned"

// Hostile is a plan in which every string that could come from the reviewed account, and many that could not, is one of
// Texts, of which each has its turn in every place as round goes from 0 to len(Texts)-1.
func Hostile(round int) *recommend.Plan {
	p := new(recommend.Plan)
	f := filler{next: round}
	f.fill(reflect.ValueOf(p).Elem())
	p.Policy.Egress = "report"
	for i := range p.Groups {
		g := &p.Groups[i]
		g.ID += fmt.Sprint(i) // two groups of one id would be one group
		for j := range g.Rules {
			g.Rules[j].Change = ""
		}
	}
	statuses := []recommend.Status{recommend.Proposed, recommend.Review}
	for i := range p.Changes {
		c := &p.Changes[i]
		c.ID += fmt.Sprint(i)
		c.GroupID, c.Kind, c.Status = p.Groups[i].ID, recommend.NarrowPeers, statuses[i]
		p.Groups[i].Rules[0].Change = c.ID
	}
	return p
}

// filler gives every exported field of a value that JSON shows something: texts in turn, lists of two.
type filler struct{ next int }

func (f *filler) fill(v reflect.Value) {
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)))
		return
	case analyze.Direction:
		v.Set(reflect.ValueOf(analyze.Ingress))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(Texts[f.next%len(Texts)])
		f.next++
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(3)
	case reflect.Float64:
		v.SetFloat(0.5)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		f.fill(v.Index(0))
		f.fill(v.Index(1))
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		f.fill(key)
		f.fill(value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for i := range v.NumField() {
			if t := v.Type().Field(i); t.IsExported() && t.Tag.Get("json") != "-" {
				f.fill(v.Field(i))
			}
		}
	}
}
