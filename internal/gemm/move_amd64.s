//go:build !purego

#include "go_asm.h"
#include "textflag.h"

// func copyRowsAVX2(r *rows)
//
// Copies rows of 16 bytes or more. The last 32 bytes of a row, or 16 of one below
// 32, may overlap those before.
TEXT ·copyRowsAVX2(SB), NOSPLIT, $0-8
	MOVQ r+0(FP), AX
	MOVQ rows_dst(AX), DI
	MOVQ rows_ldd(AX), R8
	MOVQ rows_src(AX), SI
	MOVQ rows_lds(AX), R9
	MOVQ rows_n(AX), CX
	MOVQ rows_length(AX), R10
	SUBQ $32, R10             // where the last 32 bytes start
	JLT  short

	PCALIGN $32
row:
	XORQ DX, DX
	CMPQ R10, $0
	JEQ  last

	PCALIGN $32
chunk:
	VMOVUPS (SI)(DX*1), Y0
	VMOVUPS Y0, (DI)(DX*1)
	ADDQ    $32, DX
	CMPQ    DX, R10
	JLT     chunk

last:
	VMOVUPS (SI)(R10*1), Y0
	VMOVUPS Y0, (DI)(R10*1)
	ADDQ    R9, SI
	ADDQ    R8, DI
	DECQ    CX
	JNZ     row
	VZEROUPPER
	RET

short:
	ADDQ $16, R10             // where the last 16 bytes start

	PCALIGN $32
half:
	VMOVUPS (SI), X0
	VMOVUPS (SI)(R10*1), X1
	VMOVUPS X0, (DI)
	VMOVUPS X1, (DI)(R10*1)
	ADDQ    R9, SI
	ADDQ    R8, DI
	DECQ    CX
	JNZ     half
	RET

// func transposeAVX2F32(r *rows)
//
// Turns n blocks of 8×8 numbers, srcStep and dstStep bytes apart. Half rows are
// loaded so that rows i and i+4 share a register; two rounds of interleaving
// within the halves then finish the job.
TEXT ·transposeAVX2F32(SB), NOSPLIT, $0-8
	MOVQ r+0(FP), AX
	MOVQ rows_dst(AX), DI
	MOVQ rows_ldd(AX), R8
	MOVQ rows_src(AX), SI
	MOVQ rows_lds(AX), R9
	MOVQ rows_n(AX), CX
	MOVQ rows_add(AX), R11
	LEAQ (R8)(R8*2), R10      // 3 rows of dst
	LEAQ (R9)(R9*2), R12      // 3 rows of src
	LEAQ (SI)(R9*4), BX       // row 4 of src
	MOVQ rows_srcStep(AX), R13
	MOVQ rows_dstStep(AX), AX

	PCALIGN $32
block:
	VMOVUPS     (SI), X0
	VINSERTF128 $1, (BX), Y0, Y0
	VMOVUPS     (SI)(R9*1), X1
	VINSERTF128 $1, (BX)(R9*1), Y1, Y1
	VMOVUPS     (SI)(R9*2), X2
	VINSERTF128 $1, (BX)(R9*2), Y2, Y2
	VMOVUPS     (SI)(R12*1), X3
	VINSERTF128 $1, (BX)(R12*1), Y3, Y3
	VMOVUPS     16(SI), X4
	VINSERTF128 $1, 16(BX), Y4, Y4
	VMOVUPS     16(SI)(R9*1), X5
	VINSERTF128 $1, 16(BX)(R9*1), Y5, Y5
	VMOVUPS     16(SI)(R9*2), X6
	VINSERTF128 $1, 16(BX)(R9*2), Y6, Y6
	VMOVUPS     16(SI)(R12*1), X7
	VINSERTF128 $1, 16(BX)(R12*1), Y7, Y7

	// Pairs of rows, then of pairs.
	VUNPCKLPS Y1, Y0, Y8
	VUNPCKHPS Y1, Y0, Y9
	VUNPCKLPS Y3, Y2, Y10
	VUNPCKHPS Y3, Y2, Y11
	VUNPCKLPS Y5, Y4, Y12
	VUNPCKHPS Y5, Y4, Y13
	VUNPCKLPS Y7, Y6, Y14
	VUNPCKHPS Y7, Y6, Y15
	VUNPCKLPD Y10, Y8, Y0
	VUNPCKHPD Y10, Y8, Y1
	VUNPCKLPD Y11, Y9, Y2
	VUNPCKHPD Y11, Y9, Y3
	VUNPCKLPD Y14, Y12, Y4
	VUNPCKHPD Y14, Y12, Y5
	VUNPCKLPD Y15, Y13, Y6
	VUNPCKHPD Y15, Y13, Y7

	LEAQ  (DI)(R8*4), DX      // row 4 of dst
	TESTQ R11, R11
	JEQ   store
	VADDPS (DI), Y0, Y0
	VADDPS (DI)(R8*1), Y1, Y1
	VADDPS (DI)(R8*2), Y2, Y2
	VADDPS (DI)(R10*1), Y3, Y3
	VADDPS (DX), Y4, Y4
	VADDPS (DX)(R8*1), Y5, Y5
	VADDPS (DX)(R8*2), Y6, Y6
	VADDPS (DX)(R10*1), Y7, Y7

