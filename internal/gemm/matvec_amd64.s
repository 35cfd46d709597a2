//go:build !purego

#include "textflag.h"

// 16 lanes that are on and 16 that are off: 32 bytes from 128-8k on have the
// first k lanes on.
DATA lanesOn<>+0(SB)/8, $-1
DATA lanesOn<>+8(SB)/8, $-1
DATA lanesOn<>+16(SB)/8, $-1
DATA lanesOn<>+24(SB)/8, $-1
DATA lanesOn<>+32(SB)/8, $-1
DATA lanesOn<>+40(SB)/8, $-1
DATA lanesOn<>+48(SB)/8, $-1
DATA lanesOn<>+56(SB)/8, $-1
DATA lanesOn<>+64(SB)/8, $-1
DATA lanesOn<>+72(SB)/8, $-1
DATA lanesOn<>+80(SB)/8, $-1
DATA lanesOn<>+88(SB)/8, $-1
DATA lanesOn<>+96(SB)/8, $-1
DATA lanesOn<>+104(SB)/8, $-1
DATA lanesOn<>+112(SB)/8, $-1
DATA lanesOn<>+120(SB)/8, $-1
GLOBL lanesOn<>(SB), RODATA|NOPTR, $256

// func matVecAVX2F64(m, n int, alpha float64, a *float64, lda int, x *float64, beta float64, y *float64, incY int)
//
// Four rows at once, with two partial sums of four lanes each. Of the last rows,
// fewer than four, the last one is read for those that are missing.
TEXT ·matVecAVX2F64(SB), NOSPLIT, $0-72
	MOVQ         m+0(FP), R11
	MOVQ         n+8(FP), CX
	VBROADCASTSD alpha+16(FP), Y14
	MOVQ         a+24(FP), SI
	MOVQ         lda+32(FP), R12
	SHLQ         $3, R12
	MOVQ         x+40(FP), BX
	VBROADCASTSD beta+48(FP), Y13
	MOVQ         y+56(FP), DI
	MOVQ         incY+64(FP), R13
	SHLQ         $3, R13
	MOVQ         CX, AX
	ANDQ         $3, AX
	NEGQ         AX
	LEAQ         lanesOn<>(SB), DX
	VMOVUPD      128(DX)(AX*8), Y15 // the columns after the last multiple of four
	MOVQ         beta+48(FP), AX
	ADDQ         AX, AX             // 0 if beta is

rows:
	LEAQ    (SI)(R12*1), R8
	CMPQ    R11, $2
	CMOVQLT SI, R8
	LEAQ    (R8)(R12*1), R9
	CMPQ    R11, $3
	CMOVQLT R8, R9
	LEAQ    (R9)(R12*1), R10
	CMPQ    R11, $4
	CMOVQLT R9, R10
	XORQ    DX, DX
	VXORPD  Y0, Y0, Y0
	VXORPD  Y1, Y1, Y1
	VXORPD  Y2, Y2, Y2
	VXORPD  Y3, Y3, Y3
	VXORPD  Y4, Y4, Y4
	VXORPD  Y5, Y5, Y5
	VXORPD  Y6, Y6, Y6
	VXORPD  Y7, Y7, Y7
	MOVQ    n+8(FP), CX
	SUBQ    $8, CX
	JLT     four

eight:
	VMOVUPD     (BX)(DX*8), Y8
	VMOVUPD     32(BX)(DX*8), Y9
	VFMADD231PD (SI)(DX*8), Y8, Y0
	VFMADD231PD (R8)(DX*8), Y8, Y1
	VFMADD231PD (R9)(DX*8), Y8, Y2
	VFMADD231PD (R10)(DX*8), Y8, Y3
	VFMADD231PD 32(SI)(DX*8), Y9, Y4
	VFMADD231PD 32(R8)(DX*8), Y9, Y5
	VFMADD231PD 32(R9)(DX*8), Y9, Y6
	VFMADD231PD 32(R10)(DX*8), Y9, Y7
	ADDQ        $8, DX
	SUBQ        $8, CX
	JGE         eight

four:
	ADDQ        $4, CX              // columns left, less four
	JLT         rest
	VMOVUPD     (BX)(DX*8), Y8
	VFMADD231PD (SI)(DX*8), Y8, Y0
	VFMADD231PD (R8)(DX*8), Y8, Y1
	VFMADD231PD (R9)(DX*8), Y8, Y2
	VFMADD231PD (R10)(DX*8), Y8, Y3
	ADDQ        $4, DX
	SUBQ        $4, CX

