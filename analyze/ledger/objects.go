package ledger

import (
	"cmp"
	"iter"
	"slices"
)

// Object is the identity of a taken flow-log object.
type Object struct {
	Day  int32  // of its publishing slot; 0 when unknown. It only groups the list of objects into files.
	ID   string // relative to its source: no machine's paths
	ETag string // "" when the source has none
	Size int64  // bytes; -1 when unknown
	// What its records are of, and so the partitions that it has a share in: account and region of the flow log, and the
	// first and last day. Without a record that is the day of its slot.
	Account, Region string
	First, Last     int32
}

// ObjectKey is what an object is known by.
type ObjectKey struct {
	Day int32
	ID  string
}

// Key of the object.
func (o *Object) Key() ObjectKey { return ObjectKey{o.Day, o.ID} }

func (o *Object) compare(p *Object) int {
	return cmp.Or(cmp.Compare(o.Day, p.Day), cmp.Compare(o.ID, p.ID))
}

// Within reports whether all the object's records are of the days, which are sorted and differ.
func (o *Object) Within(days []int32) bool {
	from, _ := slices.BinarySearch(days, o.First)
	to, last := slices.BinarySearch(days, o.Last)
	return last && int64(to-from) == int64(o.Last)-int64(o.First)
}

// Touches reports whether the object may have records of one of the days.
func (o *Object) Touches(days []int32) bool {
	return slices.ContainsFunc(days, func(day int32) bool { return o.First <= day && day <= o.Last })
}

// Replaced reports whether by is another content under the same name: size or ETag differ, where both are known.
func (o *Object) Replaced(by *Object) bool {
	return o.Size != by.Size && o.Size >= 0 && by.Size >= 0 || o.ETag != by.ETag && o.ETag != "" && by.ETag != ""
}

// Taken returns what the ledger holds of this identity. Its content may have been replaced since: a replaced object is not
// taken again by itself.
func (l *Ledger) Taken(o Object) (held Object, taken bool, err error) {
	objects, err := l.objects(o.Day)
	if err != nil {
		return held, false, err
	}
	held, taken = objects[o.ID]
	return held, taken, nil
}

// objects returns the objects taken of one day of slots.
func (l *Ledger) objects(day int32) (map[string]Object, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if m, ok := l.taken[day]; ok {
		return m, nil
	}
	m, err := l.readObjects(day)
	if err != nil {
		return nil, err
	}
	l.taken[day] = m
	return m, nil
}

// readObjects reads the list of one day of slots.
func (l *Ledger) readObjects(day int32) (map[string]Object, error) {
	m := map[string]Object{}
	f := l.m.find(kindObjects, Partition{Day: day})
	if f == nil {
		return m, nil
	}
	for r, err := range readRows[objectRow](l.path(f), f.Rows) {
		if err != nil {
			return nil, err
		}
		m[r.ID] = r.object(day)
	}
	return m, nil
}

// Objects yields every object taken, by day and identity.
func (l *Ledger) Objects() iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		for _, f := range l.m.Files {
			if f.Kind != kindObjects {
				continue
			}
			for r, err := range readRows[objectRow](l.path(&f), f.Rows) {
				if !yield(r.object(f.Day), err) {
					return
				}
			}
		}
	}
}

// Held returns the objects that may have records of one of the days.
func (l *Ledger) Held(days []int32) (map[ObjectKey]Object, error) {
	held := map[ObjectKey]Object{}
	if len(days) == 0 {
		return held, nil
	}
	for o, err := range l.Objects() {
		if err != nil {
			return nil, err
		}
		if o.Touches(days) {
			held[o.Key()] = o
		}
	}
	return held, nil
}
