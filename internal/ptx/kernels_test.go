package ptx

import (
	"errors"
	"fmt"
	"math"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func kernels(t testing.TB) string {
	b, err := os.ReadFile("testdata/kernels.ptx")
	require.NoError(t, err)
	return string(b)
}

// one drops all kernels but one from the text, so that a change of the first place
// that fits changes that one.
func one(t testing.TB, name string) string {
	return regexp.MustCompile(`(?ms)^\.visible \.entry (\w+)\(.*?^}\n`).ReplaceAllStringFunc(kernels(t), func(k string) string {
		if strings.HasPrefix(k, ".visible .entry "+name+"(") {
			return k
		}
		return ""
	})
}

func random(n int) []float32 {
	out := make([]float32, n)
	s := uint64(n) + 12345
	for i := range out {
		s = s*6364136223846793005 + 1442695040888963407
		out[i] = float32(int64(s)>>40) / (1 << 22)
	}
	return out
}

// task is a kernel with everything that a launch needs, and a check of its results.
type task struct {
	kernel      string
	grid, block Dim3
	shared      uint32
	setup       func(t testing.TB, m *Memory) (args []byte, check func(t testing.TB))
}

func along(n int) Dim3 { return Dim3{uint32(n), 1, 1} }

func tasks() []task {
	gemm := func(m, n, k int) task {
		return task{"gemm", Dim3{uint32(n+63) / 64, uint32(m+63) / 64, 1}, along(256), 0, func(t testing.TB, mem *Memory) ([]byte, func(testing.TB)) {
			a, b := random(m*k), random(k*n)
			pa, pb, pc := write(t, mem, a), write(t, mem, b), room(t, mem, 4*m*n)
			return pack(pc, pa, pb, int32(m), int32(n), int32(k)), func(t testing.TB) {
				got := read[float32](t, mem, pc, m*n)
				for i := range m {
					for j := range n {
						var want uint32
						for l := range k {
							want = fma32(a[i*k+l], b[l*n+j], f32(want))
						}
						if !assert.Equal(t, f32(want), got[i*n+j]) {
							return
						}
					}
				}
			}
		}}
	}
	return []task{
		{"add", along(4), along(256), 0, func(t testing.TB, m *Memory) ([]byte, func(testing.TB)) {
			x, y := random(1000), random(1001)[1:]
			d := room(t, m, 4000)
			return pack(d, write(t, m, x), write(t, m, y), uint32(1000)), func(t testing.TB) {
				for i, v := range read[float32](t, m, d, 1000) {
					assert.Equal(t, x[i]+y[i], v)
				}
			}
		}},
		{"sum", along(3), along(256), 0, func(t testing.TB, m *Memory) ([]byte, func(testing.TB)) {
			x := random(2000)
			d := room(t, m, 24)
			return pack(d, write(t, m, x), uint32(2000)), func(t testing.TB) {
				var want, got float64
				for _, v := range x {
					want += float64(v)
				}
				for _, v := range read[float64](t, m, d, 3) {
					got += v
				}
				assert.InDelta(t, want, got, 1e-12)
			}
		}},
		gemm(64, 64, 16),
		gemm(70, 130, 33),
		{"transpose", Dim3{3, 2, 1}, Dim3{16, 16, 1}, 0, func(t testing.TB, m *Memory) ([]byte, func(testing.TB)) {
			x := random(20 * 40)
			d := room(t, m, 4*20*40)
			return pack(d, write(t, m, x), int32(20), int32(40)), func(t testing.TB) {
				for i, v := range read[float32](t, m, d, 20*40) {
					assert.Equal(t, x[i%20*40+i/20], v)
				}
			}
		}},
		{"philox", along(2), along(64), 0, func(t testing.TB, m *Memory) ([]byte, func(testing.TB)) {
			d := room(t, m, 16*100)
			return pack(d, uint64(0), uint64(0), uint32(100)), func(t testing.TB) {
				// The first block of the reference implementation's known answers.
				assert.Equal(t, []uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}, read[uint32](t, m, d, 400)[:4])
			}
		}},
		{"pick", along(4), along(96), 0, func(t testing.TB, m *Memory) ([]byte, func(testing.TB)) {
			const n = 300
			x := random(n)
			op := make([]int32, n)
			for i := range op {
				op[i] = int32(i * 7 % 12)
				x[i] *= 3
			}
			d := room(t, m, 4*n)
			poly := func(x float32, n int) (y float32) {
				for i := range n {
					y = f32(fma32(y, x, float32(i)))
				}
				return y
			}
			return pack(d, write(t, m, x), write(t, m, op), float32(0.25), uint32(n)), func(t testing.TB) {
				for i, got := range read[float32](t, m, d, n) {
					v := x[i]
					var want float32
					switch op[i] {
					case 0:
						want = float32(math.Abs(float64(v)))
					case 1:
						want = v
						if v <= 0 {
							want = 0.25 * v
						}
					case 2:
						want = float32(math.Sqrt(float64(v)))
					case 3:
						want = 1 / v
					case 4:
						want = float32(math.Floor(float64(v)))
					case 5:
						want = float32(math.RoundToEven(float64(v)))
					case 6:
						want = poly(v, i%7)
					case 7:
						want = float32(i&7+1) * v
					case 8:
						want = float32(int32(v))
					case 9:
						want = max(v, 0.25)
					case 10:
						want = poly(0.25, 3) + float32(i&3+1)*10
					default:
						want = -1
					}
					if want != want {
						assert.True(t, got != got)
						continue
					}
					assert.Equal(t, want, got, "%d of %g", op[i], v)
				}
			}
		}},
		{"gather", along(2), along(128), 0, func(t testing.TB, m *Memory) ([]byte, func(testing.TB)) {
			x := random(2 * 3 * 4 * 5)
			d := room(t, m, 4*120)
			// Axes in the order 3, 2, 1, 0.
			args := pack(d, write(t, m, x), []int64{1, 5, 20, 60}, []int32{5, 4, 3, 2}, uint32(120))
			return append(args, make([]byte, -len(args)&3)...), func(t testing.TB) {
				i := 0
				got := read[float32](t, m, d, 120)
				for a := range 5 {
					for b := range 4 {
						for c := range 3 {
							for e := range 2 {
								assert.Equal(t, x[a+5*b+20*c+60*e], got[i])
								i++
							}
						}
					}
				}
			}
		}},
		{"many", Dim3{1, 3, 1}, along(64), 0, func(t testing.TB, m *Memory) ([]byte, func(testing.TB)) {
			type part struct {
				W, G uint64
				N, _ uint32
			}
			var parts []part
			var w, g [][]float32
			for _, n := range []int{1, 100, 64} {
				w, g = append(w, random(n)), append(g, random(n + 1)[1:])
				parts = append(parts, part{write(t, m, w[len(w)-1]), write(t, m, g[len(g)-1]), uint32(n), 0})
			}
			return pack(write(t, m, parts), float32(0.5)), func(t testing.TB) {
				for i, p := range parts {
					for j, v := range read[float32](t, m, p.W, int(p.N)) {
						assert.Equal(t, f32(fma32(-0.5, g[i][j], w[i][j])), v)
					}
				}
			}
		}},
		{"local", along(1), along(40), 0, func(t testing.TB, m *Memory) ([]byte, func(testing.TB)) {
			x := random(16)
			d := room(t, m, 160)
			return pack(d, write(t, m, x), int32(3)), func(t testing.TB) {
				for i, v := range read[float32](t, m, d, 40) {
					k := (i + 3) & 15
					assert.Equal(t, x[k]*float32(k), v)
				}
			}
		}},
		{"warpsum", along(1), along(64), 0, func(t testing.TB, m *Memory) ([]byte, func(testing.TB)) {
			x := make([]float64, 64)
			for i := range x {
				x[i] = float64(i)
			}
			d := room(t, m, 16)
			return pack(d, write(t, m, x)), func(t testing.TB) {
				assert.Equal(t, []float64{31 * 16, 95 * 16}, read[float64](t, m, d, 2))
			}
		}},
		{"reverse", along(1), along(100), 400, func(t testing.TB, m *Memory) ([]byte, func(testing.TB)) {
			x := random(100)
			d := room(t, m, 400)
			return pack(d, write(t, m, x), int32(100)), func(t testing.TB) {
				for i, v := range read[float32](t, m, d, 100) {
					assert.Equal(t, x[99-i], v)
				}
			}
		}},
		{"collatz", along(4), along(256), 0, func(t testing.TB, m *Memory) ([]byte, func(testing.TB)) {
			d := room(t, m, 4000)
			return pack(d, uint32(1000)), func(t testing.TB) {
				for i, v := range read[uint32](t, m, d, 1000) {
					steps := uint32(0)
					for x := i + 1; x != 1; steps++ {
						if x%2 == 1 {
							x = 3*x + 1
						} else {
							x /= 2
						}
					}
					assert.Equal(t, steps, v)
				}
			}
		}},
	}
}

