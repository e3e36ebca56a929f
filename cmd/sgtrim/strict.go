package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"gopkg.in/yaml.v3"
)

// readStrictFile reads a file of ours with the readers of its keys. The error names path and line, and the schema to look at.
func readStrictFile(what, path string, known keys) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("%s file: %w", what, err)
	}
	err = parseStrict(text, known)
	var at *lineError
	switch {
	case errors.As(err, &at):
		return withHint(fmt.Errorf("%s:%w", path, err), "sgtrim schema %s prints the schema of this file", what)
	case err != nil:
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// parseStrict reads one YAML document, or one JSON object, key by key. An empty text says nothing, which is allowed.
func parseStrict(text []byte, known keys) error {
	if trimmed := bytes.TrimSpace(text); len(trimmed) > 0 && trimmed[0] == '{' && json.Valid(trimmed) {
		n, err := jsonNode(text)
		if err != nil {
			return err
		}
		return readMapping(n, known)
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, more yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return err
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return errors.New("more than one YAML document")
	}
	return readMapping(doc.Content[0], known)
}

// jsonNode is a JSON text as the nodes that its YAML twin would have, with their lines. YAML's own parser takes most of JSON,
// but neither tabs nor the surrogate pairs that other programs escape emoji with.
func jsonNode(text []byte) (*yaml.Node, error) {
	r := jsonNodes{dec: json.NewDecoder(bytes.NewReader(text)), text: text}
	r.dec.UseNumber()
	return r.next()
}

type jsonNodes struct {
	dec  *json.Decoder
	text []byte
}

func (r *jsonNodes) next() (*yaml.Node, error) {
	t, err := r.dec.Token()
	if err != nil {
		return nil, err
	}
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Line: 1 + bytes.Count(r.text[:r.dec.InputOffset()], []byte("\n"))}
	switch t := t.(type) {
	case json.Delim:
		n.Kind, n.Tag = yaml.MappingNode, "!!map"
		if t == '[' {
			n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
		}
		for r.dec.More() { // of an object, keys and values in turn
			item, err := r.next()
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, item)
		}
		_, err = r.dec.Token()
	case string:
		n.Value = t
	case json.Number:
		n.Tag, n.Value = "!!float", t.String()
	case nil:
		n.Tag = "!!null"
	default:
		n.Tag, n.Value = "!!bool", fmt.Sprint(t)
	}
	return n, err
}
