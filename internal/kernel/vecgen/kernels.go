package vecgen

// A kernel is one routine: a body applied along streams.
type kernel struct {
	name, doc string
	streams   []string // the pointers that advance
	spread    bool     // x and y advance by a step of their own, which may be 0
	rows      bool     // dst walks over rows of a matrix, y starts again at each
	body      func(b *Body)
}

// unary, binary and the others wrap a function of values as a kernel.
func unary(name, doc string, f func(b *Body, x Value) Value) kernel {
	return kernel{name: "vec" + name, doc: "dst[i] = " + doc, streams: []string{"dst", "x"}, body: func(b *Body) {
		b.Store("dst", f(b, b.Load("x")))
	}}
}

func binary(name, doc string, f func(b *Body, x, y Value) Value) kernel {
	return kernel{name: "vec" + name, doc: "dst[i] = " + doc, streams: []string{"dst", "x", "y"}, spread: true, body: func(b *Body) {
		b.Store("dst", f(b, b.Load("x"), b.Load("y")))
	}}
}

func ternary(name, doc string, f func(b *Body, x, y, z Value) Value) kernel {
	return kernel{name: "vec" + name, doc: "dst[i] = " + doc, streams: []string{"dst", "x", "y", "z"}, body: func(b *Body) {
		b.Store("dst", f(b, b.Load("x"), b.Load("y"), b.Load("z")))
	}}
}

func biasAct(name, doc string, f func(b *Body, x Value) Value) kernel {
	return kernel{name: "vecBias" + name, doc: "dst[i][j] = " + doc + ", x = dst[i][j] + y[j]", streams: []string{"dst", "y"}, rows: true, body: func(b *Body) {
		b.Store("dst", f(b, b.Add(b.Load("dst"), b.Load("y"))))
	}}
}

func relu(b *Body, x Value) Value { return b.Select(b.Less(x, b.Bits(0)), b.Bits(0), x) }

func leaky(b *Body, x Value) Value {
	return b.Select(b.Greater(x, b.Bits(0)), x, b.Mul(x, b.Arg(0)))
}

// step is 1 where y > 0, NaN where y is NaN, else a.
func step(b *Body, y, a Value) Value {
	s := b.Select(b.Greater(y, b.Bits(0)), b.Const(1), a)
	return b.Select(b.IsNaN(y), y, s)
}

func truth(b *Body, m Mask) Value { return b.Select(m, b.Const(1), b.Bits(0)) }

