package gemmgen

import (
	"fmt"
	"slices"
)

// set is an instruction set. Accumulators take the registers from 0 up, those
// for B, alpha and a broadcast element come after them.
type set struct {
	name  string
	rows  int    // largest m
	reg   string // register letter
	bytes int    // of a vector
	masks bool   // has masked loads and stores, and embedded broadcast
	width []int  // vectors per row of a tile
	b     [2]int // a row of B
	tmp   [2]int // elements of A; alpha, after the loop
	clear string // an exclusive or
}

// elem is an element type.
type elem struct {
	name, suffix string // in functions and instructions
	size         int
}

var (
	avx512 = set{name: "AVX512", rows: 14, reg: "Z", bytes: 64, masks: true, width: []int{2, 1},
		b: [2]int{28, 29}, tmp: [2]int{30, 31}, clear: "VPXORD"}
	avx2 = set{name: "AVX2", rows: 6, reg: "Y", bytes: 32, width: []int{2},
		b: [2]int{12, 13}, tmp: [2]int{14, 15}, clear: "VXORPS"}

	float32s = elem{"F32", "PS", 4}
	float64s = elem{"F64", "PD", 8}
)

// AVX512 returns tile_avx512_amd64.s.
func AVX512() string { return amd64(avx512) }

// AVX2 returns tile_avx2_amd64.s.
func AVX2() string { return amd64(avx2) }

func amd64(s set) string {
	w := newWriter()
	function(w, s, float32s)
	function(w, s, float64s)
	return w.String()
}

// function writes one kernel: set-up, choice of the tile size, the loops.
func function(w *writer, s set, e elem) {
	name := "tile" + s.name + e.name
	lanes := s.bytes / e.size

	w.p("\n// func %s(t *tile)", name)
	w.p("TEXT ·%s(SB), NOSPLIT, $0-8", name)
	w.in("MOVQ", "t+0(FP), AX")
	w.p("\nagain:\n\t// SI points at row 0 of A; R8, R9, R10 hold the bytes of 1, 3, 5 rows.")
	w.in("MOVQ", "tile_a(AX), SI")
	w.in("MOVQ", "tile_rs(AX), R8")
	w.in("MOVQ", "tile_ks(AX), R12")
	rowPointers(w, s.rows)
	w.in("MOVQ", "tile_b(AX), BX")
	w.in("MOVQ", "tile_bs(AX), DX")
	w.in("MOVQ", "tile_c(AX), R13")
	if s.masks {
		w.p("\n\t// K1 and K2 select the columns that exist.")
		w.in("MOVQ", "tile_n(AX), CX")
		w.in("MOVQ", "$-1, R14")
		w.in("BZHIQ", "CX, R14, R14")
		w.in("KMOVW", "R14, K1")
		w.in("SHRQ", "$%d, R14", lanes)
		w.in("KMOVW", "R14, K2")
		w.in("CMPQ", "CX, $%d", lanes)
		w.in("JLE", "narrow")
	}
	for i, vectors := range s.width {
		if i > 0 {
			w.p("\nnarrow:")
		}
		w.in("MOVQ", "tile_m(AX), CX")
		for m := s.rows; m > 1; m-- {
			w.in("CMPQ", "CX, $%d", m)
			w.in("JEQ", "%s", label("m", m, vectors))
		}
		for m := 1; m <= s.rows; m++ {
			loop(w, s, e, m, vectors)
		}
	}

	next(w, "a", "ap", "c", "cp", "next", "np")
}

// next ends a kernel: it continues with the next tile, by advancing fields of it by
// others, or returns.
func next(w *writer, fieldsAndSteps ...string) {
	w.p("\nnext:")
	w.in("DECQ", "tile_count(AX)")
	w.in("JEQ", "done")
	for f := range slices.Chunk(fieldsAndSteps, 2) {
		w.in("MOVQ", "tile_%s(AX), CX", f[1])
		w.in("ADDQ", "CX, tile_%s(AX)", f[0])
	}
	w.in("JMP", "again")
	w.p("\ndone:")
	w.in("VZEROUPPER", "")
	w.in("RET", "")
}

// rowPointers prepares the addresses of n rows of A, see [row], where SI points
// at row 0 and R8 holds the bytes of a row.
func rowPointers(w *writer, n int) {
	w.in("LEAQ", "(R8)(R8*2), R9")
	w.in("LEAQ", "(R8)(R8*4), R10")
	if n > 9 {
		w.p("\n\t// R11 holds the bytes of 7 rows; DI points at row 9.")
		w.in("LEAQ", "(R9)(R8*4), R11")
		w.in("LEAQ", "(SI)(R8*8), DI")
		w.in("ADDQ", "R8, DI")
	}
}

func label(kind string, m, vectors int) string { return fmt.Sprintf("%s%dx%d", kind, m, vectors) }

