package gemmgen

import (
	"fmt"
	"math/bits"
)

// NarrowAVX512 returns narrow_avx512_amd64.s.
func NarrowAVX512() string { return conv(avx512) }

// NarrowAVX2 returns narrow_avx2_amd64.s.
func NarrowAVX2() string { return conv(avx2) }

// conv writes the kernels for tiles of a single column or row.
func conv(s set) string {
	w := newWriter()
	if !s.masks {
		w.p("\n// tails are masks for the elements after the last whole vector: from byte 32−b, b bytes are selected.")
		for i := range 8 {
			ones := uint64(1<<64 - 1)
			if i >= 4 {
				ones = 0
			}
			w.p("DATA tails<>+%d(SB)/8, $%#x", 8*i, ones)
		}
		w.p("GLOBL tails<>(SB), RODATA|NOPTR, $64")
	}
	column(w, s, float32s)
	column(w, s, float64s)
	single(w, s, float32s)
	single(w, s, float64s)
	return w.String()
}

// column writes the kernel for a tile of one column: as many rows of A as a
// vector has lanes are multiplied by it, each with a vector of partial sums,
// and in the end the lanes of all rows are added together.
func column(w *writer, s set, e elem) {
	lanes := s.bytes / e.size
	spread := lanes + 2 // and the next, registers of indices
	reg := func(i int) string { return fmt.Sprint(s.reg, i) }

	if s.masks {
		w.p("\n// twice%s names each element twice.", e.name)
		for i := range 2 * lanes {
			w.p("DATA twice%s<>+%d(SB)/%d, $%d", e.name, i*e.size, e.size, i/2)
		}
		w.p("GLOBL twice%s<>(SB), RODATA|NOPTR, $%d", e.name, 2*s.bytes)
	}
	w.p("\n// func column%s%s(t *tile)", s.name, e.name)
	w.p("TEXT ·column%s%s(SB), NOSPLIT, $0-8", s.name, e.name)
	w.in("MOVQ", "t+0(FP), AX")
	w.p("\n\t// DX counts the whole vectors of a row; R12 holds the bytes after them.")
	w.in("MOVQ", "tile_k(AX), DX")
	w.in("MOVQ", "DX, R12")
	w.in("ANDQ", "$%d, R12", lanes-1)
	if s.masks {
		w.in("MOVQ", "$-1, R14")
		w.in("BZHIQ", "R12, R14, R14")
		w.in("KMOVW", "R14, K1")
		w.in("MOVQ", "tile_m(AX), CX")
		w.in("MOVQ", "$-1, R14")
		w.in("BZHIQ", "CX, R14, R14")
		w.in("KMOVW", "R14, K2 // the rows")
		w.in("ADDQ", "CX, CX")
		w.in("MOVQ", "$0x%x, R14", 0x55555555>>(32-2*lanes))
		w.in("BZHIQ", "CX, R14, R14")
		w.in("KMOVW", "R14, K3 // and with room for one between them, in two halves")
		w.in("SHRQ", "$%d, R14", lanes)
		w.in("KMOVW", "R14, K4")
		w.in("MOVQ", "$%#x, R14", mask(s, e, 8))
		w.in("KMOVW", "R14, K5 // every other 8 bytes")
		w.in("MOVQ", "$%#x, R14", mask(s, e, s.bytes/2))
		w.in("KMOVW", "R14, K6 // the upper half")
		for i := range 2 {
			w.in("VMOVUPS", "twice%s<>+%d(SB), Z%d", e.name, i*s.bytes, spread+i)
		}
	}
	w.in("SHRQ", "$%d, DX", log2(lanes))
	w.in("SHLQ", "$%d, R12", log2(e.size))
	if !s.masks {
		w.in("LEAQ", "tails<>+32(SB), R14")
		w.in("SUBQ", "R12, R14")
		w.in("VMOVUPS", "(R14), %s", reg(s.b[1]))
	}
	w.in("MOVQ", "tile_rs(AX), R8")
	w.p("\n\t// Where rows are a vector apart, R15 counts pairs of vectors, and DX what is left.")
	w.in("XORQ", "R15, R15")
	w.in("CMPQ", "R8, $%d", s.bytes)
	w.in("JNE", "again")
	w.in("MOVQ", "DX, R15")
	w.in("SHRQ", "$1, R15")
	w.in("ANDQ", "$1, DX")
	w.p("\nagain:\n\t// SI points at row 0 of A; R8, R9, R10 hold the bytes of 1, 3, 5 rows.")
	w.in("MOVQ", "tile_a(AX), SI")
	rowPointers(w, 16)
	w.in("MOVQ", "tile_b(AX), BX")
	w.in("MOVQ", "tile_c(AX), R13")
	w.in("MOVQ", "tile_sets(AX), R14")
	w.in("MOVQ", "R14, tile_setsTodo(AX)")
	w.in("MOVQ", "tile_runs(AX), R14")
	for r := range lanes {
		w.in("VXORPS", "X%[1]d, X%[1]d, X%[1]d // all of its vector", r)
	}
	w.in("MOVQ", "tile_m(AX), CX")
	for m := lanes; m > 1; m-- {
		w.in("CMPQ", "CX, $%d", m)
		w.in("JEQ", "m%d", m)
	}
	for m := 1; m <= lanes; m++ {
		columnLoop(w, s, e, m)
	}
	w.p("\nsum:")
	sums(w, s, e)
	columnWrite(w, s, e, spread)
	next(w, "a", "ap", "c", "cp")
}

