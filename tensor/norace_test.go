//go:build !race

package tensor_test

const race = false
