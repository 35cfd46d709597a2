// The arguments of the routines that multiply a matrix by a vector.
	MOVQ         m+0(FP), R11
	MOVQ         n+8(FP), CX
	VBROADCASTSD alpha+16(FP), Y14
	MOVQ         a+24(FP), SI
	MOVQ         lda+32(FP), R12
	SHLQ         $3, R12
	MOVQ         x+40(FP), BX
	VBROADCASTSD beta+56(FP), Y13
	MOVQ         y+64(FP), DI
	MOVQ         incY+72(FP), R13
	SHLQ         $3, R13
	MOVQ         CX, AX
	ANDQ         $3, AX
	NEGQ         AX
	LEAQ         lanesOn<>(SB), DX
	VMOVUPD      128(DX)(AX*8), Y15 // the columns after the last multiple of four
	MOVQ         beta+56(FP), AX
	ADDQ         AX, AX             // 0 if beta is
