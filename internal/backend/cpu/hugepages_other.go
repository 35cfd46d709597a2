//go:build !linux || !(amd64 || arm64)

package cpu

import "github.com/gander-ml/gander/internal/backend"

// preferHugePages does nothing: this system is not asked.
func preferHugePages(*backend.Host) {}
