package gemmgen

import (
	"fmt"
	"strings"
)

// pairs are elements that hold two bfloat16 numbers each, of two neighbouring
// steps. What is added to C is their scalar product.
var pairs = elem{"BF16", "PS", 4}

// BF16 returns bf16_amd64.s. Go's assembler does not know AVX512_BF16, whose
// instructions are therefore written in bytes.
func BF16() string {
	w := newWriter()
	function(w, avx512, pairs)
	pairsInRow(w)
	pairsOfRows(w)
	return w.String()
}

// Prefixes, and opcodes after 0F 38, of the instructions.
const (
	prefixF3, prefixF2 = 2, 3
	opDot, opRound     = 0x52, 0x72
)

// evex writes an instruction of three operands on Z registers: to and from are two
// of them, modRM and what follows it name the third; b and x are the upper bits of
// its base and index, or of its number.
func (w *writer) evex(comment string, prefix, opcode byte, to, from int, b, x int, broadcast byte, modRM ...byte) {
	not := func(bit int) byte { return byte(^bit & 1) }
	code := []byte{
		0x62,
		not(to>>3)<<7 | not(x)<<6 | not(b)<<5 | not(to>>4)<<4 | 2,
		byte(^from&15)<<3 | 4 | prefix,
		2<<5 | broadcast<<4 | not(from>>4)<<3,
		opcode,
	}
	modRM[0] |= byte(to&7) << 3
	var text strings.Builder
	for _, c := range append(code, modRM...) {
		fmt.Fprintf(&text, "BYTE $%#02x; ", c)
	}
	w.p("\t%s// %s", text.String(), comment)
}

// dot adds to an accumulator the scalar products of a row's pair of A, broadcast,
// with the pairs of B in a register. See [row] for the address.
func (w *writer) dot(r, b, acc int) {
	comment := fmt.Sprintf("VDPBF16PS.BCST %s, Z%d, Z%d", row(r), b, acc)
	base := byte(6) // SI
	if r >= 9 {
		base, r = 7, r-9 // DI
	}
	if r == 0 {
		w.evex(comment, prefixF3, opDot, acc, b, 0, 0, 1, base)
		return
	}
	at := [...]struct{ index, scale byte }{1: {8, 0}, {8, 1}, {9, 0}, {8, 2}, {10, 0}, {9, 1}, {11, 0}, {8, 3}}[r]
	w.evex(comment, prefixF3, opDot, acc, b, 0, 1, 1, 4, at.scale<<6|at.index&7<<3|base)
}

// round sets Z2 to the bfloat16 numbers nearest to Z0's, then Z1's.
func (w *writer) round() {
	w.evex("VCVTNE2PS2BF16 Z0, Z1, Z2", prefixF2, opRound, 2, 1, 0, 0, 0, 3<<6)
}

// pairsInRow writes the kernel that rounds a row of n numbers to pairs of neighbours.
func pairsInRow(w *writer) {
	w.p("\n// func pairsInRowAVX512(r *rounding)")
	w.p("TEXT ·pairsInRowAVX512(SB), NOSPLIT, $0-8")
	w.in("MOVQ", "r+0(FP), AX")
	w.in("MOVQ", "rounding_dst(AX), DI")
	w.in("MOVQ", "rounding_src(AX), SI")
	w.in("MOVQ", "rounding_n(AX), CX")
	w.in("SUBQ", "$32, CX")
	w.in("JLT", "rest")
	w.in("PCALIGN", "$32")
	w.p("\nloop:")
	w.in("VMOVUPS", "(SI), Z0")
	w.in("VMOVUPS", "64(SI), Z1")
	w.round()
	w.in("VMOVUPS", "Z2, (DI)")
	w.in("ADDQ", "$128, SI")
	w.in("ADDQ", "$64, DI")
	w.in("SUBQ", "$32, CX")
	w.in("JGE", "loop")
	w.p("\nrest:\n\t// The last one of an odd number is paired with 0.")
	w.in("ADDQ", "$32, CX")
	w.in("JEQ", "done")
	w.in("MOVQ", "$-1, R8")
	w.in("BZHIQ", "CX, R8, R9")
	w.in("KMOVW", "R9, K1")
	w.in("SHRQ", "$16, R9")
	w.in("KMOVW", "R9, K2")
	w.in("INCQ", "CX")
	w.in("SHRQ", "$1, CX")
	w.in("BZHIQ", "CX, R8, R9")
	w.in("KMOVW", "R9, K3")
	w.in("VMOVUPS.Z", "(SI), K1, Z0")
	w.in("VMOVUPS.Z", "64(SI), K2, Z1")
	w.round()
	w.in("VMOVUPS", "Z2, K3, (DI)")
	w.p("\ndone:")
	w.in("VZEROUPPER", "")
	w.in("RET", "")
}

// pairsOfRows writes the kernel that rounds two rows of n numbers to pairs of one of
// each, or of one row's numbers and 0 if there is no second one.
func pairsOfRows(w *writer) {
	w.p("\n// the elements of both halves, alternating")
	for i := range 32 {
		w.p("DATA alternating<>+%d(SB)/2, $%d", 2*i, i/2+i%2*16)
	}
	w.p("GLOBL alternating<>(SB), RODATA|NOPTR, $64")
	w.p("\n// func pairsOfRowsAVX512(r *rounding)")
	w.p("TEXT ·pairsOfRowsAVX512(SB), NOSPLIT, $0-8")
	w.in("MOVQ", "r+0(FP), AX")
	w.in("MOVQ", "rounding_dst(AX), DI")
	w.in("MOVQ", "rounding_src(AX), SI")
	w.in("MOVQ", "rounding_second(AX), BX")
	w.in("MOVQ", "rounding_n(AX), CX")
	w.in("VMOVDQU16", "alternating<>(SB), Z3")
	w.in("MOVQ", "$-1, R8")
	w.in("KMOVW", "R8, K1")
	w.in("XORQ", "DX, DX")
	w.in("TESTQ", "BX, BX")
	w.in("CMOVQNE", "R8, DX // which of the second row's numbers exist")
	w.in("CMOVQEQ", "SI, BX")
	w.in("KMOVW", "DX, K2")
	w.in("SUBQ", "$16, CX")
	w.in("JLT", "rest")
	w.p("\nloop:")
	w.in("VMOVUPS.Z", "(SI), K1, Z0")
	w.in("VMOVUPS.Z", "(BX), K2, Z1")
	w.round()
	w.in("VPERMW", "Z2, Z3, Z2")
	w.in("VMOVUPS", "Z2, K1, (DI)")
	w.in("ADDQ", "$64, SI")
	w.in("ADDQ", "$64, BX")
	w.in("ADDQ", "$64, DI")
	w.in("SUBQ", "$16, CX")
	w.in("JGE", "loop")
	w.p("\nrest:")
	w.in("ADDQ", "$16, CX")
	w.in("JLE", "done")
	w.in("BZHIQ", "CX, R8, R9")
	w.in("KMOVW", "R9, K1")
	w.in("ANDQ", "R9, DX")
	w.in("KMOVW", "DX, K2")
	w.in("XORQ", "CX, CX // then it is done")
	w.in("JMP", "loop")
	w.p("\ndone:")
	w.in("VZEROUPPER", "")
	w.in("RET", "")
}
