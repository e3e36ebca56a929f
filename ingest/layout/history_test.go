package layout

import (
	"testing"
	"time"
)

func TestLocateHistory(t *testing.T) {
	day := func(y, m, d int) time.Time { return time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC) }
	const account, org = "123456789012", "AWSLogs/o-abc123/123456789012/"
	for key, want := range map[string]History{
		"":                   {},
		"estate/a/file.json": {},
		"p/AWSLogs/":         {Level: AWSLogs},
		org:                  {Level: Account, Account: account},
		org + "CloudTrail/eu-west-1/2026/01/02/123456789012_CloudTrail_eu-west-1_20260102T0005Z_abc.json.gz": {Day, account, TrailService, "eu-west-1", day(2026, 1, 2), ""},
		"p/AWSLogs/123456789012/Config/us-east-1/2026/9/27/ConfigHistory/x.json.gz":                          {Day, account, ConfigService, "us-east-1", day(2026, 9, 27), "ConfigHistory"},
		"p/AWSLogs/123456789012/Config/us-east-1/2026/9/27/ConfigSnapshot/":                                  {Day, account, ConfigService, "us-east-1", day(2026, 9, 27), ConfigSnapshot},
		"AWSLogs/123456789012/Config/us-east-1/2026/11/":                                                     {Level: Month, Account: account, Service: ConfigService, Region: "us-east-1"},
		"AWSLogs/123456789012/Config/ConfigWritabilityCheckFile":                                             {Level: Service, Account: account, Service: ConfigService},
		"AWSLogs/123456789012/vpcflowlogs/us-east-1/2026/01/02/":                                             {Level: Elsewhere, Account: account, Service: "vpcflowlogs"},
		"AWSLogs/123456789012/CloudTrail-Digest/us-east-1/":                                                  {Level: Elsewhere, Account: account, Service: "CloudTrail-Digest"},
		"AWSLogs/123456789012/Config/us-east-1/OversizedChangeNotification/":                                 {Level: Elsewhere, Account: account, Service: ConfigService, Region: "us-east-1"},
		"AWSLogs/aws-account-id=123456789012/":                                                               {Level: Elsewhere, Account: "aws-account-id=123456789012"},
	} {
		got := LocateHistory(key)
		if got != want && (got.Level != Elsewhere || want.Level != Elsewhere) {
			t.Errorf("%s:\n got %+v\nwant %+v", key, got, want)
		}
	}
}
