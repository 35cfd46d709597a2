package ptx

import (
	"math"
	"math/bits"
)

// The functions of instructions that have no case of their own in the interpreter's
// loop. Registers of 16 bits lie in the low half of 32, whose high half is zero.

type (
	fn1     = func(uint32) uint32
	fn2     = func(a, b uint32) uint32
	fn3     = func(a, b, c uint32) uint32
	fnD1    = func(uint64) uint64
	fnD2    = func(a, b uint64) uint64
	fnD3    = func(a, b, c uint64) uint64
	fnND    = func(uint64) uint32 // narrow from wide
	fnDN    = func(uint32) uint64 // wide from narrow
	fnDNN   = func(a, b uint32) uint64
	fnDDNN  = func(a uint64, b, c uint32) uint64
	fnDDDNN = func(a, b uint64, c, d uint32) uint64
	fnN4    = func(a, b, c, d uint32) uint32
	cmp2    = func(a, b uint32) bool
	cmpD2   = func(a, b uint64) bool
)

// narrow makes an operation on 32 bits one on 16: extended operands, a result cut
// off.
func narrow2(f fn2, signed bool) fn2 {
	if signed {
		return func(a, b uint32) uint32 { return f(extend16(a), extend16(b)) & 0xffff }
	}
	return func(a, b uint32) uint32 { return f(a, b) & 0xffff }
}

func narrow1(f fn1, signed bool) fn1 {
	if signed {
		return func(a uint32) uint32 { return f(extend16(a)) & 0xffff }
	}
	return func(a uint32) uint32 { return f(a) & 0xffff }
}

func extend16(a uint32) uint32 { return uint32(int32(int16(a))) }

// integer2 returns an operation on two integers.
func integer2(op string, signed bool) (fn2, fnD2) {
	type pair struct {
		n fn2
		d fnD2
	}
	var p pair
	switch op {
	case "add":
		p = pair{func(a, b uint32) uint32 { return a + b }, func(a, b uint64) uint64 { return a + b }}
	case "sub":
		p = pair{func(a, b uint32) uint32 { return a - b }, func(a, b uint64) uint64 { return a - b }}
	case "mul":
		p = pair{func(a, b uint32) uint32 { return a * b }, func(a, b uint64) uint64 { return a * b }}
	case "and":
		p = pair{func(a, b uint32) uint32 { return a & b }, func(a, b uint64) uint64 { return a & b }}
	case "or":
		p = pair{func(a, b uint32) uint32 { return a | b }, func(a, b uint64) uint64 { return a | b }}
	case "xor":
		p = pair{func(a, b uint32) uint32 { return a ^ b }, func(a, b uint64) uint64 { return a ^ b }}
	case "min":
		p = pair{func(a, b uint32) uint32 { return min(a, b) }, func(a, b uint64) uint64 { return min(a, b) }}
		if signed {
			p = pair{func(a, b uint32) uint32 { return uint32(min(int32(a), int32(b))) }, func(a, b uint64) uint64 { return uint64(min(int64(a), int64(b))) }}
		}
	case "max":
		p = pair{func(a, b uint32) uint32 { return max(a, b) }, func(a, b uint64) uint64 { return max(a, b) }}
		if signed {
			p = pair{func(a, b uint32) uint32 { return uint32(max(int32(a), int32(b))) }, func(a, b uint64) uint64 { return uint64(max(int64(a), int64(b))) }}
		}
	case "mulhi":
		p = pair{func(a, b uint32) uint32 { return uint32(uint64(a) * uint64(b) >> 32) }, func(a, b uint64) uint64 { hi, _ := bits.Mul64(a, b); return hi }}
		if signed {
			p = pair{func(a, b uint32) uint32 { return uint32(uint64(int64(int32(a))*int64(int32(b))) >> 32) }, mulHiSigned}
		}
	// What is divided by zero is undefined, and any number will do.
	case "div":
		p = pair{func(a, b uint32) uint32 { return a / max(b, 1) }, func(a, b uint64) uint64 { return a / max(b, 1) }}
		if signed {
			p = pair{func(a, b uint32) uint32 { return uint32(int32(a) / nonzero(int32(b))) }, func(a, b uint64) uint64 { return uint64(int64(a) / nonzero(int64(b))) }}
		}
	case "rem":
		p = pair{func(a, b uint32) uint32 { return a % max(b, 1) }, func(a, b uint64) uint64 { return a % max(b, 1) }}
		if signed {
			p = pair{func(a, b uint32) uint32 { return uint32(int32(a) % nonzero(int32(b))) }, func(a, b uint64) uint64 { return uint64(int64(a) % nonzero(int64(b))) }}
		}
	}
	return p.n, p.d
}

