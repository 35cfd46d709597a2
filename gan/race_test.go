//go:build race

package gan_test

const raceEnabled = true
