package cuda

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write kernels/TABLE.md anew")

// TestPTXIsCurrent: the PTX in the tree is what clang makes of the kernels.
func TestPTXIsCurrent(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles all kernels")
	}
	clang := cmp.Or(os.Getenv("CLANG"), "clang-19")
	if _, err := exec.LookPath(clang); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	out, err := exec.Command("kernels/compile.sh", dir).CombinedOutput()
	require.NoError(t, err, "%s", out)
	made, err := filepath.Glob(filepath.Join(dir, "*.ptx"))
	require.NoError(t, err)
	kept, err := filepath.Glob("kernels/*.ptx")
	require.NoError(t, err)
	require.Len(t, made, len(kept))
	require.Len(t, made, int(numModules))
	for _, path := range made {
		want, err := os.ReadFile(path)
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join("kernels", filepath.Base(path)))
		require.NoError(t, err)
		require.True(t, bytes.Equal(want, got), "%s is out of date: go generate ./internal/backend/cuda", filepath.Base(path))
	}
}

// TestKernelNames: a name is that of one kernel, and a step has one code.
func TestKernelNames(t *testing.T) {
	names := KernelNames()
	for name, n := range names {
		require.Equal(t, 1, n, name)
	}
	require.Len(t, stepCodes, len(unarySteps)+len(binarySteps)+len(otherSteps))
	for k := range stepCodes {
		require.Contains(t, names, k.name+k.suffix)
	}
}

// TestParameters: structs have the size that the kernels' parameters have.
func TestParameters(t *testing.T) {
	parameter := regexp.MustCompile(`\.param \.align 8 \.b8 (\w+)_param_0\[(\d+)\]`)
	sizes := map[string]int{}
	for _, ptx := range modulePTX {
		for _, found := range parameter.FindAllSubmatch(ptx, -1) {
			n, err := strconv.Atoi(string(found[2]))
			require.NoError(t, err)
			sizes[string(found[1])] = n
		}
	}
	for name, size := range map[string]uintptr{
		"Tanh_f32_nd": unsafe.Sizeof(places2{}), "Add_f64_nd": unsafe.Sizeof(places3{}), "where_f32": unsafe.Sizeof(places4{}), "mulAdd_f64": unsafe.Sizeof(places4{}),
		"fill_f32_nd": unsafe.Sizeof(places1{}), "Sum_f32": unsafe.Sizeof(places2{}), "epilogueGrad_f64": unsafe.Sizeof(channels{}),
		"product_f32_64": unsafe.Sizeof(product{}), "finish_f32": unsafe.Sizeof(finishing{}),
		"correlate_f64_32": unsafe.Sizeof(correlation{}), "weightGrad_f32_16": unsafe.Sizeof(weightGrad{}),
	} {
		require.Equal(t, sizes[name], int(size), name)
	}
}

// targets are the architectures that ptxas must accept the kernels for: Turing,
// Ampere, Hopper, and Blackwell of servers and of desks.
var targets = []string{"sm_75", "sm_80", "sm_90", "sm_100", "sm_120"}

// spills are the bytes that a kernel may spill: one whose threads mostly wait for
// memory.
var spills = map[string]int{"sequence": 16}

// resources are what ptxas says of a kernel on one target.
type resources struct{ registers, shared, spills int }

// TestAssembly: ptxas assembles the kernels, and those that matter spill no registers.
// The table of what they take is kept.
func TestAssembly(t *testing.T) {
	if testing.Short() {
		t.Skip("assembles all kernels")
	}
	ptxas := cmp.Or(os.Getenv("PTXAS"), "ptxas")
	if _, err := exec.LookPath(ptxas); err != nil {
		t.Skip(err)
	}
	found := map[string]map[string]resources{} // by kernel and target
	for _, target := range targets {
		for m, ptx := range modulePTX {
			in := filepath.Join(t.TempDir(), "kernels.ptx")
			require.NoError(t, os.WriteFile(in, ptx, 0o600))
			out, err := exec.Command(ptxas, "-v", "-arch", target, "-o", filepath.Join(t.TempDir(), "kernels"), in).CombinedOutput()
			require.NoError(t, err, "module %d for %s: %s", m, target, out)
			for name, r := range parseResources(string(out)) {
				require.LessOrEqual(t, r.spills, spills[name], "%s spills on %s", name, target)
				if found[name] == nil {
					found[name] = map[string]resources{}
				}
				found[name][target] = r
			}
		}
	}
	table := resourceTable(found)
	if *update {
		require.NoError(t, os.WriteFile("kernels/TABLE.md", []byte(table), 0o644))
	}
	kept, err := os.ReadFile("kernels/TABLE.md")
	require.NoError(t, err)
	version, err := exec.Command(ptxas, "--version").Output()
	require.NoError(t, err)
	if !strings.Contains(string(version), ptxasVersion) {
		t.Skipf("the table is of %s", ptxasVersion)
	}
	require.Equal(t, string(kept), table, "go test ./internal/backend/cuda -run TestAssembly -update")
}

