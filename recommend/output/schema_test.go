package output

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sgtrim/sgtrim/analyze"
	"github.com/sgtrim/sgtrim/recommend"
)

var update = flag.Bool("update", false, "rewrite schema.json and the golden files")

// The schema is made of the plan's types, with the comments of their fields as descriptions.
func TestSchemaFollowsTheTypes(t *testing.T) {
	m := schemaMaker{docs: fieldComments(t, "../plan.go", "../picture.go"), defs: map[string]any{}}
	root := m.of(reflect.TypeFor[recommend.Plan]())
	got := map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "sgtrim recommendations.json, version 1",
		"$ref": root["$ref"], "$defs": m.defs,
	}
	raw, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	raw = append(raw, '\n')
	if *update {
		if err := os.WriteFile("schema.json", raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(Schema()), string(raw)); diff != "" && !*update {
		t.Errorf("schema.json does not follow recommend/plan.go and picture.go; run go test ./recommend/output -run Schema -update (-file +types):\n%s", diff)
	}
}

type schemaMaker struct {
	docs map[string]string // Type.Field
	defs map[string]any
}

func (m schemaMaker) of(t reflect.Type) map[string]any {
	switch t {
	case reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date-time"}
	case reflect.TypeFor[analyze.Direction]():
		return map[string]any{"enum": []any{"ingress", "egress", "unknown"}}
	case reflect.TypeFor[recommend.Status]():
		return map[string]any{"enum": []any{"proposed", "review", "held"}}
	case reflect.TypeFor[recommend.Verdict]():
		return map[string]any{"enum": []any{"accept", "reject", "except"}}
	case reflect.TypeFor[recommend.Outcome]():
		return map[string]any{"enum": []any{"applied", "no-effect", "carried", "expired", "outdated", "unknown"}}
	}
	switch t.Kind() {
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return map[string]any{"type": "integer"}
	case reflect.Float64:
		return map[string]any{"type": "number"}
	case reflect.Slice:
		return map[string]any{"type": "array", "items": m.of(t.Elem())}
	case reflect.Pointer:
		return m.of(t.Elem())
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": m.of(t.Elem())}
	case reflect.Struct:
		if m.defs[t.Name()] == nil {
			m.defs[t.Name()] = true
			m.defs[t.Name()] = m.object(t)
		}
		return map[string]any{"$ref": "#/$defs/" + t.Name()}
	}
	panic(fmt.Sprintf("no schema for %v", t))
}

func (m schemaMaker) object(t reflect.Type) map[string]any {
	properties, required := map[string]any{}, []any{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		p := m.of(f.Type)
		if doc := m.docs[t.Name()+"."+f.Name]; doc != "" {
			p["description"] = doc
		}
		properties[name] = p
		if !strings.HasPrefix(options, "omit") {
			required = append(required, name)
		}
	}
	o := map[string]any{"type": "object", "properties": properties, "required": required}
	if doc := m.docs[t.Name()]; doc != "" {
		o["description"] = doc
	}
	return o
}

func fieldComments(t *testing.T, files ...string) map[string]string {
	t.Helper()
	var decls []ast.Decl
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		decls = append(decls, f.Decls...)
	}
	docs := map[string]string{}
	words := func(groups ...*ast.CommentGroup) string {
		var all []string
		for _, g := range groups {
			all = append(all, strings.Fields(g.Text())...)
		}
		return strings.Join(all, " ")
	}
	for _, d := range decls {
		g, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, s := range g.Specs {
			ts, ok := s.(*ast.TypeSpec)
			if !ok {
				continue
			}
			docs[ts.Name.Name] = words(g.Doc)
			st, ok := ts.Type.(*ast.StructType)
			if !ok {
				continue
			}
			for _, field := range st.Fields.List {
				for _, n := range field.Names {
					docs[ts.Name.Name+"."+n.Name] = words(field.Doc, field.Comment)
				}
			}
		}
	}
	return docs
}

// validate checks v against the part of JSON Schema that schema.json uses. It calls nothing of the package.
func validate(root, s map[string]any, v any, at string) (errs []string) {
	if ref, ok := s["$ref"].(string); ok {
		errs = validate(root, root["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any), v, at)
	}
	if enum, ok := s["enum"].([]any); ok && !slices.Contains(enum, v) {
		errs = append(errs, fmt.Sprintf("%s: %v is none of %v", at, v, enum))
	}
	wrong := func() []string { return append(errs, fmt.Sprintf("%s: %v is no %v", at, v, s["type"])) }
	switch s["type"] {
	case "string":
		text, ok := v.(string)
		if !ok {
			return wrong()
		}
		if _, err := time.Parse(time.RFC3339, text); s["format"] == "date-time" && err != nil {
			errs = append(errs, at+": "+err.Error())
		}
	case "boolean":
		if _, ok := v.(bool); !ok {
			return wrong()
		}
	case "number", "integer":
		n, ok := v.(float64)
		if !ok || s["type"] == "integer" && n != float64(int64(n)) {
			return wrong()
		}
	case "array":
		list, ok := v.([]any)
		if !ok {
			return wrong()
		}
		for i, x := range list {
			errs = append(errs, validate(root, s["items"].(map[string]any), x, fmt.Sprintf("%s[%d]", at, i))...)
		}
	case "object":
		object, ok := v.(map[string]any)
		if !ok {
			return wrong()
		}
		properties, _ := s["properties"].(map[string]any)
		if required, ok := s["required"].([]any); ok {
			for _, r := range required {
				if _, ok := object[r.(string)]; !ok {
					errs = append(errs, fmt.Sprintf("%s: no %v", at, r))
				}
			}
		}
		for name, x := range object {
			p, ok := properties[name].(map[string]any)
			if !ok {
				if p, ok = s["additionalProperties"].(map[string]any); !ok {
					errs = append(errs, fmt.Sprintf("%s: unknown field %s", at, name)) // stricter than the schema: ours must know all
					continue
				}
			}
			errs = append(errs, validate(root, p, x, at+"."+name)...)
		}
	}
	return errs
}

func TestPlansAreValid(t *testing.T) {
	var s map[string]any
	if err := json.Unmarshal(Schema(), &s); err != nil {
		t.Fatal(err)
	}
	check := func(raw []byte) []string {
		var v any
		if err := json.Unmarshal(raw, &v); err != nil {
			t.Fatal(err)
		}
		return validate(s, s, v, "plan")
	}
	for seed := range uint64(20) {
		w := randomWorld(t, seed, 3)
		w.fillIn(seed)
		var a, b bytes.Buffer
		if err := JSON(&a, w.p); err != nil {
			t.Fatal(err)
		}
		if err := JSON(&b, w.p); err != nil || !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Fatalf("seed %d: %v, or bytes differ", seed, err)
		}
		if errs := check(a.Bytes()); len(errs) > 0 {
			t.Fatalf("seed %d:\n%s", seed, strings.Join(errs, "\n"))
		}
	}
	var empty bytes.Buffer
	if err := JSON(&empty, &recommend.Plan{}); err != nil {
		t.Fatal(err)
	}
	if errs := check(empty.Bytes()); len(errs) > 0 || bytes.Contains(empty.Bytes(), []byte("null")) {
		t.Fatalf("the empty plan: %v\n%s", errs, empty.Bytes())
	}
	for _, broken := range []string{`{}`, strings.Replace(empty.String(), `"changes": []`, `"changes": null`, 1), strings.Replace(empty.String(), `"holds": false`, `"holds": 1`, 1)} {
		if errs := check([]byte(broken)); len(errs) == 0 {
			t.Errorf("taken as valid: %s", broken)
		}
	}
}
