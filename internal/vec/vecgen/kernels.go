package vecgen

import (
	"slices"
	"strings"

	"github.com/gander-ml/gander/internal/op"
)

// A kernel is one routine: a body applied along streams.
type kernel struct {
	name, doc string
	code      string   // the constant of package op, in a family
	streams   []string // the pointers that advance
	spread    bool     // x and y advance by a step of their own, which may be 0
	rows      bool     // dst walks over rows of a matrix, y starts again at each
	body      func(b *Body)
}

// unary, binary and the others wrap a function of values as a kernel.
func unary(code op.Unary, doc string, f func(b *Body, x Value) Value) kernel {
	return kernel{name: "vec" + code.String(), code: "op." + code.String(), doc: "dst[i] = " + doc, streams: []string{"dst", "x"}, body: func(b *Body) {
		b.Store("dst", f(b, b.Load("x")))
	}}
}

func binary(code op.Binary, doc string, f func(b *Body, x, y Value) Value) kernel {
	return kernel{name: "vec" + code.String(), code: "op." + code.String(), doc: "dst[i] = " + doc, streams: []string{"dst", "x", "y"}, spread: true, body: func(b *Body) {
		b.Store("dst", f(b, b.Load("x"), b.Load("y")))
	}}
}

func bias(code op.Unary, doc string, f func(b *Body, x Value) Value) kernel {
	name := "vecBias"
	if code != op.None {
		name += code.String()
	}
	return kernel{name: name, code: "op." + code.String(), doc: "dst[i][j] = " + doc + ", x = dst[i][j] + y[j]", streams: []string{"dst", "y"}, rows: true, body: func(b *Body) {
		b.Store("dst", f(b, b.Add(b.Load("dst"), b.Load("y"))))
	}}
}

// power wraps one of vec's powers.
func power(code, doc string, f func(b *Body, x Value) Value) kernel {
	k := unary(op.PowScalar, doc, f)
	k.name, k.code = "vecPower"+strings.ToUpper(code[:1])+code[1:], code
	return k
}

// root is the square root as math.Pow has it.
func root(b *Body, x Value) Value {
	y := b.Sqrt(b.Add(x, b.Bits(0)))
	return b.Select(b.Equal(x, b.Bits(0xFF800000)), b.Bits(0x7F800000), y)
}

func relu(b *Body, x Value) Value { return b.Select(b.Less(x, b.Bits(0)), b.Bits(0), x) }

func leaky(b *Body, x Value) Value {
	return b.Select(b.Greater(x, b.Bits(0)), x, b.Mul(x, b.Arg(0)))
}

// step is 1 if y > 0, NaN if y is NaN, else a.
func step(b *Body, y, a Value) Value {
	s := b.Select(b.Greater(y, b.Bits(0)), b.Const(1), a)
	return b.Select(b.IsNaN(y), y, s)
}

func truth(b *Body, m Mask) Value { return b.Select(m, b.Const(1), b.Bits(0)) }

