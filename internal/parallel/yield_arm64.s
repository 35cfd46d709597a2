//go:build !purego

#include "textflag.h"

// func procyield(n int)
TEXT ·procyield(SB), NOSPLIT, $0-8
	MOVD n+0(FP), R0
	LSL  $3, R0      // YIELD is much shorter than PAUSE

wait:
	YIELD
	SUBS $1, R0, R0
	BGT  wait
	RET
