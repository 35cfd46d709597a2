package ptx

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
)

// Windows of the generic address space. Addresses of global memory lie below them
// and are the same in both.
const (
	sharedWindow = 1 << 60
	localWindow  = 1 << 61
	constWindow  = 1 << 62
)

// Where variables begin in their spaces. No variable lies at 0, and guard bytes lie
// between two, so that an index that leaves a variable is noticed.
const (
	spaceStart = 1024
	guardBytes = 256
	// stackParams is where parameters of calls begin in the space param; below lie
	// those of the kernel.
	stackParams = 1 << 32
)

// opcode is what the interpreter's loop does. The order matters: those that write
// 32 bits come first, then those that write 64, then those that write a predicate.
type opcode uint16

const (
	opNop opcode = iota

	opMov32
	opAdd32
	opSub32
	opMul32
	opMad32
	opAnd32
	opOr32
	opXor32
	opShl32
	opShrU32
	opShrS32
	opAddF32
	opSubF32
	opMulF32
	opFmaF32
	opSelp32
	opTruncate
	opFn1
	opFn2
	opFn3
	opFn4
	opFnND
	end32

	opMov64
	opAdd64
	opSub64
	opMul64
	opMad64
	opAnd64
	opOr64
	opXor64
	opShl64
	opShrU64
	opShrS64
	opMulWideU
	opMulWideS
	opMadWideU
	opMadWideS
	opAddF64
	opSubF64
	opMulF64
	opFmaF64
	opSelp64
	opExtendU
	opExtendS
	opF64FromF32
	opFnD1
	opFnD2
	opFnD3
	opFnDN
	opFnDNN
	opFnDDNN
	opFnDDDNN
	end64

	opSetpFn
	opSetpFnD
	opSetpEq32
	opSetpNe32
	opSetpLtS32
	opSetpLeS32
	opSetpLtU32
	opSetpLeU32
	opSetpLtF32
	opSetpFnF64
	opPredMov
	opPredAnd
	opPredOr
	opPredXor
	opPredNot
	endPred

	opLoad
	opStore
	opLoadParam
	opBranch
	opBranchTable
	opExit
	opBarrier
	opWarpSync
	opShuffle
	opVote
	opActiveMask
	opTrap
)

// A definedness number names a register in the set of those that hold something:
// the class in the high bits, the slot in the low ones. 0 is always defined.
type ident = int32

const (
	class32 ident = 1 << 24
	class64 ident = 2 << 24
	classP  ident = 3 << 24
)

// inst is one compiled instruction: registers are slots of the warp's files, and
// immediate operands lie in slots as well.
type inst struct {
	op    opcode
	guard int32 // predicate slot; -1: none
	gid   ident // of the guard
	not   bool  // the guard is negated
	zero  bool  // where b is zero, the result is undefined

	d, a, b, c, e int32
	imm           uint64
	fn            any

	ud  ident // what the instruction defines
	use [4]ident

	// Of setp: combine with predicate c, and a second result e.
	combine uint8 // 0 none, 1 and, 2 or, 3 xor
	negC    bool

	// Of memory, shuffles and votes.
	space    Space
	size     uint8 // bytes of an element
	n        uint8 // elements
	wide     bool  // registers of 64 bits
	signed   bool
	half     bool // registers of 16 bits
	plain    bool // a load of whole words to registers of their width
	readOnly bool // ld.global.nc
	base32   bool // the address is in a register of 32 bits
	mode     uint8
	v        [4]int32 // registers of the elements; -1: none
	uv       [4]ident

	target  int32
	targets []int32
	line    int32
}

// program is a kernel, compiled.
type program struct {
	name    string
	f       *Func
	m       *Module
	code    []inst
	n32     int
	n64     int
	nPred   int
	names   []string // of registers, by definedness number
	const32 []slot32
	const64 []slot64
	truth   int32 // the predicate that is always true; -1: not used
	divides bool  // integers are divided somewhere
	special []specialSlot

	sharedBytes int // of static variables, as the device counts them
	sharedEnd   int // where dynamic shared memory begins
	sharedVars  []placed
	localVars   []placed
	localEnd    int
	paramBytes  int
	params      []placed
	sharedShift uint // log₂ of the bytes that races are told apart by
	globalShift uint
}

type slot32 struct {
	slot int32
	v    uint32
}

type slot64 struct {
	slot int32
	v    uint64
}

type specialSlot struct {
	slot int32
	name string
}

// placed is a variable with its offset in its space.
type placed struct {
	name string
	at   int
	size int
}

// compiler compiles one kernel, with the functions that it calls in their places.
type compiler struct {
	m       *Module
	p       *program
	globals map[string]uint64 // addresses of global and const variables

	consts32 map[uint32]int32
	consts64 map[uint64]int32
	constsP  [2]int32 // false and true; -1: not used
	specials map[string]int32
	calls    []string // functions that are being compiled in each other
	dynamic  []*Var
	names    map[ident]string

	// Of the function that is compiled.
	f     *Func
	slots []int32
	vars  map[*Var]varPlace
	s     *statement
}

type varPlace struct {
	space Space
	at    uint64
}

type compileError struct{ error }

func (c *compiler) fail(format string, args ...any) {
	line := 0
	if c.s != nil {
		line = c.s.line
	}
	text := fmt.Sprintf(format, args...)
	if t := c.m.text(line); t != "" {
		text = fmt.Sprintf("%s: %s", t, text)
	}
	panic(compileError{&SyntaxError{line, text}})
}

// compile compiles a kernel. The globals have addresses by now.
func compile(m *Module, f *Func, globals map[string]uint64) (p *program, err error) {
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(compileError)
			if !ok {
				panic(r)
			}
			err = e.error
		}
	}()
	p = &program{name: f.Name, f: f, m: m, sharedShift: 2, globalShift: 2, localEnd: spaceStart, sharedEnd: spaceStart, truth: -1}
	c := &compiler{
		m: m, p: p, globals: globals,
		consts32: map[uint32]int32{}, consts64: map[uint64]int32{}, specials: map[string]int32{}, constsP: [2]int32{-1, -1},
		vars: map[*Var]varPlace{}, names: map[ident]string{},
	}
	for _, v := range f.Params {
		p.paramBytes = align(p.paramBytes, v.Align)
		p.params = append(p.params, placed{v.Name, p.paramBytes, v.Size})
		c.vars[v] = varPlace{Param, uint64(p.paramBytes)}
		p.paramBytes += v.Size
	}
	for _, v := range m.Vars {
		if v.Space == Shared && !(v.Extern && v.Size == 0) && c.mentions(f, v.Name, map[string]bool{}) {
			c.placeShared(v)
		}
	}
	c.function(f, -1)
	p.sharedEnd = align(p.sharedEnd, 16)
	for _, v := range c.dynamic {
		p.sharedEnd = align(p.sharedEnd, v.Align)
	}
	c.patchDynamic()
	p.names = make([]string, 1+p.n32+p.n64+p.nPred)
	for id, name := range c.names {
		p.names[p.ident(id)] = name
	}
	for i := range p.code {
		in := &p.code[i]
		in.ud, in.gid = p.ident(in.ud), p.ident(in.gid)
		for j := range in.use {
			in.use[j] = p.ident(in.use[j])
		}
		for j := range in.uv {
			in.uv[j] = p.ident(in.uv[j])
		}
	}
	return p, nil
}

// ident turns a class and slot into a number in the warp's list of definedness.
func (p *program) ident(i ident) ident {
	slot := i & (class32 - 1)
	switch i &^ (class32 - 1) {
	case class32:
		return 1 + slot
	case class64:
		return 1 + int32(p.n32) + slot
	case classP:
		return 1 + int32(p.n32+p.n64) + slot
	}
	return 0
}

