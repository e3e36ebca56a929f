package ec2fake

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// object is a structure with the member names of the API model, as the AWS CLI prints it.
type object = map[string]any

// listNames are the XML names of members where they are not the member's name with a small first letter (botocore's
// locationName). "A.B" is member B within list A.
var listNames = map[string]string{
	"SecurityGroups":               "securityGroupInfo",
	"SecurityGroups.Description":   "groupDescription",
	"SecurityGroupRules":           "securityGroupRuleSet",
	"UnknownIpPermissions":         "unknownIpPermissionSet",
	"RevokedSecurityGroupRules":    "revokedSecurityGroupRuleSet",
	"SecurityGroupVpcAssociations": "securityGroupVpcAssociationSet",
	"UserIdGroupPairs":             "groups",
	"Tags":                         "tagSet",
	"NetworkInterfaces":            "networkInterfaceSet",
	"Groups":                       "groupSet",
	"Ipv6Addresses":                "ipv6AddressesSet",
	"PrivateIpAddresses":           "privateIpAddressesSet",
	"Ipv4Prefixes":                 "ipv4PrefixSet",
	"Ipv6Prefixes":                 "ipv6PrefixSet",
	"PrefixLists":                  "prefixListSet",
	"Entries":                      "entrySet",
	"Vpcs":                         "vpcSet",
	"Subnets":                      "subnetSet",
	"RouteTables":                  "routeTableSet",
	"Associations":                 "associationSet",
	"PropagatingVgws":              "propagatingVgwSet",
	"Routes":                       "routeSet",
	"FlowLogs":                     "flowLogSet",
	"VpcPeeringConnections":        "vpcPeeringConnectionSet",
	"VpcEndpoints":                 "vpcEndpointSet",
	"VpcEndpoints.SubnetIds":       "subnetIdSet",
	"RouteTableIds":                "routeTableIdSet",
	"NetworkInterfaceIds":          "networkInterfaceIdSet",
	"DnsEntries":                   "dnsEntrySet",
	"TransitGateways":              "transitGatewaySet",
}

func xmlName(parent, member string) string {
	if name, ok := listNames[parent+"."+member]; ok {
		return name
	}
	if name, ok := listNames[member]; ok {
		return name
	}
	return strings.ToLower(member[:1]) + member[1:]
}

const (
	ec2Namespace = "http://ec2.amazonaws.com/doc/2016-11-15/"
	stsNamespace = "https://sts.amazonaws.com/doc/2011-06-15/"
)

func writeAnswer(w http.ResponseWriter, action string, n int, answer object) {
	var b bytes.Buffer
	if action == "GetCallerIdentity" {
		fmt.Fprintf(&b, `<GetCallerIdentityResponse xmlns=%q><GetCallerIdentityResult>`, stsNamespace)
		for _, k := range sortedKeys(answer) {
			fmt.Fprintf(&b, "<%s>%s</%s>", k, escape(fmt.Sprint(answer[k])), k)
		}
		fmt.Fprintf(&b, "</GetCallerIdentityResult><ResponseMetadata><RequestId>%d</RequestId></ResponseMetadata></GetCallerIdentityResponse>", n)
	} else {
		fmt.Fprintf(&b, `<%sResponse xmlns=%q><requestId>%d</requestId>`, action, ec2Namespace, n)
		writeMembers(&b, "", answer)
		fmt.Fprintf(&b, "</%sResponse>", action)
	}
	send(w, http.StatusOK, b.Bytes())
}

func writeError(w http.ResponseWriter, action string, n int, e *apiError) {
	body := fmt.Sprintf("<Response><Errors><Error><Code>%s</Code><Message>%s</Message></Error></Errors><RequestID>%d</RequestID></Response>",
		escape(e.code), escape(e.message), n)
	if action == "GetCallerIdentity" {
		body = fmt.Sprintf("<ErrorResponse xmlns=%q><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>%d</RequestId></ErrorResponse>",
			stsNamespace, escape(e.code), escape(e.message), n)
	}
	send(w, e.status, []byte(body))
}

func send(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "text/xml;charset=UTF-8")
	w.WriteHeader(status)
	w.Write([]byte(xml.Header))
	w.Write(body)
}

func escape(s string) string {
	var b bytes.Buffer
	xml.EscapeText(&b, []byte(s)) // a bytes.Buffer never fails
	return b.String()
}

func writeMembers(b *bytes.Buffer, parent string, o object) {
	for _, k := range sortedKeys(o) {
		if o[k] == nil {
			continue
		}
		name := xmlName(parent, k)
		b.WriteString("<" + name + ">")
		writeValue(b, k, o[k])
		b.WriteString("</" + name + ">")
	}
}

func writeValue(b *bytes.Buffer, member string, v any) {
	switch v := v.(type) {
	case object:
		writeMembers(b, member, v)
	case []any:
		for _, item := range v {
			b.WriteString("<item>")
			writeValue(b, member, item)
			b.WriteString("</item>")
		}
	case []object:
		for _, item := range v {
			b.WriteString("<item>")
			writeMembers(b, member, item)
			b.WriteString("</item>")
		}
	case string:
		if strings.HasSuffix(member, "Time") || strings.HasSuffix(member, "Timestamp") {
			v = wireTime(v)
		}
		b.WriteString(escape(v))
	case json.Number:
		b.WriteString(v.String())
	default:
		b.WriteString(escape(fmt.Sprint(v)))
	}
}

// wireTime is the spelling of EC2; saved outputs have others.
func wireTime(s string) string {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC().Format("2006-01-02T15:04:05.000Z")
		}
	}
	return s
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// params is the tree of a request's parameters: IpPermissions.1.IpRanges.2.CidrIp=… .
type params struct {
	value   string
	present bool
	members map[string]*params
}

func parseParams(form url.Values) params {
	root := params{present: true}
	for key, values := range form {
		at := &root
		for _, part := range strings.Split(key, ".") {
			if at.members == nil {
				at.members = map[string]*params{}
			}
			if at.members[part] == nil {
				at.members[part] = &params{present: true}
			}
			at = at.members[part]
		}
		if len(values) > 0 {
			at.value = values[0]
		}
	}
	return root
}

// get is a member; one that is not there is empty and not present.
func (p params) get(name string) params {
	if m := p.members[name]; m != nil {
		return *m
	}
	return params{}
}

func (p params) str(name string) string { return p.get(name).value }

func (p params) flag(name string) bool { return p.str(name) == "true" }

// list is the elements of a flattened list, in order.
func (p params) list(name string) []params {
	m := p.get(name).members
	keys := sortedKeys(m)
	slices.SortFunc(keys, func(a, b string) int {
		x, _ := strconv.Atoi(a)
		y, _ := strconv.Atoi(b)
		return x - y
	})
	out := make([]params, 0, len(keys))
	for _, k := range keys {
		out = append(out, *m[k])
	}
	return out
}

func (p params) strings(name string) []string {
	var out []string
	for _, e := range p.list(name) {
		out = append(out, e.value)
	}
	return out
}

// port is an optional number.
func (p params) port(name string) (*int32, *apiError) {
	if !p.get(name).present {
		return nil, nil
	}
	n, err := strconv.ParseInt(p.str(name), 10, 32)
	if err != nil {
		return nil, fail("InvalidParameterValue", "Invalid value '%s' for %s", p.str(name), name)
	}
	v := int32(n)
	return &v, nil
}
