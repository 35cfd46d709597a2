//go:build !purego

#include "textflag.h"

// func applyAVX512(x *float64, bytes, n int, rotations *Rotation)
//
// The vector that the next rotation shares stays in Z0 and Z1.
TEXT ·applyAVX512(SB), NOSPLIT, $0-32
	MOVQ    x+0(FP), DI
	MOVQ    bytes+8(FP), DX
	MOVQ    n+16(FP), CX
	MOVQ    rotations+24(FP), SI
	VMOVUPD (DI), Z0
	VMOVUPD 64(DI), Z1

rotation:
	VBROADCASTSD (SI), Z4
	VBROADCASTSD 8(SI), Z5
	VMOVUPD      (DI)(DX*1), Z2
	VMOVUPD      64(DI)(DX*1), Z3
	VMULPD       Z2, Z5, Z6
	VMULPD       Z3, Z5, Z7
	VMULPD       Z2, Z4, Z2
	VMULPD       Z3, Z4, Z3
	VFMADD231PD  Z0, Z4, Z6
	VFMADD231PD  Z1, Z4, Z7
	VFNMADD231PD Z0, Z5, Z2
	VFNMADD231PD Z1, Z5, Z3
	VMOVUPD      Z6, (DI)
	VMOVUPD      Z7, 64(DI)
	VMOVAPD      Z2, Z0
	VMOVAPD      Z3, Z1
	ADDQ         DX, DI
	ADDQ         $16, SI
	DECQ         CX
	JNZ          rotation

	VMOVUPD Z0, (DI)
	VMOVUPD Z1, 64(DI)
	VZEROUPPER
	RET

// func applyAVX2(x *float64, bytes, n int, rotations *Rotation)
TEXT ·applyAVX2(SB), NOSPLIT, $0-32
	MOVQ    x+0(FP), DI
	MOVQ    bytes+8(FP), DX
	MOVQ    n+16(FP), CX
	MOVQ    rotations+24(FP), SI
	VMOVUPD (DI), Y0
	VMOVUPD 32(DI), Y1
	VMOVUPD 64(DI), Y2
	VMOVUPD 96(DI), Y3

rotation:
	VBROADCASTSD (SI), Y4
	VBROADCASTSD 8(SI), Y5
	VMOVUPD      (DI)(DX*1), Y6
	VMOVUPD      32(DI)(DX*1), Y7
	VMOVUPD      64(DI)(DX*1), Y8
	VMOVUPD      96(DI)(DX*1), Y9
	VMULPD       Y6, Y5, Y10
	VMULPD       Y7, Y5, Y11
	VMULPD       Y8, Y5, Y12
	VMULPD       Y9, Y5, Y13
	VMULPD       Y6, Y4, Y6
	VMULPD       Y7, Y4, Y7
	VMULPD       Y8, Y4, Y8
	VMULPD       Y9, Y4, Y9
	VFMADD231PD  Y0, Y4, Y10
	VFMADD231PD  Y1, Y4, Y11
	VFMADD231PD  Y2, Y4, Y12
	VFMADD231PD  Y3, Y4, Y13
	VFNMADD231PD Y0, Y5, Y6
	VFNMADD231PD Y1, Y5, Y7
	VFNMADD231PD Y2, Y5, Y8
	VFNMADD231PD Y3, Y5, Y9
	VMOVUPD      Y10, (DI)
	VMOVUPD      Y11, 32(DI)
	VMOVUPD      Y12, 64(DI)
	VMOVUPD      Y13, 96(DI)
	VMOVAPD      Y6, Y0
	VMOVAPD      Y7, Y1
	VMOVAPD      Y8, Y2
	VMOVAPD      Y9, Y3
	ADDQ         DX, DI
	ADDQ         $16, SI
	DECQ         CX
	JNZ          rotation

	VMOVUPD Y0, (DI)
	VMOVUPD Y1, 32(DI)
	VMOVUPD Y2, 64(DI)
	VMOVUPD Y3, 96(DI)
	VZEROUPPER
	RET
