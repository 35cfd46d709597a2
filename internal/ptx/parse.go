package ptx

import (
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// limits of what is parsed, so that a file cannot ask for more memory than it has
// reason to.
const (
	maxVarBytes  = 64 << 20
	maxRegisters = 1 << 16
)

// Parse reads PTX text. What it does not know it refuses, with a *SyntaxError.
func Parse(src []byte) (*Module, error) {
	text := strings.TrimRight(string(src), "\x00")
	toks, err := lex(text)
	if err != nil {
		return nil, err
	}
	p := &parser{toks: toks, m: &Module{lines: strings.Split(text, "\n")}}
	if err := p.module(); err != nil {
		return nil, err
	}
	return p.m, nil
}

type parser struct {
	toks []token
	at   int
	m    *Module

	f      *Func
	scopes []map[string]int // register names to indices
	vars   []map[string]*Var
	ranges []regRange
}

// regRange is a declaration %r<100>.
type regRange struct {
	prefix string
	n      int
	typ    typ
	depth  int
	first  int // of f.regs
}

func (p *parser) peek() token { return p.toks[p.at] }

func (p *parser) next() token {
	t := p.toks[p.at]
	if t.kind != tokEnd {
		p.at++
	}
	return t
}

func (p *parser) is(text string) bool {
	t := p.peek()
	return t.text == text && t.kind != tokString && t.kind != tokEnd
}

func (p *parser) accept(text string) bool {
	if p.is(text) {
		p.at++
		return true
	}
	return false
}

func (p *parser) fail(t token, format string, args ...any) error {
	return &SyntaxError{t.line, fmt.Sprintf(format, args...)}
}

func (p *parser) expect(text string) error {
	if !p.accept(text) {
		return p.fail(p.peek(), "%q is missing before %v", text, p.peek())
	}
	return nil
}

func (p *parser) word() (token, error) {
	t := p.next()
	if t.kind != tokWord {
		return t, p.fail(t, "a name is missing before %v", t)
	}
	return t, nil
}

// integer reads a number with a sign.
func (p *parser) integer() (int64, error) {
	neg := p.accept("-")
	t := p.next()
	if t.kind != tokNumber {
		return 0, p.fail(t, "a number is missing before %v", t)
	}
	o, err := number(t)
	if err != nil {
		return 0, err
	}
	if o.kind != argInt {
		return 0, p.fail(t, "%v is no whole number", t)
	}
	if neg {
		return -int64(o.imm), nil
	}
	return int64(o.imm), nil
}

func (p *parser) count(what string, limit int64) (int, error) {
	t := p.peek()
	n, err := p.integer()
	if err == nil && (n < 0 || n > limit) {
		err = p.fail(t, "%s of %d; 0 to %d are possible", what, n, limit)
	}
	return int(n), err
}

// number turns the text of a number into an operand.
func number(t token) (operand, error) {
	s := t.text
	bad := &SyntaxError{t.line, fmt.Sprintf("%v is no number", t)}
	if len(s) > 2 && s[0] == '0' {
		switch s[1] {
		case 'f', 'F':
			v, err := strconv.ParseUint(s[2:], 16, 32)
			if err != nil || len(s) != 10 {
				return operand{}, bad
			}
			return operand{kind: argF32, imm: v}, nil
		case 'd', 'D':
			v, err := strconv.ParseUint(s[2:], 16, 64)
			if err != nil || len(s) != 18 {
				return operand{}, bad
			}
			return operand{kind: argF64, imm: v}, nil
		}
	}
	hex := strings.HasPrefix(s, "0x") || strings.HasPrefix(s, "0X")
	if !hex && strings.ContainsAny(s, ".eE") {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return operand{}, bad
		}
		return operand{kind: argF64, imm: math.Float64bits(v)}, nil
	}
	v, err := strconv.ParseUint(strings.TrimSuffix(s, "U"), 0, 64)
	if err != nil || strings.Contains(s, "_") {
		return operand{}, bad
	}
	return operand{kind: argInt, imm: v}, nil
}

