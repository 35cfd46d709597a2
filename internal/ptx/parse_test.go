package ptx

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	m, err := Parse([]byte(header + `
/* a comment
   of two lines */
.file 1 "a.cu" 12345, 99
.extern .shared .align 16 .b8 dyn[];
.extern .func (.param .b32 r) ext(.param .b32 a);
.func (.param .b32 r) f(.param .b32 a) .noreturn;
.visible .const .align 4 .b8 table[6] = {1, 0x2, 03, 0b100, 5U};
.global .f32 matrix[2][2] = {{0f3f800000, 2.0}, {-3.5, 0}};
.visible .entry k(.param .u64 .ptr .global .align 4 a, .param .align 8 .b8 s[24], .param .f32 c)
.maxntid 64, 2
.minnctapersm 3
.maxnreg 40
.pragma "nounroll";
{
	.reg .b32 %r<3>, x;
	.reg .pred p;
	.loc 1 5 3
	.pragma "nounroll";
	.shared .align 8 .b8 s1[10];
L0:
	mov.u32 x, -5;
	@!p bra L0;
	{ .reg .b32 x; mov.u32 x, %r2; }
	ret;
}
.section .debug_str { .b8 1, 2 }
`))
	require.Error(t, err, "a whole number among floats")
	assert.ErrorContains(t, err, "variable of type f32")
	_ = m
	text := header + `
.file 1 "a.cu" 12345, 99
.extern .shared .align 16 .b8 dyn[];
.extern .func (.param .b32 r) ext(.param .b32 a);
.visible .const .align 4 .b8 table[6] = {1, 0x2, 03, 0b100, 5U};
.global .f32 matrix[2][2] = {{0f3f800000, 2.0}, {-3.5, 0.0}};
.visible .entry k(.param .u64 .ptr .global .align 4 a, .param .align 8 .b8 s[24], .param .f32 c)
.maxntid 64, 2
.minnctapersm 3
.maxnreg 40
.pragma "nounroll";
{
	.reg .b32 %r<3>, x;
	.reg .pred p;
	.loc 1 5 3
	.pragma "nounroll";
	.shared .align 8 .b8 s1[10];
L0:
	mov.u32 x, -5;
	@!p bra L0;
	{ .reg .b32 x; mov.u32 x, %r2; }
	ret;
}
.section .debug_str { .b8 1, 2 }
`
	m, err = Parse([]byte(text))
	require.NoError(t, err)
	assert.Equal(t, "6.3", m.Version)
	assert.Equal(t, "sm_75", m.Target)
	require.Len(t, m.Vars, 3)
	assert.Equal(t, []byte{1, 2, 3, 4, 5}, m.Vars[1].Init)
	assert.Equal(t, []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0x40, 0, 0, 0x60, 0xc0, 0, 0, 0, 0}, m.Vars[2].Init)
	f := m.find("k")
	require.NotNil(t, f)
	assert.Equal(t, [3]int{64, 2, 1}, f.MaxThreads)
	assert.Len(t, f.body, 4)
	assert.Equal(t, 0, f.labels["L0"])
	assert.Len(t, f.regs, 6)
	assert.NotEqual(t, f.body[0].args[0].reg, f.body[2].args[0].reg, "the inner x is another one")
	p, err := NewMemory(1 << 20).Load(m)
	require.NoError(t, err)
	k := p.Kernel("k")
	assert.Equal(t, 36, k.ArgBytes())
	assert.Equal(t, 128, k.MaxThreads())
	assert.Equal(t, 10, k.SharedBytes())
	assert.Equal(t, "k", k.Name())
	assert.Nil(t, p.Kernel("ext"))
}