// columnLoop writes the loops over the vectors of m rows: by pairs if a row's
// second vector is the next row's first, so that it is loaded once, then one by
// one, and at last what does not fill a vector.
func columnLoop(w *writer, s set, e elem, m int) {
	lanes := s.bytes / e.size
	reg := func(i int) string { return fmt.Sprint(s.reg, i) }
	x, second := reg(s.b[0]), reg(lanes)        // of B
	shared, part := reg(lanes+1), reg(s.tmp[0]) // of A
	tail := reg(s.b[1])                         // a mask; K1 instead if the set has such

	fma := func(from, by string, to int) { w.in("VFMADD231"+e.suffix, "%s, %s, %s", from, by, reg(to)) }
	advance := func(by string) {
		w.in("ADDQ", "%s, BX", by)
		w.in("ADDQ", "%s, SI", by)
		if m >= 9 {
			w.in("ADDQ", "%s, DI", by)
		}
	}
	w.p("\nm%d:", m)
	w.in("MOVQ", "R15, CX")
	w.in("TESTQ", "CX, CX")
	w.in("JEQ", "single%d", m)
	w.in("PCALIGN", "$32")
	w.p("\npair%d:", m)
	w.in("VMOVU"+e.suffix, "(BX), %s", x)
	w.in("VMOVU"+e.suffix, "%d(BX), %s", s.bytes, second)
	for r := range m {
		w.in("VMOVU"+e.suffix, "%s, %s", row(r), shared)
		if r > 0 {
			fma(shared, second, r-1)
		}
		fma(shared, x, r)
	}
	fma(row(m), second, m-1)
	advance(fmt.Sprintf("$%d", 2*s.bytes))
	w.in("DECQ", "CX")
	w.in("JNZ", "pair%d", m)
	w.p("\nsingle%d:", m)
	w.in("MOVQ", "DX, CX")
	w.in("TESTQ", "CX, CX")
	w.in("JEQ", "tail%d", m)
	w.in("PCALIGN", "$32")
	w.p("\nk%d:", m)
	w.in("VMOVU"+e.suffix, "(BX), %s", x)
	for r := range m {
		fma(row(r), x, r)
	}
	advance(fmt.Sprintf("$%d", s.bytes))
	w.in("DECQ", "CX")
	w.in("JNZ", "k%d", m)
	w.p("\ntail%d:", m)
	w.in("TESTQ", "R12, R12")
	w.in("JEQ", "run%d", m)
	if s.masks {
		w.in("VMOVU"+e.suffix+".Z", "(BX), K1, %s", x)
		for r := range m {
			w.in("VFMADD231"+e.suffix, "%s, %s, K1, %s", row(r), x, reg(r))
		}
	} else {
		w.in("VMASKMOV"+e.suffix, "(BX), %s, %s", tail, x)
		for r := range m {
			w.in("VMASKMOV"+e.suffix, "%s, %s, %s", row(r), tail, part)
			fma(part, x, r)
		}
	}
	advance("R12")
	w.p("\nrun%d:", m)
	w.in("DECQ", "R14")
	w.in("JEQ", "set%d", m)
	goOn(w, "ar", "br", m >= 9)
	w.in("JMP", "m%d", m)
	w.p("\nset%d:", m)
	w.in("DECQ", "tile_setsTodo(AX)")
	w.in("JEQ", "sum")
	goOn(w, "asets", "bsets", m >= 9)
	w.in("MOVQ", "tile_runs(AX), R14")
	w.in("JMP", "m%d", m)
}

