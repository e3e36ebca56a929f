package live

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas/types"

	"github.com/sgtrim/sgtrim/analyze/estate"
)

// quotasAPI is what is called of Service Quotas.
type quotasAPI interface {
	GetServiceQuota(context.Context, *servicequotas.GetServiceQuotaInput, ...func(*servicequotas.Options)) (*servicequotas.GetServiceQuotaOutput, error)
}

// quotas asks for the quotas that a plan has to fit. Those that are not told are AWS's defaults, and a problem says so.
func (t *taker) quotas(ctx context.Context, api quotasAPI) error {
	var found []types.ServiceQuota
	for _, code := range []string{estate.QuotaRulesPerGroup, estate.QuotaGroupsPerInterface} {
		out, err := api.GetServiceQuota(ctx, &servicequotas.GetServiceQuotaInput{ServiceCode: aws.String("vpc"), QuotaCode: aws.String(code)},
			func(o *servicequotas.Options) { o.Retryer = t.options.retryer() })
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			t.refusal("GetServiceQuota", "servicequotas:GetServiceQuota", err,
				fmt.Sprintf("AWS's defaults are assumed: %d rules a group, %d groups an interface", estate.DefaultRulesPerGroup, estate.DefaultGroupsPerInterface))
			return nil
		case out.Quota != nil:
			found = append(found, *out.Quota)
		}
	}
	var err error
	t.scope.Objects[estate.ServiceQuotas], err = shape(found)
	return err
}
