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

// func matVecAVX2F64(m, n int, alpha float64, a *float64, lda int, x *float64, incX int, beta float64, y *float64, incY int)
//
// Four rows at once, with two partial sums of four lanes each. Of the last rows,
// fewer than four, the last one is read for those that are missing.
TEXT ·matVecAVX2F64(SB), NOSPLIT, $0-80
#include "matvec_begin_amd64.h"
#include "matvec_rows_amd64.h"

// func matVecGapsAVX2F64(m, n int, alpha float64, a *float64, lda int, x *float64, incX int, beta float64, y *float64, incY int)
//
// The same for an x with gaps, which is copied to the stack, four numbers in one store:
// the loads then need not wait for it to reach the cache.
TEXT ·matVecGapsAVX2F64(SB), NOSPLIT, $512-80
#include "matvec_begin_amd64.h"
	MOVQ         incX+48(FP), DX
	SHLQ         $3, DX
	LEAQ         (DX)(DX*2), R8
	LEAQ         packed-512(SP), R9
	MOVQ         R9, R10
	SUBQ         $4, CX
	JLT          packRest

packFour:
	VMOVSD      (BX), X0
	VMOVHPD     (BX)(DX*1), X0, X0
	VMOVSD      (BX)(DX*2), X1
	VMOVHPD     (BX)(R8*1), X1, X1
	VINSERTF128 $1, X1, Y0, Y0
	VMOVUPD     Y0, (R10)
	LEAQ        (BX)(DX*4), BX
	ADDQ        $32, R10
	SUBQ        $4, CX
	JGE         packFour

packRest:
	ADDQ        $4, CX
	JZ          packed
	VMOVSD      (BX), X0
	CMPQ        CX, $2
	JLT         packLast
	VMOVHPD     (BX)(DX*1), X0, X0
	JEQ         packLast
	VMOVSD      (BX)(DX*2), X1
	VINSERTF128 $1, X1, Y0, Y0

packLast:
	VMOVUPD Y0, (R10)

packed:
	MOVQ R9, BX
#include "matvec_rows_amd64.h"

// func vecMatAVX2F64(m, n int, alpha float64, a *float64, lda int, x *float64, incX int, beta float64, y *float64, incY int)
//
// Strips of 32 columns from the first row to the last; then of up to 16, and of
// up to 8 with sums of their own for odd rows, whose lanes may be off. A y with gaps has
// strips of 16 throughout.
TEXT ·vecMatAVX2F64(SB), NOSPLIT, $0-80
	MOVQ         n+8(FP), CX
	VMOVSD       alpha+16(FP), X14
	MOVQ         a+24(FP), SI
	MOVQ         lda+32(FP), R12
	SHLQ         $3, R12
	MOVQ         incX+48(FP), R13
	SHLQ         $3, R13
	VBROADCASTSD beta+56(FP), Y13
	MOVQ         y+64(FP), DI
	MOVQ         incY+72(FP), R11
	SHLQ         $3, R11
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
	CMPQ   R11, $8
	JNE    sixteen
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
	CMPQ         R11, $8
	JNE          apart
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
	CMPQ   R11, $8
	JNE    apart
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

apart:
	LEAQ (R11)(R11*2), R8

apartFour:
	VEXTRACTF128 $1, Y0, X4
	CMPQ         CX, $4
	JLT          apartFew
	TESTQ        AX, AX
	JZ           storeApart
	VMOVSD       (DI), X5
	VMOVHPD      (DI)(R11*1), X5, X5
	VMOVSD       (DI)(R11*2), X6
	VMOVHPD      (DI)(R8*1), X6, X6
	VFMADD231PD  X5, X13, X0
	VFMADD231PD  X6, X13, X4

storeApart:
	VMOVSD  X0, (DI)
	VMOVHPD X0, (DI)(R11*1)
	VMOVSD  X4, (DI)(R11*2)
	VMOVHPD X4, (DI)(R8*1)
	VMOVAPD Y1, Y0
	VMOVAPD Y2, Y1
	VMOVAPD Y3, Y2
	LEAQ    (DI)(R11*4), DI
	ADDQ    $32, SI
	SUBQ    $4, CX
	JLE     done
	DECQ    R9
	JNZ     apartFour
	JMP     strip

apartFew:
	VPERMILPD   $1, X0, X5
	TESTQ       AX, AX
	JZ          storeFew
	VFMADD231SD (DI), X13, X0
	CMPQ        CX, $2
	JLT         storeFew
	VFMADD231SD (DI)(R11*1), X13, X5
	JEQ         storeFew
	VFMADD231SD (DI)(R11*2), X13, X4

storeFew:
	VMOVSD X0, (DI)
	CMPQ   CX, $2
	JLT    done
	VMOVSD X5, (DI)(R11*1)
	JEQ    done
	VMOVSD X4, (DI)(R11*2)
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
