package ptx

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const header = ".version 6.3\n.target sm_75\n.address_size 64\n"

// kernel wraps a body and declares registers of all kinds.
func kernel(params, body string) string {
	return header + ".visible .entry k(" + params + `)
{
	.reg .pred %p<40>;
	.reg .b16 %h<40>;
	.reg .b32 %r<40>;
	.reg .f32 %f<40>;
	.reg .b64 %rd<40>;
	.reg .f64 %fd<40>;
` + body + "\n}\n"
}

// load parses text and returns kernel k, in memory of its own.
func load(t testing.TB, text string) (*Memory, *Kernel) {
	t.Helper()
	m, err := Parse([]byte(text))
	require.NoError(t, err)
	mem := NewMemory(1 << 28)
	p, err := mem.Load(m)
	require.NoError(t, err)
	k := p.Kernel("k")
	if k == nil {
		k = p.Kernel(p.Kernels()[0])
	}
	return mem, k
}

// pack lays out arguments: uint64, uint32, float32, float64, []byte.
func pack(args ...any) []byte {
	var b []byte
	for _, a := range args {
		n := min(binary.Size(a), 8)
		for len(b)%n != 0 {
			b = append(b, 0)
		}
		b, _ = binary.Append(b, binary.LittleEndian, a)
	}
	return b
}

func write(t testing.TB, m *Memory, data any) uint64 {
	t.Helper()
	b, err := binary.Append(nil, binary.LittleEndian, data)
	require.NoError(t, err)
	p, err := m.Alloc(uint64(len(b)))
	require.NoError(t, err)
	require.NoError(t, m.Write(p, b))
	return p
}

func read[T any](t testing.TB, m *Memory, p uint64, n int) []T {
	t.Helper()
	out := make([]T, n)
	b := make([]byte, binary.Size(out))
	require.NoError(t, m.Read(b, p))
	_, err := binary.Decode(b, binary.LittleEndian, out)
	require.NoError(t, err)
	return out
}

func room(t testing.TB, m *Memory, n int) uint64 {
	t.Helper()
	p, err := m.Alloc(uint64(n))
	require.NoError(t, err)
	return p
}

// registerOf names a register of a type, and the type to load it by.
func registerOf(ty typ, i int) (name, load string) {
	switch {
	case ty == tPred:
		return fmt.Sprintf("%%p%d", i), ""
	case ty == tF32:
		return fmt.Sprintf("%%f%d", i), "f32"
	case ty == tF64:
		return fmt.Sprintf("%%fd%d", i), "f64"
	case ty.size() == 8:
		return fmt.Sprintf("%%rd%d", i), "b64"
	case ty.size() == 4:
		return fmt.Sprintf("%%r%d", i), "b32"
	}
	return fmt.Sprintf("%%h%d", i), "b16"
}

// apply runs an instruction, once per row of operands, and returns the results. The
// text has D, A, B, C, E for the registers, and may be several instructions.
func apply(t testing.TB, text string, ins []typ, out typ, rows [][]uint64) []uint64 {
	t.Helper()
	var b strings.Builder
	b.WriteString(`
	ld.param.u64 %rd1, [in];
	ld.param.u64 %rd2, [out];
	ld.param.u32 %r1, [n];
	mov.u32 %r2, %ctaid.x;
	mov.u32 %r3, %ntid.x;
	mov.u32 %r4, %tid.x;
	mad.lo.u32 %r5, %r2, %r3, %r4;
	setp.ge.u32 %p1, %r5, %r1;
	@%p1 ret;
`)
	fmt.Fprintf(&b, "mad.wide.u32 %%rd3, %%r5, %d, %%rd1;\nmad.wide.u32 %%rd4, %%r5, 8, %%rd2;\n", 8*max(len(ins), 1))
	for i, ty := range ins {
		name, ld := registerOf(ty, 10+i)
		if ty == tPred {
			fmt.Fprintf(&b, "ld.global.u32 %%r9, [%%rd3+%d];\nsetp.ne.u32 %s, %%r9, 0;\n", 8*i, name)
		} else {
			fmt.Fprintf(&b, "ld.global.%s %s, [%%rd3+%d];\n", ld, name, 8*i)
		}
		text = strings.ReplaceAll(text, string("ABCE"[i]), name)
	}
	name, ld := registerOf(out, 20)
	b.WriteString(strings.ReplaceAll(text, "D", name) + "\nmov.u64 %rd9, 0;\nst.global.u64 [%rd4], %rd9;\n")
	if out == tPred {
		fmt.Fprintf(&b, "selp.u32 %%r21, 1, 0, %s;\nst.global.u32 [%%rd4], %%r21;\n", name)
	} else {
		fmt.Fprintf(&b, "st.global.%s [%%rd4], %s;\n", ld, name)
	}
	b.WriteString("ret;")
	mem, k := load(t, kernel(".param .u64 in, .param .u64 out, .param .u32 n", b.String()))
	var flat []uint64
	for _, r := range rows {
		require.Len(t, r, len(ins))
		flat = append(flat, r...)
	}
	if len(ins) == 0 {
		flat = make([]uint64, len(rows))
	}
	in, dst := write(t, mem, flat), room(t, mem, 8*len(rows))
	_, err := k.Launch(Dim3{uint32(len(rows)+63) / 64, 1, 1}, Dim3{64, 1, 1}, 0, pack(in, dst, uint32(len(rows))), Options{})
	require.NoError(t, err, text)
	return read[uint64](t, mem, dst, len(rows))
}