func align(n, to int) int { return (n + to - 1) &^ (to - 1) }

// mentions reports whether a function, or one that it calls, uses a name.
func (c *compiler) mentions(f *Func, name string, seen map[string]bool) bool {
	seen[f.Name] = true
	var in func([]operand) bool
	in = func(os []operand) bool {
		for _, o := range os {
			if o.kind == argName && o.name == name && o.v == nil || in(o.list) {
				return true
			}
		}
		return false
	}
	for _, s := range f.body {
		if in(s.args) {
			return true
		}
		if s.op != "call" {
			continue
		}
		for _, o := range s.args {
			if g := c.m.find(o.name); o.kind == argName && g != nil && !seen[g.Name] && c.mentions(g, name, seen) {
				return true
			}
		}
	}
	return false
}

// find returns the definition of a function.
func (m *Module) find(name string) *Func {
	for _, f := range m.Funcs {
		if f.Name == name && f.defined {
			return f
		}
	}
	return nil
}

func (c *compiler) placeShared(v *Var) uint64 {
	p := c.p
	p.sharedBytes = align(p.sharedBytes, v.Align) + v.Size
	at := align(p.sharedEnd, max(v.Align, 16))
	p.sharedEnd = at + v.Size + guardBytes
	p.sharedVars = append(p.sharedVars, placed{v.Name, at, v.Size})
	c.vars[v] = varPlace{Shared, uint64(at)}
	return uint64(at)
}

func (c *compiler) placeLocal(v *Var) int {
	p := c.p
	at := align(p.localEnd, max(v.Align, 16))
	p.localEnd = at + v.Size + 16
	p.localVars = append(p.localVars, placed{v.Name, at, v.Size})
	if p.localEnd > 1<<20 {
		c.fail("the local variables of a thread take more than 1 MiB")
	}
	return at
}

// function appends the code of a function's body. In a device function, end is
// where its returns go: −1 in a kernel.
func (c *compiler) function(f *Func, end int) {
	if slices.Contains(c.calls, f.Name) {
		c.fail("%s calls itself, which this interpreter does not do", f.Name)
	}
	if len(c.calls) > 64 {
		c.fail("calls are nested more than 64 deep")
	}
	outer := *c
	c.calls = append(c.calls, f.Name)
	c.f, c.slots = f, make([]int32, len(f.regs))
	for i, r := range f.regs {
		switch {
		case r.typ == tPred:
			c.slots[i] = c.newP()
		case r.typ.size() == 8:
			c.slots[i] = c.new64()
		default:
			c.slots[i] = c.new32()
		}
		c.names[classOf(r.typ)+c.slots[i]] = r.name
	}
	for _, v := range f.Vars {
		switch v.Space {
		case Shared:
			if _, ok := c.vars[v]; !ok { // one place, however often the function is called
				c.placeShared(v)
			}
		case Local:
			c.vars[v] = varPlace{Local, uint64(c.placeLocal(v))}
		case Param:
			c.vars[v] = varPlace{Param, stackParams + uint64(c.placeLocal(v))}
		}
	}
	at := make([]int32, len(f.body)+1)
	start := len(c.p.code)
	var returns []int
	for i := range f.body {
		at[i] = int32(len(c.p.code))
		c.s = &f.body[i]
		c.statement(&returns)
		if len(c.p.code) > 1<<20 {
			c.fail("the kernel has more than a million instructions, with those of the functions that it calls")
		}
	}
	at[len(f.body)] = int32(len(c.p.code))
	if len(c.calls) == 1 {
		c.emit(inst{op: opExit})
	}
	for i := start; i < len(c.p.code); i++ {
		in := &c.p.code[i]
		switch in.op {
		case opBranch:
			if in.target <= -2 {
				in.target = at[-in.target-2]
			}
		case opBranchTable:
			for j, t := range in.targets {
				if t <= -2 {
					in.targets[j] = at[-t-2]
				}
			}
		}
	}
	for _, r := range returns {
		c.p.code[r].target = int32(len(c.p.code))
	}
	c.calls, c.f, c.slots, c.s = outer.calls, outer.f, outer.slots, outer.s
}

func (c *compiler) new32() int32 { c.p.n32++; return int32(c.p.n32 - 1) }
func (c *compiler) new64() int32 { c.p.n64++; return int32(c.p.n64 - 1) }
func (c *compiler) newP() int32  { c.p.nPred++; return int32(c.p.nPred - 1) }

// label returns a branch's target until the places are known: −2 − the index of the
// statement.
func (c *compiler) label(name string) int32 {
	i, ok := c.f.labels[name]
	if !ok {
		c.fail("there is no label %s", name)
	}
	return int32(-2 - i)
}

// emit appends an instruction with the statement's line and guard.
func (c *compiler) emit(in inst) {
	in.guard = -1
	if c.s != nil {
		in.line = int32(c.s.line)
		if c.s.guard >= 0 {
			in.guard, in.not = c.slots[c.s.guard], c.s.not
			in.gid = classP + in.guard
		}
	}
	c.p.code = append(c.p.code, in)
}

func (c *compiler) constant32(v uint32) int32 {
	s, ok := c.consts32[v]
	if !ok {
		s = c.new32()
		c.consts32[v] = s
		c.p.const32 = append(c.p.const32, slot32{s, v})
	}
	return s
}

func (c *compiler) constant64(v uint64) int32 {
	s, ok := c.consts64[v]
	if !ok {
		s = c.new64()
		c.consts64[v] = s
		c.p.const64 = append(c.p.const64, slot64{s, v})
	}
	return s
}

func (c *compiler) constantP(v bool) int32 {
	i := b2i(v)
	if c.constsP[i] < 0 {
		c.constsP[i] = c.newP()
		if v {
			c.p.truth = c.constsP[i]
		}
	}
	return c.constsP[i]
}

// specialRegisters are those whose value does not change while a thread runs.
var specialRegisters = map[string]bool{
	"%tid.x": true, "%tid.y": true, "%tid.z": true, "%ntid.x": true, "%ntid.y": true, "%ntid.z": true,
	"%ctaid.x": true, "%ctaid.y": true, "%ctaid.z": true, "%nctaid.x": true, "%nctaid.y": true, "%nctaid.z": true,
	"%laneid": true, "%warpid": true, "%nwarpid": true, "WARP_SZ": true,
	"%lanemask_eq": true, "%lanemask_le": true, "%lanemask_lt": true, "%lanemask_ge": true, "%lanemask_gt": true,
	"%dynamic_smem_size": true, "%total_smem_size": true,
}

func (c *compiler) specialRegister(name string) int32 {
	if !specialRegisters[name] {
		c.fail("there is no register %s", name)
	}
	s, ok := c.specials[name]
	if !ok {
		s = c.new32()
		c.specials[name] = s
		c.p.special = append(c.p.special, specialSlot{s, name})
	}
	return s
}