// run launches a task on a text.
func (k task) run(t testing.TB, text string, o Options) (check func(testing.TB), err error) {
	m, err := Parse([]byte(text))
	require.NoError(t, err)
	mem := NewMemory(1 << 28)
	p, err := mem.Load(m)
	require.NoError(t, err)
	args, check := k.setup(t, mem)
	_, err = p.Kernel(k.kernel).Launch(k.grid, k.block, k.shared, args, o)
	return check, err
}

func TestKernels(t *testing.T) {
	text := kernels(t)
	for _, k := range tasks() {
		for _, o := range []Options{{}, {Fast: true}, {Workers: 1}, {Workers: 7}} {
			t.Run(fmt.Sprintf("%s/%+v", k.kernel, o), func(t *testing.T) {
				check, err := k.run(t, text, o)
				require.NoError(t, err)
				check(t)
			})
		}
	}
}

// plant changes one place of a text, which must be there.
func plant(t testing.TB, text, old, with string) string {
	require.Contains(t, text, old)
	return strings.Replace(text, old, with, 1)
}

func fault(t testing.TB, err error) *Fault {
	var f *Fault
	require.ErrorAs(t, err, &f)
	return f
}

func find(name string) task {
	for _, k := range tasks() {
		if k.kernel == name {
			return k
		}
	}
	panic(name)
}

