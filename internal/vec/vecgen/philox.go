package vecgen

import "fmt"

// Philox works on 64-bit lanes, one block to a lane, in four vectors of which
// only the low halves count. The lanes' counters are in the order that puts
// the blocks in sequence when the words are interleaved at the end.

const iotas = `
// The block of each 64-bit lane.
DATA iotaAVX512<>+0(SB)/8, $0
DATA iotaAVX512<>+8(SB)/8, $4
DATA iotaAVX512<>+16(SB)/8, $1
DATA iotaAVX512<>+24(SB)/8, $5
DATA iotaAVX512<>+32(SB)/8, $2
DATA iotaAVX512<>+40(SB)/8, $6
DATA iotaAVX512<>+48(SB)/8, $3
DATA iotaAVX512<>+56(SB)/8, $7
GLOBL iotaAVX512<>(SB), RODATA|NOPTR, $64
DATA iotaAVX2<>+0(SB)/8, $0
DATA iotaAVX2<>+8(SB)/8, $2
DATA iotaAVX2<>+16(SB)/8, $1
DATA iotaAVX2<>+24(SB)/8, $3
GLOBL iotaAVX2<>(SB), RODATA|NOPTR, $32`

// blocks are the words of the current blocks: ten rounds over the counter.
func (b *Body) blocks() (x [4]Value) {
	b.Note("the counters: lane's block, 64 bits; the high words are 0")
	x[0] = b.Add64(b.Counter(), b.Table("iota"+b.isa.Suffix))
	x[1] = b.Shr64(x[0], 32)
	mul0, mul1 := b.Bits(0xD2511F53), b.Bits(0xCD9E8D57)
	for round := range 10 {
		key0, key1 := b.Arg(2*round), b.Arg(2*round+1)
		b.Note("round %d", round)
		p0 := b.MulWide(x[0], mul0)
		if round == 0 {
			x = [4]Value{b.Xor(x[1], key0), b.Bits(0), b.Xor(b.Shr64(p0, 32), key1), p0}
			continue
		}
		p1 := b.MulWide(x[2], mul1)
		x = [4]Value{
			b.Xor3(b.Shr64(p1, 32), x[1], key0), p1,
			b.Xor3(b.Shr64(p0, 32), x[3], key1), p0,
		}
	}
	return x
}

// pair is the low halves of lo and hi side by side.
func (b *Body) pair(lo, hi Value) Value {
	b.Note("pair the words")
	return b.Or(b.Shr64(b.Shl64(lo, 32), 32), b.Shl64(hi, 32))
}

// wordBlocks stores the words as they are.
func wordBlocks(b *Body) {
	x := b.blocks()
	lo, hi := b.pair(x[0], x[1]), b.pair(x[2], x[3])
	for half := range 2 {
		b.StoreAt("dst", half, b.Interleave64(half, lo, hi))
	}
}

// uniformBlocks stores the words' top 24 bits as fractions.
func uniformBlocks(b *Body) {
	x := b.blocks()
	lo, hi := b.pair(x[0], x[1]), b.pair(x[2], x[3])
	for half := range 2 {
		w := b.Shr(b.Interleave64(half, lo, hi), 8)
		b.StoreAt("dst", half, b.Mul(b.FromInt(w), b.Const(0x1p-24)))
	}
}

// normalBlocks is polar32 of package philox, operation for operation: words 0
// and 2 give radii, words 1 and 3 angles.
func normalBlocks(b *Body) {
	x := b.blocks()
	radius, angle := b.pair(x[0], x[2]), b.pair(x[1], x[3])
	b.Note("u = radius·2⁻³² + 2⁻³³")
	u := b.Add(b.Mul(b.FromUint(radius), b.Const(0x1p-32)), b.Const(0x1p-33))
	r := b.Sqrt(b.Mul(b.Const(-2), b.logUnfused(u)))
	sin, cos := b.sincosUnfused(angle)
	sin, cos = b.Mul(r, sin), b.Mul(r, cos)
	for half := range 2 {
		b.StoreAt("dst", half, b.Interleave32(half, cos, sin))
	}
}

