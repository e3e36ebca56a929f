// Package ec2fake is an EC2 API server in the process of a test: the calls that this program makes and that the scripts it
// writes make, with the behaviour that [aws-facts] §§4 and 5 tell. It speaks the EC2 query protocol, and STS's
// GetCallerIdentity, to the AWS SDK and the aws CLI alike; and, in the JSON protocol, those calls of AWS Config, CloudTrail and
// Service Quotas that tell of an estate's past and quotas. Signatures are not checked.
package ec2fake

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sgtrim/sgtrim/analyze/estate"
)

// Behaviour turns faults on. The zero value is a well-behaved server.
type Behaviour struct {
	ThrottleEvery  int       // every nth call is answered RequestLimitExceeded; 0 is never
	Denied         []string  // actions answered UnauthorizedOperation
	NotImplemented []string  // actions answered HTTP 500, as moto does
	RulesPerGroup  int       // the quota per direction and family; 0 is 60
	PageSize       int       // pages hold no more than this, whatever MaxResults asks for; 0 is no such bound
	EmptyPages     int       // pages of GetResourceConfigHistory without items before the one that says that it is the last
	Now            time.Time // of CloudTrail, which keeps 90 days; the zero time is the real one
	// After is called when a call has taken effect and before it is answered, with the number of the call, 1 and up. When it
	// returns false, the connection is cut without an answer. It may end the client's process.
	After func(call int, action string) bool
}

// Server is the fake; URL is its endpoint on loopback. Close it.
type Server struct {
	URL string

	http      *httptest.Server
	mu        sync.Mutex
	behaviour Behaviour
	states    []*state
	calls     []string
}

// New starts a server on what the snapshot holds. Every scope of the snapshot is a region; a request goes to the one it is
// signed for, and to the first when there is none such.
func New(s *estate.Snapshot, b Behaviour) (*Server, error) {
	f := &Server{}
	for _, scope := range s.Scopes {
		st, err := newState(scope)
		if err != nil {
			return nil, fmt.Errorf("ec2fake: %w", err)
		}
		f.states = append(f.states, st)
	}
	f.SetBehaviour(b)
	if len(f.states) == 0 {
		return nil, fmt.Errorf("ec2fake: the snapshot holds no scope")
	}
	f.http = httptest.NewServer(f)
	f.URL = f.http.URL
	return f, nil
}

// Close stops the server.
func (f *Server) Close() { f.http.Close() }

// Dump is the present state as a snapshot.
func (f *Server) Dump() (*estate.Snapshot, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := &estate.Snapshot{}
	for _, st := range f.states {
		scope, err := st.dump()
		if err != nil {
			return nil, fmt.Errorf("ec2fake: %w", err)
		}
		s.Scopes = append(s.Scopes, scope)
	}
	return s, nil
}

// Calls lists the actions called so far, in order, those that failed too.
func (f *Server) Calls() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

// SetBehaviour changes the faults from the next call on.
func (f *Server) SetBehaviour(b Behaviour) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if b.RulesPerGroup == 0 {
		b.RulesPerGroup = estate.DefaultRulesPerGroup
	}
	f.behaviour = b
	for _, st := range f.states {
		st.quota, st.pageSize = b.RulesPerGroup, b.PageSize
	}
}

// apiError is an error as EC2 answers it.
type apiError struct {
	status        int
	code, message string
}

// fail is an error of the client's.
func fail(code, format string, args ...any) *apiError {
	return &apiError{http.StatusBadRequest, code, fmt.Sprintf(format, args...)}
}

func (f *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, operation, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		f.serveJSON(w, r, operation)
		return
	}
	if err := r.ParseForm(); err != nil {
		writeError(w, "", 1, fail("MalformedQueryString", "%v", err))
		return
	}
	p := parseParams(r.PostForm)
	action := p.str("Action")
	f.mu.Lock()
	f.calls = append(f.calls, action)
	n, b := len(f.calls), f.behaviour
	answer, failure := f.call(f.stateOf(r), action, p, n)
	f.mu.Unlock()
	if b.After != nil && !b.After(n, action) {
		panic(http.ErrAbortHandler) // net/http cuts the connection and says nothing
	}
	if failure != nil {
		writeError(w, action, n, failure)
		return
	}
	writeAnswer(w, action, n, answer)
}

// stateOf chooses the region that the request is signed for: Credential=KEY/DATE/REGION/SERVICE/aws4_request.
func (f *Server) stateOf(r *http.Request) *state {
	if _, credential, ok := strings.Cut(r.Header.Get("Authorization"), "Credential="); ok {
		if parts := strings.Split(credential, "/"); len(parts) > 2 {
			for _, st := range f.states {
				if st.scope.Region == parts[2] {
					return st
				}
			}
		}
	}
	return f.states[0]
}

func (f *Server) call(st *state, action string, p params, n int) (object, *apiError) {
	b := f.behaviour
	switch {
	case b.ThrottleEvery > 0 && n%b.ThrottleEvery == 0:
		return nil, &apiError{http.StatusServiceUnavailable, "RequestLimitExceeded", "Request limit exceeded."}
	case slices.Contains(b.Denied, action):
		return nil, &apiError{http.StatusForbidden, "UnauthorizedOperation", "You are not authorized to perform this operation."}
	case slices.Contains(b.NotImplemented, action):
		return nil, &apiError{http.StatusInternalServerError, "InternalFailure", "not implemented"}
	}
	handler, ok := actions[action]
	if !ok {
		return nil, fail("InvalidAction", "The action %s is not valid for this web service.", action)
	}
	if p.flag("DryRun") { // it checks permissions and nothing else
		return nil, &apiError{http.StatusPreconditionFailed, "DryRunOperation", "Request would have succeeded, but DryRun flag is set."}
	}
	return handler(st, p)
}

type handler func(*state, params) (object, *apiError)

var actions map[string]handler

func init() { // a table that refers to itself through the handlers cannot be a plain initialiser
	actions = map[string]handler{
		"GetCallerIdentity":                          callerIdentity,
		"GetManagedPrefixListEntries":                listEntries,
		"AuthorizeSecurityGroupIngress":              authorize(false),
		"AuthorizeSecurityGroupEgress":               authorize(true),
		"RevokeSecurityGroupIngress":                 revoke(false),
		"RevokeSecurityGroupEgress":                  revoke(true),
		"ModifySecurityGroupRules":                   modify,
		"UpdateSecurityGroupRuleDescriptionsIngress": updateDescriptions(false),
		"UpdateSecurityGroupRuleDescriptionsEgress":  updateDescriptions(true),
		"CreateTags":                                 createTags,
	}
	for action, d := range describes {
		actions[action] = d.handle
	}
}

func callerIdentity(st *state, _ params) (object, *apiError) {
	return object{
		"Account": st.scope.Account, "UserId": "AIDAEXAMPLE",
		"Arn": fmt.Sprintf("arn:%s:iam::%s:user/sgtrim", st.partition(), st.scope.Account),
	}, nil
}
