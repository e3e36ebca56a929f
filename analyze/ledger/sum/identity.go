package sum

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"strings"

	"github.com/sgtrim/sgtrim/analyze/ledger"
	"github.com/sgtrim/sgtrim/ingest"
)

// identity is what the ledger knows an object by:
//   - the file name AWS gave it, where the key follows AWS's layout: it holds account, region, flow log, time and a hash, so
//     it is the same object in the bucket and in any copy of it [aws-facts 3.1];
//   - else its URL, when it is one;
//   - else its path from the named file or folder, behind that one's own name;
//   - else its file name behind a hash of its folder.
func (s *Sum) identity(o ingest.Object) ledger.Object {
	id := ledger.Object{ID: s.name(o), ETag: o.ETag, Size: o.Size}
	if !o.Slot.IsZero() {
		id.Day = ledger.DayOf(o.Slot.Unix())
	}
	return id
}

func (s *Sum) name(o ingest.Object) string {
	slashed := filepath.ToSlash(o.URL)
	base := slashed[strings.LastIndexByte(slashed, '/')+1:]
	if namedByAWS(o) {
		return base
	}
	if o.URL == stdin || strings.Contains(o.URL, "://") {
		return o.URL
	}
	abs, err := filepath.Abs(o.URL)
	if err != nil {
		return slashed
	}
	abs = filepath.ToSlash(abs)
	best := root{}
	for _, r := range s.roots {
		if (abs == r.path || strings.HasPrefix(abs, strings.TrimSuffix(r.path, "/")+"/")) && len(r.path) > len(best.path) {
			best = r
		}
	}
	switch {
	case best.path == "":
	case abs != best.path:
		return best.name + "/" + strings.TrimPrefix(abs[len(best.path):], "/")
	}
	folder := strings.TrimSuffix(abs, base)
	if best.path != "" { // a file that was named itself: its folder's name tells siblings apart
		return filepath.Base(folder) + "/" + base
	}
	h := sha256.Sum256([]byte(folder))
	return hex.EncodeToString(h[:6]) + "/" + base
}

// namedByAWS reports whether the object's file name is one that AWS gave: it holds the flow log's id.
func namedByAWS(o ingest.Object) bool {
	base := o.URL[strings.LastIndexAny(o.URL, `/\`)+1:]
	return o.FlowLog != "" && o.Account != "" && o.Region != "" && !o.Slot.IsZero() && strings.Contains(base, o.FlowLog)
}