// columnWrite writes the sums to C, or adds them: at once if C's elements are
// neighbours or every other one, as in half an image, else one by one.
func columnWrite(w *writer, s set, e elem, spread int) {
	if s.masks {
		w.in("MOVQ", "tile_cs(AX), CX")
		w.in("CMPQ", "CX, $%d", e.size)
		w.in("JNE", "apart")
		w.in("CMPQ", "tile_add(AX), $0")
		w.in("JEQ", "store")
		w.in("VADD"+e.suffix, "(R13), Z0, K2, Z0")
		w.p("\nstore:")
		w.in("VMOVU"+e.suffix, "Z0, K2, (R13)")
		w.in("JMP", "next")
		w.p("\napart:")
		w.in("CMPQ", "CX, $%d", 2*e.size)
		w.in("JNE", "far")
		w.in("VPERM"+e.suffix, "Z0, Z%d, Z1", spread)
		w.in("VPERM"+e.suffix, "Z0, Z%d, Z2", spread+1)
		w.in("CMPQ", "tile_add(AX), $0")
		w.in("JEQ", "spread")
		w.in("VADD"+e.suffix, "(R13), Z1, K3, Z1")
		w.in("VADD"+e.suffix, "64(R13), Z2, K4, Z2")
		w.p("\nspread:")
		w.in("VMOVU"+e.suffix, "Z1, K3, (R13)")
		w.in("VMOVU"+e.suffix, "Z2, K4, 64(R13)")
		w.in("JMP", "next")
		w.p("\nfar:")
	}
	w.in("MOVQ", "tile_cs(AX), DI")
	w.in("MOVQ", "tile_m(AX), CX")
	w.in("MOVQ", "tile_add(AX), SI")
	one, block := "S"+e.suffix[1:], 16/e.size
	for i, n := 0, s.bytes/e.size; i < n; i++ {
		from := "X1"
		switch {
		case i < block:
			from = "X0"
		case i%block > 0:
		case s.masks:
			w.in("VEXTRACTF32X4", "$%d, Z0, X1", i/block)
		default:
			w.in("VEXTRACTF128", "$1, Y0, X1")
		}
		w.in("VPERMIL"+e.suffix, "$%d, %s, X2", i%block, from)
		w.in("TESTQ", "SI, SI")
		w.in("JEQ", "put%d", i)
		w.in("VADD"+one, "(R13), X2, X2")
		w.p("\nput%d:", i)
		w.in("VMOV"+one, "X2, (R13)")
		if i < n-1 {
			w.in("DECQ", "CX")
			w.in("JEQ", "next")
			w.in("ADDQ", "DI, R13")
		}
	}
}