// hornerUnfused is the polynomial c[0] + c[1]·x + …, each operation rounded.
func (b *Body) hornerUnfused(x Value, c ...float64) Value {
	p := b.Const(c[len(c)-1])
	for i := len(c) - 2; i >= 0; i-- {
		p = b.Add(b.Mul(p, x), b.Const(c[i]))
	}
	return p
}

// logUnfused is log32 of package philox.
func (b *Body) logUnfused(u Value) Value {
	b.Note("u = 2ᵏ·(1+t)")
	n := b.Sar(b.SubInt(u, b.Bits(sqrtHalf)), 23)
	t := b.Sub(b.SubInt(u, b.Shl(n, 23)), b.Const(1))
	z := b.Mul(t, t)
	b.Note("ln(1+t) = t − t²/2 + t³·P(t)")
	p := b.hornerUnfused(t, 0.3333390951156616, -0.2500133812427521, 0.19963063299655914, -0.1657758504152298,
		0.14914767444133759, -0.14267486333847046, 0.08700436353683472)
	p = b.Mul(b.Mul(t, z), p)
	k := b.FromInt(n)
	p = b.Add(p, b.Mul(k, b.Const(-2.12194440e-4)))
	p = b.Sub(p, b.Mul(z, b.Const(0.5)))
	p = b.Add(p, t)
	return b.Add(p, b.Mul(k, b.Const(0.693359375)))
}

// sincosUnfused is sincos32 of package philox.
func (b *Body) sincosUnfused(w Value) (sin, cos Value) {
	const period = 2 * 3.14159265358979323846264338327950288 * 0x1p-34
	b.Note("angle in [−π/4, π/4)")
	x := b.Mul(b.FromInt(b.Shl(w, 2)), b.Const(period))
	z := b.Mul(x, x)
	s := b.hornerUnfused(z, -0.16666655242443085, 0.00833216030150652, -0.00019515282474458218)
	s = b.Add(b.Mul(b.Mul(x, z), s), x)
	c := b.hornerUnfused(z, 0.04166107252240181, -0.0013648713938891888)
	c = b.Sub(b.Mul(b.Mul(z, z), c), b.Mul(z, b.Const(0.5)))
	c = b.Add(c, b.Const(1))
	b.Note("quadrant in the two top bits")
	q := b.AddInt(w, b.Bits(1<<29))
	odd := b.Sign(b.Shl(q, 1))
	flip := b.And(q, b.Bits(signBit))
	sin = b.Select(odd, c, s)
	cos = b.Select(odd, b.Xor(s, b.Bits(signBit)), c)
	return b.Xor(sin, flip), b.Xor(cos, flip)
}

// Philox returns the assembly of package philox.
func Philox() string {
	f := &File{home: "./internal/philox", args: "blockArgs"}
	f.printf("%s", iotas)
	for _, isa := range []ISA{AVX512, AVX2} {
		f.blockKernel(isa, "words", "Uint32s", wordBlocks)
		f.blockKernel(isa, "uniform", "Uniform32", uniformBlocks)
		f.blockKernel(isa, "normal", "Normal32", normalBlocks)
	}
	return f.String()
}

// blockKernel prints a routine that fills dst with n steps of 8 (AVX-512) or 4
// (AVX2) blocks.
func (f *File) blockKernel(isa ISA, name, doc string, body func(b *Body)) {
	b := newBody(isa)
	body(b)
	p := layOut(f, b)
	name += isa.Suffix
	f.printf("\n// %s of a.n steps of %d blocks\n//\n// func %s(a *blockArgs)", doc, isa.bytes/8, name)
	f.printf("TEXT ·%s(SB), NOSPLIT, $0-8", name)
	f.printf("\tMOVQ a+0(FP), AX")
	for _, field := range []string{"dst DI", "counter R8", "n CX"} {
		var from, to string
		fmt.Sscan(field, &from, &to)
		f.printf("\tMOVQ blockArgs_%s(AX), %s", from, to)
	}
	for _, line := range p.constants() {
		f.printf("%s", line)
	}
	f.printf("\tPCALIGN $32\n\nloop:")
	f.lines(p, false)
	f.printf("\tADDQ $%d, R8\n\tADDQ $%d, DI\n\tDECQ CX\n\tJNZ  loop", isa.bytes/8, 2*isa.bytes)
	f.printf("\tVZEROUPPER\n\tRET")
}
