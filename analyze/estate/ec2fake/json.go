package ec2fake

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// jsonHandler answers a call of the AWS JSON protocol.
type jsonHandler func(st *state, b Behaviour, request []byte) (object, *apiError)

var jsonCalls = map[string]jsonHandler{
	"DescribeConfigurationRecorderStatus": recorderStatus,
	"ListDiscoveredResources":             discoveredResources,
	"GetResourceConfigHistory":            resourceHistory,
	"LookupEvents":                        lookupEvents,
	"GetServiceQuota":                     serviceQuota,
}

func (f *Server) serveJSON(w http.ResponseWriter, r *http.Request, operation string) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	f.mu.Lock()
	f.calls = append(f.calls, operation)
	n, b := len(f.calls), f.behaviour
	answer, failure := f.callJSON(f.stateOf(r), operation, body, n)
	f.mu.Unlock()
	if b.After != nil && !b.After(n, operation) {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if failure != nil {
		w.WriteHeader(failure.status)
		answer = object{"__type": failure.code, "message": failure.message}
	}
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		panic(http.ErrAbortHandler)
	}
}

func (f *Server) callJSON(st *state, operation string, body []byte, n int) (object, *apiError) {
	b := f.behaviour
	handler, ok := jsonCalls[operation]
	switch {
	case b.ThrottleEvery > 0 && n%b.ThrottleEvery == 0:
		return nil, fail("ThrottlingException", "Rate exceeded")
	case slices.Contains(b.Denied, operation):
		return nil, fail("AccessDeniedException", "User is not authorized to perform: %s", operation)
	case slices.Contains(b.NotImplemented, operation):
		return nil, &apiError{http.StatusInternalServerError, "InternalFailure", "not implemented"}
	case !ok:
		return nil, fail("UnknownOperationException", "%s", operation)
	}
	return handler(st, b, body)
}

func decodeRequest(body []byte, to any) *apiError {
	if err := json.Unmarshal(body, to); err != nil {
		return fail("SerializationException", "%v", err)
	}
	return nil
}

// tokenOf is an opaque token that stands for a place in the answer to one question: it is good for no other.
func tokenOf(question string, at int) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%d:%d", at, sumOf(question)))
}

func placeOf(question, token string) (int, *apiError) {
	if token == "" {
		return 0, nil
	}
	raw, _ := base64.StdEncoding.DecodeString(token)
	at, sum, _ := strings.Cut(string(raw), ":")
	n, err := strconv.Atoi(at)
	if err != nil || sum != fmt.Sprint(sumOf(question)) {
		return 0, fail("InvalidNextTokenException", "The specified next token is not valid.")
	}
	return n, nil
}

func sumOf(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s)) // a hash never fails
	return h.Sum64()
}

// pageOf cuts a list into pages of size, and no larger than the server's.
func pageOf[T any](st *state, all []T, at, size int) (page []T, next int) {
	if st.pageSize > 0 {
		size = min(size, st.pageSize)
	}
	at = min(at, len(all))
	end := min(at+size, len(all))
	return append([]T{}, all[at:end]...), end
}

// member reads a member whatever the case of its name.
func member(o object, name string) any {
	for k, v := range o {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return nil
}

func memberText(o object, names ...string) string {
	for _, name := range names {
		if s, ok := member(o, name).(string); ok && s != "" {
			return s
		}
	}
	return ""
}
