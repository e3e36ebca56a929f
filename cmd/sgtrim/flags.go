package main

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sgtrim/sgtrim/analyze/estate/live"
	"github.com/sgtrim/sgtrim/ingest/source"
)

// awsFlags follow the AWS CLI in name and meaning, but that profiles and regions may be several for the estate; logs are
// read with the first.
type awsFlags struct {
	profiles, regions            []string
	endpointURL                  string
	noSign                       bool
	requestPayer                 string
	roles                        []string
	externalID, organizationRole string
	ipRanges                     string // file, "" for none
	history                      []string
	since                        time.Time // the begin of the evidence, from when on the past matters; zero where it is not known yet
}

// register adds the flags of commands that read logs, or ask for the estate.
func (f *awsFlags) register(fs *pflag.FlagSet) {
	fs.StringSliceVar(&f.profiles, "profile", nil, "AWS `profile` of the shared config files; several make one estate")
	fs.StringSliceVar(&f.regions, "region", nil, "AWS `region`; several, or all, make one estate")
	fs.StringVar(&f.endpointURL, "endpoint-url", "", "`URL` of another endpoint of AWS's services (AWS_ENDPOINT_URL_S3, _EC2 and so on for each)")
	fs.BoolVar(&f.noSign, "no-sign-request", false, "ask without credentials")
	fs.StringVar(&f.requestPayer, "request-payer", "", "`requester` pays for reading the buckets")
}

// registerEstate adds the flags of commands that need the estate: of several accounts, and what names its peers.
func (f *awsFlags) registerEstate(fs *pflag.FlagSet) {
	fs.StringSliceVar(&f.roles, "role-arn", nil, "`ARN` of a role to assume for the estate of its account; may be given several times")
	fs.StringVar(&f.externalID, "external-id", "", "`id` that the roles ask for")
	fs.StringVar(&f.organizationRole, "organization-role", "", "`name` of a role to assume in every active account of the Organization")
	fs.StringVar(&f.ipRanges, "ip-ranges", "", "AWS's ip-ranges.json, a `file`: names public peers by service and region")
}

// profile and region of the logs; "" leaves them to the environment.
func (f *awsFlags) profile() string { return firstOf(f.profiles) }

func (f *awsFlags) region() string {
	if region := firstOf(f.regions); region != live.AllRegions {
		return region
	}
	return ""
}

func firstOf(words []string) string {
	if len(words) == 0 {
		return ""
	}
	return words[0]
}

// bucket is how S3 is read, of logs and of estates alike.
func (f *awsFlags) bucket() (source.Options, error) {
	if f.requestPayer != "" && f.requestPayer != "requester" {
		return source.Options{}, usagef("--request-payer %q: want requester", f.requestPayer)
	}
	return source.Options{
		Region: f.region(), Profile: f.profile(), EndpointURL: f.endpointURL, NoSignRequest: f.noSign, RequesterPays: f.requestPayer != "",
	}, nil
}

// live are the options of asking the APIs for the estate.
func (f *awsFlags) live() live.Options {
	return live.Options{
		Profiles: f.profiles, Regions: f.regions, EndpointURL: f.endpointURL,
		RoleARNs: f.roles, ExternalID: f.externalID, OrganizationRole: f.organizationRole, MaxBackoff: longestPause,
	}
}

// logFlags say which logs are read, and how.
type logFlags struct {
	since, until, memory, logFields string
	workers                         int
	skipBad                         bool
}

func (f *logFlags) register(fs *pflag.FlagSet) {
	fs.StringVar(&f.since, "since", "", "first day, or `time`: 2026-10-01, RFC 3339, or 30d before the end")
	fs.StringVar(&f.until, "until", "", "last day, or end `time` (not included): 2026-10-31, RFC 3339")
	fs.StringVar(&f.memory, "memory", "1GiB", "`size` that reading and summing may take, from 256MiB up; what has no room is spilled to disk")
	fs.StringVar(&f.logFields, "log-fields", "", "field `names` of objects without header line, in order")
	fs.IntVar(&f.workers, "workers", 0, fmt.Sprintf("objects read at once (default: one per core, %d here)", runtime.GOMAXPROCS(0)))
	fs.BoolVar(&f.skipBad, "skip-bad", false, "count and list what cannot be read, and go on; the exit code is then 3")
}

// reading is what logFlags mean.
type reading struct {
	window window
	// whole: of the objects that the window lists every record is taken. A ledger that is kept counts an object as taken, so
	// what a window cut off would never come back; the window cuts the evidence by days instead.
	whole     bool
	rebuild   []int32 // days since 1970-01-01 UTC that are taken anew
	memory    int64
	workers   int
	logFields string
	skipBad   bool
	source    source.Options
}