func nonzero[T int32 | int64](x T) T {
	if x == 0 {
		return 1
	}
	return x
}

func mulHiSigned(a, b uint64) uint64 {
	hi, _ := bits.Mul64(a, b)
	if int64(a) < 0 {
		hi -= b
	}
	if int64(b) < 0 {
		hi -= a
	}
	return hi
}

// integer1 returns an operation on one integer.
func integer1(op string, signed bool) (fn1, fnD1) {
	switch op {
	case "not":
		return func(a uint32) uint32 { return ^a }, func(a uint64) uint64 { return ^a }
	case "cnot":
		return func(a uint32) uint32 {
				if a == 0 {
					return 1
				}
				return 0
			}, func(a uint64) uint64 {
				if a == 0 {
					return 1
				}
				return 0
			}
	case "neg":
		return func(a uint32) uint32 { return -a }, func(a uint64) uint64 { return -a }
	case "abs":
		return func(a uint32) uint32 {
				if int32(a) < 0 {
					return -a
				}
				return a
			}, func(a uint64) uint64 {
				if int64(a) < 0 {
					return -a
				}
				return a
			}
	case "brev":
		return bits.Reverse32, bits.Reverse64
	}
	return nil, nil
}

// funnel returns shf: a is the low word, b the high one.
func funnel(left, clamp bool) fn3 {
	return func(a, b, c uint32) uint32 {
		if clamp {
			c = min(c, 32)
		} else {
			c &= 31
		}
		v := uint64(b)<<32 | uint64(a)
		if left {
			return uint32(v << c >> 32)
		}
		return uint32(v >> c)
	}
}

// compareInt returns a comparison of integers.
func compareInt(op string, signed bool) (cmp2, cmpD2) {
	switch op {
	case "eq":
		return func(a, b uint32) bool { return a == b }, func(a, b uint64) bool { return a == b }
	case "ne":
		return func(a, b uint32) bool { return a != b }, func(a, b uint64) bool { return a != b }
	case "lt", "lo":
		if signed {
			return func(a, b uint32) bool { return int32(a) < int32(b) }, func(a, b uint64) bool { return int64(a) < int64(b) }
		}
		return func(a, b uint32) bool { return a < b }, func(a, b uint64) bool { return a < b }
	case "le", "ls":
		if signed {
			return func(a, b uint32) bool { return int32(a) <= int32(b) }, func(a, b uint64) bool { return int64(a) <= int64(b) }
		}
		return func(a, b uint32) bool { return a <= b }, func(a, b uint64) bool { return a <= b }
	case "gt", "hi":
		if signed {
			return func(a, b uint32) bool { return int32(a) > int32(b) }, func(a, b uint64) bool { return int64(a) > int64(b) }
		}
		return func(a, b uint32) bool { return a > b }, func(a, b uint64) bool { return a > b }
	case "ge", "hs":
		if signed {
			return func(a, b uint32) bool { return int32(a) >= int32(b) }, func(a, b uint64) bool { return int64(a) >= int64(b) }
		}
		return func(a, b uint32) bool { return a >= b }, func(a, b uint64) bool { return a >= b }
	}
	return nil, nil
}