// Each of these is refused, with the line.
func TestSyntaxErrors(t *testing.T) {
	for _, k := range []struct{ text, says string }{
		{"", "no .version"},
		{".version 6.3\n", "no .version or no .target"},
		{".version x\n", "the version is"},
		{header + "what", "where a directive is expected"},
		{header + ".what", "is not known here"},
		{header + ".address_size 32", "addresses of 32 bits"},
		{header + "/* never", "a comment does not end"},
		{header + "\"never", "a string does not end"},
		{header + "\x80", "is not PTX"},
		{header + ".global .b8 x[99999999999];", "are possible"},
		{header + ".global .b8 x[9999999][9999999];", "larger than"},
		{header + ".global .b8 x[];", "has no size"},
		{header + ".global .b8 x[2] = {1, 2, 3};", "has 2 bytes and is set to 3"},
		{header + ".global .b8 x; .global .b8 x;", "declared twice"},
		{header + ".global .align 3 .b8 x;", "no power of two"},
		{header + ".global .b8 x[2] = {y};", "numbers are known"},
		{header + ".global .pred x;", "is not known in a declaration"},
		{header + ".visible .entry k(", "a name is missing"},
		{header + ".entry k(.shared .u32 a) { }", "is no parameter"},
		{header + ".entry k(.param .u32 a, .param .u32 a) { }", "declared twice"},
		{header + ".entry k(.reg .u32 a) { }", "a parameter in a register"},
		{header + ".entry k() {", "does not end"},
		{header + ".entry k() { } .entry k() { }", "defined twice"},
		{header + ".entry k() { mov.u32 }", "an operand is expected"},
		{header + ".entry k() { ret }", "an operand is expected"},
		{header + ".entry k() { ret r }", `";" is missing`},
		{header + ".entry k() { L: L: ret; }", "stands twice"},
		{header + ".entry k() { @%p1 ret; }", "is no predicate"},
		{header + ".entry k() { .reg .b32 r; @r ret; }", "is no predicate"},
		{header + ".entry k() { .reg .b32 r; mov.b32 r, !r; }", "no predicate"},
		{header + ".entry k() { .reg .b32 r<99999999>; }", "are possible"},
		{header + ".entry k() { .reg .b8 r; }", "registers of type"},
		{header + ".entry k() { .what; }", "is not known in a function"},
		{header + ".entry k() { mov.u32 1, {{{{{{1}}}}}}; }", "more than 4 braces"},
		{header + ".entry k() " + strings.Repeat("{", 50), "more than 32 braces"},
		{header + ".entry k() { mov.f32 f, 0f12; }", "is no number"},
		{header + ".entry k() { mov.u32 f, 12z; }", "is no number"},
		{header + ".entry k() { ld.u32 f, [1; }", `"]" is missing`},
		{header + ".entry k() { ld.u32 f, [f-4]; }", `"]" is missing`},
	} {
		_, err := Parse([]byte(k.text))
		if assert.Error(t, err, k.text) {
			assert.ErrorContains(t, err, k.says)
			var s *SyntaxError
			assert.ErrorAs(t, err, &s)
			assert.Less(t, len(err.Error()), 300)
		}
	}
	_, err := Parse([]byte(header + "\n\n.what"))
	assert.ErrorContains(t, err, "line 6")
}

