// Package vecgen writes the assembly of packages vec and philox. A function is
// described once, as straight-line code over vectors of float32 (see math.go),
// and printed for AVX-512 and for AVX2 with FMA: the two then compute the same
// bits.
//
// Nothing imports it. Its test compares the files with what it returns, and
// writes them if run by
//
//	go generate ./internal/vec       # vec_amd64.s, vec_amd64.go, noasm.go
//	go generate ./internal/philox    # philox_amd64.s
package vecgen

import (
	"fmt"
	"math"
)

// An ISA is an instruction set to print for.
type ISA struct {
	Suffix  string // of the routine's name
	AVX512  bool
	bytes   int    // in one vector
	lanes   int    // float32s in one vector
	reg     string // register letter
	numRegs int    // for the body's values
}

// The two instruction sets. AVX2 keeps its last register for the tail's mask.
var (
	AVX512 = ISA{Suffix: "AVX512", AVX512: true, bytes: 64, lanes: 16, reg: "Z", numRegs: 32}
	AVX2   = ISA{Suffix: "AVX2", bytes: 32, lanes: 8, reg: "Y", numRegs: 15}
	isas   = []ISA{AVX512, AVX2}
)

// A Value is a vector that the body has computed, or a constant.
type Value int

// A Mask is the outcome of a comparison in each lane.
type Mask int

// kind says how an instruction uses its operands.
type kind uint8

const (
	constant kind = iota // bits, or an argument
	load                 // from a stream
	store                // to a stream
	compute              // dst = op(src…)
	fused                // dst = ±src0·src1 + src2
	destroy              // src0 = op(src0, src1, src2), and src0 is not used again
	compare              // mask = src0 <imm> src1
	signs                // mask = sign bits of src0
	counter              // the block counter in each 64-bit lane
	choose               // dst = mask ? src0 : src1
)

// instr is one instruction of a body.
type instr struct {
	kind kind
	op   string
	imm  string
	src  []Value
	dst  Value
	mask Mask
	note string
	uses int // of a constant
}

// A Body records straight-line code. Values are numbered by the instruction
// that makes them.
type Body struct {
	isa    ISA
	code   []instr
	consts map[string]Value
	note   string
}

func newBody(isa ISA) *Body { return &Body{isa: isa, consts: map[string]Value{}} }

// Note comments the next instruction.
func (b *Body) Note(format string, args ...any) { b.note = fmt.Sprintf(format, args...) }

func (b *Body) emit(in instr) Value {
	in.dst = Value(len(b.code))
	in.note, b.note = b.note, ""
	for _, v := range in.src {
		b.code[v].uses++
	}
	b.code = append(b.code, in)
	return in.dst
}

// named returns the constant that op describes, once.
func (b *Body) named(op, imm string) Value {
	key := op + imm
	v, ok := b.consts[key]
	if !ok {
		note := b.note
		b.note = ""
		v = b.emit(instr{kind: constant, op: op, imm: imm})
		b.consts[key], b.note = v, note
	}
	return v
}

// Const is a float32 constant in every lane.
func (b *Body) Const(x float64) Value { return b.Bits(math.Float32bits(float32(x))) }

// Bits is a constant given by its bits.
func (b *Body) Bits(x uint32) Value { return b.named("bits", fmt.Sprintf("0x%08X", x)) }

// Arg is the constant k[i] of the argument struct.
func (b *Body) Arg(i int) Value { return b.named("arg", fmt.Sprint(i)) }

// Table is a whole vector from the file's data.
func (b *Body) Table(symbol string) Value { return b.named("table", symbol) }

// Counter is the block counter in each 64-bit lane.
func (b *Body) Counter() Value { return b.emit(instr{kind: counter}) }

// Load reads the current vector of a stream.
func (b *Body) Load(stream string) Value { return b.emit(instr{kind: load, op: stream}) }

// Store writes the current vector of a stream.
func (b *Body) Store(stream string, v Value) { b.emit(instr{kind: store, op: stream, src: []Value{v}}) }

// StoreAt writes the i-th vector from the current one on.
func (b *Body) StoreAt(stream string, i int, v Value) {
	b.emit(instr{kind: store, op: stream, imm: fmt.Sprint(i * b.isa.bytes), src: []Value{v}})
}

func (b *Body) compute(op string, src ...Value) Value {
	return b.emit(instr{kind: compute, op: op, src: src})
}

// Arithmetic, lane by lane and correctly rounded.
func (b *Body) Add(x, y Value) Value { return b.compute("VADDPS", x, y) }
func (b *Body) Sub(x, y Value) Value { return b.compute("VSUBPS", x, y) }
func (b *Body) Mul(x, y Value) Value { return b.compute("VMULPS", x, y) }
func (b *Body) Div(x, y Value) Value { return b.compute("VDIVPS", x, y) }
func (b *Body) Sqrt(x Value) Value   { return b.compute("VSQRTPS", x) }

