package source

import (
	"context"
	"errors"

	"github.com/sgtrim/sgtrim/ingest"
)

func openS3(ctx context.Context, name string, opt Options) (ingest.Source, error) {
	return nil, errors.New("s3: not yet")
}
