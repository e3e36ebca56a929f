package main

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// iamService is how IAM names a service of the SDK; those not listed have the package's name.
var iamService = map[string]string{"configservice": "config", "cloudwatchlogs": "logs"}

// iamAction is how IAM names an operation, where not by its own name [aws-facts 10].
var iamAction = map[string]string{
	"s3:ListObjectsV2": "s3:ListBucket",
	"s3:HeadObject":    "s3:GetObject",
}

const (
	freeForAll = "sts:GetCallerIdentity" // needs no permission
	behindS3   = "kms:Decrypt"           // S3 asks for it on the caller's behalf
)

// sdkActions are the AWS actions that the Go code can call. Every operation of the SDK takes an input of its own, so that a mention of
// the type <service>.<Operation>Input is a call; package stscreds calls AssumeRole by itself.
func sdkActions(t *testing.T) map[string][]string {
	t.Helper()
	const services, roles = "github.com/aws/aws-sdk-go-v2/service/", "github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	actions := map[string][]string{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == "out" || strings.HasPrefix(d.Name(), ".") && d.Name() != ".." && path != "../..") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		service := map[string]string{} // by the name that the file has for the package
		for _, imported := range file.Imports {
			name, err := strconv.Unquote(imported.Path.Value)
			if err != nil {
				return err
			}
			if name == roles {
				actions["sts:AssumeRole"] = append(actions["sts:AssumeRole"], path)
			}
			if rest, ok := strings.CutPrefix(name, services); ok && !strings.Contains(rest, "/") {
				as := rest
				if imported.Name != nil {
					as = imported.Name.Name
				}
				service[as] = rest
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			selector, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			pkg, ok := selector.X.(*ast.Ident)
			operation, isInput := strings.CutSuffix(selector.Sel.Name, "Input")
			if !ok || !isInput || service[pkg.Name] == "" {
				return true
			}
			prefix := service[pkg.Name]
			if iam := iamService[prefix]; iam != "" {
				prefix = iam
			}
			action := prefix + ":" + operation
			if iam := iamAction[action]; iam != "" {
				action = iam
			}
			actions[action] = append(actions[action], path)
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return actions
}

// policyActions are the actions that the JSON policies of a page allow.
func policyActions(t *testing.T, page string) []string {
	t.Helper()
	var all []string
	for _, block := range regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(page, -1) {
		var policy struct {
			Statement []struct {
				Effect   string
				Action   any // a text or a list
				Resource any
			}
		}
		if err := json.Unmarshal([]byte(block[1]), &policy); err != nil {
			t.Fatalf("a policy of docs/iam.md: %v\n%s", err, block[1])
		}
		for _, s := range policy.Statement {
			if s.Effect != "Allow" || s.Resource == nil {
				t.Errorf("a statement of docs/iam.md is none that allows: %v", s)
			}
			switch action := s.Action.(type) {
			case string:
				all = append(all, action)
			case []any:
				for _, one := range action {
					all = append(all, one.(string))
				}
			}
		}
	}
	return all
}

// The policies for reading allow every action that the code can call, and no other.
func TestIAMNamesTheCalls(t *testing.T) {
	reading, _, found := strings.Cut(readDocument(t, "../../docs/iam.md"), "\n## Applying\n")
	if !found {
		t.Fatal("docs/iam.md has no part on applying")
	}
	documented, called := policyActions(t, reading), sdkActions(t)
	if len(called) < 25 || called["config:GetResourceConfigHistory"] == nil || called["sts:AssumeRole"] == nil || called["s3:ListBucket"] == nil {
		t.Fatalf("the calls were not found in the code: %d actions", len(called))
	}
	for action, files := range called {
		if action != freeForAll && !slices.Contains(documented, action) {
			t.Errorf("docs/iam.md does not allow %s, which %s calls", action, files[0])
		}
	}
	for _, action := range documented {
		if called[action] == nil && action != behindS3 {
			t.Errorf("docs/iam.md allows %s, which nothing calls", action)
		}
	}
}

// A permission that an error or a remark names is one that the policies know.
func TestIAMKnowsThePermissionsThatAreNamed(t *testing.T) {
	page := readDocument(t, "../../docs/iam.md")
	named := regexp.MustCompile(`\b(?:ec2|s3|sts|kms|logs|config|cloudtrail|servicequotas|organizations):[A-Z][A-Za-z0-9]+`)
	seen := 0
	for _, pattern := range []string{"../../analyze/estate/live/*.go", "../../ingest/source/*.go", "*.go"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			for _, action := range named.FindAllString(readDocument(t, path), -1) {
				if seen++; !strings.Contains(page, action) && action != "s3:RestoreObject" { // which is for a person to do
					t.Errorf("%s names %s, which docs/iam.md does not", path, action)
				}
			}
		}
	}
	if seen < 10 {
		t.Errorf("only %d permissions are named", seen)
	}
}