// src returns the slot of an operand of type t, and what it uses.
func (c *compiler) src(o operand, t typ) (int32, ident) {
	wide := t.size() == 8
	if o.not {
		c.fail("a negated predicate as an operand")
	}
	switch o.kind {
	case argReg:
		r := c.f.regs[o.reg]
		if t == tPred != (r.typ == tPred) || t.size() != r.typ.size() {
			c.fail("%s is a register of type %v where %v is expected", r.name, r.typ, t)
		}
		s := c.slots[o.reg]
		return s, classOf(t) + s
	case argInt:
		if t.float() && o.imm != 0 {
			c.fail("a whole number where %v is expected", t)
		}
		if t == tPred {
			return c.constantP(o.imm != 0), 0
		}
		if wide {
			return c.constant64(o.imm), 0
		}
		if t.size() == 2 {
			return c.constant32(uint32(o.imm) & 0xffff), 0
		}
		return c.constant32(uint32(o.imm)), 0
	case argF32:
		if t == tF64 {
			return c.constant64(math.Float64bits(float64(f32(uint32(o.imm))))), 0
		}
		if t != tF32 && t != tB32 {
			c.fail("a float32 where %v is expected", t)
		}
		return c.constant32(uint32(o.imm)), 0
	case argF64:
		if t == tF32 {
			return c.constant32(math.Float32bits(float32(f64(o.imm)))), 0
		}
		if t != tF64 && t != tB64 {
			c.fail("a float64 where %v is expected", t)
		}
		return c.constant64(o.imm), 0
	case argSpecial:
		if t.size() == 4 {
			return c.specialRegister(o.name), 0
		}
		c.fail("%s where %v is expected", o.name, t)
	case argName:
		if o.name == "WARP_SZ" && t.size() == 4 {
			return c.constant32(32), 0
		}
		_, at := c.address(o)
		if wide {
			return c.constant64(at), 0
		}
		if t.size() == 4 && at < 1<<32 {
			return c.constant32(uint32(at)), 0
		}
		c.fail("the address of %s where %v is expected", o.name, t)
	}
	c.fail("an operand of this kind is not known here")
	return 0, 0
}

// predicateOperand returns a predicate that may be negated.
func (c *compiler) predicateOperand(o operand) (slot int32, id ident, negated bool) {
	negated, o.not = o.not, false
	slot, id = c.src(o, tPred)
	return slot, id, negated
}

func classOf(t typ) ident {
	switch {
	case t == tPred:
		return classP
	case t.size() == 8:
		return class64
	}
	return class32
}

// operandName returns the name of a register.
func (p *program) operandName(id ident) string {
	if n := p.names[id]; n != "" {
		return n
	}
	return "a register"
}

// undefined says of a register that it is undefined, and what that can come of.
func (p *program) undefined(id ident) string {
	text := p.operandName(id) + ", which was never set, or was computed from what was not"
	if p.divides {
		text += ", or by dividing by zero"
	}
	return text
}

// address returns the space and address of a variable with an offset.
func (c *compiler) address(o operand) (Space, uint64) {
	if o.v != nil {
		p, ok := c.vars[o.v]
		if !ok {
			if a, ok := c.globals[c.f.Name+"\x00"+o.name]; ok {
				return o.v.Space, a + o.imm
			}
			c.fail("%s has no place", o.name)
		}
		return p.space, p.at + o.imm
	}
	for _, v := range c.m.Vars {
		if v.Name != o.name {
			continue
		}
		if v.Space == Shared && v.Size == 0 {
			if !slices.Contains(c.dynamic, v) {
				c.dynamic = append(c.dynamic, v)
			}
			return Shared, dynamicMark + o.imm
		}
		if p, ok := c.vars[v]; ok {
			return p.space, p.at + o.imm
		}
		if a, ok := c.globals[v.Name]; ok {
			return v.Space, a + o.imm
		}
	}
	c.fail("%s is not declared", o.name)
	return 0, 0
}

// dynamicMark stands for the beginning of dynamic shared memory until the size of
// the static variables is known.
const dynamicMark = 1 << 50

func (c *compiler) patchDynamic() {
	patch := func(v uint64) uint64 {
		for _, window := range [...]uint64{0, sharedWindow} {
			if m := window + dynamicMark; v >= m-1<<40 && v < m+1<<40 {
				return v - dynamicMark + uint64(c.p.sharedEnd)
			}
		}
		return v
	}
	if len(c.dynamic) == 0 {
		return
	}
	for i := range c.p.const64 {
		c.p.const64[i].v = patch(c.p.const64[i].v)
	}
}

// dst returns the slot of a result of type t.
func (c *compiler) dst(o operand, t typ) (int32, ident) {
	switch o.kind {
	case argSink:
		switch {
		case t == tPred:
			return c.newP(), 0
		case t.size() == 8:
			return c.new64(), 0
		}
		return c.new32(), 0
	case argReg:
		r := c.f.regs[o.reg]
		if t == tPred != (r.typ == tPred) || t.size() != r.typ.size() {
			c.fail("%s is a register of type %v where %v is expected", r.name, r.typ, t)
		}
		s := c.slots[o.reg]
		return s, classOf(t) + s
	}
	if o.kind == argSpecial {
		c.fail("there is no register %s", o.name)
	}
	c.fail("the result is no register")
	return 0, 0
}

// mods is the list of an instruction's modifiers; take removes one.
type mods struct{ list []string }

func (m *mods) take(names ...string) string {
	for i, x := range m.list {
		if slices.Contains(names, x) {
			m.list = slices.Delete(slices.Clone(m.list), i, i+1)
			return x
		}
	}
	return ""
}

// typ takes the last modifier that is a type.
func (m *mods) typ() typ {
	for i := len(m.list) - 1; i >= 0; i-- {
		if t, ok := types[m.list[i]]; ok {
			m.list = slices.Delete(slices.Clone(m.list), i, i+1)
			return t
		}
	}
	return tNone
}

func (m *mods) rounding() (rounding, bool) {
	switch m.take("rn", "rz", "rm", "rp") {
	case "rn":
		return nearest, true
	case "rz":
		return toZero, true
	case "rm":
		return down, true
	case "rp":
		return up, true
	}
	return nearest, false
}

func (c *compiler) args(n int) []operand {
	if len(c.s.args) != n {
		c.fail("%d operands; %d are expected", len(c.s.args), n)
	}
	return c.s.args
}

// done fails if modifiers are left that nobody took.
func (c *compiler) done(m *mods) {
	if len(m.list) > 0 {
		c.fail("the modifier .%s is not known", strings.Join(m.list, "."))
	}
}

func (c *compiler) statement(returns *[]int) {
	s := c.s
	m := &mods{s.mods}
	switch s.op {
	case "bra":
		m.take("uni")
		c.done(m)
		c.emit(inst{op: opBranch, target: c.label(c.args(1)[0].name)})
	case "brx":
		m.take("idx")
		m.take("uni")
		c.done(m)
		a := c.args(2)
		names, ok := c.f.targets[a[1].name]
		if !ok {
			c.fail("there is no list of targets %s", a[1].name)
		}
		in := inst{op: opBranchTable}
		in.a, in.use[0] = c.src(a[0], tU32)
		for _, n := range names {
			in.targets = append(in.targets, c.label(n))
		}
		c.emit(in)
	case "ret", "exit":
		m.take("uni")
		c.done(m)
		if s.op == "exit" || len(c.calls) == 1 {
			c.emit(inst{op: opExit})
			return
		}
		*returns = append(*returns, len(c.p.code))
		c.emit(inst{op: opBranch, target: -1})
	case "call":
		c.call(m)
	case "trap":
		c.emit(inst{op: opTrap})
	case "bar", "barrier":
		c.barrier(m)
	case "membar", "fence", "nanosleep", "prefetch", "prefetchu", "pmevent":
		// Order between threads is checked by barriers; these do not matter.
	case "ld", "ldu", "st":
		c.memory(m)
	case "shfl":
		c.shuffle(m)
	case "vote":
		c.vote(m)
	case "activemask":
		d, ud := c.dst(c.args(1)[0], tB32)
		c.emit(inst{op: opActiveMask, d: d, ud: ud})
	case "atom", "red":
		c.fail("the order of atomic operations is not defined; this interpreter refuses them")
	default:
		c.arithmetic(m)
	}
}