func (p *parser) module() error {
	for {
		t := p.peek()
		if t.kind == tokEnd {
			break
		}
		switch t.text {
		case ".version":
			p.next()
			v := p.next()
			if v.kind != tokNumber {
				return p.fail(v, "the version is %v", v)
			}
			p.m.Version = v.text
		case ".target":
			p.next()
			w, err := p.word()
			if err != nil {
				return err
			}
			p.m.Target = w.text
			for p.accept(",") {
				if _, err := p.word(); err != nil {
					return err
				}
			}
		case ".address_size":
			p.next()
			if n, err := p.integer(); err != nil {
				return err
			} else if n != 64 {
				return p.fail(t, "addresses of %d bits; 64 are known", n)
			}
		case ".file":
			for p.next(); p.peek().line == t.line && p.peek().kind != tokEnd; p.next() {
			}
		case ".section":
			for !p.is("}") && p.peek().kind != tokEnd {
				p.next()
			}
			if err := p.expect("}"); err != nil {
				return err
			}
		default:
			if t.kind != tokDot {
				return p.fail(t, "%v where a directive is expected", t)
			}
			if err := p.declaration(); err != nil {
				return err
			}
		}
	}
	if p.m.Version == "" || p.m.Target == "" {
		return &SyntaxError{0, "the text has no .version or no .target"}
	}
	seen := map[string]bool{}
	for _, f := range p.m.Funcs {
		if f.defined {
			if seen[f.Name] {
				return &SyntaxError{f.Line, fmt.Sprintf("%s is defined twice", f.Name)}
			}
			seen[f.Name] = true
		}
	}
	return nil
}

// declaration reads a variable or function at the top level.
func (p *parser) declaration() error {
	extern := false
	for {
		t := p.next()
		switch t.text {
		case ".visible", ".weak", ".common":
		case ".extern":
			extern = true
		case ".entry", ".func":
			return p.function(t.text == ".entry", extern)
		case ".const", ".global", ".shared":
			p.at--
			v, err := p.variable()
			if err != nil {
				return err
			}
			v.Extern = extern
			if v.Size == 0 && !(extern && v.Space == Shared) {
				return p.fail(t, "%s has no size", v.Name)
			}
			for _, o := range p.m.Vars {
				if o.Name == v.Name {
					return p.fail(t, "%s is declared twice", v.Name)
				}
			}
			p.m.Vars = append(p.m.Vars, v)
			return p.expect(";")
		default:
			return p.fail(t, "the directive %v is not known here", t)
		}
	}
}

// variable reads ".shared .align 16 .b8 name[64] = {1, 2}".
func (p *parser) variable() (*Var, error) {
	v := &Var{Line: p.peek().line}
	var t typ
	vec := 1
	for p.peek().kind == tokDot {
		d := p.next()
		switch d.text {
		case ".const":
			v.Space = Const
		case ".global":
			v.Space = Global
		case ".shared":
			v.Space = Shared
		case ".local":
			v.Space = Local
		case ".param":
			v.Space = Param
		case ".reg":
			return nil, p.fail(d, "a parameter in a register")
		case ".align":
			n, err := p.count("an alignment", 1<<16)
			if err != nil {
				return nil, err
			}
			if n == 0 || bits.OnesCount(uint(n)) != 1 {
				return nil, p.fail(d, "an alignment of %d is no power of two", n)
			}
			v.Align = n
		case ".v2":
			vec = 2
		case ".v4":
			vec = 4
		case ".ptr":
			// .ptr .global .align 4 describes what a parameter points to.
			for p.is(".global") || p.is(".const") || p.is(".shared") || p.is(".local") || p.is(".align") {
				if p.next().text == ".align" {
					if _, err := p.integer(); err != nil {
						return nil, err
					}
				}
			}
		default:
			u, ok := types[d.text[1:]]
			if !ok || u == tPred {
				return nil, p.fail(d, "%v is not known in a declaration", d)
			}
			t = u
		}
	}
	name, err := p.word()
	if err != nil {
		return nil, err
	}
	if t == tNone {
		return nil, p.fail(name, "%v has no type", name)
	}
	v.Name = name.text
	v.Align = max(v.Align, t.size()*vec)
	elems, array := 1, false
	for p.accept("[") {
		array = true
		n := 0
		if !p.is("]") {
			if n, err = p.count("an array", maxVarBytes); err != nil {
				return nil, err
			}
		}
		elems *= n
		if elems > maxVarBytes {
			return nil, p.fail(name, "%v is larger than %d bytes", name, maxVarBytes)
		}
		if err := p.expect("]"); err != nil {
			return nil, err
		}
	}
	v.Size = elems * t.size() * vec
	if v.Size > maxVarBytes {
		return nil, p.fail(name, "%v is larger than %d bytes", name, maxVarBytes)
	}
	if p.accept("=") {
		if v.Init, err = p.initializer(t, array); err != nil {
			return nil, err
		}
		if len(v.Init) > v.Size {
			return nil, p.fail(name, "%v has %d bytes and is set to %d", name, v.Size, len(v.Init))
		}
	}
	return v, nil
}