// compareFloat returns a comparison of floats: those with u hold if one is NaN.
func compareFloat(op string) func(x, y float64) bool {
	switch op {
	case "eq":
		return func(x, y float64) bool { return x == y }
	case "ne":
		return func(x, y float64) bool { return x < y || x > y }
	case "lt":
		return func(x, y float64) bool { return x < y }
	case "le":
		return func(x, y float64) bool { return x <= y }
	case "gt":
		return func(x, y float64) bool { return x > y }
	case "ge":
		return func(x, y float64) bool { return x >= y }
	case "equ":
		return func(x, y float64) bool { return !(x < y || x > y) }
	case "neu":
		return func(x, y float64) bool { return x != y }
	case "ltu":
		return func(x, y float64) bool { return !(x >= y) }
	case "leu":
		return func(x, y float64) bool { return !(x > y) }
	case "gtu":
		return func(x, y float64) bool { return !(x <= y) }
	case "geu":
		return func(x, y float64) bool { return !(x < y) }
	case "num":
		return func(x, y float64) bool { return x == x && y == y }
	case "nan":
		return func(x, y float64) bool { return x != x || y != y }
	}
	return nil
}

// float2 returns an operation on two floats, of either width.
func float2(op string, r rounding, approx bool) (fn2, fnD2) {
	switch op {
	case "add":
		return func(a, b uint32) uint32 { return fma32To(1, f32(a), f32(b), r) },
			func(a, b uint64) uint64 { return b64(fma64(1, f64(a), f64(b), r)) }
	case "sub":
		return func(a, b uint32) uint32 { return fma32To(1, f32(a), -f32(b), r) },
			func(a, b uint64) uint64 { return b64(fma64(1, f64(a), -f64(b), r)) }
	case "mul":
		return func(a, b uint32) uint32 { return b32(to32(float64(f32(a))*float64(f32(b)), r)) },
			func(a, b uint64) uint64 { return b64(mul64(f64(a), f64(b), r)) }
	case "div":
		if approx {
			return divApprox, nil
		}
		return func(a, b uint32) uint32 { return div32(f32(a), f32(b), r) }, func(a, b uint64) uint64 { return b64(div64(f64(a), f64(b), r)) }
	case "min":
		return min32, min64
	case "max":
		return max32, max64
	case "copysign": // the sign of a on b
		return func(a, b uint32) uint32 { return a&(1<<31) | b&^(1<<31) }, func(a, b uint64) uint64 { return a&(1<<63) | b&^(1<<63) }
	}
	return nil, nil
}

func mul64(a, b float64, r rounding) float64 {
	y := a * b
	if r == nearest || !finite(a, b) || a == 0 || b == 0 {
		return y
	}
	e := exactly(a)
	return directed64(e.Mul(e, exactly(b)), y, r)
}

// divApprox is div.approx.f32, which gives 0 for a divisor above 2¹²⁶.
func divApprox(a, b uint32) uint32 {
	x, y := f32(a), f32(b)
	if m := math.Abs(float64(y)); m > 0x1p126 && !math.IsInf(m, 0) {
		y = float32(math.Copysign(math.Inf(1), float64(y)))
	}
	return b32(x / y)
}

// float1 returns an operation on one float.
func float1(op string, r rounding, approx bool) (fn1, fnD1) {
	switch op {
	case "neg":
		return func(a uint32) uint32 { return a ^ 1<<31 }, func(a uint64) uint64 { return a ^ 1<<63 }
	case "abs":
		return func(a uint32) uint32 { return a &^ (1 << 31) }, func(a uint64) uint64 { return a &^ (1 << 63) }
	case "rcp":
		if approx {
			return approx32(rcp), func(a uint64) uint64 { return high(1 / f64(a)) }
		}
		return func(a uint32) uint32 { return div32(1, f32(a), r) }, func(a uint64) uint64 { return b64(div64(1, f64(a), r)) }
	case "sqrt":
		if approx {
			return approx32(math.Sqrt), nil
		}
		return func(a uint32) uint32 { return sqrt32(f32(a), r) }, func(a uint64) uint64 { return b64(sqrt64(f64(a), r)) }
	case "rsqrt":
		return approx32(rsqrt), func(a uint64) uint64 { return high(rsqrt(f64(a))) }
	case "ex2":
		return approx32(math.Exp2), nil
	case "lg2":
		return approx32(math.Log2), nil
	case "sin":
		return approx32(math.Sin), nil
	case "cos":
		return approx32(math.Cos), nil
	case "tanh":
		return approx32(math.Tanh), nil
	}
	return nil, nil
}

