package gemmgen

import "fmt"

// NEON returns tile_neon_arm64.s.
func NEON() string {
	w := newWriter()
	neon(w, "F32", "S4")
	neon(w, "F64", "D2")
	return w.String()
}

// neon writes the kernel for arm64: 4 rows by 4 vectors in V0…V15. Rows that
// the tile lacks are computed from row 0 of A and not stored.
func neon(w *writer, suffix, lanes string) {
	v := func(i int) string { return fmt.Sprintf("V%d.%s", i, lanes) }
	four := func(i int) string { return fmt.Sprintf("[%s, %s, %s, %s]", v(i), v(i+1), v(i+2), v(i+3)) }

	w.p("\n// func tileNEON%s(t *tile)", suffix)
	w.p("TEXT ·tileNEON%s(SB), NOSPLIT, $0-8", suffix)
	for i, field := range []string{"rs", "ks", "b", "bs", "c", "cs", "m", "k", "add", "alpha"} {
		if i == 0 {
			w.in("MOVD", "t+0(FP), R0")
			w.in("MOVD", "tile_a(R0), R1")
		}
		w.in("MOVD", "tile_%s(R0), R%d", field, 5+i)
	}
	w.p("\n\t// R1…R4 point at the rows of A.")
	for r := 1; r < 4; r++ {
		w.in("MOVD", "R1, R%d", 1+r)
	}
	for r := 1; r < 4; r++ {
		w.in("CMP", "$%d, R11", r)
		w.in("BEQ", "clear")
		w.in("ADD", "R5, R%d, R%d", r, 1+r)
	}
	w.p("\nclear:")
	for i := range 16 {
		w.in("VEOR", "V%[1]d.B16, V%[1]d.B16, V%[1]d.B16", i)
	}
	w.p("\nstep:")
	w.in("VLD1", "(R7), %s", four(16))
	w.in("ADD", "R8, R7, R7")
	for r := range 4 {
		w.in("VLD1R", "(R%d), [%s]", 1+r, v(20+r))
		w.in("ADD", "R6, R%[1]d, R%[1]d", 1+r)
	}
	for r := range 4 {
		for c := range 4 {
			w.in("VFMLA", "%s, %s, %s", v(16+c), v(20+r), v(4*r+c))
		}
	}
	w.in("SUBS", "$1, R12, R12")
	w.in("BNE", "step")

	w.p("\n\t// C = alpha·tile + 0, or + C.")
	w.in("VLD1R", "(R14), [%s]", v(20))
	for r := range 4 {
		if r > 0 {
			w.in("SUBS", "$1, R11, R11")
			w.in("BEQ", "done")
		}
		for c := range 4 {
			w.in("VEOR", "V%[1]d.B16, V%[1]d.B16, V%[1]d.B16", 16+c)
		}
		w.in("CBZ", "R13, store%d", r)
		w.in("VLD1", "(R9), %s", four(16))
		w.p("\nstore%d:", r)
		for c := range 4 {
			w.in("VFMLA", "%s, %s, %s", v(4*r+c), v(20), v(16+c))
		}
		w.in("VST1", "%s, (R9)", four(16))
		w.in("ADD", "R10, R9, R9")
	}
	w.p("\ndone:")
	w.in("RET", "")
}