func (c *compiler) barrier(m *mods) {
	if m.take("warp") != "" {
		m.take("sync")
		c.done(m)
		if c.s.guard >= 0 {
			c.fail("what a warp does together, under a predicate")
		}
		in := inst{op: opWarpSync}
		in.a, in.use[0] = c.src(c.args(1)[0], tB32)
		c.emit(in)
		return
	}
	if m.take("sync") == "" {
		c.fail("of the barriers, bar.sync and bar.warp.sync are known")
	}
	m.take("cta")
	m.take("aligned")
	c.done(m)
	a := c.args(1)
	if a[0].kind != argInt || a[0].imm != 0 {
		c.fail("of the barriers, number 0 for the whole block is known")
	}
	if c.s.guard >= 0 {
		c.fail("a barrier under a predicate")
	}
	c.emit(inst{op: opBarrier})
}

func (c *compiler) shuffle(m *mods) {
	if c.s.guard >= 0 {
		c.fail("what a warp does together, under a predicate")
	}
	if m.take("sync") == "" {
		c.fail("shfl without .sync is not known on this target")
	}
	in := inst{op: opShuffle}
	switch m.take("up", "down", "bfly", "idx") {
	case "up":
		in.mode = 0
	case "down":
		in.mode = 1
	case "bfly":
		in.mode = 2
	case "idx":
		in.mode = 3
	default:
		c.fail("the mode of the shuffle is missing")
	}
	m.take("b32")
	c.done(m)
	a := c.args(5)
	d := a[0]
	in.e = -1
	if d.kind == argPair {
		var id ident
		in.e, id = c.dst(d.list[1], tPred)
		in.uv[1] = id
		d = d.list[0]
	}
	in.d, in.ud = c.dst(d, tB32)
	in.a, in.uv[0] = c.src(a[1], tB32)
	in.b, in.use[1] = c.src(a[2], tU32)
	in.c, in.use[2] = c.src(a[3], tU32)
	in.v[0], in.use[3] = c.src(a[4], tU32)
	c.emit(in)
}

func (c *compiler) vote(m *mods) {
	if c.s.guard >= 0 {
		c.fail("what a warp does together, under a predicate")
	}
	if m.take("sync") == "" {
		c.fail("vote without .sync is not known on this target")
	}
	in := inst{op: opVote}
	kind := m.take("all", "any", "uni", "ballot")
	m.take("pred")
	m.take("b32")
	c.done(m)
	a := c.args(3)
	switch kind {
	case "all":
		in.mode = 0
	case "any":
		in.mode = 1
	case "uni":
		in.mode = 2
	case "ballot":
		in.mode = 3
	default:
		c.fail("the mode of the vote is missing")
	}
	if kind == "ballot" {
		in.d, in.ud = c.dst(a[0], tB32)
	} else {
		in.d, in.ud = c.dst(a[0], tPred)
	}
	in.a, in.uv[0], in.negC = c.predicateOperand(a[1])
	in.v[0], in.use[0] = c.src(a[2], tU32)
	c.emit(in)
}

// call compiles the called function in the place of the call. Its parameters are
// those variables that the caller passes.
func (c *compiler) call(m *mods) {
	m.take("uni")
	c.done(m)
	s := c.s
	args := s.args
	var rets, params []operand
	if len(args) > 0 && args[0].kind == argList {
		rets, args = args[0].list, args[1:]
	}
	if len(args) == 0 || args[0].kind != argName {
		c.fail("the function of the call is no name")
	}
	name := args[0].name
	if len(args) > 1 {
		if args[1].kind != argList {
			c.fail("calls through a register are not known")
		}
		params = args[1].list
	}
	if len(args) > 2 {
		c.fail("calls through a prototype are not known")
	}
	g := c.m.find(name)
	if g == nil || g.Kernel {
		c.fail("there is no device function %s", name)
	}
	if len(rets) != len(g.Returns) || len(params) != len(g.Params) {
		c.fail("%s has %d parameters and %d results; the call has %d and %d", name, len(g.Params), len(g.Returns), len(params), len(rets))
	}
	bind := func(vars []*Var, with []operand) {
		for i, v := range vars {
			o := with[i]
			if o.kind != argName || o.v == nil || o.v.Space != Param || o.imm != 0 {
				c.fail("what is passed for %s is no variable of the space param", v.Name)
			}
			if o.v.Size != v.Size {
				c.fail("%s has %d bytes, what is passed for it %d", v.Name, v.Size, o.v.Size)
			}
			c.vars[v] = c.vars[o.v]
		}
	}
	bind(g.Returns, rets)
	bind(g.Params, params)
	skip := -1
	if s.guard >= 0 {
		skip = len(c.p.code)
		c.emit(inst{op: opBranch, target: -1})
		c.p.code[skip].not = !c.p.code[skip].not
	}
	c.function(g, len(c.p.code))
	if skip >= 0 {
		c.p.code[skip].target = int32(len(c.p.code))
	}
}

// memory compiles ld and st.
func (c *compiler) memory(m *mods) {
	s := c.s
	in := inst{op: opLoad, n: 1}
	if s.op == "st" {
		in.op = opStore
	}
	t := m.typ()
	if t == tNone || t == tPred {
		c.fail("the type is missing")
	}
	if t == tF16 {
		c.fail("f16 is not known")
	}
	in.size, in.signed = uint8(t.size()), t.signed()
	switch m.take("v2", "v4") {
	case "v2":
		in.n = 2
	case "v4":
		in.n = 4
	}
	switch m.take("global", "shared", "local", "const", "param", "shared::cta", "param::entry", "param::func") {
	case "global":
		in.space = Global
	case "shared", "shared::cta":
		in.space = Shared
	case "local":
		in.space = Local
	case "const":
		in.space = Const
	case "param", "param::entry", "param::func":
		in.space = Param
	}
	in.readOnly = m.take("nc") != ""
	if m.take("acquire", "release") != "" {
		c.fail("the order of acquire and release is not known")
	}
	for m.take("ca", "cg", "cs", "lu", "cv", "wb", "wt", "volatile", "weak", "L1::evict_normal", "L1::evict_unchanged", "L1::evict_first",
		"L1::evict_last", "L1::no_allocate", "L2::64B", "L2::128B", "L2::256B", "relaxed", "cta", "gpu", "sys") != "" {
	}
	c.done(m)
	if in.space == Const && in.op == opStore {
		c.fail("a store to the space const")
	}
	if in.size < 4 {
		switch in.space {
		case Shared:
			c.p.sharedShift = 0
		case Global:
			c.p.globalShift = 0
		case Generic:
			c.p.sharedShift, c.p.globalShift = 0, 0
		}
	}
	a := c.args(2)
	value, mem := a[0], a[1]
	if in.op == opStore {
		value, mem = mem, value
	}
	if mem.kind != argMem {
		c.fail("the address is not in brackets")
	}
	base := mem.list[0]
	in.imm = mem.imm
	switch base.kind {
	case argReg:
		r := c.f.regs[base.reg]
		in.a, in.use[0] = c.slots[base.reg], classOf(r.typ)+c.slots[base.reg]
		switch {
		case r.typ.size() == 4 && !r.typ.float():
			in.base32 = true
			in.imm = uint64(int64(int32(in.imm)))
		case r.typ.size() == 8 && !r.typ.float():
		default:
			c.fail("%s is no address", r.name)
		}
	case argInt:
		in.a = c.constant64(base.imm)
	case argName:
		space, at := c.address(operand{kind: argName, name: base.name, v: base.v})
		if space != in.space && in.space != Generic {
			c.fail("%s lies in the space %v", base.name, space)
		}
		if in.space == Generic {
			at = toGeneric(space, at)
		}
		in.a = c.constant64(at)
	}
	list := []operand{value}
	if value.kind == argVec {
		list = value.list
	}
	if len(list) != int(in.n) {
		c.fail("%d values; %d are expected", len(list), in.n)
	}
	for i, o := range list {
		in.v[i] = -1
		switch o.kind {
		case argReg:
			r := c.f.regs[o.reg]
			if r.typ == tPred || r.typ.size() < t.size() {
				c.fail("the register %s of type %v cannot hold %v", r.name, r.typ, t)
			}
			wide := r.typ.size() == 8
			if i > 0 && wide != in.wide {
				c.fail("registers of two widths in one instruction")
			}
			in.wide, in.half = wide, r.typ.size() == 2
			in.v[i], in.uv[i] = c.slots[o.reg], classOf(r.typ)+c.slots[o.reg]
		case argSink:
			if in.op == opStore {
				c.fail("a store of nothing")
			}
			if in.n == 1 {
				c.fail("a load to nothing")
			}
		default:
			if in.op == opLoad {
				c.fail("the result is no register")
			}
			if i > 0 && in.wide != (t.size() == 8) {
				c.fail("registers of two widths in one instruction")
			}
			u := t
			if t.size() == 1 {
				u = tU16
			}
			in.wide = t.size() == 8
			in.v[i], in.uv[i] = c.src(o, u)
		}
	}
	in.plain = in.op == opLoad && (in.size == 4 && !in.wide || in.size == 8)
	if in.space == Param {
		if base.kind == argName && c.vars[base.v].at < stackParams || base.kind == argReg {
			if in.op == opLoad {
				in.op = opLoadParam
			}
		}
	}
	c.emit(in)
}

