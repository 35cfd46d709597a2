// The products of rows with x, at BX without gaps, of these routines.
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