// The kernels of each family, and those that are alone.
var (
	unaryKernels = []kernel{
		unary(op.Neg, "−x[i]", func(b *Body, x Value) Value { return b.Xor(x, b.Bits(signBit)) }),
		unary(op.Abs, "|x[i]|", func(b *Body, x Value) Value { return b.And(x, b.Bits(absMask)) }),
		unary(op.Sign, "−1, 0 or 1; NaN for NaN", func(b *Body, x Value) Value {
			s := b.Select(b.Less(x, b.Bits(0)), b.Const(-1), x)
			return b.Select(b.Greater(x, b.Bits(0)), b.Const(1), s)
		}),
		unary(op.Square, "x[i]²", func(b *Body, x Value) Value { return b.Mul(x, x) }),
		unary(op.Sqrt, "√x[i]", (*Body).Sqrt),
		unary(op.Reciprocal, "1/x[i]", func(b *Body, x Value) Value { return b.Div(b.Const(1), x) }),
		unary(op.Exp, "exp(x[i])", (*Body).Exp),
		unary(op.Log, "ln(x[i])", (*Body).Log),
		unary(op.Sin, "sin(x[i]), or x[i] beyond 2¹⁵", (*Body).Sin),
		unary(op.Cos, "cos(x[i]), or x[i] beyond 2¹⁵", (*Body).Cos),
		unary(op.Tanh, "tanh(x[i])", (*Body).Tanh),
		unary(op.Sigmoid, "1/(1+exp(−x[i]))", (*Body).Sigmoid),
		unary(op.Softplus, "ln(1+exp(x[i]))", (*Body).Softplus),
		unary(op.Erf, "erf(x[i])", (*Body).Erf),
		unary(op.Erfc, "1 − erf(x[i])", (*Body).Erfc),
		unary(op.ELU, "x[i] > 0 ? x[i] : k[0]·(exp(x[i])−1)", func(b *Body, x Value) Value {
			return b.Select(b.Greater(x, b.Bits(0)), x, b.Mul(b.Expm1(x), b.Arg(0)))
		}),
		unary(op.GELU, "x[i]·Φ(x[i])", (*Body).GELU),
		unary(op.ReLU, "x[i] < 0 ? 0 : x[i]", relu),
		unary(op.LeakyReLU, "x[i] > 0 ? x[i] : k[0]·x[i]", leaky),
		unary(op.Scale, "k[0]·x[i]", func(b *Body, x Value) Value { return b.Mul(x, b.Arg(0)) }),
		unary(op.Shift, "x[i] + k[0]", func(b *Body, x Value) Value { return b.Add(x, b.Arg(0)) }),
		unary(op.Clamp, "x[i] held within [k[0], k[1]]", func(b *Body, x Value) Value {
			return b.Min(b.Arg(1), b.Max(b.Arg(0), x))
		}),
	}
	binaryKernels = []kernel{
		binary(op.Add, "x[i] + y[i]", (*Body).Add),
		binary(op.Sub, "x[i] − y[i]", (*Body).Sub),
		binary(op.Mul, "x[i] · y[i]", (*Body).Mul),
		binary(op.Div, "x[i] / y[i]", (*Body).Div),
		binary(op.Max, "x[i] if x[i] > y[i] or NaN, else y[i]", func(b *Body, x, y Value) Value {
			return b.Select(b.IsNaN(x), x, b.Max(x, y))
		}),
		binary(op.Min, "x[i] if x[i] < y[i] or NaN, else y[i]", func(b *Body, x, y Value) Value {
			return b.Select(b.IsNaN(x), x, b.Min(x, y))
		}),
		binary(op.Greater, "x[i] > y[i] ? 1 : 0", func(b *Body, x, y Value) Value { return truth(b, b.Greater(x, y)) }),
		binary(op.GreaterEqual, "x[i] ≥ y[i] ? 1 : 0", func(b *Body, x, y Value) Value { return truth(b, b.GreaterEqual(x, y)) }),
		binary(op.Equal, "x[i] = y[i] ? 1 : 0", func(b *Body, x, y Value) Value { return truth(b, b.Equal(x, y)) }),
		binary(op.AddScaled, "x[i] + k[0]·y[i], rounded twice", func(b *Body, x, y Value) Value {
			return b.Add(x, b.Mul(y, b.Arg(0)))
		}),
		binary(op.Lerp, "x[i] + k[0]·(y[i] − x[i]), each operation rounded", func(b *Body, x, y Value) Value {
			return b.Add(x, b.Mul(b.Sub(y, x), b.Arg(0)))
		}),
		binary(op.TanhGrad, "x[i]·(1 − y[i]²)", func(b *Body, x, y Value) Value {
			return b.Mul(x, b.Sub(b.Const(1), b.Mul(y, y)))
		}),
		binary(op.SigmoidGrad, "x[i]·(y[i]·(1 − y[i]))", func(b *Body, x, y Value) Value {
			return b.Mul(x, b.Mul(y, b.Sub(b.Const(1), y)))
		}),
		binary(op.SoftplusGrad, "x[i]/(1+exp(−y[i]))", func(b *Body, x, y Value) Value {
			return b.Mul(x, b.Sigmoid(y))
		}),
		binary(op.ReLUGrad, "x[i]·(y[i] > 0 ? 1 : 0), NaN if y[i] is", func(b *Body, x, y Value) Value {
			return b.Mul(x, step(b, y, b.Bits(0)))
		}),
		binary(op.LeakyReLUGrad, "x[i]·(y[i] > 0 ? 1 : k[0]), NaN if y[i] is", func(b *Body, x, y Value) Value {
			return b.Mul(x, step(b, y, b.Arg(0)))
		}),
		binary(op.ELUGrad, "x[i]·(y[i] > 0 ? 1 : k[0]·exp(y[i]))", func(b *Body, x, y Value) Value {
			d := b.Mul(b.Exp(b.Min(b.Bits(0), y)), b.Arg(0))
			return b.Mul(x, b.Select(b.Greater(y, b.Bits(0)), b.Const(1), d))
		}),
		binary(op.PReLU, "x[i] > 0 ? x[i] : x[i]·y[i]", func(b *Body, x, y Value) Value {
			return b.Select(b.Greater(x, b.Bits(0)), x, b.Mul(x, y))
		}),
		binary(op.GELUGrad, "x[i]·(Φ(y[i]) + y[i]·φ(y[i]))", func(b *Body, x, y Value) Value {
			return b.Mul(x, b.GELUDerivative(y))
		}),
		binary(op.Gauss, "x[i]·exp(−k[0]·y[i]²)", func(b *Body, x, y Value) Value {
			return b.Mul(x, b.Gauss(y, b.Arg(0)))
		}),
	}
	powerKernels = []kernel{
		power("cube", "x[i]³", func(b *Body, x Value) Value { return b.Mul(b.Mul(x, x), x) }),
		power("fourth", "x[i]⁴", func(b *Body, x Value) Value { y := b.Mul(x, x); return b.Mul(y, y) }),
		power("inverseSquare", "x[i]⁻²", func(b *Body, x Value) Value { y := b.Div(b.Const(1), x); return b.Mul(y, y) }),
		power("root", "√x[i]; √−0 = 0, √−Inf = +Inf", root),
		power("inverseRoot", "1/√x[i]", func(b *Body, x Value) Value { return b.Div(b.Const(1), root(b, x)) }),
		power("anyPower", "x[i] to the power of k[0] + k[1]; see Power", (*Body).Power),
	}
	biasKernels = []kernel{
		bias(op.None, "x", func(_ *Body, x Value) Value { return x }),
		bias(op.Tanh, "tanh(x)", (*Body).Tanh),
		bias(op.Sigmoid, "1/(1+exp(−x))", (*Body).Sigmoid),
		bias(op.ReLU, "x < 0 ? 0 : x", relu),
		bias(op.LeakyReLU, "x > 0 ? x : k[0]·x", leaky),
	}
	otherKernels = []kernel{
		{name: "vecWhere", doc: "dst[i] = x[i] ≠ 0 ? y[i] : z[i]", streams: []string{"dst", "x", "y", "z"}, body: func(b *Body) {
			b.Store("dst", b.Select(b.NotEqual(b.Load("x"), b.Bits(0)), b.Load("y"), b.Load("z")))
		}},
		{name: "vecAdam", doc: "adamGeneric with p = dst, g = x, m = y, v = z", streams: []string{"dst", "x", "y", "z"}, body: adam},
	}
	allKernels = slices.Concat(unaryKernels, binaryKernels, powerKernels, biasKernels, otherKernels)
)