func (p *parser) initializer(t typ, array bool) ([]byte, error) {
	var out []byte
	one := func() error {
		neg := p.accept("-")
		n := p.next()
		if n.kind != tokNumber {
			return p.fail(n, "%v in the values of a variable; numbers are known", n)
		}
		o, err := number(n)
		if err != nil {
			return err
		}
		b := o.imm
		switch {
		case t == tF32 && o.kind == argF64:
			b = uint64(math.Float32bits(float32(math.Float64frombits(b))))
		case (t == tF32) != (o.kind == argF32) || (t == tF64) != (o.kind == argF64):
			return p.fail(n, "%v in a variable of type %v", n, t)
		}
		if neg {
			switch o.kind {
			case argInt:
				b = -b
			default:
				b ^= 1 << (8*t.size() - 1)
			}
		}
		for range t.size() {
			out = append(out, byte(b))
			b >>= 8
		}
		return nil
	}
	if !array {
		return out, one()
	}
	var list func(depth int) error
	list = func(depth int) error {
		if depth > 8 {
			return p.fail(p.peek(), "more than 8 braces")
		}
		if err := p.expect("{"); err != nil {
			return err
		}
		for !p.is("}") {
			var err error
			if p.is("{") {
				err = list(depth + 1)
			} else {
				err = one()
			}
			if err != nil {
				return err
			}
			if !p.accept(",") {
				break
			}
		}
		return p.expect("}")
	}
	err := list(0)
	return out, err
}

func (p *parser) paramList() ([]*Var, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	var out []*Var
	for !p.is(")") {
		v, err := p.variable()
		if err != nil {
			return nil, err
		}
		if v.Space != Param || v.Size == 0 || v.Init != nil {
			return nil, p.fail(p.peek(), "%s is no parameter that is known", v.Name)
		}
		for _, o := range out {
			if o.Name == v.Name {
				return nil, p.fail(p.peek(), "%s is declared twice", v.Name)
			}
		}
		out = append(out, v)
		if !p.accept(",") {
			break
		}
	}
	return out, p.expect(")")
}

func (p *parser) function(kernel, extern bool) (err error) {
	f := &Func{Kernel: kernel, labels: map[string]int{}, targets: map[string][]string{}}
	if !kernel && p.is("(") {
		if f.Returns, err = p.paramList(); err != nil {
			return err
		}
	}
	name, err := p.word()
	if err != nil {
		return err
	}
	f.Name, f.Line = name.text, name.line
	if p.is("(") {
		if f.Params, err = p.paramList(); err != nil {
			return err
		}
	}
	for {
		t := p.peek()
		switch t.text {
		case ".maxntid", ".reqntid":
			p.next()
			dims := [3]int{1, 1, 1}
			for i := range dims {
				if dims[i], err = p.count("threads", 1<<16); err != nil {
					return err
				}
				if i == 2 || !p.accept(",") {
					break
				}
			}
			if t.text == ".maxntid" {
				f.MaxThreads = dims
			} else {
				f.ReqThreads = dims
			}
			continue
		case ".minnctapersm", ".maxnctapersm", ".maxnreg":
			p.next()
			if _, err := p.integer(); err != nil {
				return err
			}
			continue
		case ".pragma":
			if err := p.pragma(); err != nil {
				return err
			}
			continue
		case ".noreturn":
			p.next()
			continue
		}
		break
	}
	if p.accept(";") {
		p.m.Funcs = append(p.m.Funcs, f)
		return nil
	}
	if extern {
		return p.fail(p.peek(), "%s is extern and has a body", f.Name)
	}
	f.defined = true
	p.m.Funcs = append(p.m.Funcs, f)
	p.f, p.scopes, p.ranges = f, nil, nil
	outer := map[string]*Var{}
	for _, v := range append(f.Returns[:len(f.Returns):len(f.Returns)], f.Params...) {
		outer[v.Name] = v
	}
	p.vars = []map[string]*Var{outer}
	return p.block()
}