// sums adds the lanes of each of the first registers, as many as there are
// lanes, and leaves the sums in the first. Each round makes one register of two
// by adding their lanes in pairs, in the same way for every row: within 16 bytes
// first, then across them. A round whose sums need not become neighbours takes
// one shuffle for two registers, and a blend.
func sums(w *writer, s set, e elem) {
	reg := func(i int) string { return fmt.Sprint(s.reg, i) }
	x, y := reg(s.tmp[0]), reg(s.tmp[1])
	step := 1 // from a register that is left to the next
	round := func(write func(a, b string)) {
		w.p("")
		for r := 0; r < s.bytes/e.size; r += 2 * step {
			write(reg(r), reg(r+step))
			w.in("VADD"+e.suffix, "%s, %s, %s", x, y, reg(r))
		}
		step *= 2
	}
	// crosswise leaves sums of one half, a block or a vector's, of the first
	// register and of the other half of the second.
	crosswise := func(shuffle string, imm, half int) {
		round(func(a, b string) {
			w.in(shuffle, "$%#x, %s, %s, %s", imm, b, a, y)
			switch {
			case !s.masks:
				w.in("VBLEND"+e.suffix, "$%#x, %s, %s, %s", mask(s, e, half), b, a, x)
			case half == s.bytes/2:
				w.in("VBLENDM"+e.suffix, "%s, %s, K6, %s", b, a, x)
			default:
				w.in("VBLENDM"+e.suffix, "%s, %s, K5, %s", b, a, x)
			}
		})
	}
	together := func(shuffle string) {
		round(func(a, b string) {
			w.in(shuffle, "$0x88, %s, %s, %s", b, a, x)
			w.in(shuffle, "$0xdd, %s, %s, %s", b, a, y)
		})
	}
	if e.size == 4 {
		crosswise("VSHUFPS", 0x4e, 8)
		together("VSHUFPS")
	} else {
		crosswise("VSHUFPD", 0x55>>(8-s.bytes/e.size), 8)
	}
	if s.bytes == 32 {
		crosswise("VPERM2F128", 0x21, 16)
		return
	}
	crosswise("VSHUFF64X2", 0x4e, 32)
	together("VSHUFF64X2")
}

// mask selects the elements of a vector in every other half, of the given bytes,
// from the second on.
func mask(s set, e elem, half int) (bits int) {
	for i := range s.bytes / e.size {
		if i*e.size/half%2 == 1 {
			bits |= 1 << i
		}
	}
	return bits
}

