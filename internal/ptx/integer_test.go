package ptx

import (
	"math/big"
	"math/bits"
	"testing"

	"github.com/stretchr/testify/assert"
)

// wrap cuts an exact integer off to a type's bits.
func wrap(v *big.Int, ty typ) uint64 {
	mask := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), uint(8*ty.size())), big.NewInt(1))
	return new(big.Int).And(v, mask).Uint64()
}

func TestIntegerArithmetic(t *testing.T) {
	type ref func(x []*big.Int, ty typ) *big.Int
	op := func(f func(z, a, b *big.Int) *big.Int) ref {
		return func(x []*big.Int, _ typ) *big.Int { return f(new(big.Int), x[0], x[1]) }
	}
	hi := func(x []*big.Int, ty typ) *big.Int {
		return new(big.Int).Rsh(new(big.Int).Mul(x[0], x[1]), uint(8*ty.size()))
	}
	pick := func(c int) ref {
		return func(x []*big.Int, _ typ) *big.Int {
			if x[0].Cmp(x[1]) == c {
				return x[0]
			}
			return x[1]
		}
	}
	plus := func(f ref) ref {
		return func(x []*big.Int, ty typ) *big.Int { return new(big.Int).Add(f(x, ty), x[2]) }
	}
	mul := op((*big.Int).Mul)
	for _, ty := range []typ{tU16, tS16, tU32, tS32, tU64, tS64} {
		for _, k := range []struct {
			name string
			n    int
			ref  ref
		}{
			{"add", 2, op((*big.Int).Add)},
			{"sub", 2, op((*big.Int).Sub)},
			{"mul.lo", 2, mul},
			{"mul.hi", 2, hi},
			{"mad.lo", 3, plus(mul)},
			{"mad.hi", 3, plus(hi)},
			{"div", 2, op((*big.Int).Quo)},
			{"rem", 2, op((*big.Int).Rem)},
			{"min", 2, pick(-1)},
			{"max", 2, pick(1)},
			{"sad", 3, func(x []*big.Int, _ typ) *big.Int {
				d := new(big.Int).Sub(x[0], x[1])
				return d.Add(d.Abs(d), x[2])
			}},
			{"neg", 1, func(x []*big.Int, _ typ) *big.Int { return new(big.Int).Neg(x[0]) }},
			{"abs", 1, func(x []*big.Int, _ typ) *big.Int { return new(big.Int).Abs(x[0]) }},
		} {
			if !ty.signed() && (k.name == "neg" || k.name == "abs") || k.name == "sad" && ty.size() != 4 {
				continue
			}
			e := edges(ty)
			lists, kinds := [][]uint64{e, e, e}[:k.n], []typ{ty, ty, ty}[:k.n]
			var rows [][]uint64
			for _, r := range product(3000, lists...) {
				if (k.name == "div" || k.name == "rem") && r[1] == 0 {
					continue
				}
				rows = append(rows, r)
			}
			text := k.name + "." + ty.String() + " D, " + [...]string{"A;", "A, B;", "A, B, C;"}[k.n-1]
			got := apply(t, text, kinds, ty, rows)
			for i, r := range rows {
				var x []*big.Int
				for _, b := range r {
					x = append(x, integerOf(b, ty))
				}
				if !assert.Equal(t, wrap(k.ref(x, ty), ty), got[i], "%s of %x", text, r) {
					break
				}
			}
		}
		if ty.size() == 8 {
			continue
		}
		twice := map[typ]typ{tU16: tU32, tS16: tS32, tU32: tU64, tS32: tS64}[ty]
		e := edges(ty)
		for _, k := range []struct {
			text  string
			kinds []typ
		}{
			{"mul.wide." + ty.String() + " D, A, B;", []typ{ty, ty}},
			{"mad.wide." + ty.String() + " D, A, B, C;", []typ{ty, ty, twice}},
		} {
			rows := product(3000, [][]uint64{e, e, edges(twice)}[:len(k.kinds)]...)
			got := apply(t, k.text, k.kinds, twice, rows)
			for i, r := range rows {
				p := new(big.Int).Mul(integerOf(r[0], ty), integerOf(r[1], ty))
				if len(r) == 3 {
					p.Add(p, integerOf(r[2], twice))
				}
				assert.Equal(t, wrap(p, twice), got[i], "%s of %x", k.text, r)
			}
		}
	}
	rows := product(1000, edges(tS32), edges(tS32))
	for op, f := range map[string]func(a, b int64) int64{"add": func(a, b int64) int64 { return a + b }, "sub": func(a, b int64) int64 { return a - b }} {
		for i, b := range apply(t, op+".sat.s32 D, A, B;", []typ{tS32, tS32}, tS32, rows) {
			v := f(int64(int32(rows[i][0])), int64(int32(rows[i][1])))
			assert.Equal(t, int32(min(max(v, -1<<31), 1<<31-1)), int32(b))
		}
	}
}

