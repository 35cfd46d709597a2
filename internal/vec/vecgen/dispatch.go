package vecgen

import (
	"fmt"
	"strings"
)

// A family is one function that picks a routine by a code of package op.
type family struct {
	name, code, doc string
	kernels         []kernel
}

var families = []family{
	{"callUnary", "op.Unary", "of a unary function", unaryKernels},
	{"callBinary", "op.Binary", "of a binary function", binaryKernels},
	{"callPower", "power", "of a power", powerKernels},
	{"callBiasAct", "op.Unary", "of a bias and an activation", biasKernels},
}

// ElementwiseGo returns the Go declarations that go with Elementwise, and one
// function per family that picks a routine.
func ElementwiseGo() string {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p(header, "./internal/vec")
	p("//go:build !purego\n\npackage vec\n")
	p("import (\n\"github.com/gander-ml/gander/internal/isa\"\n\"github.com/gander-ml/gander/internal/op\"\n)\n")
	p("const hasVectors = true\n")
	p("// The functions that call assembly are not inlined: their prologue is where the\n// scheduler can stop a long loop over chunks.\n")
	begin := func(name, code, doc, args string) {
		p("// %s runs the routine %s, and reports whether there is one.\n//\n//go:noinline\nfunc %s(f %s, a *%s) bool {\nswitch {", name, doc, name, code, args)
	}
	const end = "default:\nreturn false\n}\nreturn true\n}\n"
	for _, f := range families {
		begin(f.name, f.code, f.doc, "vecArgs")
		for _, isa := range isas {
			p("case isa.%s:\nswitch f {", isa.Suffix)
			for _, k := range f.kernels {
				p("case %s:\n%s%s(a)", k.code, k.name, isa.Suffix)
			}
			p("default:\nreturn false\n}")
		}
		p(end)
	}
	for _, k := range otherKernels {
		p("//go:noinline\nfunc call%s(a *vecArgs) bool {\nswitch {", strings.TrimPrefix(k.name, "vec"))
		for _, isa := range isas {
			p("case isa.%s:\n%s%s(a)", isa.Suffix, k.name, isa.Suffix)
		}
		p(end)
	}
	for _, f := range []struct{ name, doc, prefix, narrow string }{
		{"callFold", "of a reduction", "fold", " && a.cols == lanes"},
		{"callBlock", "of a block's reduction", "block", ""},
	} {
		begin(f.name, "op.Reduce", f.doc, "foldArgs")
		for _, isa := range isas {
			if isa.AVX512 {
				p("case isa.AVX512:")
			} else {
				p("case isa.AVX2%s:", f.narrow)
			}
			p("switch f {")
			for _, code := range folds {
				p("case op.%s:\n%s%s%s(a)", code, f.prefix, code, isa.Suffix)
			}
			p("default:\nreturn false\n}")
		}
		p(end)
	}
	for _, isa := range isas {
		for _, k := range allKernels {
			p("//go:noescape\nfunc %s%s(a *vecArgs)\n", k.name, isa.Suffix)
		}
		for _, code := range folds {
			p("//go:noescape\nfunc fold%s%s(a *foldArgs)\n", code, isa.Suffix)
			p("//go:noescape\nfunc block%s%s(a *foldArgs)\n", code, isa.Suffix)
		}
	}
	return b.String()
}

// ElementwiseStubs returns what takes the place of both on machines without
// assembly.
func ElementwiseStubs() string {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p(header, "./internal/vec")
	p("//go:build !amd64 || purego\n\npackage vec\n\nimport \"github.com/gander-ml/gander/internal/op\"\n\nconst hasVectors = false\n")
	for _, f := range families {
		p("func %s(%s, *vecArgs) bool { return false }", f.name, f.code)
	}
	for _, k := range otherKernels {
		p("func call%s(*vecArgs) bool { return false }", strings.TrimPrefix(k.name, "vec"))
	}
	p("func callFold(op.Reduce, *foldArgs) bool { return false }")
	p("func callBlock(op.Reduce, *foldArgs) bool { return false }")
	return b.String()
}
