package output

import "github.com/sgtrim/sgtrim/recommend"

// Include says which changes of a plan are meant.
type Include func(c *recommend.Change) bool

// Proposed includes what a patch holds unless more was asked for.
func Proposed(c *recommend.Change) bool { return c.Status == recommend.Proposed }

// WithReview includes proposed and review changes.
func WithReview(c *recommend.Change) bool {
	return c.Status == recommend.Proposed || c.Status == recommend.Review
}