// single writes the kernel for a tile of one row, which alone would wait for the
// last sum at each step. So every fourth step adds to a sum of its own.
func single(w *writer, s set, e elem) {
	const sums = 4
	lanes := s.bytes / e.size
	widest := 2 // vectors
	if s.masks {
		widest = 4
	}
	reg := func(i int) string { return fmt.Sprint(s.reg, i) }
	x, y, tail := reg(s.tmp[0]), reg(s.tmp[1]), reg(s.b[1]) // of A; of B; a mask or K1

	w.p("\n// func row%s%s(t *tile)", s.name, e.name)
	w.p("TEXT ·row%s%s(SB), NOSPLIT, $0-8", s.name, e.name)
	w.in("MOVQ", "t+0(FP), AX")
	w.p("\n\t// R8, R9 and R10, R11 hold the bytes of 1, 3 steps of A and of B.")
	w.in("MOVQ", "tile_ks(AX), R8")
	w.in("LEAQ", "(R8)(R8*2), R9")
	w.in("MOVQ", "tile_bs(AX), R10")
	w.in("LEAQ", "(R10)(R10*2), R11")
	w.p("\n\t// The last vector has 1 to %d elements.", lanes)
	w.in("MOVQ", "tile_n(AX), DX")
	w.in("DECQ", "DX")
	w.in("MOVQ", "DX, CX")
	w.in("SHRQ", "$%d, DX", log2(lanes))
	w.in("ANDQ", "$%d, CX", lanes-1)
	w.in("INCQ", "CX")
	if s.masks {
		w.in("MOVQ", "$-1, R14")
		w.in("BZHIQ", "CX, R14, R14")
		w.in("KMOVW", "R14, K1")
	} else {
		w.in("SHLQ", "$%d, CX", log2(e.size))
		w.in("LEAQ", "tails<>+32(SB), R14")
		w.in("SUBQ", "CX, R14")
		w.in("VMOVUPS", "(R14), %s", tail)
	}
	w.p("\nagain:")
	w.in("MOVQ", "tile_a(AX), SI")
	w.in("MOVQ", "tile_b(AX), BX")
	w.in("MOVQ", "tile_c(AX), R13")
	w.in("MOVQ", "tile_sets(AX), R14")
	w.in("MOVQ", "R14, tile_setsTodo(AX)")
	w.in("MOVQ", "tile_runs(AX), R14")
	for v := widest; v > 1; v-- {
		w.in("CMPQ", "DX, $%d", v-1)
		w.in("JEQ", "v%d", v)
	}
	for v := 1; v <= widest; v++ {
		// combine applies op to the vectors of a row in memory, to what operand
		// says, and to registers from the given one up.
		combine := func(op, at string, operand func(i int) string, to int) {
			for i := range v {
				from, mask := fmt.Sprintf("%d%s", i*s.bytes, at), ""
				switch {
				case i < v-1:
				case s.masks:
					mask = "K1, "
				default:
					w.in("VMASKMOV"+e.suffix, "%s, %s, %s", from, tail, y)
					from = y
				}
				w.in(op+e.suffix, "%s, %s, %s%s", from, operand(i), mask, reg(to+i))
			}
		}
		step := func(sum int, a, b string) { // of the sum at a and b
			w.in("VBROADCASTS"+e.suffix[1:], "%s, %s", a, x)
			combine("VFMADD231", b, func(int) string { return x }, sum*v)
		}
		w.p("\nv%d:", v)
		for i := range sums * v {
			w.in(s.clear, "%[1]s, %[1]s, %[1]s", reg(i))
		}
		w.p("\nrun%d:", v)
		w.in("MOVQ", "tile_k(AX), CX")
		w.in("MOVQ", "CX, R15")
		w.in("ANDQ", "$%d, R15", sums-1)
		w.in("SHRQ", "$%d, CX", log2(sums))
		w.in("JEQ", "rest%d", v)
		w.in("PCALIGN", "$32")
		w.p("\nfour%d:", v)
		for sum, by := range [sums][2]string{{"", ""}, {"(R8*1)", "(R10*1)"}, {"(R8*2)", "(R10*2)"}, {"(R9*1)", "(R11*1)"}} {
			step(sum, "(SI)"+by[0], "(BX)"+by[1])
		}
		w.in("LEAQ", "(SI)(R8*4), SI")
		w.in("LEAQ", "(BX)(R10*4), BX")
		w.in("DECQ", "CX")
		w.in("JNZ", "four%d", v)
		w.p("\nrest%d:", v)
		w.in("TESTQ", "R15, R15")
		w.in("JEQ", "done%d", v)
		w.p("\none%d:", v)
		step(0, "(SI)", "(BX)")
		w.in("ADDQ", "R8, SI")
		w.in("ADDQ", "R10, BX")
		w.in("DECQ", "R15")
		w.in("JNZ", "one%d", v)
		w.p("\ndone%d:", v)
		w.in("DECQ", "R14")
		w.in("JEQ", "set%d", v)
		goOn(w, "ar", "br", false)
		w.in("JMP", "run%d", v)
		w.p("\nset%d:", v)
		w.in("DECQ", "tile_setsTodo(AX)")
		w.in("JEQ", "end%d", v)
		goOn(w, "asets", "bsets", false)
		w.in("MOVQ", "tile_runs(AX), R14")
		w.in("JMP", "run%d", v)
		w.p("\nend%d:", v)
		for sum := sums / 2; sum > 0; sum /= 2 {
			for i := range sum * v {
				w.in("VADD"+e.suffix, "%s, %s, %[2]s", reg(sum*v+i), reg(i))
			}
		}
		w.in("CMPQ", "tile_add(AX), $0")
		w.in("JEQ", "store%d", v)
		combine("VADD", "(R13)", reg, 0)
		w.p("\nstore%d:", v)
		for i := range v {
			to := fmt.Sprintf("%d(R13)", i*s.bytes)
			switch {
			case i < v-1:
				w.in("VMOVU"+e.suffix, "%s, %s", reg(i), to)
			case s.masks:
				w.in("VMOVU"+e.suffix, "%s, K1, %s", reg(i), to)
			default:
				w.in("VMASKMOV"+e.suffix, "%s, %s, %s", reg(i), tail, to)
			}
		}
		w.in("JMP", "next")
	}
	next(w, "a", "ap", "c", "cp")
}

func log2(n int) int { return bits.Len(uint(n)) - 1 }