func toGeneric(s Space, at uint64) uint64 {
	switch s {
	case Shared:
		return at + sharedWindow
	case Local:
		return at + localWindow
	case Const:
		return at + constWindow
	}
	return at
}

// arithmetic compiles what neither reads memory nor changes the flow.
func (c *compiler) arithmetic(m *mods) {
	s := c.s
	switch s.op {
	case "mov":
		c.move(m)
		return
	case "cvt":
		c.convert(m)
		return
	case "cvta":
		c.cvta(m)
		return
	case "setp", "set":
		c.compare(m)
		return
	case "selp", "slct":
		c.selp(m)
		return
	}
	t := m.typ()
	if t == tPred {
		c.predicate(m)
		return
	}
	if t == tF16 {
		c.fail("f16 is not known")
	}
	if t.float() {
		c.float(m, t)
		return
	}
	c.integer(m, t)
}

// op3 fills in the operands of an instruction whose result and operands are of one
// type.
func (c *compiler) operands(in inst, t typ, n int) inst {
	a := c.args(n + 1)
	in.d, in.ud = c.dst(a[0], t)
	if n > 0 {
		in.a, in.use[0] = c.src(a[1], t)
	}
	if n > 1 {
		in.b, in.use[1] = c.src(a[2], t)
	}
	if n > 2 {
		in.c, in.use[2] = c.src(a[3], t)
	}
	return in
}

func (c *compiler) predicate(m *mods) {
	c.done(m)
	in := inst{e: -1}
	switch c.s.op {
	case "and":
		in.op = opPredAnd
	case "or":
		in.op = opPredOr
	case "xor":
		in.op = opPredXor
	case "not":
		in.op = opPredNot
	default:
		c.fail("%s of predicates is not known", c.s.op)
	}
	n := 2
	if in.op == opPredNot {
		n = 1
	}
	c.emit(c.operands(in, tPred, n))
}

func (c *compiler) integer(m *mods, t typ) {
	s := c.s
	wide := t.size() == 8
	half := t.size() == 2
	pick := func(op32, op64 opcode) opcode {
		if wide {
			return op64
		}
		return op32
	}
	binary := func(op string) inst {
		n, d := integer2(op, t.signed())
		if n == nil {
			c.fail("this instruction is not known")
		}
		if half {
			n = narrow2(n, t.signed())
		}
		if wide {
			return inst{op: opFnD2, fn: d}
		}
		return inst{op: opFn2, fn: n}
	}
	unary := func(op string) inst {
		n, d := integer1(op, t.signed())
		if half {
			if op == "brev" {
				c.fail("brev of 16 bits")
			}
			n = narrow1(n, t.signed())
		}
		if wide {
			return inst{op: opFnD1, fn: d}
		}
		return inst{op: opFn1, fn: n}
	}
	if t == tNone {
		c.fail("this instruction is not known")
	}
	if t.size() == 1 {
		c.fail("arithmetic of type %v", t)
	}
	switch s.op {
	case "add", "sub", "min", "max", "and", "or", "xor":
		if m.take("sat") != "" {
			if t != tS32 || s.op != "add" && s.op != "sub" {
				c.fail("saturation of this instruction is not known")
			}
			sub := s.op == "sub"
			c.done(m)
			c.emit(c.operands(inst{op: opFn2, fn: fn2(func(a, b uint32) uint32 {
				x, y := int64(int32(a)), int64(int32(b))
				if sub {
					y = -y
				}
				return uint32(int32(max(min(x+y, math.MaxInt32), math.MinInt32)))
			})}, t, 2))
			return
		}
		if m.take("cc") != "" {
			c.fail("arithmetic with a carry is not known")
		}
		c.done(m)
		in := inst{}
		if !half {
			switch s.op {
			case "add":
				in.op = pick(opAdd32, opAdd64)
			case "sub":
				in.op = pick(opSub32, opSub64)
			case "and":
				in.op = pick(opAnd32, opAnd64)
			case "or":
				in.op = pick(opOr32, opOr64)
			case "xor":
				in.op = pick(opXor32, opXor64)
			}
		}
		if in.op == opNop {
			in = binary(s.op)
		}
		c.emit(c.operands(in, t, 2))
	case "mul", "mad":
		c.multiply(m, t, binary)
	case "div", "rem":
		c.done(m)
		in := binary(s.op)
		in.zero, c.p.divides = true, true
		c.emit(c.operands(in, t, 2))
	case "not", "cnot", "neg", "abs", "brev":
		c.done(m)
		c.emit(c.operands(unary(s.op), t, 1))
	case "shl", "shr":
		c.done(m)
		left := s.op == "shl"
		in := inst{}
		switch {
		case half && left:
			in = inst{op: opFn2, fn: fn2(func(a, b uint32) uint32 { return a << b & 0xffff })}
		case half && t.signed():
			in = inst{op: opFn2, fn: fn2(func(a, b uint32) uint32 { return uint32(int32(extend16(a))>>b) & 0xffff })}
		case half:
			in = inst{op: opFn2, fn: fn2(func(a, b uint32) uint32 { return a >> b })}
		case left:
			in.op = pick(opShl32, opShl64)
		case t.signed():
			in.op = pick(opShrS32, opShrS64)
		default:
			in.op = pick(opShrU32, opShrU64)
		}
		a := c.args(3)
		in.d, in.ud = c.dst(a[0], t)
		in.a, in.use[0] = c.src(a[1], t)
		in.b, in.use[1] = c.src(a[2], tU32)
		c.emit(in)
	case "shf":
		left := m.take("l", "r") == "l"
		clamp := m.take("clamp", "wrap") == "clamp"
		c.done(m)
		in := inst{op: opFn3, fn: funnel(left, clamp)}
		c.emit(c.operands(in, tB32, 3))
	case "bfe":
		c.done(m)
		a := c.args(4)
		width, signed := uint32(t.size()*8), t.signed()
		in := inst{op: opFn3, fn: fn3(func(a, b, c uint32) uint32 { return uint32(bfe(uint64(a), b, c, width, signed)) })}
		if wide {
			in = inst{op: opFnDDNN, fn: fnDDNN(func(a uint64, b, c uint32) uint64 { return bfe(a, b, c, width, signed) })}
		}
		in.d, in.ud = c.dst(a[0], t)
		in.a, in.use[0] = c.src(a[1], t)
		in.b, in.use[1] = c.src(a[2], tU32)
		in.c, in.use[2] = c.src(a[3], tU32)
		c.emit(in)
	case "bfi":
		c.done(m)
		a := c.args(5)
		width := uint32(t.size() * 8)
		in := inst{op: opFn4, fn: fnN4(func(a, b, c, d uint32) uint32 { return uint32(bfi(uint64(a), uint64(b), c, d, width)) })}
		if wide {
			in = inst{op: opFnDDDNN, fn: fnDDDNN(func(a, b uint64, c, d uint32) uint64 { return bfi(a, b, c, d, width) })}
		}
		in.d, in.ud = c.dst(a[0], t)
		in.a, in.use[0] = c.src(a[1], t)
		in.b, in.use[1] = c.src(a[2], t)
		in.c, in.use[2] = c.src(a[3], tU32)
		in.e, in.use[3] = c.src(a[4], tU32)
		c.emit(in)
	case "popc", "clz", "bfind":
		shifted := m.take("shiftamt") != ""
		c.done(m)
		a := c.args(2)
		in := inst{op: opFn1}
		width, signed := t.size()*8, t.signed()
		var f fnND
		switch s.op {
		case "popc":
			f = func(a uint64) uint32 { return uint32(bits.OnesCount64(a)) }
		case "clz":
			f = func(a uint64) uint32 { return uint32(bits.LeadingZeros64(a) - (64 - width)) }
		default:
			f = func(a uint64) uint32 {
				p := bfind(a, width, signed)
				if shifted && p != math.MaxUint32 {
					p = uint32(width) - 1 - p
				}
				return p
			}
		}
		in.fn = fn1(func(a uint32) uint32 { return f(uint64(a)) })
		if wide {
			in = inst{op: opFnND, fn: f}
		}
		in.d, in.ud = c.dst(a[0], tU32)
		in.a, in.use[0] = c.src(a[1], t)
		c.emit(in)
	case "prmt":
		c.done(m)
		c.emit(c.operands(inst{op: opFn3, fn: prmt}, tB32, 3))
	case "lop3":
		c.done(m)
		a := c.args(5)
		if a[4].kind != argInt {
			c.fail("the table is no number")
		}
		table := uint32(a[4].imm)
		in := inst{op: opFn3, fn: fn3(func(a, b, c uint32) uint32 { return lop3(a, b, c, table) })}
		in.d, in.ud = c.dst(a[0], t)
		in.a, in.use[0] = c.src(a[1], t)
		in.b, in.use[1] = c.src(a[2], t)
		in.c, in.use[2] = c.src(a[3], t)
		c.emit(in)
	case "sad":
		c.done(m)
		in := inst{op: opFn3, fn: fn3(func(a, b, c uint32) uint32 { return c + max(a, b) - min(a, b) })}
		switch {
		case t == tS32:
			in.fn = fn3(func(a, b, c uint32) uint32 {
				return c + uint32(max(int32(a), int32(b))) - uint32(min(int32(a), int32(b)))
			})
		case t != tU32:
			c.fail("sad of type %v is not known", t)
		}
		c.emit(c.operands(in, t, 3))
	default:
		c.fail("this instruction is not known")
	}
}