func (p *parser) pragma() error {
	p.next()
	for {
		if t := p.next(); t.kind != tokString {
			return p.fail(t, "a pragma is %v", t)
		}
		if !p.accept(",") {
			return p.expect(";")
		}
	}
}

// block reads "{ … }".
func (p *parser) block() error {
	if err := p.expect("{"); err != nil {
		return err
	}
	if len(p.scopes) > 32 {
		return p.fail(p.peek(), "more than 32 braces")
	}
	p.scopes = append(p.scopes, map[string]int{})
	p.vars = append(p.vars, map[string]*Var{})
	defer func() {
		p.vars = p.vars[:len(p.vars)-1]
		p.scopes = p.scopes[:len(p.scopes)-1]
		for len(p.ranges) > 0 && p.ranges[len(p.ranges)-1].depth > len(p.scopes) {
			p.ranges = p.ranges[:len(p.ranges)-1]
		}
	}()
	for !p.is("}") {
		t := p.peek()
		var err error
		switch {
		case t.kind == tokEnd:
			return p.fail(t, "%s does not end", p.f.Name)
		case t.text == "{":
			err = p.block()
		case t.text == ".reg":
			err = p.registers()
		case t.text == ".shared" || t.text == ".local" || t.text == ".param" || t.text == ".global" || t.text == ".const":
			var v *Var
			if v, err = p.variable(); err == nil {
				if v.Size == 0 {
					return p.fail(t, "%s has no size", v.Name)
				}
				inner := p.vars[len(p.vars)-1]
				if inner[v.Name] != nil {
					return p.fail(t, "%s is declared twice", v.Name)
				}
				inner[v.Name] = v
				p.f.Vars = append(p.f.Vars, v)
				err = p.expect(";")
			}
		case t.text == ".pragma":
			err = p.pragma()
		case t.text == ".loc":
			for p.next(); p.peek().line == t.line && p.peek().kind != tokEnd; p.next() {
			}
		case t.kind == tokDot:
			return p.fail(t, "the directive %v is not known in a function", t)
		case t.text == ";":
			p.next()
		default:
			err = p.statement()
		}
		if err != nil {
			return err
		}
	}
	p.next()
	return nil
}

func (p *parser) registers() error {
	p.next()
	d := p.next()
	t, ok := types[strings.TrimPrefix(d.text, ".")]
	if d.kind != tokDot || !ok || t.size() == 1 {
		return p.fail(d, "registers of type %v are not known", d)
	}
	for {
		name, err := p.word()
		if err != nil {
			return err
		}
		n := 1
		if p.accept("<") {
			if n, err = p.count("a set of registers", maxRegisters); err != nil {
				return err
			}
			if err := p.expect(">"); err != nil {
				return err
			}
			p.ranges = append(p.ranges, regRange{name.text, n, t, len(p.scopes), len(p.f.regs)})
			for i := range n {
				p.f.regs = append(p.f.regs, reg{name.text + strconv.Itoa(i), t})
			}
		} else {
			p.scopes[len(p.scopes)-1][name.text] = len(p.f.regs)
			p.f.regs = append(p.f.regs, reg{name.text, t})
		}
		if len(p.f.regs) > maxRegisters {
			return p.fail(name, "more than %d registers", maxRegisters)
		}
		if !p.accept(",") {
			return p.expect(";")
		}
	}
}

// register finds a register by its name.
func (p *parser) register(name string) (int, bool) {
	for i := len(p.scopes) - 1; i >= 0; i-- {
		if r, ok := p.scopes[i][name]; ok {
			return r, true
		}
		for j := len(p.ranges) - 1; j >= 0; j-- {
			r := p.ranges[j]
			if r.depth != i+1 {
				continue
			}
			digits, ok := strings.CutPrefix(name, r.prefix)
			if !ok || digits == "" || digits[0] == '0' && len(digits) > 1 {
				continue
			}
			if k, err := strconv.ParseUint(digits, 10, 32); err == nil && k < uint64(r.n) {
				return r.first + int(k), true
			}
		}
	}
	return 0, false
}