// adam reads all four streams before it writes: they often begin at the same
// offset within their pages, and a load that follows a store to an address with the
// same low 12 bits waits for it.
func adam(b *Body) {
	p, grad, m, v := b.Load("dst"), b.Load("x"), b.Load("y"), b.Load("z")
	b.Note("g += l2·p; p *= decay")
	g := b.Add(grad, b.Mul(p, b.Arg(0)))
	p = b.Mul(p, b.Arg(1))
	b.Note("m += w1·(g − m)")
	m = b.Add(m, b.Mul(b.Sub(g, m), b.Arg(2)))
	b.Note("v = beta2·v + (w2·g)·g")
	v = b.Add(b.Mul(v, b.Arg(3)), b.Mul(b.Mul(g, b.Arg(4)), g))
	b.Note("p += (step·m) / (√v·root + eps)")
	d := b.Add(b.Mul(b.Sqrt(v), b.Arg(5)), b.Arg(6))
	p = b.Add(p, b.Div(b.Mul(m, b.Arg(7)), d))
	b.Store("dst", p)
	b.Store("y", m)
	b.Store("z", v)
}

// Elementwise returns the assembly of package vec.
func Elementwise() string {
	f := &File{home: "./internal/vec", args: "vecArgs"}
	for _, k := range allKernels {
		for _, isa := range isas {
			f.kernel(k, isa)
		}
	}
	for _, code := range folds {
		f.foldAVX512(code)
		f.foldAVX2(code)
		for _, isa := range isas {
			f.block(code, isa)
		}
	}
	return f.String()
}

