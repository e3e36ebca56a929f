package output

import _ "embed"

//go:embed schema.json
var schema []byte

// Schema is the JSON Schema (draft 2020-12) of recommendations.json. Fields may be added to the form, never renamed, so a
// reader must let unknown ones pass.
func Schema() []byte { return schema }