// What the parser takes and the compiler refuses.
func TestRefusals(t *testing.T) {
	for body, says := range map[string]string{
		"what.u32 %r1, %r2;":                                   "not known",
		"add.u32 %r1, %r2;":                                    "2 operands; 3 are expected",
		"add.u32 %r1, %r2, %rd3;":                              "%rd3 is a register of type b64 where u32 is expected",
		"add.u64 %r1, %rd2, %rd3;":                             "%r1 is a register of type b32",
		"add.u32 %r99, %r1, %r2;":                              "there is no register %r99",
		"add.u32 %r1, %r99, %r2;":                              "there is no register %r99",
		"add.u32 7, %r1, %r2;":                                 "the result is no register",
		"add.u32 %r1, %r2, 0f3f800000;":                        "a float32 where u32 is expected",
		"add.f32 %f1, %f2, 3;":                                 "a whole number where f32 is expected",
		"add.f16 %h1, %h2, %h3;":                               "f16 is not known",
		"add.what.u32 %r1, %r2, %r3;":                          "the modifier .what",
		"add.cc.u32 %r1, %r2, %r3;":                            "with a carry",
		"add.u32 %r1, nowhere, 1;":                             "nowhere is not declared",
		"mul.u32 %r1, %r2, %r3;":                               "this form of mul",
		"div.f32 %f1, %f2, %f3;":                               "the rounding is missing",
		"fma.f32 %f1, %f2, %f3, %f4;":                          "the rounding is missing",
		"cvt.s32.f32 %r1, %f1;":                                "rounding to a whole number is missing",
		"cvt.f32.f64 %f1, %fd1;":                               "the rounding is missing",
		"cvt.f32.s32 %f1, %r1;":                                "the rounding is missing",
		"cvt.rn.f32.f64 %fd1, %fd2;":                           "where f32 is expected",
		"setp.u32 %p1, %r1, %r2;":                              "a comparison of type no type",
		"setp %p1, %r1, %r2;":                                  "the comparison is missing",
		"setp.lt.b32 %p1, %r1, %r2;":                           "the order of type b32",
		"setp.eq.u32 %r1, %r1, %r2;":                           "where pred is expected",
		"atom.global.add.u32 %r1, [%rd1], 1;":                  "atomic operations",
		"red.global.add.f32 [%rd1], %f1;":                      "atomic operations",
		"bar.sync 1;":                                          "number 0",
		"bar.sync 0, 64;":                                      "1 are expected",
		"bar.red.popc.u32 %r1, 0, %p1;":                        "are known",
		"@%p1 bar.sync 0;":                                     "under a predicate",
		"@%p1 shfl.sync.idx.b32 %r1, %r2, 0, 31, -1;":          "under a predicate",
		"shfl.idx.b32 %r1, %r2, 0, 31;":                        "without .sync",
		"bra NOWHERE;":                                         "no label NOWHERE",
		"brx.idx %r1, NOWHERE;":                                "no list of targets NOWHERE",
		"ld.global.u32 %r1, %rd1;":                             "not in brackets",
		"ld.global.u64 %r1, [%rd1];":                           "cannot hold u64",
		"ld.global.u32 %r1, [%f1];":                            "%f1 is no address",
		"ld.global.v2.u32 %r1, [%rd1];":                        "1 values; 2 are expected",
		"ld.global.v2.u32 {%r1, %rd2}, [%rd1];":                "two widths",
		"ld.global %r1, [%rd1];":                               "the type is missing",
		"ld.acquire.gpu.global.u32 %r1, [%rd1];":               "acquire",
		"st.const.u32 [%rd1], %r1;":                            "a store to the space const",
		"ld.global.u32 _, [%rd1];":                             "a load to nothing",
		"st.global.u32 [%rd1], _;":                             "a store of nothing",
		".shared .b32 s; ld.global.u32 %r1, [s];":              "lies in the space shared",
		"call nothing;":                                        "no device function nothing",
		"call (%r1), nothing, (%r1);":                          "no device function nothing",
		"mov.u32 %r1, %clock;":                                 "there is no register %clock",
		"mov.u32 %r1, %smid;":                                  "there is no register %smid",
		"tex.2d.v4.f32.f32 {%f1,%f2,%f3,%f4}, [t, {%f1,%f2}];": "",
		"lop3.b32 %r1, %r2, %r3, %r4, %r5;":                    "the table is no number",
		"cp.async.ca.shared.global [%rd1], [%rd2], 16;":        "not known",
		"wmma.mma.sync %r1, %r2, %r3;":                         "not known",
	} {
		m, err := Parse([]byte(kernel("", body+" ret;")))
		if err == nil {
			_, err = NewMemory(1 << 20).Load(m)
		}
		if assert.Error(t, err, body) {
			assert.ErrorContains(t, err, says, body)
			var s *SyntaxError
			assert.ErrorAs(t, err, &s, body)
		}
	}
	for text, says := range map[string]string{
		".func f() { call f; ret; } .entry k() { call f; }":                          "f calls itself",
		".func f(.param .b32 a) { ret; } .entry k() { call f; }":                     "1 parameters and 0 results; the call has 0 and 0",
		".func f(.param .b32 a) { ret; } .entry k() { .reg .b32 r; call f, (r); }":   "no variable of the space param",
		".func f(.param .b32 a) { ret; } .entry k() { .param .b64 p; call f, (p); }": "has 4 bytes, what is passed for it 8",
		".extern .func f(); .entry k() { call f; }":                                  "no device function f",
		".entry f() { ret; } .entry k() { call f; }":                                 "no device function f",
		".entry k() { .local .b8 x[2000000]; ret; }":                                 "more than 1 MiB",
		".global .b8 x[60000000]; .entry k() { ret; }":                               "out of memory",
	} {
		m, err := Parse([]byte(header + text))
		require.NoError(t, err, text)
		_, err = NewMemory(1 << 20).Load(m)
		assert.ErrorContains(t, err, says, text)
	}
	m, err := Parse([]byte(header + ".global .b8 x[60000000]; .entry k() { ret; }"))
	require.NoError(t, err)
	_, err = NewMemory(1 << 20).Load(m)
	assert.True(t, errors.Is(err, ErrOutOfMemory))
}