func TestBits(t *testing.T) {
	for _, ty := range []typ{tB16, tB32, tB64} {
		e := edges(ty)
		width := uint32(8 * ty.size())
		mask := uint64(1<<width - 1)
		if width == 64 {
			mask = ^uint64(0)
		}
		for op, f := range map[string]func(a, b uint64) uint64{
			"and": func(a, b uint64) uint64 { return a & b }, "or": func(a, b uint64) uint64 { return a | b }, "xor": func(a, b uint64) uint64 { return a ^ b },
		} {
			rows := product(1000, e, e)
			for i, b := range apply(t, op+"."+ty.String()+" D, A, B;", []typ{ty, ty}, ty, rows) {
				assert.Equal(t, f(rows[i][0], rows[i][1]), b)
			}
		}
		rows := product(1000, e)
		for i, b := range apply(t, "not."+ty.String()+" D, A;", []typ{ty}, ty, rows) {
			assert.Equal(t, ^rows[i][0]&mask, b)
		}
		for i, b := range apply(t, "cnot."+ty.String()+" D, A;", []typ{ty}, ty, rows) {
			want := uint64(0)
			if rows[i][0] == 0 {
				want = 1
			}
			assert.Equal(t, want, b)
		}
		// Shifts by more than the width.
		rows = product(3000, e, []uint64{0, 1, 7, 15, 16, 31, 32, 33, 63, 64, 65, 1 << 31, 1<<32 - 1})
		for i, b := range apply(t, "shl."+ty.String()+" D, A, B;", []typ{ty, tU32}, ty, rows) {
			assert.Equal(t, rows[i][0]<<rows[i][1]&mask, b)
		}
		unsigned := map[typ]string{tB16: "u16", tB32: "u32", tB64: "u64"}[ty]
		for i, b := range apply(t, "shr."+unsigned+" D, A, B;", []typ{ty, tU32}, ty, rows) {
			assert.Equal(t, rows[i][0]>>rows[i][1], b)
		}
		for i, b := range apply(t, "shr.s"+unsigned[1:]+" D, A, B;", []typ{ty, tU32}, ty, rows) {
			s := int64(rows[i][0]<<(64-width)) >> (64 - width)
			assert.Equal(t, uint64(s>>rows[i][1])&mask, b)
		}
		if width == 16 {
			continue
		}
		rows = product(1000, e)
		for i, b := range apply(t, "brev."+ty.String()+" D, A;", []typ{ty}, ty, rows) {
			assert.Equal(t, bits.Reverse64(rows[i][0])>>(64-width), b)
		}
		for i, b := range apply(t, "popc."+ty.String()+" D, A;", []typ{ty}, tU32, rows) {
			assert.Equal(t, uint64(bits.OnesCount64(rows[i][0])), b)
		}
		for i, b := range apply(t, "clz."+ty.String()+" D, A;", []typ{ty}, tU32, rows) {
			assert.Equal(t, uint64(bits.LeadingZeros64(rows[i][0]))-uint64(64-width), b)
		}
	}
	one := func(text string, kinds []typ, out typ, want uint64, row ...uint64) {
		t.Helper()
		assert.Equal(t, []uint64{want}, apply(t, text, kinds, out, [][]uint64{row}), "%s of %x", text, row)
	}
	three := []typ{tU32, tU32, tU32}
	one("bfe.u32 D, A, B, C;", three, tU32, 0x56, 0x12345678, 8, 8)
	one("bfe.u32 D, A, B, C;", three, tU32, 0x12, 0x12345678, 24, 16)
	one("bfe.u32 D, A, B, C;", three, tU32, 0, 0x12345678, 8, 0)
	one("bfe.u32 D, A, B, C;", three, tU32, 0, 0x12345678, 40, 8)
	one("bfe.u32 D, A, B, C;", three, tU32, 0x56, 0x12345678, 0x108, 0x208) // amounts count modulo 256
	one("bfe.s32 D, A, B, C;", three, tU32, 0xffffff9a, 0x00009a00, 8, 8)
	one("bfe.s32 D, A, B, C;", three, tU32, 0x1a, 0x00001a00, 8, 8)
	one("bfe.s32 D, A, B, C;", three, tU32, 0xfffffff8, 0x80000000, 28, 11) // beyond the top, the sign
	one("bfe.s32 D, A, B, C;", three, tU32, 0xffffffff, 0x80000000, 40, 4)
	one("bfe.u64 D, A, B, C;", []typ{tU64, tU32, tU32}, tU64, 0xdef, 0x123456789abcdef0, 4, 12)
	one("bfe.s64 D, A, B, C;", []typ{tU64, tU32, tU32}, tU64, 0xfffffffffffffffe, 0xe000000000000000, 60, 9)
	one("bfi.b32 D, A, B, C, E;", []typ{tU32, tU32, tU32, tU32}, tU32, 0xabcd12ef, 0xff12, 0xabcd34ef, 8, 8)
	one("bfi.b32 D, A, B, C, E;", []typ{tU32, tU32, tU32, tU32}, tU32, 0x12cd34ef, 0x12, 0xabcd34ef, 24, 20)
	one("bfi.b64 D, A, B, C, E;", []typ{tU64, tU64, tU32, tU32}, tU64, 0x12_0000_0000, 0x12, 0, 32, 8)
	one("prmt.b32 D, A, B, C;", three, tU32, 0x33221100, 0x33221100, 0x77665544, 0x3210)
	one("prmt.b32 D, A, B, C;", three, tU32, 0x77004433, 0x33221100, 0x77665544, 0x7043)
	one("prmt.b32 D, A, B, C;", three, tU32, 0xffff0080, 0x7f80, 0x80, 0xc890) // with 8, the sign of the byte
	one("shf.l.wrap.b32 D, A, B, C;", three, tU32, 0x23456789, 0x9abcdef0, 0x12345678, 4)
	one("shf.l.wrap.b32 D, A, B, C;", three, tU32, 0x12345678, 0x9abcdef0, 0x12345678, 32)
	one("shf.l.clamp.b32 D, A, B, C;", three, tU32, 0x9abcdef0, 0x9abcdef0, 0x12345678, 40)
	one("shf.r.wrap.b32 D, A, B, C;", three, tU32, 0x89abcdef, 0x9abcdef0, 0x12345678, 4)
	one("shf.r.clamp.b32 D, A, B, C;", three, tU32, 0x12345678, 0x9abcdef0, 0x12345678, 32)
	one("lop3.b32 D, A, B, C, 0x96;", three, tU32, 0x0f^0x33^0x55, 0x0f, 0x33, 0x55)
	one("lop3.b32 D, A, B, C, 0xe8;", three, tU32, 0x17, 0x0f, 0x33, 0x55)
	one("bfind.u32 D, A;", []typ{tU32}, tU32, 4, 0x1f)
	one("bfind.u32 D, A;", []typ{tU32}, tU32, 0xffffffff, 0)
	one("bfind.s32 D, A;", []typ{tU32}, tU32, 0xffffffff, 0xffffffff)
	one("bfind.s32 D, A;", []typ{tU32}, tU32, 2, 0xfffffff8)
	one("bfind.shiftamt.u32 D, A;", []typ{tU32}, tU32, 27, 0x1f)
	one("bfind.u64 D, A;", []typ{tU64}, tU32, 40, 1<<40+5)
	one("mov.b64 D, {A, B};", []typ{tB32, tB32}, tB64, 0x0000000200000001, 1, 2)
	one("mov.b32 D, {A, B};", []typ{tB16, tB16}, tB32, 0x00020001, 1, 2)
	one("mov.b64 {D, %r21}, A;", []typ{tB64}, tB32, 0x9abcdef0, 0x123456789abcdef0)
	one("mov.b64 {%r21, D}, A;", []typ{tB64}, tB32, 0x12345678, 0x123456789abcdef0)
	one("mov.b64 {_, D}, A;", []typ{tB64}, tB32, 0x12345678, 0x123456789abcdef0)
	one("mov.b32 {%h21, D}, A;", []typ{tB32}, tB16, 0x1234, 0x12345678)
	one("{ .reg .b32 tmp; mov.b64 {tmp, D}, A; }", []typ{tB64}, tB32, 0x12345678, 0x123456789abcdef0)
}

