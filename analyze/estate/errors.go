package estate

import "fmt"

// LoadError says what in the input cannot be read, and where.
type LoadError struct {
	Source string // file or API call
	Object string // SecurityGroups[3] sg-123, or "" when the whole file is meant
	Field  string // AWS's member name, with its path within the object; "" when not one field
	Err    error
}

func (e *LoadError) Error() string {
	s := e.Source
	if e.Object != "" {
		s += ": " + e.Object
	}
	if e.Field != "" {
		s += ": field " + e.Field
	}
	return fmt.Sprintf("%s: %v", s, e.Err)
}

func (e *LoadError) Unwrap() error { return e.Err }
