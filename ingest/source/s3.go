package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/sgtrim/sgtrim/ingest"
)

// attempts is how often a request is made before its error counts.
const attempts = 8

// bucket is what one S3 source reads: a prefix of a bucket, or one object.
type bucket struct {
	client *s3.Client
	name   string
	prefix string // "" or whole folders, unless raw
	raw    bool   // the prefix ends within a name
	single *ingest.Object
	opt    Options
}

func openS3(ctx context.Context, name string, opt Options) (ingest.Source, error) {
	b := &bucket{opt: opt}
	b.name, b.prefix, _ = strings.Cut(strings.TrimPrefix(name, "s3://"), "/")
	if b.name == "" {
		return nil, fmt.Errorf("%s: no bucket named", name)
	}
	cfg, err := loadConfig(ctx, opt)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	b.client = newClient(cfg, opt)
	if err := b.probe(ctx); err != nil {
		region := bucketRegion(err)
		if region == "" || region == cfg.Region || opt.EndpointURL != "" {
			return nil, err
		}
		cfg.Region = region // S3 says where the bucket is
		b.client = newClient(cfg, opt)
		if err := b.probe(ctx); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func loadConfig(ctx context.Context, opt Options) (aws.Config, error) {
	var load []func(*config.LoadOptions) error
	if opt.Profile != "" {
		load = append(load, config.WithSharedConfigProfile(opt.Profile))
	}
	if opt.Region != "" {
		load = append(load, config.WithRegion(opt.Region))
	}
	if opt.NoSignRequest {
		load = append(load, config.WithCredentialsProvider(aws.AnonymousCredentials{}))
	}
	load = append(load, config.WithHTTPClient(awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConnsPerHost = 64 // objects are fetched many at a time
	})))
	cfg, err := config.LoadDefaultConfig(ctx, load...)
	cfg.Region = cmp.Or(cfg.Region, "us-east-1")
	return cfg, err
}

func newClient(cfg aws.Config, opt Options) *s3.Client {
	return s3.NewFromConfig(cfg, func(o *s3.Options) {
		if opt.EndpointURL != "" {
			o.BaseEndpoint = aws.String(opt.EndpointURL)
		}
		o.UsePathStyle = o.BaseEndpoint != nil // from the flag, the environment or the profile
		o.Retryer = opt.retryer()
		// Text has gzip's checksum, and Parquet its own; what S3 adds would be said in a log we do not have.
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		o.DisableLogOutputChecksumValidationSkipped = true
	})
}

// retryer makes every request attempts times before its error counts.
func (o Options) retryer() aws.Retryer {
	return retry.NewStandard(func(r *retry.StandardOptions) {
		r.MaxAttempts = attempts
		r.RateLimiter = ratelimit.None // a throttled listing must go on, slowly
		r.Backoff = retry.BackoffDelayerFunc(func(n int, _ error) (time.Duration, error) { return o.backoff(n), nil })
	})
}

// backoff is the wait before the next try: doubled each time, up to 20 s, of it a random half so that many readers do not
// come back at once.
func (o Options) backoff(n int) time.Duration {
	wait := min(cmp.Or(o.retryDelay, 200*time.Millisecond)<<min(n, 16), 20*time.Second)
	return wait/2 + rand.N(wait/2+1)
}

func (b *bucket) payer() types.RequestPayer {
	if b.opt.RequesterPays {
		return types.RequestPayerRequester
	}
	return ""
}

func (b *bucket) url(key string) string { return "s3://" + b.name + "/" + key }

// probe finds out what the prefix is: one object, a folder, or the start of names. It is an error when nothing is there.
func (b *bucket) probe(ctx context.Context) error {
	whole := b.prefix == "" || strings.HasSuffix(b.prefix, "/")
	first, err := b.firstKey(ctx, b.prefix)
	if err != nil {
		if whole || !isDenied(err) {
			return err
		}
		if b.single, _ = b.head(ctx); b.single == nil {
			return err
		}
		return nil // reading one object needs no right to list
	}
	switch {
	case first == nil:
		return fmt.Errorf("%s: nothing there", b.url(b.prefix))
	case whole:
		return nil
	case aws.ToString(first.Key) == b.prefix:
		o := b.object(first)
		o.Named = true
		b.single = &o
		return nil
	}
	if first, err = b.firstKey(ctx, b.prefix+"/"); err != nil {
		return err
	}
	if first != nil {
		b.prefix += "/"
	}
	b.raw = first == nil
	return nil
}

func (b *bucket) firstKey(ctx context.Context, prefix string) (*types.Object, error) {
	out, err := b.client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{
		Bucket: &b.name, Prefix: &prefix, MaxKeys: aws.Int32(1), RequestPayer: b.payer(),
	})
	if err != nil {
		return nil, b.explain(listKeys, prefix, err)
	}
	if len(out.Contents) == 0 {
		return nil, nil
	}
	return &out.Contents[0], nil
}

// head describes the named object when it may be read but the bucket not be listed.
func (b *bucket) head(ctx context.Context) (*ingest.Object, error) {
	out, err := b.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.name, Key: &b.prefix, RequestPayer: b.payer()})
	if err != nil {
		return nil, err
	}
	o := b.object(&types.Object{Key: &b.prefix, Size: out.ContentLength, ETag: out.ETag, LastModified: out.LastModified})
	o.Named = true
	return &o, nil
}

func (b *bucket) object(o *types.Object) ingest.Object {
	key := aws.ToString(o.Key)
	out := ingest.Object{URL: b.url(key), Size: -1, ETag: strings.Trim(aws.ToString(o.ETag), `"`), LastModified: aws.ToTime(o.LastModified)}
	if o.Size != nil {
		out.Size = *o.Size
	}
	return fill(out, key)
}

// Open starts to read an object. What breaks on the way is resumed.
func (b *bucket) Open(ctx context.Context, o ingest.Object) (io.ReadCloser, error) {
	key, ok := strings.CutPrefix(o.URL, b.url(""))
	if !ok {
		return nil, fmt.Errorf("%s: not of %s", o.URL, b.url(""))
	}
	body := &s3Body{ctx: ctx, b: b, key: key, etag: o.ETag, size: o.Size}
	if err := body.connect(); err != nil {
		return nil, err
	}
	return body, nil
}

var errChanged = errors.New("changed since it was listed")
