package vecgen

import "github.com/gander-ml/gander/internal/op"

// folds are the reductions.
var folds = []op.Reduce{op.Sum, op.MaxReduce, op.SumSquares}

const foldDoc = `
// fold%s of x[i][j] into k64[j] for each row i: foldInto over rows of 32
// columns%s
//
// func fold%s%s(a *foldArgs)
TEXT ·fold%s%s(SB), NOSPLIT, $0-8
	MOVQ a+0(FP), AX
	MOVQ foldArgs_acc(AX), DI
	MOVQ foldArgs_x(AX), SI
	MOVQ foldArgs_rows(AX), DX
	MOVQ foldArgs_ld(AX), BX`

// identity is the float64 that a fold leaves alone, by its bits.
func identity(code op.Reduce) string {
	if code == op.MaxReduce {
		return "0xFFF0000000000000"
	}
	return "0"
}

// foldAVX512 keeps the 32 lanes in Z0…Z3. Columns beyond the matrix read as
// the identity.
func (f *File) foldAVX512(code op.Reduce) {
	f.printf(foldDoc, code, ", or a.cols < 32", code, "AVX512", code, "AVX512")
	for v := range 4 {
		f.printf("\tVMOVUPD %d(DI), Z%d", 64*v, v)
	}
	f.printf("\tMOVQ $%s, R8\n\tVPBROADCASTQ R8, Z9", identity(code))
	f.printf("\tMOVQ foldArgs_cols(AX), CX\n\tMOVL $-1, R8\n\tCMPQ CX, $32\n\tJGE  masks")
	f.printf("\tMOVL $1, R8\n\tSHLL CX, R8\n\tDECL R8 // a bit for each column\n\nmasks:")
	for v := range 4 {
		f.printf("\tKMOVW R8, K%d\n\tSHRL $8, R8", v+1)
	}
	f.printf("\tPCALIGN $32\n\nrow:")
	for v := range 4 {
		f.printf("\tVMOVAPD Z9, Z8\n\tVCVTPS2PD %d(SI), K%d, Z8", 32*v, v+1)
		f.fold(code, "Z", v, 8, true)
	}
	f.printf("\tADDQ BX, SI\n\tDECQ DX\n\tJNZ  row")
	for v := range 4 {
		f.printf("\tVMOVUPD Z%d, %d(DI)", v, 64*v)
	}
	f.printf("\tVZEROUPPER\n\tRET")
}

// foldAVX2 keeps the 32 lanes in Y0…Y7 and has no partial rows.
func (f *File) foldAVX2(code op.Reduce) {
	f.printf(foldDoc, code, "", code, "AVX2", code, "AVX2")
	for v := range 8 {
		f.printf("\tVMOVUPD %d(DI), Y%d", 32*v, v)
	}
	f.printf("\tPCALIGN $32\n\nrow:")
	for v := range 8 {
		f.printf("\tVCVTPS2PD %d(SI), Y8", 16*v)
		f.fold(code, "Y", v, 8, false)
	}
	f.printf("\tADDQ BX, SI\n\tDECQ DX\n\tJNZ  row")
	for v := range 8 {
		f.printf("\tVMOVUPD Y%d, %d(DI)", v, 32*v)
	}
	f.printf("\tVZEROUPPER\n\tRET")
}

const blockDoc = `
// block%s: fold%s of a.rows rows of 32 columns, ld being 32, and then of the
// row at a.last, from the identity, and across: reduceBlock, into a.result
//
// func block%s%s(a *foldArgs)
TEXT ·block%s%s(SB), NOSPLIT, $0-8
	MOVQ a+0(FP), AX
	MOVQ foldArgs_x(AX), SI
	MOVQ foldArgs_rows(AX), DX
	MOVQ $%s, R8`

// block prints the reduction of one block, whose lanes never leave the
// registers.
func (f *File) block(code op.Reduce, isa ISA) {
	f.printf(blockDoc, code, code, code, isa.Suffix, code, isa.Suffix, identity(code))
	vectors, half := 256/isa.bytes, "Y"
	if isa.AVX512 {
		f.printf("\tVPBROADCASTQ R8, Z0")
	} else {
		half = "X"
		f.printf("\tMOVQ R8, X0\n\tVPBROADCASTQ X0, Y0")
	}
	for v := 1; v < vectors; v++ {
		f.printf("\tVMOVAPD %s0, %s%d", isa.reg, isa.reg, v)
	}
	row := func() {
		for v := range vectors {
			f.printf("\tVCVTPS2PD %d(SI), %s8", v*isa.bytes/2, isa.reg)
			f.fold(code, isa.reg, v, 8, isa.AVX512)
		}
	}
	f.printf("\tTESTQ DX, DX\n\tJZ    last\n\tPCALIGN $32\n\nrow:")
	row()
	f.printf("\tADDQ $128, SI\n\tDECQ DX\n\tJNZ  row\n\nlast:")
	f.printf("\tMOVQ  foldArgs_last(AX), SI\n\tTESTQ SI, SI\n\tJZ    across")
	row()
	f.printf("\nacross:")
	for v := vectors / 2; v > 0; v /= 2 {
		for k := range v {
			f.combine(code, isa.reg, k, k+v, isa.AVX512)
		}
	}
	if isa.AVX512 {
		f.printf("\tVEXTRACTF64X4 $1, Z0, Y1")
		f.combine(code, half, 0, 1, true)
	}
	f.printf("\tVEXTRACTF128 $1, Y0, X1")
	f.combine(code, "X", 0, 1, isa.AVX512)
	f.printf("\tVUNPCKHPD X0, X0, X1")
	f.combine(code, "X", 0, 1, isa.AVX512)
	f.printf("\tVMOVSD X0, foldArgs_result(AX)\n\tVZEROUPPER\n\tRET")
}

// fold folds elements, in register x, into the results in register acc; register
// 9 or mask 5 is spoilt, and x.
func (f *File) fold(code op.Reduce, reg string, acc, x int, masks bool) {
	if code == op.SumSquares { // a square of a float32 is exact, so that this rounds as two operations do
		f.printf("\tVFMADD231PD %[1]s%[3]d, %[1]s%[3]d, %[1]s%[2]d", reg, acc, x)
		return
	}
	f.combine(code, reg, acc, x, masks)
}

// combine folds results in register x into register acc; register 9 or mask 5 is spoilt.
func (f *File) combine(code op.Reduce, reg string, acc, x int, masks bool) {
	switch {
	case code == op.Sum || code == op.SumSquares:
		f.printf("\tVADDPD %[1]s%[3]d, %[1]s%[2]d, %[1]s%[2]d", reg, acc, x)
	case masks: // the running value if it is NaN, else the larger
		f.printf("\tVCMPPD $3, %[1]s%[2]d, %[1]s%[2]d, K5\n\tVMAXPD %[1]s%[3]d, %[1]s%[2]d, %[1]s%[3]d\n\tVBLENDMPD %[1]s%[2]d, %[1]s%[3]d, K5, %[1]s%[2]d",
			reg, acc, x)
	default:
		f.printf("\tVCMPPD $3, %[1]s%[2]d, %[1]s%[2]d, %[1]s9\n\tVMAXPD %[1]s%[3]d, %[1]s%[2]d, %[1]s%[3]d\n\tVBLENDVPD %[1]s9, %[1]s%[2]d, %[1]s%[3]d, %[1]s%[2]d",
			reg, acc, x)
	}
}