// The order of the kernels is the order of the constants in package kernel.
var (
	unaryKernels = []kernel{
		unary("Neg", "−x[i]", func(b *Body, x Value) Value { return b.Xor(x, b.Bits(signBit)) }),
		unary("Abs", "|x[i]|", func(b *Body, x Value) Value { return b.And(x, b.Bits(absMask)) }),
		unary("Sign", "−1, 0 or 1; NaN for NaN", func(b *Body, x Value) Value {
			s := b.Select(b.Less(x, b.Bits(0)), b.Const(-1), x)
			return b.Select(b.Greater(x, b.Bits(0)), b.Const(1), s)
		}),
		unary("Square", "x[i]²", func(b *Body, x Value) Value { return b.Mul(x, x) }),
		unary("Sqrt", "√x[i]", (*Body).Sqrt),
		unary("Reciprocal", "1/x[i]", func(b *Body, x Value) Value { return b.Div(b.Const(1), x) }),
		unary("Exp", "exp(x[i])", (*Body).Exp),
		unary("Log", "ln(x[i])", (*Body).Log),
		unary("Tanh", "tanh(x[i])", (*Body).Tanh),
		unary("Sigmoid", "1/(1+exp(−x[i]))", (*Body).Sigmoid),
		unary("Softplus", "ln(1+exp(x[i]))", (*Body).Softplus),
		unary("ReLU", "x[i] < 0 ? 0 : x[i]", relu),
		unary("LeakyReLU", "x[i] > 0 ? x[i] : k[0]·x[i]", leaky),
		unary("Scale", "k[0]·x[i]", func(b *Body, x Value) Value { return b.Mul(x, b.Arg(0)) }),
		unary("Shift", "x[i] + k[0]", func(b *Body, x Value) Value { return b.Add(x, b.Arg(0)) }),
		unary("Clamp", "x[i] held within [k[0], k[1]]", func(b *Body, x Value) Value {
			return b.Min(b.Arg(1), b.Max(b.Arg(0), x))
		}),
	}
	binaryKernels = []kernel{
		binary("Add", "x[i] + y[i]", (*Body).Add),
		binary("Sub", "x[i] − y[i]", (*Body).Sub),
		binary("Mul", "x[i] · y[i]", (*Body).Mul),
		binary("Div", "x[i] / y[i]", (*Body).Div),
		binary("Max", "x[i] if x[i] > y[i] or NaN, else y[i]", func(b *Body, x, y Value) Value {
			return b.Select(b.IsNaN(x), x, b.Max(x, y))
		}),
		binary("Min", "x[i] if x[i] < y[i] or NaN, else y[i]", func(b *Body, x, y Value) Value {
			return b.Select(b.IsNaN(x), x, b.Min(x, y))
		}),
		binary("Greater", "x[i] > y[i] ? 1 : 0", func(b *Body, x, y Value) Value { return truth(b, b.Greater(x, y)) }),
		binary("GreaterEqual", "x[i] ≥ y[i] ? 1 : 0", func(b *Body, x, y Value) Value { return truth(b, b.GreaterEqual(x, y)) }),
		binary("Equal", "x[i] = y[i] ? 1 : 0", func(b *Body, x, y Value) Value { return truth(b, b.Equal(x, y)) }),
		binary("TanhGrad", "x[i]·(1 − y[i]²)", func(b *Body, x, y Value) Value {
			return b.Mul(x, b.Sub(b.Const(1), b.Mul(y, y)))
		}),
		binary("SigmoidGrad", "x[i]·(y[i]·(1 − y[i]))", func(b *Body, x, y Value) Value {
			return b.Mul(x, b.Mul(y, b.Sub(b.Const(1), y)))
		}),
		binary("SoftplusGrad", "x[i]/(1+exp(−y[i]))", func(b *Body, x, y Value) Value {
			return b.Mul(x, b.Sigmoid(y))
		}),
		binary("ReLUGrad", "x[i]·(y[i] > 0 ? 1 : 0), NaN where y[i] is", func(b *Body, x, y Value) Value {
			return b.Mul(x, step(b, y, b.Bits(0)))
		}),
		binary("LeakyReLUGrad", "x[i]·(y[i] > 0 ? 1 : k[0]), NaN where y[i] is", func(b *Body, x, y Value) Value {
			return b.Mul(x, step(b, y, b.Arg(0)))
		}),
	}
	otherKernels = []kernel{
		ternary("Where", "x[i] ≠ 0 ? y[i] : z[i]", func(b *Body, x, y, z Value) Value {
			return b.Select(b.NotEqual(x, b.Bits(0)), y, z)
		}),
		ternary("MulAdd", "x[i]·y[i] + z[i], rounded twice", func(b *Body, x, y, z Value) Value {
			return b.Add(b.Mul(x, y), z)
		}),
		{name: "vecAxpy", doc: "dst[i] += k[0]·x[i], rounded twice", streams: []string{"dst", "x"}, body: func(b *Body) {
			b.Store("dst", b.Add(b.Load("dst"), b.Mul(b.Load("x"), b.Arg(0))))
		}},
		{name: "vecLerp", doc: "dst[i] += k[0]·(x[i] − dst[i]), each operation rounded", streams: []string{"dst", "x"}, body: func(b *Body) {
			d := b.Load("dst")
			b.Store("dst", b.Add(d, b.Mul(b.Sub(b.Load("x"), d), b.Arg(0))))
		}},
		biasAct("Tanh", "tanh(x)", (*Body).Tanh),
		biasAct("Sigmoid", "1/(1+exp(−x))", (*Body).Sigmoid),
		biasAct("Softplus", "ln(1+exp(x))", (*Body).Softplus),
		biasAct("ReLU", "x < 0 ? 0 : x", relu),
		biasAct("LeakyReLU", "x > 0 ? x : k[0]·x", leaky),
		biasAct("None", "x", func(_ *Body, x Value) Value { return x }),
	}
	optimKernels = []kernel{
		{name: "vecAdam", doc: "adamGeneric with p = dst, g = x, m = y, v = z", streams: []string{"dst", "x", "y", "z"}, body: adam},
		{name: "vecSGD", doc: "dst[i] += k[3]·(x[i] + k[0]·dst[i])", streams: []string{"dst", "x"}, body: func(b *Body) {
			p := b.Load("dst")
			g := b.Add(b.Load("x"), b.Mul(p, b.Arg(0)))
			b.Store("dst", b.Add(p, b.Mul(g, b.Arg(3))))
		}},
		{name: "vecMomentum", doc: "sgdGeneric with p = dst, g = x, buf = y, without Nesterov", streams: []string{"dst", "x", "y"}, body: func(b *Body) { momentum(b, false) }},
		{name: "vecNesterov", doc: "sgdGeneric with p = dst, g = x, buf = y, with Nesterov", streams: []string{"dst", "x", "y"}, body: func(b *Body) { momentum(b, true) }},
	}
)

func adam(b *Body) {
	p := b.Load("dst")
	b.Note("g += l2·p; p *= decay")
	g := b.Add(b.Load("x"), b.Mul(p, b.Arg(0)))
	p = b.Mul(p, b.Arg(1))
	b.Note("m += w1·(g − m)")
	m := b.Load("y")
	m = b.Add(m, b.Mul(b.Sub(g, m), b.Arg(2)))
	b.Store("y", m)
	b.Note("v = beta2·v + (w2·g)·g")
	v := b.Mul(b.Load("z"), b.Arg(3))
	v = b.Add(v, b.Mul(b.Mul(g, b.Arg(4)), g))
	b.Store("z", v)
	b.Note("p += (step·m) / (√v·root + eps)")
	d := b.Add(b.Mul(b.Sqrt(v), b.Arg(5)), b.Arg(6))
	b.Store("dst", b.Add(p, b.Div(b.Mul(m, b.Arg(7)), d)))
}

func momentum(b *Body, nesterov bool) {
	p := b.Load("dst")
	b.Note("g += l2·p")
	g := b.Add(b.Load("x"), b.Mul(p, b.Arg(0)))
	b.Note("buf = μ·buf + w·g")
	d := b.Add(b.Mul(b.Load("y"), b.Arg(1)), b.Mul(g, b.Arg(2)))
	b.Store("y", d)
	if nesterov {
		d = b.Add(g, b.Mul(d, b.Arg(1)))
	}
	b.Store("dst", b.Add(p, b.Mul(d, b.Arg(3))))
}

// Elementwise returns the assembly of package kernel.
func Elementwise() string {
	f := &File{args: "vecArgs"}
	for _, group := range [][]kernel{unaryKernels, binaryKernels, otherKernels, optimKernels} {
		for _, k := range group {
			for _, isa := range []ISA{AVX512, AVX2} {
				f.kernel(k, isa)
			}
		}
	}
	for _, op := range folds {
		f.foldAVX512(op)
		f.foldAVX2(op)
		f.block(op, AVX512)
		f.block(op, AVX2)
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
