// Package layout knows how AWS names the objects of VPC flow logs in S3 (aws-facts §3.1): plain, Hive-compatible and hourly.
// It is pure: keys in, facts out.
//
//	<prefix/>AWSLogs/<account>/vpcflowlogs/<region>/<YYYY>/<MM>/<DD>/[<HH>/]
//	<prefix/>AWSLogs/aws-account-id=<account>/aws-service=vpcflowlogs/aws-region=<region>/year=<YYYY>/month=<MM>/day=<DD>/[hour=<HH>/]
//	file: <account>_vpcflowlogs_<region>_<fl-id>_<YYYYMMDD>T<HHmm>Z_<hash>.log.gz (or .log.parquet)
package layout

import (
	"strings"
	"time"
)

// Facts are what the key of an object tells; "" and the zero time where it does not.
type Facts struct {
	Account string // that created the flow log; in a shared VPC not the owner of the interface
	Region  string
	FlowLog string    // fl-…
	Slot    time.Time // start of the publishing slot, UTC: of five minutes by the name, else of the hour or day of the folder
}

// Parse reads the key of an object. The file name says all; the folders are asked for what it does not say.
func Parse(key string) Facts {
	dir, name := splitName(key)
	f, _ := parseName(name)
	p := Locate(dir)
	if f.Account == "" {
		f.Account = p.Account
	}
	if f.Region == "" {
		f.Region = p.Region
	}
	if f.Slot.IsZero() {
		f.Slot = p.slot()
	}
	return f
}

func splitName(key string) (dir, name string) {
	i := strings.LastIndexByte(key, '/') + 1
	return key[:i], key[i:]
}

const service = "vpcflowlogs"

// parseName reads a file name. It is false when the name is none that AWS gives to flow logs.
func parseName(name string) (Facts, bool) {
	parts := strings.SplitN(name, "_", 6)
	if len(parts) != 6 || !isAccount(parts[0]) || parts[1] != service || !isRegion(parts[2]) || !strings.HasPrefix(parts[3], "fl-") {
		return Facts{}, false
	}
	slot, ok := parseSlot(parts[4])
	if !ok {
		return Facts{}, false
	}
	return Facts{Account: parts[0], Region: parts[2], FlowLog: parts[3], Slot: slot}, true
}

// parseSlot reads YYYYMMDDTHHmmZ.
func parseSlot(s string) (time.Time, bool) {
	if len(s) != len("20060102T1504Z") {
		return time.Time{}, false
	}
	t, err := time.Parse("20060102T1504Z", s)
	return t, err == nil
}

// isAccount: account ids have 12 digits; older samples have 11.
func isAccount(s string) bool { return (len(s) == 12 || len(s) == 11) && digits(s) }

// isRegion: us-east-1, us-gov-west-1, cn-north-1, ….
func isRegion(s string) bool {
	if len(s) < 5 || !strings.Contains(s, "-") {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	last := s[len(s)-1]
	return last >= '0' && last <= '9'
}

func digits(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return s != ""
}

// IsSibling reports whether a key, or a prefix that ends in "/", belongs to another service that delivers under AWSLogs
// (CloudTrail, elasticloadbalancing, Config, vpcdnsquerylogs, network-firewall, …): by its folder below the account, or,
// where no such folder is in the key, by its file name.
func IsSibling(key string) bool {
	dir, name := splitName(key)
	p := Locate(dir)
	if p.Level != Above {
		return p.Level == Elsewhere
	}
	account, rest, ok := strings.Cut(name, "_")
	if !ok || !isAccount(account) {
		return false
	}
	of, _, ok := strings.Cut(rest, "_")
	return ok && of != service
}
