package output

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"

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

// emptyLists copies v with every nil slice of an exported field made an empty one, so that it prints as [] and not null.
func emptyLists(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	switch v.Kind() {
	case reflect.Struct:
		out.Set(v)
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && f.Tag.Get("json") != "-" {
				out.Field(i).Set(emptyLists(v.Field(i)))
			}
		}
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		copied := reflect.New(v.Type().Elem())
		copied.Elem().Set(emptyLists(v.Elem()))
		out.Set(copied)
	case reflect.Slice:
		out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		for i := range v.Len() {
			out.Index(i).Set(emptyLists(v.Index(i)))
		}
	default:
		out.Set(v)
	}
	return out
}