// edges returns values of a type that are likely to go wrong, and some of no
// particular kind.
func edges(ty typ) []uint64 {
	var out []uint64
	random := uint64(0x9e3779b97f4a7c15)
	next := func() uint64 {
		random ^= random << 13
		random ^= random >> 7
		random ^= random << 17
		return random
	}
	switch ty {
	case tPred:
		return []uint64{0, 1}
	case tF32:
		for _, f := range []float64{0, 1, 2, 0.5, 1.5, 2.5, 3, 0.1, 1e10, 1e-10, 0x1p-149, 0x3p-149, 0x1p-126, 0x1p-127, 0x1.fffffep127, 0x1p126, 0x1p127, 0x1p31, 0x1.fffffep30, 0x1p32, 0x1p63, 0x1p64, 127.5, 255.5, 32767.5, 65536, 0x1.000002p0, 0x1.fffffep-1, 8388607.5, 16777216, math.Inf(1)} {
			out = append(out, uint64(math.Float32bits(float32(f))), uint64(math.Float32bits(float32(-f))))
		}
		out = append(out, 0x7fc00000, 0xffc12345, 0x7f800001)
		for range 12 {
			out = append(out, next()&math.MaxUint32)
			out = append(out, uint64(math.Float32bits(float32(int64(next()))/0x1p63)))
		}
	case tF64:
		for _, f := range []float64{0, 1, 2, 0.5, 1.5, 2.5, 0.1, 1e300, 1e-300, 0x1p-1074, 0x3p-1074, 0x1p-1022, 0x1p-149, 0x1p-150, 0x1.8p-149, 0x1p-126, 0x1.fffffffp127, 0x1.ffffffp127, 0x1p128, 0x1.fffffffffffffp1023, 0x1p31, 2147483647.5, 0x1p32, 4294967295.5, 0x1p63, 0x1p64, 0x1.000001p0, 0x1.0000010000001p0, 0x1.000003p0, math.Inf(1)} {
			out = append(out, math.Float64bits(f), math.Float64bits(-f))
		}
		out = append(out, math.Float64bits(math.NaN()), 0xfff8000000012345)
		for range 8 {
			out = append(out, next())
			out = append(out, math.Float64bits(float64(int64(next()))/0x1p63))
		}
	default:
		n := 8 * ty.size()
		mask := uint64(math.MaxUint64) >> (64 - n)
		for _, v := range []uint64{0, 1, 2, 3, 7, 31, 32, 33, 255, 1 << 7, 1 << 15, 1 << 31, 1 << 63, 1<<31 - 1, 1<<63 - 1, 1<<16 - 1, 1<<32 - 1, math.MaxUint64, math.MaxUint64 - 1} {
			out = append(out, v&mask, -v&mask)
		}
		for range 8 {
			out = append(out, next()&mask)
		}
	}
	return out
}

// product returns all rows of one value from each list, but at most so many, spread
// evenly.
func product(most int, lists ...[]uint64) [][]uint64 {
	total := 1
	for _, l := range lists {
		total *= len(l)
	}
	step := 1
	for total/step > most {
		step += 2
	}
	var out [][]uint64
	for i := 0; i < total; i += step {
		row, k := []uint64{}, i
		for _, l := range lists {
			row = append(row, l[k%len(l)])
			k /= len(l)
		}
		out = append(out, row)
	}
	return out
}
