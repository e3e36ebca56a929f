// Package inflate decodes gzip.
package inflate
