//go:build !(amd64 || arm64) || purego

package parallel

import "runtime"

// procyield has no pause instruction to use, so it offers the core to others.
func procyield(int) { runtime.Gosched() }
