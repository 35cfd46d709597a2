package torch

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/nlpodyssey/gopickle/pickle"
	"github.com/nlpodyssey/gopickle/types"

	"github.com/gander-ml/gander/internal/excerpt"
)

// unpickle returns what a pickle describes, made of the types of package types and of
// [storage] and [view].
func unpickle(b []byte) (root any, err error) {
	if err := scan(b); err != nil {
		return nil, err
	}
	defer func() {
		if p := recover(); p != nil { // package pickle trusts its input in places
			root, err = nil, excerpt.Error(refuse("its pickle is damaged: %v", p))
		}
	}()
	u := pickle.NewUnpickler(bytes.NewReader(b))
	u.FindClass = findClass
	u.PersistentLoad = func(id any) (any, error) { return newStorage(id) }
	root, err = u.Load()
	if err != nil {
		return nil, excerpt.Error(refuse("its pickle: %v", err))
	}
	return root, nil
}

// What a pickle may ask of the machine that runs it.
const (
	maxOps   = 1 << 20
	maxMarks = 1000 // that are open at once
)

// ops are the operations that a pickle of tensors, dictionaries, lists, numbers and
// strings consists of, by code: how many bytes of operand follow, or, if negative, how
// long a length that is followed by so many bytes.
var ops = map[byte]int{
	'(': 0, '.': 0, 't': 0, ')': 0, 0x85: 0, 0x86: 0, 0x87: 0, // marks and tuples
	'}': 0, 's': 0, 'u': 0, ']': 0, 'a': 0, 'e': 0, // dictionaries and lists
	'N': 0, 0x88: 0, 0x89: 0, 'K': 1, 'M': 2, 'J': 4, 'G': 8, 0x8a: -1, // None, bools and numbers
	'X': -4, 0x8c: -1, // strings
	'q': 1, 'r': 4, 'h': 1, 'j': 4, 0x94: 0, // the memo
	'R': 0, 'b': 0, 'Q': 0, 0x93: 0, // calls, attributes, storages, names of functions
	0x80: 1, 0x95: 8, // protocol and frame
}

// scan checks, before anything is made of it, that a pickle holds nothing but such
// operations, that their operands are there, and that they are not too many.
func scan(b []byte) error {
	marks := 0
	for n, at := 0, 0; at < len(b); n++ {
		code := b[at]
		at++
		if n == maxOps {
			return refuse("its pickle has more than %d operations", maxOps)
		}
		if code == 'c' { // the names of a module and of a function in it, a line each
			var names [2]string
			for i := range names {
				end := bytes.IndexByte(b[at:], '\n')
				if end < 0 {
					return refuse("its pickle is cut")
				}
				names[i] = string(b[at : at+end])
				at += end + 1
			}
			if _, err := findClass(names[0], names[1]); err != nil {
				return refuse("%v", err)
			}
			continue
		}
		operand, known := ops[code]
		if !known {
			return refuse("its pickle has an operation %#x, which no weights need", code)
		}
		if operand < 0 {
			if at-operand > len(b) {
				return refuse("its pickle is cut")
			}
			length := make([]byte, 4)
			copy(length, b[at:at-operand])
			at -= operand
			if operand = int(binary.LittleEndian.Uint32(length)); code == 0x8a && (operand < 1 || operand > 8) {
				return refuse("its pickle has a number of %d bytes", operand)
			}
		}
		if operand < 0 || operand > len(b)-at {
			return refuse("its pickle is cut")
		}
		if code == 0x95 && binary.LittleEndian.Uint64(b[at:]) > uint64(len(b)-at-8) {
			return refuse("its pickle is cut")
		}
		at += operand
		switch code {
		case '.':
			return nil
		case '(':
			if marks++; marks > maxMarks {
				return refuse("its pickle is nested too deep")
			}
		case 't', 'u', 'e':
			marks--
		}
	}
	return refuse("its pickle has no end")
}

// findClass returns the functions that tensors are made with, and the classes of
// storages.
func findClass(module, name string) (any, error) {
	switch full := module + "." + name; full {
	case "torch._utils._rebuild_tensor_v2":
		return rebuildTensor{}, nil
	case "torch._utils._rebuild_parameter":
		return rebuildParameter{}, nil
	case "collections.OrderedDict": // package pickle has it
		return &types.OrderedDictClass{}, nil
	default:
		if kind, ok := strings.CutPrefix(full, "torch."); ok {
			if e, ok := elements[kind]; ok {
				return e, nil
			}
		}
		return nil, fmt.Errorf("it needs %s, which is not known here; save the state_dict() alone", excerpt.Name(full))
	}
}

// storage is numbers that tensors are views of.
type storage struct {
	of  element
	key string // of the record
	len int
}

// newStorage reads what a pickle says of one: ("storage", class, key, device, length).
func newStorage(id any) (*storage, error) {
	t, ok := id.(*types.Tuple)
	if !ok || t.Len() != 5 || t.Get(0) != "storage" {
		return nil, fmt.Errorf("a reference is none to a storage")
	}
	of, isElement := t.Get(1).(element)
	key, isText := t.Get(2).(string)
	n, isNumber := t.Get(4).(int)
	if !isElement || !isText || !isNumber || n < 0 {
		return nil, fmt.Errorf("a storage is not described as torch.save does")
	}
	return &storage{of, key, n}, nil
}

// view is a tensor: some of a storage's numbers.
type view struct {
	of     *storage
	offset int
	shape  []int
	stride []int
}

// rebuildTensor is PyTorch's function of a storage, an offset, a shape, strides, two
// values that are of no interest here and, maybe, marks: that a view is to be read with
// the other sign, for one.
type rebuildTensor struct{}

// Call implements [types.Callable].
func (rebuildTensor) Call(args ...any) (any, error) {
	if len(args) < 6 {
		return nil, fmt.Errorf("a tensor is described by %d values", len(args))
	}
	of, isStorage := args[0].(*storage)
	offset, isNumber := args[1].(int)
	shape, isShape := numbers(args[2])
	stride, isStride := numbers(args[3])
	if !isStorage || !isNumber || !isShape || !isStride || len(shape) != len(stride) {
		return nil, fmt.Errorf("a tensor is not described as torch.save does")
	}
	if len(args) > 6 && args[6] != nil {
		if marks, ok := args[6].(*types.Dict); !ok || marks.Len() > 0 {
			return nil, fmt.Errorf("a tensor is marked as negated or conjugated; save its resolve_neg() or resolve_conj()")
		}
	}
	return &view{of, offset, shape, stride}, nil
}

// numbers returns the numbers of a tuple.
func numbers(v any) (out []int, ok bool) {
	t, ok := v.(*types.Tuple)
	if !ok || t.Len() > 64 {
		return nil, false
	}
	for _, n := range *t {
		i, ok := n.(int)
		if !ok {
			return nil, false
		}
		out = append(out, i)
	}
	return out, true
}

// rebuildParameter is PyTorch's function of a parameter's tensor and what is of no
// interest here.
type rebuildParameter struct{}

// Call implements [types.Callable].
func (rebuildParameter) Call(args ...any) (any, error) {
	if len(args) > 0 {
		if v, ok := args[0].(*view); ok {
			return v, nil
		}
	}
	return nil, fmt.Errorf("a parameter is not described as torch.save does")
}
