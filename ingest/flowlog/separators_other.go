//go:build !amd64 || purego

package flowlog

func fastestSeparators() separatorsFunc { return separatorsPlain }