func (p *parser) statement() error {
	t := p.peek()
	s := statement{line: t.line, guard: -1}
	if t.kind == tokWord && p.toks[p.at+1].text == ":" && p.toks[p.at+1].kind == tokPunct {
		p.at += 2
		if p.is(".branchtargets") {
			p.next()
			for {
				w, err := p.word()
				if err != nil {
					return err
				}
				p.f.targets[t.text] = append(p.f.targets[t.text], w.text)
				if !p.accept(",") {
					return p.expect(";")
				}
			}
		}
		if _, dup := p.f.labels[t.text]; dup {
			return p.fail(t, "the label %v stands twice", t)
		}
		p.f.labels[t.text] = len(p.f.body)
		return nil
	}
	if p.accept("@") {
		s.not = p.accept("!")
		w, err := p.word()
		if err != nil {
			return err
		}
		r, ok := p.register(w.text)
		if !ok || p.f.regs[r].typ != tPred {
			return p.fail(w, "%v is no predicate", w)
		}
		s.guard = r
	}
	op, err := p.word()
	if err != nil {
		return err
	}
	parts := strings.Split(op.text, ".")
	s.op, s.mods = parts[0], parts[1:]
	for !p.is(";") {
		o, err := p.operand(0)
		if err != nil {
			return err
		}
		s.args = append(s.args, o)
		if !p.accept(",") {
			break
		}
	}
	p.f.body = append(p.f.body, s)
	return p.expect(";")
}

func (p *parser) operand(depth int) (operand, error) {
	o, err := p.single(depth)
	if err != nil {
		return o, err
	}
	if p.accept("|") {
		q, err := p.single(depth)
		if err != nil {
			return o, err
		}
		o = operand{kind: argPair, list: []operand{o, q}}
	}
	return o, nil
}

func (p *parser) sequence(end string, depth int) (list []operand, err error) {
	for !p.is(end) {
		o, err := p.operand(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, o)
		if !p.accept(",") {
			break
		}
	}
	return list, p.expect(end)
}

func (p *parser) single(depth int) (o operand, err error) {
	if depth > 4 {
		return o, p.fail(p.peek(), "more than 4 braces in an operand")
	}
	t := p.next()
	switch {
	case t.kind == tokNumber:
		return number(t)
	case t.text == "-" && t.kind == tokPunct:
		n := p.next()
		if n.kind != tokNumber {
			return o, p.fail(n, "a number is missing before %v", n)
		}
		if o, err = number(n); err != nil {
			return o, err
		}
		switch o.kind {
		case argInt:
			o.imm = -o.imm
		case argF32:
			o.imm ^= 1 << 31
		case argF64:
			o.imm ^= 1 << 63
		}
		return o, nil
	case t.text == "!" && t.kind == tokPunct:
		if o, err = p.single(depth + 1); err != nil {
			return o, err
		}
		if o.kind != argReg || p.f.regs[o.reg].typ != tPred || o.not {
			return o, p.fail(t, "! stands before what is no predicate")
		}
		o.not = true
		return o, nil
	case t.text == "{" && t.kind == tokPunct:
		o.kind = argVec
		o.list, err = p.sequence("}", depth)
		return o, err
	case t.text == "(" && t.kind == tokPunct:
		o.kind = argList
		o.list, err = p.sequence(")", depth)
		return o, err
	case t.text == "[" && t.kind == tokPunct:
		base, err := p.single(depth + 1)
		if err != nil {
			return o, err
		}
		o = operand{kind: argMem, list: []operand{base}}
		if base.kind != argReg && base.kind != argName && base.kind != argInt {
			return o, p.fail(t, "an address of this kind is not known")
		}
		if base.kind == argName {
			o.imm, o.list[0].imm = base.imm, 0
		} else if p.is("+") {
			if o.imm, err = p.offset(); err != nil {
				return o, err
			}
		}
		return o, p.expect("]")
	case t.text == "_":
		return operand{kind: argSink}, nil
	case t.kind == tokWord:
		if r, ok := p.register(t.text); ok {
			return operand{kind: argReg, reg: r}, nil
		}
		if t.text[0] == '%' {
			return operand{kind: argSpecial, name: t.text}, nil
		}
		o = operand{kind: argName, name: t.text}
		for i := len(p.vars) - 1; i >= 0 && o.v == nil; i-- {
			o.v = p.vars[i][t.text]
		}
		if p.is("+") {
			o.imm, err = p.offset()
		}
		return o, err
	}
	return o, p.fail(t, "%v where an operand is expected", t)
}

// offset reads "+8" or "+-8".
func (p *parser) offset() (uint64, error) {
	p.next()
	n, err := p.integer()
	return uint64(n), err
}