// Each barrier that a kernel needs is missed.
func TestDroppedBarriers(t *testing.T) {
	for _, name := range []string{"sum", "gemm", "transpose", "reverse"} {

		text := one(t, name)
		places := regexp.MustCompile(`bar\.sync\s+0;`).FindAllStringIndex(text, -1)
		require.NotEmpty(t, places)
		for i, p := range places {
			k := find(name)
			if name == "gemm" {
				k = tasks()[3] // several steps
			}
			_, err := k.run(t, text[:p[0]]+text[p[1]:], Options{Workers: 1})
			if name == "sum" && i == len(places)-1 {
				// After the last step thread 0 reads what it wrote itself.
				assert.NoError(t, err)
				continue
			}
			f := fault(t, err)
			assert.Contains(t, []Kind{Race, Undefined}, f.Kind, "%s, barrier %d: %v", name, i, err)
			assert.Equal(t, Shared, f.Space)
			assert.Equal(t, name, f.Kernel)
			assert.NotZero(t, f.Line)
		}
	}
}

// A change of one line is objected to, whatever the results would have been.
func TestPlantedFaults(t *testing.T) {
	for _, k := range []struct {
		name, old, with string
		kind            Kind
		says            string
	}{
		// Guards.
		{"add", "setp.ge.u32", "setp.gt.u32", OutOfBounds, "0 bytes past the end of an allocation of 4000"},
		{"add", "@%p1 bra", "@!%p1 bra", OutOfBounds, ""},
		{"transpose", "or.pred  \t%p3, %p1, %p2", "and.pred %p3, %p1, %p2", OutOfBounds, ""},
		{"transpose", "or.pred  \t%p6, %p4, %p5", "and.pred %p6, %p4, %p5", Undefined, "nothing was written"},
		{"collatz", "setp.ge.u32", "setp.gt.u32", OutOfBounds, "past the end of an allocation"},
		{"sum", "setp.lt.u32 \t%p2", "setp.le.u32 \t%p2", OutOfBounds, ""},
		{"sum", "setp.gt.u32 \t%p4, %r1, 63", "setp.gt.u32 \t%p4, %r1, 64", Race, "since the last barrier; block (0, 0, 0), thread (64, 0, 0)"},
		// Addresses.
		{"add", "[%rd3];", "[%rd3+4];", OutOfBounds, "thread (231, 0, 0)"},
		{"add", "[%rd3];", "[%rd3+-4];", OutOfBounds, "4 bytes before an allocation of 4000"},
		{"add", "[%rd3];", "[%rd3+2];", Misaligned, "4 bytes at"},
		{"add", "mul.wide.u32 \t%rd10, %r5, 4", "mul.wide.u32 \t%rd10, %r5, 8", OutOfBounds, ""},
		{"add", "st.global.f32 \t[%rd1]", "st.global.f32 \t[%rd9]", Race, "which was written by thread (0, 0, 0) of block (0, 0, 0)"},
		{"add", "st.global.f32 \t[%rd1]", "st.global.f32 \t[%rd2+4]", Race, "which was read by thread (1, 0, 0)"},
		{"sum", "+1024]", "+1032]", OutOfBounds, "0 bytes past the end of _ZZ3sumE1s, which has 2048"},
		{"sum", "+1024]", "+1016]", Race, ""},
		{"sum", "+1024]", "+1020]", Misaligned, "of the space shared"},
		{"transpose", "mul.lo.s64 \t%rd17, %rd3, 68", "mul.lo.s64 %rd17, %rd3, 64", Undefined, ""},
		{"transpose", "mul.wide.u32 \t%rd11, %r6, 68", "mul.wide.u32 %rd11, %r6, 60", Race, "writes"},
		{"local", "and.b32  \t%r4, %r3, 15", "and.b32 %r4, %r3, 31", OutOfBounds, "past the end of __local_depot"},
		{"pick", "and.b32  \t%r10, %r1, 7;", "and.b32 %r10, %r1, 15;", OutOfBounds, "0 bytes past the end of table, which has 32"},
		{"pick", "and.b32  \t%r7, %r1, 3;", "and.b32 %r7, %r1, 7;", OutOfBounds, "past the end of the variable counts, of 16"},
		{"gather", "div.u32", "mul.lo.u32", OutOfBounds, ""},
		{"reverse", "not.b32 \t%r3, %r2", "neg.s32 %r3, %r2", OutOfBounds, "0 bytes past the end of dynamic shared memory, which has 400"},
		// Barriers.
		{"sum", "bar.sync \t0;\n\t@%p10", "@%p10 bra OVER;\nbar.sync 0;\nOVER:\n@%p10", Divergence, "of which (1, 0, 0) has returned"},
		{"sum", "@%p10 bra \t$L__BB1_19;", "@%p10 bra $L__BB1_21;", Divergence, "has returned"},
		{"warpsum", "shfl.sync.down.b32", "@%p1 bra OVER;\nOVER: shfl.sync.down.b32", Undefined, "%p1, which was never set"},
		{"warpsum", "16, 31, -1;", "16, 31, 1;", Divergence, "does not name lane 1"},
		// Values.
		{"sum", "st.shared.f64 \t[%rd3], %fd33;", "", Undefined, "nothing was written"},
		{"sum", "mov.f64 \t%fd33, 0d0000000000000000;", "", Undefined, "%fd33"},
		{"reverse", "st.shared.f32 \t[%rd8], %f1;", "{ .reg .pred %q; setp.lt.u32 %q, %r2, 50; @%q st.shared.f32 [%rd8], %f1; }", Undefined, "byte 396 of the 400"},
	} {
		t.Run(k.name+" "+k.old, func(t *testing.T) {
			text := one(t, k.name)
			if strings.Contains(k.old, "%fd33, 0d") { // it is set in two places
				text = plant(t, text, k.old, k.with)
			}
			_, err := find(k.name).run(t, plant(t, text, k.old, k.with), Options{Workers: 1})
			require.Error(t, err)
			assert.Equal(t, k.kind, fault(t, err).Kind, "%v", err)
			assert.ErrorContains(t, err, k.says)
		})
	}
}

