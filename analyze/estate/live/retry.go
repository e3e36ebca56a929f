package live

import (
	"errors"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

const (
	maxAttempts     = 15 // a shared throttle bucket refills at 20 calls a second [F 4.8]; somebody else may be emptying it
	maxServerErrors = 3  // endpoints that do not implement a call answer HTTP 500, for ever
)

// retryer is made anew for every call: throttling is waited out with growing pauses, server errors only a few times.
func (o Options) retryer() aws.Retryer {
	standard := retry.NewStandard(func(s *retry.StandardOptions) {
		s.MaxAttempts = maxAttempts
		s.RateLimiter = ratelimit.None
		if o.MaxBackoff > 0 {
			s.MaxBackoff = o.MaxBackoff
		}
	})
	return &patient{RetryerV2: standard, maxBackoff: o.MaxBackoff}
}

type patient struct {
	aws.RetryerV2
	maxBackoff   time.Duration
	serverErrors int
}

func (p *patient) IsErrorRetryable(err error) bool {
	var response *awshttp.ResponseError
	if errors.As(err, &response) && response.HTTPStatusCode() >= http.StatusInternalServerError && !throttled(err) {
		p.serverErrors++
		if p.serverErrors >= maxServerErrors {
			return false
		}
	}
	return p.RetryerV2.IsErrorRetryable(err)
}

// RetryDelay also bounds the pause where the standard one has its own least.
func (p *patient) RetryDelay(attempt int, err error) (time.Duration, error) {
	d, e := p.RetryerV2.RetryDelay(attempt, err)
	if p.maxBackoff > 0 && d > p.maxBackoff {
		d = p.maxBackoff
	}
	return d, e
}

func throttled(err error) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	_, known := retry.DefaultThrottleErrorCodes[api.ErrorCode()]
	return known
}