// ptxasVersion is the one that the table is made with.
const ptxasVersion = "V12.9.86"

func parseResources(log string) map[string]resources {
	entry := regexp.MustCompile(`Compiling entry function '(\w+)'`)
	spill := regexp.MustCompile(`(\d+) bytes spill stores, (\d+) bytes spill loads`)
	used := regexp.MustCompile(`Used (\d+) registers`)
	shared := regexp.MustCompile(`(\d+) bytes smem`)
	all := map[string]resources{}
	name := ""
	number := func(re *regexp.Regexp, line string) int {
		if m := re.FindStringSubmatch(line); m != nil {
			n, _ := strconv.Atoi(m[1])
			return n
		}
		return 0
	}
	for line := range strings.Lines(log) {
		if m := entry.FindStringSubmatch(line); m != nil {
			name = m[1]
		}
		r := all[name]
		r.spills += number(spill, line)
		if n := number(used, line); n > 0 {
			r.registers, r.shared = n, number(shared, line)
		}
		if name != "" {
			all[name] = r
		}
	}
	return all
}

// occupancy returns how many blocks fit on a multiprocessor with 64 K registers and
// 64 KiB of shared memory (sm_75 has the least; later ones have more), and 1024
// threads on sm_75, 2048 on sm_80, 90 and 100, and 1536 on sm_120.
func occupancy(r resources, target string) int {
	most, memory := 2048, 164<<10
	switch target {
	case "sm_75":
		most, memory = 1024, 64<<10
	case "sm_90", "sm_100":
		memory = 228 << 10
	case "sm_120":
		most, memory = 1536, 100<<10
	}
	warp := (r.registers*32 + 255) &^ 255 // registers are given to warps, 256 at a time
	n := min(most/threads, 65536/(warp*threads/32))
	if r.shared > 0 {
		n = min(n, memory/(r.shared+1024))
	}
	return n
}

func resourceTable(found map[string]map[string]resources) string {
	var s strings.Builder
	fmt.Fprintf(&s, "# What the kernels take\n\nWritten by `go test ./internal/backend/cuda -run TestAssembly -update` with ptxas %s.\n"+
		"Blocks have %d threads. No kernel spills registers on any of these targets, but for sequence, up to 16 bytes.\n"+
		"Of each: registers of a thread, and blocks that fit on a multiprocessor.\n\n", ptxasVersion, threads)
	fmt.Fprintf(&s, "| kernel | shared bytes |")
	for _, target := range targets {
		fmt.Fprintf(&s, " %s |", target)
	}
	fmt.Fprintf(&s, "\n|---|---|%s\n", strings.Repeat("---|", len(targets)))
	row := func(name string, get func(target string) resources) {
		fmt.Fprintf(&s, "| %s | %d |", name, get(targets[0]).shared)
		for _, target := range targets {
			r := get(target)
			fmt.Fprintf(&s, " %d, %d |", r.registers, occupancy(r, target))
		}
		s.WriteString("\n")
	}
	var names, plain []string
	for name := range found {
		if found[name][targets[0]].shared > 0 || strings.HasPrefix(name, "adam") || strings.HasPrefix(name, "normal") {
			names = append(names, name)
		} else {
			plain = append(plain, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		row(name, func(target string) resources { return found[name][target] })
	}
	row(fmt.Sprintf("the other %d, at most", len(plain)), func(target string) (most resources) {
		for _, name := range plain {
			most.registers = max(most.registers, found[name][target].registers)
		}
		return most
	})
	return s.String()
}
