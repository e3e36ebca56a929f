package source

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/sgtrim/sgtrim/analyze"
)

// operation is what a request does, and the permission for it.
type operation struct{ permission string }

var (
	listKeys  = operation{"s3:ListBucket"}
	getObject = operation{"s3:GetObject"}
)

// explain says in the user's words what a failed request means: the bucket, the key, and the permission or step needed.
func (b *bucket) explain(op operation, key string, err error) error {
	return fmt.Errorf("%s: %s: %w", b.url(key), b.meaning(op, key, err), err)
}

func (b *bucket) meaning(op operation, key string, err error) string {
	resource := "arn:" + cmp.Or(analyze.Partition(b.client.Options().Region), "aws") + ":s3:::" + b.name
	if op == getObject {
		resource += "/" + key
	}
	code, message := "", ""
	var api smithy.APIError
	if errors.As(err, &api) {
		code, message = api.ErrorCode(), api.ErrorMessage()
	}
	status := statusOf(err)
	switch {
	case code == "InvalidObjectState":
		return archived(err)
	case strings.HasPrefix(code, "KMS.") || status == http.StatusForbidden && strings.Contains(strings.ToLower(message), "kms"):
		return "the key it is encrypted with cannot be used: kms:Decrypt on that key is needed"
	case code == "ExpiredToken" || code == "InvalidAccessKeyId" || code == "SignatureDoesNotMatch" || code == "InvalidToken":
		return "the credentials are not accepted"
	case status == http.StatusForbidden:
		return fmt.Sprintf("access denied: %s on %s is needed%s", op.permission, resource, kmsHint(op))
	case code == "NoSuchBucket":
		return fmt.Sprintf("there is no bucket %s", b.name)
	case status == http.StatusNotFound:
		return "not there (any more): without s3:ListBucket, S3 says the same of objects that may not be read"
	case status == http.StatusPreconditionFailed:
		return errChanged.Error()
	}
	return "request failed"
}

func kmsHint(op operation) string {
	if op == getObject {
		return ", and kms:Decrypt if it is encrypted with a key of KMS"
	}
	return ""
}

func archived(err error) string {
	var state *types.InvalidObjectState
	class := ""
	if errors.As(err, &state) && state.StorageClass != "" {
		class = " (" + string(state.StorageClass) + ")"
	}
	return "archived" + class + ": it must be restored (s3:RestoreObject) before it can be read"
}

// statusOf is the HTTP status of a failed request, 0 when there was no answer.
func statusOf(err error) int {
	var response *awshttp.ResponseError
	if errors.As(err, &response) && response.Response != nil {
		return response.HTTPStatusCode()
	}
	return 0
}

// isDenied reports whether AWS refuses a call for want of a permission. JSON services say so with status 400.
func isDenied(err error) bool {
	var api smithy.APIError
	if errors.As(err, &api) && (api.ErrorCode() == "UnauthorizedOperation" || strings.HasPrefix(api.ErrorCode(), "AccessDenied")) {
		return true
	}
	return statusOf(err) == http.StatusForbidden
}

// bucketRegion is where S3 says that the bucket is, in the answer to a request that failed; "" when it does not say.
func bucketRegion(err error) string {
	var response *awshttp.ResponseError
	if errors.As(err, &response) && response.Response != nil {
		return response.Response.Header.Get("X-Amz-Bucket-Region")
	}
	return ""
}
