//go:build !purego

#include "textflag.h"

// func procyield(n int)
TEXT ·procyield(SB), NOSPLIT, $0-8
	MOVQ n+0(FP), CX

wait:
	PAUSE            // yields the core's resources to the memory system
	DECQ CX
	JGT  wait
	RET
