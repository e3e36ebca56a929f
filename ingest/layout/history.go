package layout

import (
	"strconv"
	"strings"
	"time"
)

// History is where a folder, or an object, stands among what AWS Config and CloudTrail deliver (aws-facts §7):
//
//	<prefix/>AWSLogs/[<o-orgid>/]<account>/Config/<region>/<year>/<month>/<day>/ConfigHistory|ConfigSnapshot/… (no leading zeros)
//	<prefix/>AWSLogs/[<o-orgid>/]<account>/CloudTrail/<region>/<YYYY>/<MM>/<DD>/…
type History struct {
	Level   Level // Above, AWSLogs, Account, Service, Region to Day, or Elsewhere: another service's
	Account string
	Service string // Config or CloudTrail
	Region  string
	Day     time.Time // start of the day, from Level Day on
	Kind    string    // the folder below a day of Config
}

// The services that tell of the past.
const (
	ConfigService = "Config"
	TrailService  = "CloudTrail"

	ConfigSnapshot = "ConfigSnapshot" // the kind of folder that holds all of an account and region at one time
)

// LocateHistory reads the folders of a key, or of a prefix that ends in "/".
func LocateHistory(key string) History {
	dir, _ := splitName(key)
	var h History
	var date [3]int // year, month, day
	for folder := range strings.SplitSeq(strings.TrimSuffix(dir, "/"), "/") {
		ok := true
		switch h.Level {
		case Above:
			if folder != "AWSLogs" {
				continue
			}
			h.Level = AWSLogs
		case AWSLogs:
			if strings.HasPrefix(folder, "o-") {
				continue
			}
			ok, h.Account, h.Level = isAccount(folder), folder, Account
		case Account:
			ok, h.Service, h.Level = folder == ConfigService || folder == TrailService, folder, Service
		case Service:
			ok, h.Region, h.Level = isRegion(folder), folder, Region
		case Region, Year, Month:
			n, err := strconv.Atoi(folder)
			ok = err == nil && n > 0
			date[h.Level-Region] = n
			if h.Level++; h.Level == Day {
				h.Day = time.Date(date[0], time.Month(date[1]), date[2], 0, 0, 0, 0, time.UTC)
			}
		case Day:
			if h.Kind == "" {
				h.Kind = folder
			}
		}
		if !ok {
			h.Level = Elsewhere
			return h
		}
	}
	return h
}