// high keeps the upper half, which is all that the approximate instructions on
// float64 give.
func high(f float64) uint64 { return math.Float64bits(f) &^ math.MaxUint32 }

func testp(op string) (func(float64, bool) bool, bool) {
	switch op {
	case "finite":
		return func(x float64, _ bool) bool { return finite(x) }, true
	case "infinite":
		return func(x float64, _ bool) bool { return math.IsInf(x, 0) }, true
	case "number":
		return func(x float64, _ bool) bool { return x == x }, true
	case "notanumber":
		return func(x float64, _ bool) bool { return x != x }, true
	case "normal":
		return func(x float64, single bool) bool { return finite(x) && math.Abs(x) >= smallest(single) }, true
	case "subnormal":
		return func(x float64, single bool) bool { return x != 0 && math.Abs(x) < smallest(single) }, true
	}
	return nil, false
}

func smallest(single bool) float64 {
	if single {
		return 0x1p-126
	}
	return 0x1p-1022
}

// convert returns cvt from one type to another, on 64 bits: the operand is
// extended according to its type, the result is cut off by the caller to its own.
func convert(to, from typ, whole bool, r rounding, ftz, sat bool) func(uint64) uint64 {
	if sat && !to.float() {
		if from.float() {
			sat = false // it does so anyway
		}
	}
	n := to.size() * 8
	switch {
	case from.float() && to.float():
		return func(b uint64) uint64 {
			var x float64
			if from == tF32 {
				if ftz {
					b = uint64(flush(uint32(b)))
				}
				x = float64(f32(uint32(b)))
			} else {
				x = f64(b)
			}
			if whole {
				x = integral(x, r)
			}
			if to == tF32 {
				y := x
				if !whole {
					y = float64(to32(x, r))
				}
				out := b32(float32(y))
				if ftz {
					out = flush(out)
				}
				if sat {
					out = saturate32(out)
				}
				return uint64(out)
			}
			out := b64(x)
			if sat {
				out = saturate64(out)
			}
			return out
		}
	case from.float():
		return func(b uint64) uint64 {
			x := f64(b)
			if from == tF32 {
				if ftz {
					b = uint64(flush(uint32(b)))
				}
				x = float64(f32(uint32(b)))
			}
			if x != x {
				// As the manual has it: 0, unless one of the types has 64 bits.
				if from == tF64 || n == 64 {
					return 1 << (n - 1)
				}
				return 0
			}
			x = integral(x, r)
			if to.signed() {
				return toSigned(x, n)
			}
			return toUnsigned(x, n)
		}
	case to.float():
		return func(b uint64) uint64 {
			neg := from.signed() && int64(b) < 0
			if neg {
				b = -b
			}
			out := fromInt(neg, b, to == tF32, r)
			if sat {
				if to == tF32 {
					return uint64(saturate32(uint32(out)))
				}
				return saturate64(out)
			}
			return out
		}
	}
	return func(b uint64) uint64 {
		if !sat {
			return b
		}
		switch {
		case from.signed() && to.signed():
			return uint64(max(min(int64(b), 1<<(n-1)-1), -1<<(n-1)))
		case from.signed():
			if int64(b) < 0 {
				return 0
			}
			return min(b, math.MaxUint64>>(64-n))
		case to.signed():
			return min(b, 1<<(n-1)-1)
		}
		return min(b, math.MaxUint64>>(64-n))
	}
}

// extendFrom returns what brings a register's bits to 64 according to a type.
func extendFrom(b uint64, t typ) uint64 {
	switch t {
	case tU8, tB8:
		return b & 0xff
	case tS8:
		return uint64(int64(int8(b)))
	case tU16, tB16:
		return b & 0xffff
	case tS16:
		return uint64(int64(int16(b)))
	case tU32, tB32, tF32:
		return b & math.MaxUint32
	case tS32:
		return uint64(int64(int32(b)))
	}
	return b
}