// kernel prints one routine: constants, a loop over whole vectors, and the same
// body once more under a mask.
func (f *File) kernel(k kernel, isa ISA) {
	b := newBody(isa)
	k.body(b)
	p := layOut(f, b)
	f.printf("\n// %s", k.doc)
	f.printf("//\n// func %s%s(a *vecArgs)", k.name, isa.Suffix)
	f.printf("TEXT ·%s%s(SB), NOSPLIT, $0-8", k.name, isa.Suffix)
	f.printf("\tMOVQ a+0(FP), AX")
	for _, s := range k.streams {
		f.printf("\tMOVQ vecArgs_%s(AX), %s", s, pointers[s])
	}
	f.printf("\tMOVQ vecArgs_n(AX), CX")
	for _, line := range p.constants() {
		f.printf("%s", line)
	}
	if k.rows {
		f.printf("\tMOVQ vecArgs_rows(AX), R10\n\tMOVQ DI, R11 // the row")
		f.printf("\nrow:")
	}
	f.strip(p, k)
	if k.rows {
		f.printf("\tADDQ vecArgs_ld(AX), R11\n\tMOVQ R11, DI")
		f.printf("\tMOVQ vecArgs_y(AX), DX\n\tMOVQ vecArgs_n(AX), CX")
		f.printf("\tDECQ R10\n\tJNZ  row")
	}
	f.printf("\tVZEROUPPER\n\tRET")
}

// strip prints the loop over CX elements and its tail.
func (f *File) strip(p *plan, k kernel) {
	isa := p.body.isa
	f.printf("\tSUBQ $%d, CX\n\tJLT  tail\n\tPCALIGN $32\n\nloop:", isa.lanes)
	f.lines(p, false)
	for _, s := range k.streams {
		if k.spread && s != "dst" {
			f.printf("\tADDQ vecArgs_%sstep(AX), %s", s, pointers[s])
		} else {
			f.printf("\tADDQ $%d, %s", isa.bytes, pointers[s])
		}
	}
	f.printf("\tSUBQ $%d, CX\n\tJGE  loop\n\ntail:", isa.lanes)
	f.printf("\tADDQ $%d, CX\n\tJEQ  done", isa.lanes)
	if isa.AVX512 {
		f.printf("\tMOVL  $1, R8\n\tSHLL  CX, R8\n\tDECL  R8 // a bit for each element left\n\tKMOVW R8, K1")
	} else {
		f.printf("\tLEAQ    vecMask<>+32(SB), R8\n\tSHLQ    $2, CX\n\tSUBQ    CX, R8\n\tVMOVUPS (R8), Y15 // a lane for each element left")
	}
	f.lines(p, true)
	f.printf("\ndone:")
}

func (f *File) lines(p *plan, masked bool) {
	lines, err := p.print(masked)
	if err != nil {
		panic(err)
	}
	for _, line := range lines {
		f.printf("%s", line)
	}
}