rest:
	CMPQ        CX, $-4
	JEQ         sum
	VMASKMOVPD  (BX)(DX*8), Y15, Y8
	VMASKMOVPD  (SI)(DX*8), Y15, Y9
	VMASKMOVPD  (R8)(DX*8), Y15, Y10
	VMASKMOVPD  (R9)(DX*8), Y15, Y11
	VMASKMOVPD  (R10)(DX*8), Y15, Y12
	VFMADD231PD Y9, Y8, Y4
	VFMADD231PD Y10, Y8, Y5
	VFMADD231PD Y11, Y8, Y6
	VFMADD231PD Y12, Y8, Y7

sum:
	VADDPD     Y4, Y0, Y0
	VADDPD     Y5, Y1, Y1
	VADDPD     Y6, Y2, Y2
	VADDPD     Y7, Y3, Y3
	VHADDPD    Y1, Y0, Y0
	VHADDPD    Y3, Y2, Y2
	VPERM2F128 $0x20, Y2, Y0, Y1 // the low halves' sums
	VPERM2F128 $0x31, Y2, Y0, Y0 // the high halves'
	VADDPD     Y1, Y0, Y0
	VMULPD     Y14, Y0, Y0
	CMPQ       R11, $4
	JLT        few
	CMPQ       R13, $8
	JNE        apart
	TESTQ      AX, AX
	JZ         store
	VFMADD231PD (DI), Y13, Y0

store:
	VMOVUPD Y0, (DI)

next:
	LEAQ (R10)(R12*1), SI
	LEAQ (DI)(R13*4), DI
	SUBQ $4, R11
	JG   rows
	VZEROUPPER
	RET

apart:
	LEAQ         (R13)(R13*2), DX
	VEXTRACTF128 $1, Y0, X1
	TESTQ        AX, AX
	JZ           storeApart
	VMOVSD       (DI), X2
	VMOVHPD      (DI)(R13*1), X2, X2
	VMOVSD       (DI)(R13*2), X3
	VMOVHPD      (DI)(DX*1), X3, X3
	VFMADD231PD  X2, X13, X0
	VFMADD231PD  X3, X13, X1

storeApart:
	VMOVSD  X0, (DI)
	VMOVHPD X0, (DI)(R13*1)
	VMOVSD  X1, (DI)(R13*2)
	VMOVHPD X1, (DI)(DX*1)
	JMP     next

few:
	VEXTRACTF128 $1, Y0, X1
	VPERMILPD    $1, X0, X2
	TESTQ        AX, AX
	JZ           storeFew
	VFMADD231SD  (DI), X13, X0
	CMPQ         R11, $2
	JLT          storeFew
	VFMADD231SD  (DI)(R13*1), X13, X2
	JEQ          storeFew
	VFMADD231SD  (DI)(R13*2), X13, X1

storeFew:
	VMOVSD X0, (DI)
	CMPQ   R11, $2
	JLT    done
	VMOVSD X2, (DI)(R13*1)
	JEQ    done
	VMOVSD X1, (DI)(R13*2)

done:
	VZEROUPPER
	RET

// func vecMatAVX2F64(m, n int, alpha float64, a *float64, lda int, x *float64, incX int, beta float64, y *float64)
//
// Strips of 32 columns from the first row to the last; then of up to 16, and of
// up to 8 with sums of their own for odd rows, whose lanes may be off.
TEXT ·vecMatAVX2F64(SB), NOSPLIT, $0-72
	MOVQ         n+8(FP), CX
	VMOVSD       alpha+16(FP), X14
	MOVQ         a+24(FP), SI
	MOVQ         lda+32(FP), R12
	SHLQ         $3, R12
	MOVQ         incX+48(FP), R13
	SHLQ         $3, R13
	VBROADCASTSD beta+56(FP), Y13
	MOVQ         y+64(FP), DI
	LEAQ         lanesOn<>(SB), R10
	MOVQ         beta+56(FP), AX
	ADDQ         AX, AX             // 0 if beta is

strip:
	MOVQ   SI, R8
	MOVQ   x+40(FP), BX
	MOVQ   m+0(FP), DX
	VXORPD Y0, Y0, Y0
	VXORPD Y1, Y1, Y1
	VXORPD Y2, Y2, Y2
	VXORPD Y3, Y3, Y3
	CMPQ   CX, $32
	JLT    sixteen
	VXORPD Y4, Y4, Y4
	VXORPD Y5, Y5, Y5
	VXORPD Y6, Y6, Y6
	VXORPD Y7, Y7, Y7