store:
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, (DI)(R8*1)
	VMOVUPS Y2, (DI)(R8*2)
	VMOVUPS Y3, (DI)(R10*1)
	VMOVUPS Y4, (DX)
	VMOVUPS Y5, (DX)(R8*1)
	VMOVUPS Y6, (DX)(R8*2)
	VMOVUPS Y7, (DX)(R10*1)
	ADDQ    R13, SI
	ADDQ    R13, BX
	ADDQ    AX, DI
	DECQ    CX
	JNZ     block
	VZEROUPPER
	RET

// func transposeAVX2F64(r *rows)
//
// The same with blocks of 4×4 numbers; rows i and i+2 share a register, and one
// round of interleaving is enough.
TEXT ·transposeAVX2F64(SB), NOSPLIT, $0-8
	MOVQ r+0(FP), AX
	MOVQ rows_dst(AX), DI
	MOVQ rows_ldd(AX), R8
	MOVQ rows_src(AX), SI
	MOVQ rows_lds(AX), R9
	MOVQ rows_n(AX), CX
	MOVQ rows_add(AX), R11
	LEAQ (R8)(R8*2), R10      // 3 rows of dst
	LEAQ (R9)(R9*2), R12      // 3 rows of src
	MOVQ rows_srcStep(AX), R13
	MOVQ rows_dstStep(AX), AX

	PCALIGN $32
block:
	VMOVUPD     (SI), X0
	VINSERTF128 $1, (SI)(R9*2), Y0, Y0
	VMOVUPD     (SI)(R9*1), X1
	VINSERTF128 $1, (SI)(R12*1), Y1, Y1
	VMOVUPD     16(SI), X2
	VINSERTF128 $1, 16(SI)(R9*2), Y2, Y2
	VMOVUPD     16(SI)(R9*1), X3
	VINSERTF128 $1, 16(SI)(R12*1), Y3, Y3
	VUNPCKLPD   Y1, Y0, Y4
	VUNPCKHPD   Y1, Y0, Y5
	VUNPCKLPD   Y3, Y2, Y6
	VUNPCKHPD   Y3, Y2, Y7

	TESTQ  R11, R11
	JEQ    store
	VADDPD (DI), Y4, Y4
	VADDPD (DI)(R8*1), Y5, Y5
	VADDPD (DI)(R8*2), Y6, Y6
	VADDPD (DI)(R10*1), Y7, Y7

store:
	VMOVUPD Y4, (DI)
	VMOVUPD Y5, (DI)(R8*1)
	VMOVUPD Y6, (DI)(R8*2)
	VMOVUPD Y7, (DI)(R10*1)
	ADDQ    R13, SI
	ADDQ    AX, DI
	DECQ    CX
	JNZ     block
	VZEROUPPER
	RET
