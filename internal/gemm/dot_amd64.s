//go:build !purego

#include "go_asm.h"
#include "textflag.h"

// func dotsAVX2F32(d *dots)
//
// Four rows at once, with two partial sums of eight lanes each.
TEXT ·dotsAVX2F32(SB), NOSPLIT, $0-8
	MOVQ   d+0(FP), AX
	MOVQ   dots_a(AX), DX
	MOVQ   dots_rs(AX), R8
	MOVQ   dots_n(AX), R10
	MOVQ   dots_sum(AX), DI
	LEAQ   (R8)(R8*2), R9     // 3 rows of a

rows:
	MOVQ   DX, SI
	MOVQ   dots_x(AX), BX
	MOVQ   dots_k(AX), CX
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7
	SUBQ   $16, CX
	JLT    eight

	PCALIGN $32
sixteen:
	VMOVUPS     (BX), Y8
	VMOVUPS     32(BX), Y9
	VFMADD231PS (SI), Y8, Y0
	VFMADD231PS 32(SI), Y9, Y4
	VFMADD231PS (SI)(R8*1), Y8, Y1
	VFMADD231PS 32(SI)(R8*1), Y9, Y5
	VFMADD231PS (SI)(R8*2), Y8, Y2
	VFMADD231PS 32(SI)(R8*2), Y9, Y6
	VFMADD231PS (SI)(R9*1), Y8, Y3
	VFMADD231PS 32(SI)(R9*1), Y9, Y7
	ADDQ        $64, BX
	ADDQ        $64, SI
	SUBQ        $16, CX
	JGE         sixteen

eight:
	ADDQ        $8, CX        // eight more?
	JLT         sum
	VMOVUPS     (BX), Y8
	VFMADD231PS (SI), Y8, Y0
	VFMADD231PS (SI)(R8*1), Y8, Y1
	VFMADD231PS (SI)(R8*2), Y8, Y2
	VFMADD231PS (SI)(R9*1), Y8, Y3

sum:
	VADDPS       Y4, Y0, Y0
	VADDPS       Y5, Y1, Y1
	VADDPS       Y6, Y2, Y2
	VADDPS       Y7, Y3, Y3
	VHADDPS      Y1, Y0, Y0
	VHADDPS      Y3, Y2, Y2
	VHADDPS      Y2, Y0, Y0   // the low halves' sums, the high halves' sums
	VEXTRACTF128 $1, Y0, X1
	VADDPS       X1, X0, X0
	VMOVUPS      X0, (DI)
	ADDQ         $16, DI
	LEAQ         (DX)(R8*4), DX
	DECQ         R10
	JNZ          rows
	VZEROUPPER
	RET

// func dotsAVX2F64(d *dots)
TEXT ·dotsAVX2F64(SB), NOSPLIT, $0-8
	MOVQ   d+0(FP), AX
	MOVQ   dots_a(AX), DX
	MOVQ   dots_rs(AX), R8
	MOVQ   dots_n(AX), R10
	MOVQ   dots_sum(AX), DI
	LEAQ   (R8)(R8*2), R9     // 3 rows of a

rows:
	MOVQ   DX, SI
	MOVQ   dots_x(AX), BX
	MOVQ   dots_k(AX), CX
	VXORPD Y0, Y0, Y0
	VXORPD Y1, Y1, Y1
	VXORPD Y2, Y2, Y2
	VXORPD Y3, Y3, Y3
	VXORPD Y4, Y4, Y4
	VXORPD Y5, Y5, Y5
	VXORPD Y6, Y6, Y6
	VXORPD Y7, Y7, Y7
	SUBQ   $8, CX
	JLT    four

	PCALIGN $32
eight:
	VMOVUPD     (BX), Y8
	VMOVUPD     32(BX), Y9
	VFMADD231PD (SI), Y8, Y0
	VFMADD231PD 32(SI), Y9, Y4
	VFMADD231PD (SI)(R8*1), Y8, Y1
	VFMADD231PD 32(SI)(R8*1), Y9, Y5
	VFMADD231PD (SI)(R8*2), Y8, Y2
	VFMADD231PD 32(SI)(R8*2), Y9, Y6
	VFMADD231PD (SI)(R9*1), Y8, Y3
	VFMADD231PD 32(SI)(R9*1), Y9, Y7
	ADDQ        $64, BX
	ADDQ        $64, SI
	SUBQ        $8, CX
	JGE         eight

four:
	ADDQ        $4, CX        // four more?
	JLT         sum
	VMOVUPD     (BX), Y8
	VFMADD231PD (SI), Y8, Y0
	VFMADD231PD (SI)(R8*1), Y8, Y1
	VFMADD231PD (SI)(R8*2), Y8, Y2
	VFMADD231PD (SI)(R9*1), Y8, Y3

sum:
	VADDPD       Y4, Y0, Y0
	VADDPD       Y5, Y1, Y1
	VADDPD       Y6, Y2, Y2
	VADDPD       Y7, Y3, Y3
	VHADDPD      Y1, Y0, Y0   // rows 0 and 1, low and high halves
	VHADDPD      Y3, Y2, Y2
	VEXTRACTF128 $1, Y0, X1
	VEXTRACTF128 $1, Y2, X3
	VADDPD       X1, X0, X0
	VADDPD       X3, X2, X2
	VMOVUPD      X0, (DI)
	VMOVUPD      X2, 16(DI)
	ADDQ         $32, DI
	LEAQ         (DX)(R8*4), DX
	DECQ         R10
	JNZ          rows
	VZEROUPPER
	RET