func (a *app) reading(f *logFlags, aws *awsFlags) (reading, error) {
	w, err := parseWindow(f.since, f.until, a.now())
	if err != nil {
		return reading{}, err
	}
	memory, err := parseSize(f.memory)
	if err != nil {
		return reading{}, usagef("--memory %w", err)
	}
	if f.workers < 0 {
		return reading{}, usagef("--workers %d: want 1 or more", f.workers)
	}
	bucket, err := aws.bucket()
	if err != nil {
		return reading{}, err
	}
	bucket.Since, bucket.Until, bucket.Stdin, bucket.LogFields = w.since, w.until, a.in, f.logFields
	return reading{
		window: w, memory: memory, workers: f.workers, logFields: f.logFields, skipBad: f.skipBad,
		source: bucket,
	}, nil
}

// policyFlags shape the plan. What they do not say, the policy file may.
type policyFlags struct {
	file, level, egress, minWindow, include string
	maxRules                                int
	only, decisions, tfstates               []string
	backtest, allowIaC                      bool
}

// registerBacktest is for the commands whose plan can hold a backtest.
func (f *policyFlags) registerBacktest(fs *pflag.FlagSet) {
	fs.BoolVar(&f.backtest, "backtest", false, "hold a plan of the first two thirds of the days against the rest, and show it in the plan (takes as long again)")
}

func (f *policyFlags) register(fs *pflag.FlagSet) {
	fs.StringVar(&f.file, "policy", "", "policy `file` (sgtrim.yaml); flags win over it")
	fs.StringVar(&f.level, "level", "", "`strict|balanced|loose`: how far peers are narrowed (default balanced)")
	fs.StringVar(&f.egress, "egress", "", "`report|ports|full`: what is proposed of egress (default report)")
	fs.StringVar(&f.minWindow, "min-window", "", "`days` of evidence that suffice for every kind of change, as in 14d")
	fs.StringVar(&f.include, "include", "", "`review`: changes for review go into the scripts too")
	fs.IntVar(&f.maxRules, "max-rules", 0, "`most` rules that one rule may become (default 10, and more where hosts lie far apart)")
	fs.StringSliceVar(&f.only, "only", nil, "group `ids` whose changes go into the scripts (default: all)")
	fs.StringArrayVar(&f.decisions, "decisions", nil, "`file` of decisions about changes (YAML or JSON); may be given several times, the last word counts")
	fs.StringSliceVar(&f.tfstates, "tfstate", nil, "output `files` of terraform show -json: changes of the rules they manage are left to Terraform")
	fs.BoolVar(&f.allowIaC, "allow-iac", false, "changes of rules that Terraform manages go into the scripts too")
}

// policy is the file with the flags laid over it, and the decisions, also those that the output folder remembers ("" for none).
func (a *app) policy(f *policyFlags, dir string) (*policyFile, error) {
	p, err := readPolicyFile(f.file)
	if err != nil {
		return nil, err
	}
	if p.decisions, err = a.decisions(f.decisions, dir); err != nil {
		return nil, err
	}
	for _, w := range []struct {
		flag, value string
		to          *string
		words       []string
	}{
		{"--level", f.level, &p.level, levels},
		{"--egress", f.egress, &p.egress, egresses},
	} {
		if w.value == "" {
			continue
		}
		if !slices.Contains(w.words, w.value) {
			return nil, usagef("%s %q: want %s", w.flag, w.value, strings.Join(w.words, ", "))
		}
		*w.to = w.value
	}
	if f.include != "" && f.include != "review" {
		return nil, usagef("--include %q: want review", f.include)
	}
	if f.minWindow != "" {
		days, err := parseDays(f.minWindow)
		if err != nil {
			return nil, usagef("--min-window %w", err)
		}
		p.minWindow = days
	}
	if f.maxRules < 0 {
		return nil, usagef("--max-rules %d: want 1 or more", f.maxRules)
	}
	if f.maxRules > 0 {
		p.maxRules = f.maxRules
	}
	if f.allowIaC && len(f.tfstates) == 0 {
		return nil, usagef("--allow-iac has a meaning with --tfstate only")
	}
	if p.terraform, err = readTerraform(f.tfstates); err != nil {
		return nil, err
	}
	p.only, p.includeReview, p.backtest, p.allowIaC = f.only, f.include == "review", f.backtest, f.allowIaC
	return p, nil
}

// sources wants at least one SOURCE.
func sources(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return withHint(usagef("%s wants a SOURCE", cmd.CommandPath()), "name an s3://bucket/prefix, a cloudwatch://log-group, a folder, a file, or - for standard input")
	}
	for _, arg := range args {
		if arg == "" {
			return usagef("%s: a SOURCE is empty", cmd.CommandPath())
		}
	}
	return nil
}
