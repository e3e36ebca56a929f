package ec2fake

import (
	"fmt"

	"github.com/sgtrim/sgtrim/analyze/estate"
)

// serviceQuota answers the quota of the snapshot, else the one that this server keeps to.
func serviceQuota(st *state, _ Behaviour, body []byte) (object, *apiError) {
	var r struct{ ServiceCode, QuotaCode string }
	if e := decodeRequest(body, &r); e != nil {
		return nil, e
	}
	value, known := map[string]any{estate.QuotaRulesPerGroup: st.quota, estate.QuotaGroupsPerInterface: estate.DefaultGroupsPerInterface}[r.QuotaCode]
	if r.ServiceCode != "vpc" || !known {
		return nil, fail("NoSuchResourceException", "The request failed because the specified quota does not exist.")
	}
	for _, o := range st.static[estate.ServiceQuotas] {
		if text(o, "QuotaCode") == r.QuotaCode {
			value = o["Value"]
		}
	}
	return object{"Quota": object{"ServiceCode": "vpc", "QuotaCode": r.QuotaCode, "Value": value,
		"QuotaArn": fmt.Sprintf("arn:%s:servicequotas:%s:%s:vpc/%s", st.partition(), st.scope.Region, st.scope.Account, r.QuotaCode)}}, nil
}
