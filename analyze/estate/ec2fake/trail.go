package ec2fake

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/sgtrim/sgtrim/analyze/estate"
)

// kept is how long LookupEvents tells of an event.
const kept = 90 * 24 * time.Hour

// lookupEvents answers the events of the snapshot [F 7.2], of its files and its lookups alike.
func lookupEvents(st *state, b Behaviour, body []byte) (object, *apiError) {
	var r struct {
		LookupAttributes   []struct{ AttributeKey, AttributeValue string }
		StartTime, EndTime float64
		MaxResults         *int
		NextToken          string
	}
	if e := decodeRequest(body, &r); e != nil {
		return nil, e
	}
	size := 50
	if r.MaxResults != nil {
		size = *r.MaxResults
	}
	switch {
	case size < 1 || size > 50:
		return nil, fail("InvalidMaxResultsException", "MaxResults must be between 1 and 50.")
	case len(r.LookupAttributes) > 1:
		return nil, fail("InvalidLookupAttributesException", "LookupAttributes can currently only have one element.")
	case r.EndTime > 0 && r.StartTime > r.EndTime:
		return nil, fail("InvalidTimeRangeException", "StartTime is after EndTime.")
	}
	now := b.Now
	if now.IsZero() {
		now = time.Now()
	}
	from := max(float64(now.Add(-kept).Unix()), r.StartTime)
	events := slices.DeleteFunc(st.events(), func(e event) bool {
		t := float64(e.at.Unix())
		if t < from || r.EndTime > 0 && t > r.EndTime {
			return true
		}
		for _, a := range r.LookupAttributes {
			switch a.AttributeKey {
			case "EventName":
				return e.name != a.AttributeValue
			case "EventSource":
				return a.AttributeValue != "ec2.amazonaws.com"
			default:
				return true // the snapshot does not say
			}
		}
		return false
	})
	question := fmt.Sprint(r.LookupAttributes, r.StartTime, r.EndTime)
	at, e := placeOf(question, r.NextToken)
	if e != nil {
		return nil, e
	}
	page, next := pageOf(st, events, at, size)
	list := []object{}
	for _, e := range page {
		list = append(list, object{"EventId": e.id, "EventName": e.name, "EventTime": float64(e.at.Unix()), "EventSource": "ec2.amazonaws.com", "CloudTrailEvent": e.text})
	}
	answer := object{"Events": list}
	if next < len(events) {
		answer["NextToken"] = tokenOf(question, next)
	}
	return answer, nil
}

type event struct {
	id, name, text string
	at             time.Time
}

// events are those of the snapshot, the latest first.
func (st *state) events() []event {
	var all []event
	for _, o := range st.static[estate.TrailEvents] {
		all = append(all, event{name: memberText(o, "EventName"), at: timeOf(member(o, "EventTime")), text: memberText(o, "CloudTrailEvent")})
	}
	for _, o := range st.static[estate.TrailRecords] {
		raw, err := json.Marshal(o)
		if err != nil {
			panic(err) // it was read from JSON
		}
		all = append(all, event{name: memberText(o, "eventName"), at: timeOf(member(o, "eventTime")), text: string(raw)})
	}
	for i := range all {
		all[i].id = fmt.Sprintf("00000000-0000-4000-8000-%012d", i)
	}
	slices.SortStableFunc(all, func(a, b event) int { return b.at.Compare(a.at) })
	return all
}
