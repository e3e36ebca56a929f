package integration

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// TestCloudWatch puts the records of the round trip into a log group of moto as well, and reviews both: the same changes.
// The format comes from DescribeFlowLogs.
func TestCloudWatch(t *testing.T) {
	l := newLab(t)
	l.env = append(l.env, "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS="+l.moto)
	root := l.logs(l.build())

	const group = "/aws/vpc/flowlogs"
	l.run(0, nil, "aws", "logs", "create-log-group", "--log-group-name", group)
	l.run(0, nil, "aws", "logs", "create-log-stream", "--log-group-name", group, "--log-stream-name", "eni-1-all")
	vpc := l.ec2(`<vpcId>([^<]+)`, "Action", "DescribeVpcs", "Filter.1.Name", "cidr", "Filter.1.Value.1", "10.0.0.0/16")
	header, batches := l.eventsOf(root)
	format := "${" + strings.Join(strings.Fields(header), "} ${") + "}"
	l.ec2(`(fl-[0-9a-f]+)`, "Action", "CreateFlowLogs", "ResourceType", "VPC", "ResourceId.1", vpc, "TrafficType", "ALL", "LogGroupName", group,
		"DeliverLogsPermissionArn", "arn:aws:iam::"+account+":role/logs", "LogFormat", format)
	for _, batch := range batches {
		file := filepath.Join(l.dir, "batch.json")
		text, err := json.Marshal(batch)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, text, 0o644); err != nil {
			t.Fatal(err)
		}
		l.run(0, nil, "aws", "logs", "put-log-events", "--log-group-name", group, "--log-stream-name", "eni-1-all", "--log-events", "file://"+file)
	}

	changes := func(source, out string) any {
		l.run(0, nil, "sgtrim", "review", source, "-o", out, "--min-window", "2d", "--since", "20d", "--region", region)
		var p struct {
			Input   struct{ Records, Used int }
			Changes []any
		}
		l.read(filepath.Join(out, "recommendations.json"), &p)
		if p.Input.Records == 0 || p.Input.Records != p.Input.Used || len(p.Changes) < 2 {
			t.Fatalf("%s: input %+v, %d changes", source, p.Input, len(p.Changes))
		}
		return p
	}
	if a, b := changes(root, filepath.Join(l.dir, "a")), changes("cloudwatch://"+group, filepath.Join(l.dir, "b")); !reflect.DeepEqual(a, b) {
		t.Errorf("from files:\n%v\nfrom CloudWatch Logs:\n%v", a, b)
	}
}

// logEvent is one of put-log-events.
type logEvent struct {
	Timestamp int64  `json:"timestamp"`
	Message   string `json:"message"`
}

// eventsOf reads the logs as log events, in batches that one call takes; their time is the start of the record [F 3.3].
func (l *lab) eventsOf(root string) (header string, batches [][]logEvent) {
	var batch []logEvent
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		header = lines[0]
		for _, line := range lines[1:] {
			start, err := strconv.ParseInt(strings.Fields(line)[10], 10, 64)
			if err != nil {
				return err
			}
			batch = append(batch, logEvent{start * 1000, line})
		}
		if len(batch) > 400 {
			batches, batch = append(batches, batch), nil
		}
		return nil
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return header, append(batches, batch)
}