func (c *compiler) multiply(m *mods, t typ, binary func(string) inst) {
	s := c.s
	n := 2
	if s.op == "mad" {
		n = 3
	}
	kind := m.take("lo", "hi", "wide")
	if m.take("sat", "cc") != "" {
		c.fail("this form of %s is not known", s.op)
	}
	c.done(m)
	a := c.args(n + 1)
	in := inst{}
	to := t
	switch {
	case kind == "wide" && t.size() == 4:
		to = tU64
		switch {
		case n == 2 && t.signed():
			in.op = opMulWideS
		case n == 2:
			in.op = opMulWideU
		case t.signed():
			in.op = opMadWideS
		default:
			in.op = opMadWideU
		}
	case kind == "wide" && t.size() == 2:
		to = tU32
		signed := t.signed()
		product := func(a, b uint32) uint32 {
			if signed {
				return extend16(a) * extend16(b)
			}
			return a * b
		}
		in = inst{op: opFn2, fn: fn2(product)}
		if n == 3 {
			in = inst{op: opFn3, fn: fn3(func(a, b, c uint32) uint32 { return product(a, b) + c })}
		}
	case kind == "lo" && t.size() == 4:
		in.op = opMul32
		if n == 3 {
			in.op = opMad32
		}
	case kind == "lo" && t.size() == 8:
		in.op = opMul64
		if n == 3 {
			in.op = opMad64
		}
	case (kind == "hi" || kind == "lo") && t.size() == 2:
		signed, shift := t.signed(), 0
		if kind == "hi" {
			shift = 16
		}
		product := func(a, b uint32) uint32 {
			if signed {
				return uint32(int32(extend16(a)*extend16(b)) >> shift)
			}
			return a * b >> shift
		}
		in = inst{op: opFn2, fn: fn2(func(a, b uint32) uint32 { return product(a, b) & 0xffff })}
		if n == 3 {
			in = inst{op: opFn3, fn: fn3(func(a, b, c uint32) uint32 { return (product(a, b) + c) & 0xffff })}
		}
	case kind == "hi":
		in = binary("mulhi")
		if n == 3 {
			if t.size() == 8 {
				f := in.fn.(fnD2)
				in = inst{op: opFnD3, fn: fnD3(func(a, b, c uint64) uint64 { return f(a, b) + c })}
			} else {
				f := in.fn.(fn2)
				in = inst{op: opFn3, fn: fn3(func(a, b, c uint32) uint32 { return f(a, b) + c })}
			}
		}
	default:
		c.fail("this form of %s is not known", s.op)
	}
	in.d, in.ud = c.dst(a[0], to)
	in.a, in.use[0] = c.src(a[1], t)
	in.b, in.use[1] = c.src(a[2], t)
	if n == 3 {
		in.c, in.use[2] = c.src(a[3], to)
	}
	c.emit(in)
}