row32:
	VMULSD       (BX), X14, X12
	VBROADCASTSD X12, Y12
	VFMADD231PD  (R8), Y12, Y0
	VFMADD231PD  32(R8), Y12, Y1
	VFMADD231PD  64(R8), Y12, Y2
	VFMADD231PD  96(R8), Y12, Y3
	VFMADD231PD  128(R8), Y12, Y4
	VFMADD231PD  160(R8), Y12, Y5
	VFMADD231PD  192(R8), Y12, Y6
	VFMADD231PD  224(R8), Y12, Y7
	ADDQ         R12, R8
	ADDQ         R13, BX
	DECQ         DX
	JNZ          row32
	TESTQ        AX, AX
	JZ           store32
	VFMADD231PD  (DI), Y13, Y0
	VFMADD231PD  32(DI), Y13, Y1
	VFMADD231PD  64(DI), Y13, Y2
	VFMADD231PD  96(DI), Y13, Y3
	VFMADD231PD  128(DI), Y13, Y4
	VFMADD231PD  160(DI), Y13, Y5
	VFMADD231PD  192(DI), Y13, Y6
	VFMADD231PD  224(DI), Y13, Y7

store32:
	VMOVUPD Y0, (DI)
	VMOVUPD Y1, 32(DI)
	VMOVUPD Y2, 64(DI)
	VMOVUPD Y3, 96(DI)
	VMOVUPD Y4, 128(DI)
	VMOVUPD Y5, 160(DI)
	VMOVUPD Y6, 192(DI)
	VMOVUPD Y7, 224(DI)
	ADDQ    $256, SI
	ADDQ    $256, DI
	SUBQ    $32, CX
	JNZ     strip
	VZEROUPPER
	RET

sixteen:
	MOVQ    $16, R9
	CMPQ    CX, R9
	CMOVQLT CX, R9
	NEGQ    R9
	VMOVUPD 128(R10)(R9*8), Y8
	VMOVUPD 160(R10)(R9*8), Y9
	CMPQ    CX, $8
	JLE     eight
	VMOVUPD 192(R10)(R9*8), Y10
	VMOVUPD 224(R10)(R9*8), Y11
	MOVQ    $4, R9                  // vectors

row16:
	VMULSD       (BX), X14, X12
	VBROADCASTSD X12, Y12
	VMOVUPD      (R8), Y4           // more than eight are there
	VMOVUPD      32(R8), Y5
	VMASKMOVPD   64(R8), Y10, Y6
	VMASKMOVPD   96(R8), Y11, Y7
	VFMADD231PD  Y4, Y12, Y0
	VFMADD231PD  Y5, Y12, Y1
	VFMADD231PD  Y6, Y12, Y2
	VFMADD231PD  Y7, Y12, Y3
	ADDQ         R12, R8
	ADDQ         R13, BX
	DECQ         DX
	JNZ          row16
	TESTQ        AX, AX
	JZ           store
	VMASKMOVPD   64(DI), Y10, Y6
	VMASKMOVPD   96(DI), Y11, Y7
	VFMADD231PD  Y6, Y13, Y2
	VFMADD231PD  Y7, Y13, Y3
	JMP          beta

eight:
	MOVQ $2, R9
	SUBQ $1, DX
	JZ   odd

row8:
	VMULSD       (BX), X14, X12
	VMULSD       (BX)(R13*1), X14, X11
	VBROADCASTSD X12, Y12
	VBROADCASTSD X11, Y11
	VMASKMOVPD   (R8), Y8, Y4
	VMASKMOVPD   32(R8), Y9, Y5
	ADDQ         R12, R8
	VMASKMOVPD   (R8), Y8, Y6
	VMASKMOVPD   32(R8), Y9, Y7
	ADDQ         R12, R8
	VFMADD231PD  Y4, Y12, Y0
	VFMADD231PD  Y5, Y12, Y1
	VFMADD231PD  Y6, Y11, Y2
	VFMADD231PD  Y7, Y11, Y3
	LEAQ         (BX)(R13*2), BX
	SUBQ         $2, DX
	JG           row8
	JLT          both

odd:
	VMULSD       (BX), X14, X12
	VBROADCASTSD X12, Y12
	VMASKMOVPD   (R8), Y8, Y4
	VMASKMOVPD   32(R8), Y9, Y5
	VFMADD231PD  Y4, Y12, Y0
	VFMADD231PD  Y5, Y12, Y1

both:
	VADDPD Y2, Y0, Y0
	VADDPD Y3, Y1, Y1
	TESTQ  AX, AX
	JZ     store

beta:
	VMASKMOVPD  (DI), Y8, Y4
	VMASKMOVPD  32(DI), Y9, Y5
	VFMADD231PD Y4, Y13, Y0
	VFMADD231PD Y5, Y13, Y1