// So is a launch that the kernel was not written for.
func TestWrongLaunch(t *testing.T) {
	text := kernels(t)
	for _, k := range []struct {
		name        string
		grid, block Dim3
		shared      uint32
		kind        Kind
		says        string
	}{
		{"sum", along(3), along(512), 0, WrongLaunch, "a block of (512, 1, 1) threads; the kernel was compiled for 256 at most"},
		{"sum", along(3), along(128), 0, Undefined, "nothing was written"},
		{"sum", along(3), along(255), 0, Undefined, "nothing was written"},
		{"sum", along(4), along(256), 0, OutOfBounds, "past the end of an allocation of 24"},
		{"gemm", along(1), along(128), 0, Undefined, "nothing was written"},
		{"transpose", Dim3{3, 2, 1}, Dim3{16, 8, 1}, 0, Undefined, "nothing was written"},
		{"transpose", Dim3{3, 2, 1}, Dim3{8, 16, 1}, 0, Undefined, "nothing was written"},
		{"local", along(1), along(41), 0, OutOfBounds, "past the end"},
		{"reverse", along(1), along(100), 396, OutOfBounds, "dynamic shared memory, which has 396"},
		{"reverse", along(2), along(100), 400, Race, "of block (0, 0, 0)"},
		{"reverse", along(1), along(100), 1 << 20, WrongLaunch, "of dynamic shared memory; 49152 are possible"},
		{"reverse", along(1), along(2000), 400, WrongLaunch, "1024 are possible"},
		{"reverse", along(1), Dim3{1, 1, 65}, 400, WrongLaunch, "1024 are possible"},
		{"reverse", along(0), along(1), 400, WrongLaunch, "a grid of (0, 1, 1) blocks"},
		{"add", Dim3{1, 70000, 1}, along(1), 0, WrongLaunch, "a grid of"},
		{"add", along(1 << 25), along(1), 0, WrongLaunch, "races are found among"},
	} {
		work := find(k.name)
		work.grid, work.block, work.shared = k.grid, k.block, k.shared
		_, err := work.run(t, text, Options{Workers: 1})
		require.Error(t, err, "%+v", k)
		assert.Equal(t, k.kind, fault(t, err).Kind, "%v", err)
		assert.ErrorContains(t, err, k.says)
	}
	mem, kern := load(t, one(t, "add"))
	d := room(t, mem, 4)
	_, err := kern.Launch(along(1), along(1), 0, pack(d, d, d), Options{})
	assert.ErrorContains(t, err, "24 bytes of arguments; its parameters take 28")
}

// A fault names the kernel, the line, the thread and the address.
func TestFaultText(t *testing.T) {
	k := find("add")
	text := plant(t, one(t, "add"), "setp.ge.u32", "setp.gt.u32")
	_, err := k.run(t, text, Options{})
	f := fault(t, err)
	assert.Equal(t, "kernel add: out of bounds: 4 bytes at 0x200011300, 0 bytes past the end of an allocation of 4000; block (3, 0, 0), thread (232, 0, 0); line 42: ld.global.f32 %f1, [%rd3];",
		regexp.MustCompile(`line \d+`).ReplaceAllString(regexp.MustCompile(`0x[0-9a-f]+`).ReplaceAllString(f.Error(), "0x200011300"), "line 42"))
	line := strings.Split(text, "\n")[f.Line-1]
	assert.Contains(t, line, "ld.global.f32")
	assert.False(t, errors.Is(err, ErrOutOfMemory))
}