func TestMemory(t *testing.T) {
	m := NewMemory(1000)
	a, err := m.Alloc(100)
	require.NoError(t, err)
	b, err := m.Alloc(1)
	require.NoError(t, err)
	assert.Zero(t, a%256)
	assert.GreaterOrEqual(t, b, a+100+1<<16)
	_, err = m.Alloc(900)
	assert.ErrorIs(t, err, ErrOutOfMemory)
	_, err = m.Alloc(0)
	assert.Error(t, err)
	assert.Error(t, m.Write(a+99, []byte{1, 2}))
	assert.Error(t, m.Write(a-1, []byte{1}))
	assert.Error(t, m.Read(make([]byte, 1), a))
	require.NoError(t, m.Write(a, []byte{1, 2, 3, 4, 5, 6, 7, 8}))
	require.NoError(t, m.Copy(a+8, a, 8))
	require.NoError(t, m.Copy(a+16, a+12, 4))
	assert.ErrorContains(t, m.Copy(a+2, a, 4), "overlaps")
	assert.Error(t, m.Copy(a, b, 2))
	got := make([]byte, 4)
	require.NoError(t, m.Read(got, a+16))
	assert.Equal(t, []byte{5, 6, 7, 8}, got)
	require.NoError(t, m.Copy(a+50, a+60, 4), "undefined bytes may be copied")
	assert.Error(t, m.Read(got, a+50), "and are undefined there")
	require.NoError(t, m.Set(a+20, 0x04030201, 2))
	require.NoError(t, m.Read(got, a+24))
	assert.Equal(t, []byte{1, 2, 3, 4}, got)
	assert.Error(t, m.Set(a+1, 0, 1))
	assert.Error(t, m.Set(a, 0, 26))
	assert.Error(t, m.Set(a, 0, 1<<62))
	require.NoError(t, m.Annotate(a, 8, 16))
	assert.ErrorContains(t, m.Read(got, a), "nothing was written")
	assert.ErrorContains(t, m.Write(a+6, got), "not in use")
	assert.Error(t, m.Set(a+4, 0, 2))
	assert.Error(t, m.Copy(a+4, a+20, 8))
	assert.Error(t, m.Annotate(a, 2, 1))
	require.NoError(t, m.Write(a+4, got))
	assert.ErrorContains(t, m.Free(a+4), "byte 4 of an allocation of 100")
	require.NoError(t, m.Free(a))
	assert.ErrorContains(t, m.Free(a), "in freed memory")
	assert.ErrorContains(t, m.Write(a, got), "in freed memory")
	assert.Equal(t, uint64(1), m.Used())
}

func TestAdopt(t *testing.T) {
	m := NewMemory(1000)
	own := []byte{1, 2, 3, 4, 5, 6, 7, 8}
	const at = 0x7f00_0000_1000
	require.NoError(t, m.Adopt(at, own))
	a, err := m.Alloc(8)
	require.NoError(t, err)
	require.NoError(t, m.Set(a, 7, 2))
	require.NoError(t, m.Copy(at+4, a, 4))
	assert.Equal(t, []byte{1, 2, 3, 4, 7, 0, 0, 0}, own)
	assert.ErrorContains(t, m.Adopt(at+7, own), "overlap")
	assert.ErrorContains(t, m.Adopt(at-7, own), "overlap")
	assert.Error(t, m.Adopt(1<<62, own))
	assert.Error(t, m.Adopt(at, nil))
	require.NoError(t, m.Adopt(at-8, own))
	require.NoError(t, m.Free(at))
	assert.Error(t, m.Write(at, own))
	require.NoError(t, m.Free(a))
	require.NoError(t, m.Adopt(at, own))
}

