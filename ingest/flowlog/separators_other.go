//go:build !amd64 || purego

package flowlog

func separatorsFuncs() []separatorsFunc { return []separatorsFunc{separatorsPlain} }
