package tensor

import "github.com/gander-ml/gander/internal/parallel"

// SetThreads bounds how many threads the CPU device computes with; 0 means
// GOMAXPROCS, the default. Results do not depend on it.
func SetThreads(n int) { parallel.SetThreads(n) }