store:
	CMPQ    CX, $4
	JLT     part
	VMOVUPD Y0, (DI)
	VMOVAPD Y1, Y0
	VMOVAPD Y2, Y1
	VMOVAPD Y3, Y2
	ADDQ    $32, SI
	ADDQ    $32, DI
	SUBQ    $4, CX
	JZ      done
	DECQ    R9
	JNZ     store
	JMP     strip

part:
	TESTQ        $2, CX
	JZ           one
	VMOVUPD      X0, (DI)
	VEXTRACTF128 $1, Y0, X0
	ADDQ         $16, DI

one:
	TESTQ  $1, CX
	JZ     done
	VMOVSD X0, (DI)

done:
	VZEROUPPER
	RET

// func twiceAVX2F64(n int, a *float64, lda int, x *float64, scaled *[4]float64, y *float64, sums *[4]float64)
//
// Four elements at once of each of four rows: they are multiplied by x for the
// rows' sums, and by the rows' own numbers for y.
TEXT ·twiceAVX2F64(SB), NOSPLIT, $0-56
	MOVQ         n+0(FP), CX
	MOVQ         a+8(FP), SI
	MOVQ         lda+16(FP), R12
	SHLQ         $3, R12
	MOVQ         x+24(FP), BX
	MOVQ         scaled+32(FP), DX
	MOVQ         y+40(FP), DI
	VBROADCASTSD (DX), Y4
	VBROADCASTSD 8(DX), Y5
	VBROADCASTSD 16(DX), Y6
	VBROADCASTSD 24(DX), Y7
	LEAQ         (SI)(R12*1), R8
	LEAQ         (SI)(R12*2), R9
	LEAQ         (R8)(R12*2), R10
	VXORPD       Y0, Y0, Y0
	VXORPD       Y1, Y1, Y1
	VXORPD       Y2, Y2, Y2
	VXORPD       Y3, Y3, Y3
	XORQ         DX, DX
	SUBQ         $4, CX
	JLT          rest

four:
	VMOVUPD     (BX)(DX*8), Y8
	VMOVUPD     (SI)(DX*8), Y10
	VMOVUPD     (R8)(DX*8), Y11
	VMOVUPD     (R9)(DX*8), Y12
	VMOVUPD     (R10)(DX*8), Y13
	VMULPD      Y10, Y4, Y9
	VMULPD      Y12, Y6, Y14
	VFMADD231PD Y10, Y8, Y0
	VFMADD231PD Y11, Y8, Y1
	VFMADD231PD Y12, Y8, Y2
	VFMADD231PD Y13, Y8, Y3
	VFMADD231PD Y11, Y5, Y9
	VFMADD231PD Y13, Y7, Y14
	VADDPD      (DI)(DX*8), Y9, Y9
	VADDPD      Y14, Y9, Y9
	VMOVUPD     Y9, (DI)(DX*8)
	ADDQ        $4, DX
	SUBQ        $4, CX
	JGE         four

rest:
	ADDQ        $4, CX
	JZ          sum
	NEGQ        CX
	LEAQ        lanesOn<>(SB), R11
	VMOVUPD     128(R11)(CX*8), Y15
	VMASKMOVPD  (BX)(DX*8), Y15, Y8
	VMASKMOVPD  (SI)(DX*8), Y15, Y10
	VMASKMOVPD  (R8)(DX*8), Y15, Y11
	VMASKMOVPD  (R9)(DX*8), Y15, Y12
	VMASKMOVPD  (R10)(DX*8), Y15, Y13
	VMASKMOVPD  (DI)(DX*8), Y15, Y9
	VFMADD231PD Y10, Y8, Y0
	VFMADD231PD Y11, Y8, Y1
	VFMADD231PD Y12, Y8, Y2
	VFMADD231PD Y13, Y8, Y3
	VFMADD231PD Y10, Y4, Y9
	VFMADD231PD Y11, Y5, Y9
	VFMADD231PD Y12, Y6, Y9
	VFMADD231PD Y13, Y7, Y9
	VMASKMOVPD  Y9, Y15, (DI)(DX*8)

sum:
	MOVQ       sums+48(FP), DI
	VHADDPD    Y1, Y0, Y0
	VHADDPD    Y3, Y2, Y2
	VPERM2F128 $0x20, Y2, Y0, Y1
	VPERM2F128 $0x31, Y2, Y0, Y0
	VADDPD     Y1, Y0, Y0
	VMOVUPD    Y0, (DI)
	VZEROUPPER
	RET
