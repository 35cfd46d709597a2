package ptx

// Module is parsed PTX.
type Module struct {
	Version string // "6.3"
	Target  string // "sm_75"
	Funcs   []*Func
	Vars    []*Var // of the spaces const, global and shared

	lines []string
}

// Func is a kernel or a device function.
type Func struct {
	Name       string
	Kernel     bool
	Params     []*Var
	Returns    []*Var // of a device function
	Vars       []*Var // the body's, of any space but generic
	MaxThreads [3]int // .maxntid: the largest block, by threads; 0 is no limit
	ReqThreads [3]int // .reqntid: the block that it must be launched with
	Line       int

	regs    []reg
	body    []statement
	labels  map[string]int // to the index in body
	targets map[string][]string
	defined bool
}

// Var is a variable of some address space.
type Var struct {
	Name   string
	Space  Space
	Align  int
	Size   int // bytes; 0 is an array of unknown size, the dynamic shared memory
	Init   []byte
	Line   int
	Extern bool
}

// Space is an address space.
type Space uint8

// The address spaces.
const (
	Generic Space = iota
	Global
	Shared
	Local
	Const
	Param
)

var spaceNames = [...]string{"generic", "global", "shared", "local", "const", "param"}

func (s Space) String() string { return spaceNames[s] }

// typ is a fundamental type.
type typ uint8

const (
	tNone typ = iota
	tPred
	tB8
	tB16
	tB32
	tB64
	tU8
	tU16
	tU32
	tU64
	tS8
	tS16
	tS32
	tS64
	tF16
	tF32
	tF64
)

var types = map[string]typ{
	"pred": tPred, "b8": tB8, "b16": tB16, "b32": tB32, "b64": tB64, "u8": tU8, "u16": tU16, "u32": tU32, "u64": tU64,
	"s8": tS8, "s16": tS16, "s32": tS32, "s64": tS64, "f16": tF16, "f32": tF32, "f64": tF64,
}

func (t typ) String() string {
	for n, u := range types {
		if t == u {
			return n
		}
	}
	return "no type"
}

// size returns the bytes of a value; 0 for predicates.
func (t typ) size() int {
	switch t {
	case tB8, tU8, tS8:
		return 1
	case tB16, tU16, tS16, tF16:
		return 2
	case tB32, tU32, tS32, tF32:
		return 4
	case tB64, tU64, tS64, tF64:
		return 8
	}
	return 0
}

func (t typ) signed() bool { return t >= tS8 && t <= tS64 }
func (t typ) float() bool  { return t >= tF16 }
func (t typ) bits() bool   { return t >= tB8 && t <= tB64 }

// reg is a virtual register of a function.
type reg struct {
	name string
	typ  typ
}

type operandKind uint8

const (
	argNone    operandKind = iota
	argReg                 // reg
	argInt                 // imm
	argF32                 // imm: bits
	argF64                 // imm: bits
	argName                // name + imm: a variable, a label, a function
	argSpecial             // name: %tid.x
	argMem                 // [list[0] + imm]
	argVec                 // {list}
	argPair                // list[0] | list[1]
	argList                // (list), in calls
	argSink                // _
)

type operand struct {
	kind operandKind
	not  bool // !p
	reg  int
	imm  uint64
	name string
	v    *Var // what name is, if it was declared in the function
	list []operand
}

type statement struct {
	line  int
	guard int // register; -1: none
	not   bool
	op    string   // add
	mods  []string // rn, f32
	args  []operand
}

// text returns the source line, for messages.
func (m *Module) text(line int) string {
	if line < 1 || line > len(m.lines) {
		return ""
	}
	return clean(m.lines[line-1])
}

// clean returns a line without its comment and with single spaces.
func clean(s string) string {
	for i := 0; i+1 < len(s); i++ {
		if s[i] == '/' && s[i+1] == '/' {
			s = s[:i]
			break
		}
	}
	out := make([]byte, 0, len(s))
	for i := range len(s) {
		c := s[i]
		if c == '\t' || c == '\r' {
			c = ' '
		}
		if c == ' ' && (len(out) == 0 || out[len(out)-1] == ' ') {
			continue
		}
		out = append(out, c)
		if len(out) == 160 {
			break
		}
	}
	for len(out) > 0 && out[len(out)-1] == ' ' {
		out = out[:len(out)-1]
	}
	return string(out)
}
