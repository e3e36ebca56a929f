//go:build !amd64 || purego

package inflate

import "hash/crc32"

func (c *checksum) add(p []byte) { c.sum = crc32.Update(c.sum, crc32.IEEETable, p) }
