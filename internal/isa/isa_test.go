package isa

import (
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCaps(t *testing.T) {
	all := present()
	off := func(names ...string) []string {
		return slices.DeleteFunc(slices.Clone(all), func(name string) bool { return slices.Contains(names, name) })
	}
	for name, want := range map[string][]string{
		"generic": off("avx2", "avx512", "bf16", "neon"),
		"avx2":    off("avx512", "bf16"),
		"avx512":  off("bf16"),
		"bf16":    all,
		"neon":    all,
	} {
		undo := Use(name)
		require.ElementsMatch(t, want, present(), name)
		require.NotContains(t, Implementations(), "bf16")
		require.Equal(t, "generic", Implementations()[0])
		undo()
		require.Equal(t, all, present(), "after %s", name)
	}
	require.PanicsWithValue(t, `GANDER_CPU is "avx3"; give one of generic, avx2, avx512, bf16, neon`, func() { Use("avx3") })
	require.Equal(t, all, present())
}

// missing returns what is in a list separated by commas but not in names.
func missing(list string, names []string) (out []string) {
	for _, name := range strings.Split(list, ",") {
		if name = strings.TrimSpace(name); name != "" && !slices.Contains(names, name) {
			out = append(out, name)
		}
	}
	return out
}

// TestRequired fails on a machine that should have an instruction set and does
// not show it, so that kernels are not left untested unnoticed.
func TestRequired(t *testing.T) {
	require.Empty(t, missing("avx512, bf16,,", []string{"avx2", "avx512", "bf16"}))
	require.Equal(t, []string{"avx3", "bf16"}, missing("avx3,avx2,bf16", []string{"avx2"}))

	if pure {
		t.Skip("a purego binary uses no instruction set")
	}
	require.Empty(t, missing(os.Getenv("GANDER_REQUIRE"), found), "GANDER_REQUIRE names them, but only %v are found", found)
}

// sets are the names under which Linux lists what an instruction set needs.
var sets = map[string][]string{
	"avx2":   {"avx2", "fma"},
	"avx512": {"avx2", "fma", "avx512f", "avx512bw", "avx512dq", "avx512vl"},
	"bf16":   {"avx2", "fma", "avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_bf16"},
	"neon":   {"asimd"},
}

// TestFindsWhatLinuxReports compares detection with /proc/cpuinfo, both ways.
func TestFindsWhatLinuxReports(t *testing.T) {
	info, err := os.ReadFile("/proc/cpuinfo")
	flags := flagsOf(string(info))
	if pure || err != nil || flags == nil {
		t.Skip("there is nothing to compare")
	}
	for name, needs := range sets {
		reported := !slices.ContainsFunc(needs, func(flag string) bool { return !slices.Contains(flags, flag) })
		require.Equal(t, reported, slices.Contains(found, name), "%s: Linux reports %v", name, reported)
	}
}

// flagsKey names the line of /proc/cpuinfo. An emulator may show the file of the
// machine it runs on, which has another line.
var flagsKey = map[string]string{"amd64": "flags", "arm64": "Features"}

// flagsOf returns the flags of the first processor in the text of /proc/cpuinfo,
// nil if it is the text of another architecture.
func flagsOf(info string) []string {
	for line := range strings.Lines(info) {
		key, value, _ := strings.Cut(line, ":")
		if strings.TrimSpace(key) == flagsKey[runtime.GOARCH] {
			return strings.Fields(value)
		}
	}
	return nil
}
