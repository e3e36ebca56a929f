package output

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"sync"

	"github.com/sgtrim/sgtrim/recommend"
)

// JSON writes recommendations.json: the whole plan, in the form that Schema describes. Equal plans give equal bytes.
func JSON(w io.Writer, p *recommend.Plan) error {
	return writeJSON(w, Document(p))
}

// Document is the plan as every JSON form of it is written: completed by Filled, and with empty lists instead of none.
func Document(p *recommend.Plan) any {
	return emptyLists(reflect.ValueOf(Filled(p)).Elem()).Interface()
}

// BacktestJSON writes a backtest, in the form that it has in recommendations.json.
func BacktestJSON(w io.Writer, b *recommend.Backtest) error {
	return writeJSON(w, emptyLists(reflect.ValueOf(b).Elem()).Interface())
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write json: %w", err)
	}
	return nil
}

// emptyLists is v with every nil slice of an exported field made an empty one, so that it prints as [] and not null. What holds
// no slices is not copied.
func emptyLists(v reflect.Value) reflect.Value {
	if !holdsLists(v.Type()) {
		return v
	}
	switch v.Kind() {
	case reflect.Struct:
		out := reflect.New(v.Type()).Elem()
		out.Set(v)
		for i := range v.NumField() {
			if f := v.Type().Field(i); written(f) && holdsLists(f.Type) {
				out.Field(i).Set(emptyLists(v.Field(i)))
			}
		}
		return out
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		out := reflect.New(v.Type().Elem())
		out.Elem().Set(emptyLists(v.Elem()))
		return out
	}
	if v.Len() > 0 && !holdsLists(v.Type().Elem()) {
		return v
	}
	out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
	for i := range v.Len() {
		out.Index(i).Set(emptyLists(v.Index(i)))
	}
	return out
}

func written(f reflect.StructField) bool { return f.IsExported() && f.Tag.Get("json") != "-" }

// listTypes are the answers of holdsLists.
var listTypes sync.Map // reflect.Type → bool

// holdsLists reports whether values of t are slices, or hold some in their exported fields. No type of a plan holds itself but
// through fields that are not written.
func holdsLists(t reflect.Type) bool {
	if known, ok := listTypes.Load(t); ok {
		return known.(bool)
	}
	holds := false
	switch t.Kind() {
	case reflect.Slice:
		holds = true
	case reflect.Pointer:
		holds = holdsLists(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			holds = holds || written(t.Field(i)) && holdsLists(t.Field(i).Type)
		}
	}
	listTypes.Store(t, holds)
	return holds
}
