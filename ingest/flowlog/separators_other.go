//go:build !amd64

package flowlog

func fastestSeparators() separatorsFunc { return separatorsPlain }
