//go:build race

package tensor_test

const race = true // the race detector allocates on its own account