// loop writes the kernel for a tile of m rows by the given number of vectors.
func loop(w *writer, s set, e elem, m, vectors int) {
	reg := func(i int) string { return fmt.Sprint(s.reg, i) }
	acc := func(r, v int) string { return reg(r*vectors + v) }

	w.p("\n%s:", label("m", m, vectors))
	w.in("MOVQ", "tile_cs(AX), R15")
	w.in("MOVQ", "R13, CX // fetch C's lines while k runs")
	for r := range m {
		for v := range vectors {
			w.in("PREFETCHT0", "%d(CX)", v*s.bytes)
		}
		if r < m-1 {
			w.in("ADDQ", "R15, CX")
		}
	}
	w.in("MOVQ", "tile_runs(AX), CX")
	w.in("MOVQ", "CX, tile_todo(AX)")
	w.in("MOVQ", "tile_sets(AX), CX")
	w.in("MOVQ", "CX, tile_setsTodo(AX)")
	w.in("MOVQ", "tile_next(AX), R14")
	w.in("MOVQ", "tile_ns(AX), R15")
	w.in("MOVQ", "tile_k(AX), CX")
	for i := range m * vectors {
		w.in(s.clear, "%[1]s, %[1]s, %[1]s", reg(i))
	}

	w.in("PCALIGN", "$32")
	w.p("\n%s:", label("k", m, vectors))
	for v := range vectors {
		if s.masks {
			w.in("VMOVU"+e.suffix+".Z", "%d(BX), K%d, %s", v*s.bytes, v+1, reg(s.b[v]))
		} else {
			w.in("VMOVU"+e.suffix, "%d(BX), %s", v*s.bytes, reg(s.b[v]))
		}
	}
	for r := range m {
		fma := "VFMADD231" + e.suffix
		from := row(r)
		if s.masks {
			fma += ".BCST"
		} else {
			from = reg(s.tmp[r%2])
			w.in("VBROADCASTS"+e.suffix[1:], "%s, %s", row(r), from)
		}
		for v := range vectors {
			if e == pairs {
				w.dot(r, s.b[v], r*vectors+v)
			} else {
				w.in(fma, "%s, %s, %s", from, reg(s.b[v]), acc(r, v))
			}
		}
	}
	w.in("PREFETCHT1", "(R14)")
	w.in("ADDQ", "R15, R14")
	w.in("ADDQ", "DX, BX")
	w.in("ADDQ", "R12, SI")
	if m > 9 {
		w.in("ADDQ", "R12, DI")
	}
	w.in("DECQ", "CX")
	w.in("JNZ", "%s", label("k", m, vectors))
	w.in("DECQ", "tile_todo(AX)")
	w.in("JEQ", "%s", label("set", m, vectors))
	goOn(w, "ar", "br", m > 9)
	w.in("MOVQ", "tile_k(AX), CX")
	w.in("JMP", "%s", label("k", m, vectors))
	w.p("\n%s:", label("set", m, vectors))
	w.in("DECQ", "tile_setsTodo(AX)")
	w.in("JEQ", "%s", label("write", m, vectors))
	goOn(w, "asets", "bsets", m > 9)
	w.in("MOVQ", "tile_runs(AX), CX")
	w.in("MOVQ", "CX, tile_todo(AX)")
	w.in("MOVQ", "tile_k(AX), CX")
	w.in("JMP", "%s", label("k", m, vectors))

	w.p("\n%s:", label("write", m, vectors))
	w.p("\t// C = alpha·tile, or C += alpha·tile.")
	alpha := reg(s.tmp[0])
	w.in("MOVQ", "tile_cs(AX), R15")
	w.in("MOVQ", "tile_alpha(AX), CX")
	w.in("VBROADCASTS"+e.suffix[1:], "(CX), %s", alpha)
	w.in("CMPQ", "tile_add(AX), $0")
	w.in("JNE", "%s", label("add", m, vectors))
	write := func(combine func(r, v int)) {
		for r := range m {
			for v := range vectors {
				combine(r, v)
				mask := ""
				if s.masks {
					mask = fmt.Sprintf("K%d, ", v+1)
				}
				w.in("VMOVU"+e.suffix, "%s, %s%d(R13)", acc(r, v), mask, v*s.bytes)
			}
			if r < m-1 {
				w.in("ADDQ", "R15, R13")
			}
		}
	}
	write(func(r, v int) { w.in("VMUL"+e.suffix, "%s, %s, %[2]s", alpha, acc(r, v)) })
	w.in("JMP", "%s", label("look", m, vectors))
	w.p("\n%s:", label("add", m, vectors))
	write(func(r, v int) {
		if s.masks {
			w.in("VFMADD213"+e.suffix, "%d(R13), %s, K%d, %s", v*s.bytes, alpha, v+1, acc(r, v))
		} else {
			w.in("VFMADD213"+e.suffix, "%d(R13), %s, %s", v*s.bytes, alpha, acc(r, v))
		}
	})

	w.p("\n%s:", label("look", m, vectors))
	w.p("\t// A sum of products of the elements, which is finite only if they are.")
	w.in("MOVQ", "tile_seen(AX), CX")
	w.in("TESTQ", "CX, CX")
	w.in("JEQ", "next")
	seen := [2]string{reg(s.b[0]), reg(s.b[1])}
	w.in("VMOVU"+e.suffix, "(CX), %s", seen[0])
	w.in(s.clear, "%[1]s, %[1]s, %[1]s", seen[1])
	for r := range m {
		w.in("VFMADD231"+e.suffix, "%s, %s, %s", acc(r, 0), acc(r, vectors-1), seen[r%2])
	}
	w.in("VADD"+e.suffix, "%s, %s, %[2]s", seen[1], seen[0])
	w.in("VMOVU"+e.suffix, "%s, (CX)", seen[0])
	w.in("JMP", "next")
}

// goOn advances A and B by fields of the tile, from run to run or set to set.
func goOn(w *writer, a, b string, second bool) {
	w.in("MOVQ", "tile_%s(AX), CX", a)
	w.in("ADDQ", "CX, SI")
	if second {
		w.in("ADDQ", "CX, DI")
	}
	w.in("ADDQ", "tile_%s(AX), BX", b)
}

// row is the address of A's element in row r of the tile.
func row(r int) string {
	base := "(SI)"
	if r >= 9 {
		base, r = "(DI)", r-9
	}
	return base + [...]string{"", "(R8*1)", "(R8*2)", "(R9*1)", "(R8*4)", "(R10*1)", "(R9*2)", "(R11*1)", "(R8*8)"}[r]
}