// Whatever the text is, parsing, compiling and running it ends without a panic.
func FuzzParse(f *testing.F) {
	text, err := os.ReadFile("testdata/kernels.ptx")
	if err != nil {
		f.Fatal(err)
	}
	for _, k := range strings.Split(string(text), "// -- Begin function") {
		f.Add(header + k)
	}
	f.Add(kernel(".param .u64 a", "ld.param.u64 %rd1, [a]; LIST: .branchtargets A, B; brx.idx %r1, LIST; A: B: vote.sync.all.pred %p1, %p2, -1; ret;"))
	f.Add(kernel("", ".shared .b8 s[4]; .local .b32 l; st.local.u32 [l], 1; mov.b64 {%r1, _}, %rd1; shfl.sync.up.b32 %r1|%p1, %r2, 1, 0, -1; setp.lt.and.s32 %p1|%p2, %r1, -2, !%p3;"))
	f.Fuzz(func(t *testing.T, text string) {
		m, err := Parse([]byte(text))
		if err != nil {
			return
		}
		mem := NewMemory(1 << 20)
		p, err := mem.Load(m)
		if err != nil {
			return
		}
		for _, name := range p.Kernels() {
			k := p.Kernel(name)
			if k.ArgBytes() > 1<<12 || k.LocalBytes() > 1<<14 || k.Instructions() > 1<<14 {
				continue
			}
			_, _ = k.Launch(along(2), along(min(40, k.MaxThreads())), 64, make([]byte, k.ArgBytes()), Options{Workers: 1, BranchLimit: 1000})
		}
	})
}

func ExampleKernel_Launch() {
	const text = `
.version 6.3
.target sm_75
.address_size 64
.visible .entry ones(.param .u64 dst)
{
	.reg .b32 %r<3>;
	.reg .b64 %rd<4>;
	ld.param.u64 %rd1, [dst];
	mov.u32 %r1, %tid.x;
	mul.wide.u32 %rd2, %r1, 4;
	add.s64 %rd3, %rd1, %rd2;
	mov.u32 %r2, 1;
	st.global.u32 [%rd3], %r2;
	ret;
}`
	module, _ := Parse([]byte(text))
	mem := NewMemory(1 << 20)
	program, _ := mem.Load(module)
	dst, _ := mem.Alloc(40)
	args := []byte{0, 0, 0, 0, 2, 0, 0, 0} // the address, the lowest byte first
	fmt.Printf("0x%x\n", dst)
	_, err := program.Kernel("ones").Launch(Dim3{1, 1, 1}, Dim3{11, 1, 1}, 0, args, Options{})
	fmt.Println(err)
	// Output:
	// 0x200000000
	// kernel ones: out of bounds: 4 bytes at 0x200000028, 0 bytes past the end of an allocation of 40; block (0, 0, 0), thread (10, 0, 0); line 14: st.global.u32 [%rd3], %r2;
}

// BenchmarkInstructions reports how many instructions of threads run in a second.
func BenchmarkInstructions(b *testing.B) {
	for _, name := range []string{"gemm", "philox", "sum"} {
		for _, o := range []Options{{Workers: 1}, {Workers: 1, Fast: true}} {
			b.Run(fmt.Sprintf("kernel=%s/fast=%v", name, o.Fast), func(b *testing.B) {
				m, err := Parse([]byte(kernels(b)))
				require.NoError(b, err)
				mem := NewMemory(1 << 28)
				p, err := mem.Load(m)
				require.NoError(b, err)
				k := find(name)
				if name == "gemm" {
					k = tasks()[2]
				}
				args, _ := k.setup(b, mem)
				var n uint64
				b.ResetTimer()
				for range b.N {
					c, err := p.Kernel(name).Launch(k.grid, k.block, k.shared, args, o)
					require.NoError(b, err)
					n += c
				}
				b.ReportMetric(float64(n)/b.Elapsed().Seconds()/1e6, "Minstr/s")
			})
		}
	}
}