// Max is x > y ? x : y, and Min is x < y ? x : y: y if either is NaN.
func (b *Body) Max(x, y Value) Value { return b.compute("VMAXPS", x, y) }
func (b *Body) Min(x, y Value) Value { return b.compute("VMINPS", x, y) }

// FMA is x·y + z, rounded once; FNMA is z − x·y.
func (b *Body) FMA(x, y, z Value) Value {
	return b.emit(instr{kind: fused, op: "VFMADD", src: []Value{x, y, z}})
}
func (b *Body) FNMA(x, y, z Value) Value {
	return b.emit(instr{kind: fused, op: "VFNMADD", src: []Value{x, y, z}})
}

// Bitwise functions.
func (b *Body) And(x, y Value) Value { return b.compute("VANDPS", x, y) }
func (b *Body) Or(x, y Value) Value  { return b.compute("VORPS", x, y) }
func (b *Body) Xor(x, y Value) Value { return b.compute("VXORPS", x, y) }

// Xor3 is x ^ y ^ z, for an x that is not used again.
func (b *Body) Xor3(x, y, z Value) Value {
	if b.isa.AVX512 {
		return b.emit(instr{kind: destroy, op: "VPTERNLOGQ", imm: "$0x96", src: []Value{x, y, z}})
	}
	return b.Xor(b.Xor(x, y), z)
}

// 32-bit integers.
func (b *Body) AddInt(x, y Value) Value { return b.compute("VPADDD", x, y) }
func (b *Body) SubInt(x, y Value) Value { return b.compute("VPSUBD", x, y) }
func (b *Body) FromInt(x Value) Value   { return b.compute("VCVTDQ2PS", x) }

func (b *Body) shift(op string, x Value, n int) Value {
	return b.emit(instr{kind: compute, op: op, imm: fmt.Sprintf("$%d", n), src: []Value{x}})
}

// Shl, Shr and Sar shift 32-bit lanes by a constant; Shl64 and Shr64 64-bit ones.
func (b *Body) Shl(x Value, n int) Value   { return b.shift("VPSLLD", x, n) }
func (b *Body) Shr(x Value, n int) Value   { return b.shift("VPSRLD", x, n) }
func (b *Body) Sar(x Value, n int) Value   { return b.shift("VPSRAD", x, n) }
func (b *Body) Shl64(x Value, n int) Value { return b.shift("VPSLLQ", x, n) }
func (b *Body) Shr64(x Value, n int) Value { return b.shift("VPSRLQ", x, n) }

// MulWide multiplies the low halves of 64-bit lanes to 64 bits.
func (b *Body) MulWide(x, y Value) Value { return b.compute("VPMULUDQ", x, y) }

// Add64 adds 64-bit lanes.
func (b *Body) Add64(x, y Value) Value { return b.compute("VPADDQ", x, y) }

// Interleave64 and Interleave32 alternate the elements of x and y, of the low
// (0) or the high (1) half of each 128-bit lane.
func (b *Body) Interleave64(half int, x, y Value) Value {
	return b.compute([]string{"VPUNPCKLQDQ", "VPUNPCKHQDQ"}[half], x, y)
}
func (b *Body) Interleave32(half int, x, y Value) Value {
	return b.compute([]string{"VUNPCKLPS", "VUNPCKHPS"}[half], x, y)
}

// FromUint converts unsigned integers, rounded to nearest.
func (b *Body) FromUint(x Value) Value {
	if b.isa.AVX512 {
		return b.compute("VCVTUDQ2PS", x)
	}
	hi := b.Mul(b.FromInt(b.Shr(x, 16)), b.Const(0x1p16))
	return b.Add(hi, b.FromInt(b.And(x, b.Bits(0xFFFF))))
}

// Sign holds in lanes whose top bit is set.
func (b *Body) Sign(x Value) Mask { return Mask(b.emit(instr{kind: signs, src: []Value{x}})) }

// Comparisons; each is false if either is NaN, but for NotEqual and IsNaN.
func (b *Body) Greater(x, y Value) Mask      { return b.compare(0x1E, x, y) }
func (b *Body) GreaterEqual(x, y Value) Mask { return b.compare(0x1D, x, y) }
func (b *Body) Equal(x, y Value) Mask        { return b.compare(0x00, x, y) }
func (b *Body) Less(x, y Value) Mask         { return b.compare(0x11, x, y) }
func (b *Body) NotEqual(x, y Value) Mask     { return b.compare(0x04, x, y) }
func (b *Body) IsNaN(x Value) Mask           { return b.compare(0x03, x, x) }

func (b *Body) compare(predicate int, x, y Value) Mask {
	return Mask(b.emit(instr{kind: compare, op: "VCMPPS", imm: fmt.Sprintf("$0x%02X", predicate), src: []Value{x, y}}))
}

// Select is x in lanes in which the mask holds, else y.
func (b *Body) Select(m Mask, x, y Value) Value {
	b.code[m].uses++
	return b.emit(instr{kind: choose, mask: m, src: []Value{x, y}})
}