func TestCompareIntegers(t *testing.T) {
	for _, ty := range []typ{tU16, tS16, tU32, tS32, tU64, tS64} {
		rows := product(2000, edges(ty), edges(ty))
		ops := map[string]func(c int) bool{
			"eq": func(c int) bool { return c == 0 }, "ne": func(c int) bool { return c != 0 },
			"lt": func(c int) bool { return c < 0 }, "le": func(c int) bool { return c <= 0 },
			"gt": func(c int) bool { return c > 0 }, "ge": func(c int) bool { return c >= 0 },
		}
		if !ty.signed() {
			ops["lo"], ops["ls"], ops["hi"], ops["hs"] = ops["lt"], ops["le"], ops["gt"], ops["ge"]
		}
		for op, f := range ops {
			text := "setp." + op + "." + ty.String() + " D, A, B;"
			set := "set." + op + ".u32." + ty.String() + " D, A, B;"
			got, masks := apply(t, text, []typ{ty, ty}, tPred, rows), apply(t, set, []typ{ty, ty}, tU32, rows)
			for i, r := range rows {
				want := f(integerOf(r[0], ty).Cmp(integerOf(r[1], ty)))
				assert.Equal(t, want, got[i] == 1, "%s of %x", text, r)
				assert.Equal(t, want, masks[i] == 0xffffffff, "%s of %x", set, r)
				assert.Equal(t, !want, masks[i] == 0)
			}
		}
	}
	rows := [][]uint64{{1, 2, 0}, {1, 2, 1}, {2, 1, 0}, {2, 1, 1}}
	kinds := []typ{tU32, tU32, tPred}
	for text, want := range map[string][]uint64{
		"setp.lt.and.u32 D, A, B, C;":                   {0, 1, 0, 0},
		"setp.lt.or.u32 D, A, B, C;":                    {1, 1, 0, 1},
		"setp.lt.xor.u32 D, A, B, C;":                   {1, 0, 0, 1},
		"setp.lt.and.u32 D, A, B, !C;":                  {1, 0, 0, 0},
		"setp.lt.and.u32 %p21|D, A, B, C;":              {0, 0, 0, 1}, // the opposite, and C
		"setp.lt.u32 %p21|D, A, B;":                     {0, 0, 1, 1},
		"and.pred D, C, C;":                             {0, 1, 0, 1},
		"not.pred D, C;":                                {1, 0, 1, 0},
		"xor.pred D, C, C;":                             {0, 0, 0, 0},
		"mov.pred D, C;":                                {0, 1, 0, 1},
		"setp.lt.u32 %p21, A, B; or.pred D, %p21, C;":   {1, 1, 0, 1},
		"setp.lt.u32 D, A, B; @C setp.eq.u32 D, A, 2;":  {1, 0, 0, 1},
		"setp.lt.u32 D, A, B; @!C setp.eq.u32 D, A, 2;": {0, 1, 1, 0},
		"setp.lt.u32 %p21, A, B; selp.u32 %r22, 7, 8, %p21; setp.eq.u32 D, %r22, 7;":  {1, 1, 0, 0},
		"setp.lt.u32 %p21, A, B; selp.u32 %r22, 7, 8, !%p21; setp.eq.u32 D, %r22, 7;": {0, 0, 1, 1},
	} {
		assert.Equal(t, want, apply(t, text, kinds, tPred, rows), text)
	}
	assert.Equal(t, []uint64{0x3f800000, 0}, apply(t, "set.lt.f32.f32 D, A, B;", []typ{tF32, tF32}, tF32, [][]uint64{{0, 0x3f800000}, {0x3f800000, 0}}))
	assert.Equal(t, []uint64{1, 2, 1}, apply(t, "slct.u32.s32 D, A, B, C;", []typ{tU32, tU32, tS32}, tU32, [][]uint64{{1, 2, 0}, {1, 2, 0xffffffff}, {1, 2, 5}}))
	assert.Equal(t, []uint64{1, 2, 2}, apply(t, "slct.u64.f32 D, A, B, C;", []typ{tU64, tU64, tF32}, tU64, [][]uint64{{1, 2, 0}, {1, 2, 0xbf800000}, {1, 2, nan32}}))
}