func (c *compiler) float(m *mods, t typ) {
	s := c.s
	r, rounded := m.rounding()
	ftz := m.take("ftz") != ""
	sat := m.take("sat") != ""
	approx := m.take("approx", "full") != ""
	single := t == tF32
	if ftz && !single {
		// rcp.approx.ftz.f64 and rsqrt.approx.ftz.f64: subnormals count as zeros.
		if !approx {
			c.fail(".ftz of type %v", t)
		}
	}
	var in inst
	n := 0
	switch s.op {
	case "add", "sub", "mul", "div", "min", "max", "copysign":
		n = 2
		if s.op == "div" && !rounded && !approx {
			c.fail("the rounding is missing")
		}
		if !ftz && !sat && r == nearest && !approx {
			in.op = map[string][2]opcode{"add": {opAddF32, opAddF64}, "sub": {opSubF32, opSubF64}, "mul": {opMulF32, opMulF64}}[s.op][b2i(!single)]
		}
		if in.op == opNop {
			f, d := float2(s.op, r, approx)
			if single {
				in = inst{op: opFn2, fn: f}
			} else {
				in = inst{op: opFnD2, fn: d}
			}
			if !single && d == nil {
				c.fail("this instruction is not known")
			}
		}
	case "fma", "mad":
		n = 3
		if !rounded {
			c.fail("the rounding is missing")
		}
		switch {
		case single && !ftz && !sat && r == nearest:
			in.op = opFmaF32
		case single:
			in = inst{op: opFn3, fn: fn3(func(a, b, c uint32) uint32 { return fma32To(f32(a), f32(b), f32(c), r) })}
		case r == nearest:
			in.op = opFmaF64
		default:
			in = inst{op: opFnD3, fn: fnD3(func(a, b, c uint64) uint64 { return b64(fma64(f64(a), f64(b), f64(c), r)) })}
		}
	case "neg", "abs", "rcp", "sqrt", "rsqrt", "ex2", "lg2", "sin", "cos", "tanh":
		n = 1
		if (s.op == "rcp" || s.op == "sqrt") && !rounded && !approx {
			c.fail("the rounding is missing")
		}
		f, d := float1(s.op, r, approx)
		if single {
			in = inst{op: opFn1, fn: f}
		} else {
			if d == nil {
				c.fail("this instruction is not known")
			}
			in = inst{op: opFnD1, fn: d}
		}
	case "testp":
		kind := m.list
		if len(kind) != 1 {
			c.fail("the property is missing")
		}
		f, ok := testp(kind[0])
		if !ok {
			c.fail("the property %s is not known", kind[0])
		}
		a := c.args(2)
		in = inst{op: opSetpFn, fn: cmp2(func(a, _ uint32) bool { return f(float64(f32(a)), true) })}
		if !single {
			in = inst{op: opSetpFnD, fn: cmpD2(func(a, _ uint64) bool { return f(f64(a), false) })}
		}
		in.e = -1
		in.d, in.ud = c.dst(a[0], tPred)
		in.a, in.use[0] = c.src(a[1], t)
		in.b = in.a
		c.emit(in)
		return
	default:
		c.fail("this instruction is not known")
	}
	c.done(m)
	if sat && !single {
		c.fail("saturation of type %v", t)
	}
	if ftz || sat {
		in.fn = wrapFloat(in.fn, ftz, sat)
	}
	c.emit(c.operands(in, t, n))
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// wrapFloat makes operands and results that are subnormal zeros, and clamps results.
func wrapFloat(fn any, ftz, sat bool) any {
	in, out := func(x uint32) uint32 { return x }, func(x uint32) uint32 { return x }
	if ftz {
		in, out = flush, flush
	}
	if sat {
		before := out
		out = func(x uint32) uint32 { return saturate32(before(x)) }
	}
	flushD := func(x uint64) uint64 {
		if x&0x7ff0000000000000 == 0 {
			return x & (1 << 63)
		}
		return x
	}
	switch f := fn.(type) {
	case fn1:
		return fn1(func(a uint32) uint32 { return out(f(in(a))) })
	case fn2:
		return fn2(func(a, b uint32) uint32 { return out(f(in(a), in(b))) })
	case fn3:
		return fn3(func(a, b, c uint32) uint32 { return out(f(in(a), in(b), in(c))) })
	case fnD1:
		return fnD1(func(a uint64) uint64 { return flushD(f(flushD(a))) })
	}
	panic("ptx: a function of unknown kind")
}

func (c *compiler) move(m *mods) {
	t := m.typ()
	c.done(m)
	a := c.args(2)
	d, o := a[0], a[1]
	if t == tPred {
		in := inst{op: opPredMov, e: -1}
		in.d, in.ud = c.dst(d, tPred)
		in.a, in.use[0] = c.src(o, tPred)
		c.emit(in)
		return
	}
	if t == tNone || t.size() < 2 {
		c.fail("the type is not known")
	}
	switch {
	case o.kind == argVec && d.kind == argReg: // pack
		c.pack(d, o.list, t)
		return
	case d.kind == argVec: // unpack
		c.unpack(d.list, o, t)
		return
	}
	in := inst{op: opMov32}
	if t.size() == 8 {
		in.op = opMov64
	}
	in.d, in.ud = c.dst(d, t)
	in.a, in.use[0] = c.src(o, t)
	c.emit(in)
}

func (c *compiler) pack(d operand, list []operand, t typ) {
	switch {
	case len(list) == 2 && t.size() == 8:
		in := inst{op: opFnDNN, fn: fnDNN(func(a, b uint32) uint64 { return uint64(b)<<32 | uint64(a) })}
		in.d, in.ud = c.dst(d, t)
		in.a, in.use[0] = c.src(list[0], tB32)
		in.b, in.use[1] = c.src(list[1], tB32)
		c.emit(in)
	case len(list) == 2 && t.size() == 4:
		in := inst{op: opFn2, fn: fn2(func(a, b uint32) uint32 { return b<<16 | a })}
		in.d, in.ud = c.dst(d, t)
		in.a, in.use[0] = c.src(list[0], tB16)
		in.b, in.use[1] = c.src(list[1], tB16)
		c.emit(in)
	default:
		c.fail("%d parts of type %v", len(list), t)
	}
}

func (c *compiler) unpack(list []operand, o operand, t typ) {
	if len(list) != 2 || t.size() < 4 {
		c.fail("%d parts of type %v", len(list), t)
	}
	s, id := c.src(o, t)
	for i, d := range list {
		if d.kind == argSink {
			continue
		}
		in := inst{op: opFnND, a: s, use: [4]ident{id}}
		if t.size() == 8 {
			in.fn = fnND(func(a uint64) uint32 { return uint32(a >> (32 * i)) })
			in.d, in.ud = c.dst(d, tB32)
		} else {
			in.op = opFn1
			in.fn = fn1(func(a uint32) uint32 { return a >> (16 * i) & 0xffff })
			in.d, in.ud = c.dst(d, tB16)
		}
		c.emit(in)
	}
}

func (c *compiler) convert(m *mods) {
	from, to := m.typ(), tNone
	to = m.typ()
	if to == tNone {
		c.fail("the types are missing")
	}
	if from == tF16 || to == tF16 {
		c.fail("f16 is not known")
	}
	r, rounded := m.rounding()
	whole := true
	switch m.take("rni", "rzi", "rmi", "rpi") {
	case "rni":
		r = nearest
	case "rzi":
		r = toZero
	case "rmi":
		r = down
	case "rpi":
		r = up
	default:
		whole = false
	}
	ftz, sat := m.take("ftz") != "", m.take("sat") != ""
	c.done(m)
	switch {
	case from.float() && !to.float() && !whole:
		c.fail("the rounding to a whole number is missing")
	case from == tF64 && to == tF32 && !rounded || !from.float() && to.float() && !rounded:
		c.fail("the rounding is missing")
	}
	a := c.args(2)
	d, o := a[0], a[1]
	if d.kind != argReg {
		c.fail("the result is no register")
	}
	// Registers may be wider than integer types: what is above is cut off or filled.
	regOf := func(o operand, t typ) typ {
		if o.kind != argReg {
			if t.size() == 1 {
				return tB16
			}
			return t
		}
		r := c.f.regs[o.reg]
		if r.typ == tPred || r.typ.size() < t.size() || t.float() && r.typ.size() != t.size() {
			c.fail("%s is a register of type %v where %v is expected", r.name, r.typ, t)
		}
		return r.typ
	}
	dt, ot := regOf(d, to), regOf(o, from)
	in := inst{}
	in.d, in.ud = c.dst(d, dt)
	in.a, in.use[0] = c.src(o, ot)
	wideD, wideO := dt.size() == 8, ot.size() == 8
	switch {
	case from == tF32 && to == tF64 && !whole && !ftz && !sat:
		in.op = opF64FromF32
	case !from.float() && !to.float() && !sat && !wideD && wideO && dt.size() == 4 && to.size() == 4 && from.size() == 8:
		in.op = opTruncate
	case from == tU32 && to.size() == 8 && !to.float() && wideD && !wideO && ot.size() == 4 && !sat:
		in.op = opExtendU
	case from == tS32 && to.size() == 8 && !to.float() && wideD && !wideO && ot.size() == 4 && !sat:
		in.op = opExtendS
	default:
		f := convert(to, from, whole, r, ftz, sat)
		cut := uint64(math.MaxUint64)
		if dt.size() < 8 {
			cut = 1<<(8*dt.size()) - 1
		}
		g := func(b uint64) uint64 { return extendFrom(f(extendFrom(b, from)), to) & cut }
		switch {
		case wideD && wideO:
			in.op, in.fn = opFnD1, fnD1(g)
		case wideD:
			in.op, in.fn = opFnDN, fnDN(func(a uint32) uint64 { return g(uint64(a)) })
		case wideO:
			in.op, in.fn = opFnND, fnND(func(a uint64) uint32 { return uint32(g(a)) })
		default:
			in.op, in.fn = opFn1, fn1(func(a uint32) uint32 { return uint32(g(uint64(a))) })
		}
	}
	c.emit(in)
}

// cvta converts between an address space and the generic one.
func (c *compiler) cvta(m *mods) {
	to := m.take("to") != ""
	var base uint64
	switch m.take("global", "shared", "local", "const", "param", "shared::cta") {
	case "global":
	case "shared", "shared::cta":
		base = sharedWindow
	case "local":
		base = localWindow
	case "const":
		base = constWindow
	default:
		c.fail("the space is not known")
	}
	t := m.typ()
	c.done(m)
	if t.size() != 8 {
		c.fail("addresses of type %v", t)
	}
	in := c.operands(inst{op: opMov64}, t, 1)
	if base != 0 {
		in.op = opAdd64
		if to {
			base = -base
		}
		in.b = c.constant64(base)
	}
	c.emit(in)
}

func (c *compiler) compare(m *mods) {
	s := c.s
	if len(s.mods) == 0 {
		c.fail("the comparison is missing")
	}
	op := s.mods[0]
	m.list = m.list[1:]
	in := inst{e: -1}
	switch m.take("and", "or", "xor") {
	case "and":
		in.combine = 1
	case "or":
		in.combine = 2
	case "xor":
		in.combine = 3
	}
	ftz := m.take("ftz") != ""
	t := m.typ()
	to := tPred
	if s.op == "set" {
		to = m.typ()
		if to != tU32 && to != tS32 && to != tF32 {
			c.fail("a result of type %v", to)
		}
	}
	c.done(m)
	if t == tNone || t == tPred || t == tF16 || t.size() < 2 {
		c.fail("a comparison of type %v", t)
	}
	n := 3
	if in.combine != 0 {
		n = 4
	}
	a := c.args(n)
	d := a[0]
	if d.kind == argPair {
		if s.op == "set" {
			c.fail("two results")
		}
		var id ident
		in.e, id = c.dst(d.list[1], tPred)
		in.uv[1] = id
		d = d.list[0]
	}
	pd, pid := int32(0), ident(0)
	if s.op == "set" {
		pd = c.newP()
		pid = classP + pd
	} else {
		pd, pid = c.dst(d, tPred)
	}
	in.d, in.ud = pd, pid
	in.a, in.use[0] = c.src(a[1], t)
	in.b, in.use[1] = c.src(a[2], t)
	if in.combine != 0 {
		in.c, in.use[2], in.negC = c.predicateOperand(a[3])
	}
	if t.float() {
		f := compareFloat(op)
		if f == nil {
			c.fail("the comparison .%s is not known", op)
		}
		switch {
		case t == tF64:
			in.op, in.fn = opSetpFnF64, f
		case ftz:
			in.op, in.fn = opSetpFn, cmp2(func(a, b uint32) bool { return f(float64(f32(flush(a))), float64(f32(flush(b)))) })
		case op == "lt":
			in.op = opSetpLtF32
		case op == "gt":
			in.op = opSetpLtF32
			in.a, in.b = in.b, in.a
			in.use[0], in.use[1] = in.use[1], in.use[0]
		default:
			in.op, in.fn = opSetpFn, cmp2(func(a, b uint32) bool { return f(float64(f32(a)), float64(f32(b))) })
		}
	} else {
		if t.bits() && op != "eq" && op != "ne" {
			c.fail("the order of type %v", t)
		}
		n32, n64 := compareInt(op, t.signed())
		if n32 == nil {
			c.fail("the comparison .%s is not known", op)
		}
		swap := func() {
			in.a, in.b = in.b, in.a
			in.use[0], in.use[1] = in.use[1], in.use[0]
		}
		switch {
		case t.size() == 8:
			in.op, in.fn = opSetpFnD, n64
		case t.size() == 2:
			f := n32
			if t.signed() {
				f = func(a, b uint32) bool { return n32(extend16(a), extend16(b)) }
			}
			in.op, in.fn = opSetpFn, f
		default:
			switch op {
			case "eq":
				in.op = opSetpEq32
			case "ne":
				in.op = opSetpNe32
			case "gt", "hi":
				swap()
				fallthrough
			case "lt", "lo":
				in.op = opSetpLtU32
				if t.signed() {
					in.op = opSetpLtS32
				}
			case "ge", "hs":
				swap()
				fallthrough
			case "le", "ls":
				in.op = opSetpLeU32
				if t.signed() {
					in.op = opSetpLeS32
				}
			}
		}
	}
	c.emit(in)
	if s.op == "set" {
		yes := uint32(math.MaxUint32)
		if to == tF32 {
			yes = math.Float32bits(1)
		}
		out := inst{op: opSelp32, a: c.constant32(yes), b: c.constant32(0), c: pd, use: [4]ident{0, 0, pid}}
		out.d, out.ud = c.dst(d, to)
		c.emit(out)
	}
}

func (c *compiler) selp(m *mods) {
	t := m.typ()
	if c.s.op == "slct" {
		c.slct(m, t)
		return
	}
	c.done(m)
	if t == tNone || t == tPred || t.size() < 2 {
		c.fail("the type is not known")
	}
	a := c.args(4)
	in := inst{op: opSelp32}
	if t.size() == 8 {
		in.op = opSelp64
	}
	in.d, in.ud = c.dst(a[0], t)
	in.a, in.uv[0] = c.src(a[1], t)
	in.b, in.uv[1] = c.src(a[2], t)
	in.c, in.use[0], in.negC = c.predicateOperand(a[3])
	c.emit(in)
}

// slct is a if c ≥ 0, else b.
func (c *compiler) slct(m *mods, ct typ) {
	t := m.typ()
	ftz := m.take("ftz") != ""
	c.done(m)
	if ct != tS32 && ct != tF32 || t == tNone || t.size() < 4 {
		c.fail("the type is not known")
	}
	a := c.args(4)
	p := inst{op: opSetpFn, e: -1}
	p.d = c.newP()
	p.ud = classP + p.d
	p.a, p.use[0] = c.src(a[3], ct)
	p.b = p.a
	p.fn = cmp2(func(a, _ uint32) bool { return int32(a) >= 0 })
	if ct == tF32 {
		p.fn = cmp2(func(a, _ uint32) bool {
			if ftz {
				a = flush(a)
			}
			return f32(a) >= 0
		})
	}
	c.emit(p)
	in := inst{op: opSelp32, c: p.d, use: [4]ident{p.ud}}
	if t.size() == 8 {
		in.op = opSelp64
	}
	in.d, in.ud = c.dst(a[0], t)
	in.a, in.uv[0] = c.src(a[1], t)
	in.b, in.uv[1] = c.src(a[2], t)
	c.emit(in)
}
