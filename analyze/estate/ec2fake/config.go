package ec2fake

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sgtrim/sgtrim/analyze/estate"
)

// item is a configuration item [F 7.1] of the snapshot.
type item struct {
	resource
	status string
	at     time.Time
	answer object
}

// recordings is what a recorder has: the items of each resource, by time.
type recordings map[resource][]item

type resource struct{ kind, id string }

// recorded reads the items of the snapshot, once. Without the kind in it there is no recorder: ok is false.
func (st *state) recorded() (all recordings, ok bool) {
	if st.recordings == nil {
		st.recordings = st.items()
	}
	_, ok = st.static[estate.ConfigurationItems]
	return st.recordings, ok
}

func (st *state) items() recordings {
	all := recordings{}
	for _, o := range st.static[estate.ConfigurationItems] {
		i := item{resource: resource{memberText(o, "resourceType"), memberText(o, "resourceId")}, status: memberText(o, "configurationItemStatus")}
		i.at = timeOf(member(o, "configurationItemCaptureTime"))
		i.answer = object{"accountId": memberText(o, "accountId", "awsAccountId"), "awsRegion": memberText(o, "awsRegion"),
			"resourceType": i.kind, "resourceId": i.id, "configurationItemStatus": i.status,
			"configurationItemCaptureTime": float64(i.at.UnixMilli()) / 1000}
		if frequency := memberText(o, "recordingFrequency"); frequency != "" {
			i.answer["recordingFrequency"] = frequency
		}
		switch c := member(o, "configuration").(type) { // the API gives it as text
		case string:
			i.answer["configuration"] = c
		case object:
			raw, err := json.Marshal(c)
			if err != nil {
				panic(err) // it was read from JSON
			}
			i.answer["configuration"] = string(raw)
		}
		all[i.resource] = append(all[i.resource], i)
	}
	for _, list := range all {
		slices.SortStableFunc(list, func(a, b item) int { return a.at.Compare(b.at) })
	}
	return all
}

// timeOf reads a time as text, or as seconds since 1970.
func timeOf(v any) time.Time {
	switch v := v.(type) {
	case string:
		if t, err := time.Parse(time.RFC3339Nano, v); err == nil {
			return t.UTC()
		}
	case json.Number:
		if seconds, err := v.Float64(); err == nil {
			return time.UnixMilli(int64(seconds * 1000)).UTC()
		}
	}
	panic(fmt.Sprintf("ec2fake: %v is no time", v))
}

var errNoRecorder = fail("NoAvailableConfigurationRecorderException", "There are no configuration recorders available to provide the role needed to describe your resources.")

// recorderStatus answers what the snapshot has of the recorder, or one that records since for ever.
func recorderStatus(st *state, _ Behaviour, _ []byte) (object, *apiError) {
	list := []object{}
	for _, o := range st.static[estate.ConfigurationRecorders] {
		answer := object{}
		for k, v := range o {
			name := strings.ToLower(k[:1]) + k[1:]
			if strings.HasSuffix(name, "Time") {
				v = float64(timeOf(v).Unix())
			}
			answer[name] = v
		}
		list = append(list, answer)
	}
	if _, on := st.recorded(); on && len(list) == 0 {
		list = append(list, object{"name": "default", "recording": true, "lastStatus": "SUCCESS"})
	}
	return object{"ConfigurationRecordersStatus": list}, nil
}

// configMost is the most that a page of AWS Config holds.
const configMost = 100

// recordedFor is what is recorded, for a question with the limit.
func (st *state) recordedFor(limit int) (map[resource][]item, *apiError) {
	all, on := st.recorded()
	switch {
	case !on:
		return nil, errNoRecorder
	case limit < 0 || limit > configMost:
		return nil, fail("InvalidLimitException", "The specified limit is outside the allowable range.")
	}
	return all, nil
}

func discoveredResources(st *state, _ Behaviour, body []byte) (object, *apiError) {
	var r struct {
		ResourceType            string
		IncludeDeletedResources bool
		Limit                   int
		NextToken               string
	}
	if e := decodeRequest(body, &r); e != nil {
		return nil, e
	}
	all, e := st.recordedFor(r.Limit)
	if e != nil {
		return nil, e
	}
	if r.ResourceType == "" {
		return nil, fail("ValidationException", "resourceType must not be null")
	}
	latest := map[string]item{}
	for of, list := range all {
		if of.kind == r.ResourceType {
			latest[of.id] = list[len(list)-1]
		}
	}
	list := []object{}
	for _, id := range sortedKeys(latest) {
		o := object{"resourceType": r.ResourceType, "resourceId": id}
		if i := latest[id]; strings.HasPrefix(i.status, "ResourceDeleted") {
			if !r.IncludeDeletedResources {
				continue
			}
			o["resourceDeletionTime"] = float64(i.at.Unix())
		}
		list = append(list, o)
	}
	question := fmt.Sprint(r.ResourceType, r.IncludeDeletedResources)
	at, e := placeOf(question, r.NextToken)
	if e != nil {
		return nil, e
	}
	page, next := pageOf(st, list, at, cmp.Or(r.Limit, configMost))
	answer := object{"resourceIdentifiers": page}
	if next < len(list) {
		answer["nextToken"] = tokenOf(question, next)
	}
	return answer, nil
}

func resourceHistory(st *state, b Behaviour, body []byte) (object, *apiError) {
	var r struct {
		ResourceType, ResourceID string
		EarlierTime, LaterTime   float64
		ChronologicalOrder       string
		Limit                    int
		NextToken                string
	}
	if e := decodeRequest(body, &r); e != nil {
		return nil, e
	}
	all, e := st.recordedFor(r.Limit)
	if e != nil {
		return nil, e
	}
	if r.EarlierTime > 0 && r.LaterTime > 0 && r.EarlierTime > r.LaterTime {
		return nil, fail("InvalidTimeRangeException", "The specified time range is not valid.")
	}
	found, known := all[resource{r.ResourceType, r.ResourceID}]
	if !known {
		return nil, fail("ResourceNotDiscoveredException", "Resource %s of resourceType:%s is unknown or has not been discovered", r.ResourceID, r.ResourceType)
	}
	found = slices.DeleteFunc(slices.Clone(found), func(i item) bool {
		t := float64(i.at.UnixMilli()) / 1000
		return r.EarlierTime > 0 && t < r.EarlierTime || r.LaterTime > 0 && t > r.LaterTime
	})
	if r.ChronologicalOrder != "Forward" {
		slices.Reverse(found)
	}
	question := fmt.Sprint(r.ResourceType, r.ResourceID, r.EarlierTime, r.LaterTime, r.ChronologicalOrder)
	at, e := placeOf(question, r.NextToken)
	if e != nil {
		return nil, e
	}
	page, next := pageOf(st, found, at, cmp.Or(r.Limit, 10))
	if len(page) == 0 {
		next = at + 1 // one more page without items
	}
	items := []object{}
	for _, i := range page {
		items = append(items, i.answer)
	}
	answer := object{"configurationItems": items}
	if next < len(found)+b.EmptyPages {
		answer["nextToken"] = tokenOf(question, next)
	}
	return answer, nil
}
