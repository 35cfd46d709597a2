package nn

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gander-ml/gander/nn/safetensors"
	"github.com/gander-ml/gander/tensor"
)

// State returns a network's parameters and buffers by name, "0.weight": PyTorch's state
// dict. The tensors are the network's own, not copies. It panics with a
// [StateError] where the network has no weights yet.
func State(m Module) map[string]*tensor.Tensor {
	out := map[string]*tensor.Tensor{}
	for _, p := range Params(m) {
		out[p.Name] = (*Ctx)(nil).Var(p.Param).Value()
	}
	return out
}

// LoadState copies a state into a network. Names, shapes and dtypes must match
// exactly, or the network stays as it was and the error says what does not. A
// network without weights takes its dtype from the state.
func LoadState(m Module, state map[string]*tensor.Tensor) error {
	params := Params(m)
	rest := maps.Clone(state)
	maps.DeleteFunc(rest, func(_ string, t *tensor.Tensor) bool { return t == nil })
	var problems []string
	dtype, settled := tensor.Float32, false
	for _, p := range params {
		if v := p.Param.Value(); v != nil {
			dtype, settled = v.DType(), true
			break
		}
	}
	for _, p := range params {
		t, ok := rest[p.Name]
		if !ok {
			problems = append(problems, fmt.Sprintf("%s%v is missing", p.Name, p.Param.shape))
			continue
		}
		delete(rest, p.Name)
		if !slices.Equal(t.Shape(), p.Param.shape) {
			problems = append(problems, fmt.Sprintf("%s has shape %v, the network %v", p.Name, t.Shape(), p.Param.shape))
		}
		if !settled {
			dtype, settled = t.DType(), true
		}
		if t.DType() != dtype {
			problems = append(problems, fmt.Sprintf("%s is %v, the network %v", p.Name, t.DType(), dtype))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(rest)) {
		problems = append(problems, fmt.Sprintf("%s%v is not part of the network", name, rest[name].Shape()))
	}
	if len(problems) > 0 {
		if more := len(problems) - 4; more > 0 {
			problems = append(problems[:4], fmt.Sprintf("and %d more", more))
		}
		return fmt.Errorf("nn: the state does not fit the network: %s", strings.Join(problems, "; "))
	}
	if !Ready(m) && len(params) > 0 {
		allocate(params, dtype)
	}
	for _, p := range params {
		p.Param.Value().CopyFrom(state[p.Name])
	}
	return nil
}

// ArchitectureKey is where a saved file's metadata holds the architecture, as
// [Encode] writes it.
const ArchitectureKey = "gander.architecture"

// Save writes a network to a safetensors file: the weights under their names,
// and in the metadata the architecture and whatever else is given. The file is
// written whole or not at all. A network that [Encode] cannot describe is saved
// without its architecture; [LoadInto] can read it.
func Save(path string, m Module, metadata map[string]string) error {
	if !Ready(m) {
		return fmt.Errorf("nn: saving %s: the network has no weights yet", path)
	}
	return save(path, m, State(m), metadata)
}

// SaveWeights is [Save] with other values for the parameters: those of a
// [Snapshot] of m.
func SaveWeights(path string, m Module, w *Weights, metadata map[string]string) error {
	state := map[string]*tensor.Tensor{}
	for _, p := range Params(m) {
		v, ok := w.vars[p.Param]
		if !ok {
			return fmt.Errorf("nn: saving %s: the weights are another network's", path)
		}
		state[p.Name] = v.Value()
	}
	return save(path, m, state, metadata)
}

func save(path string, m Module, state map[string]*tensor.Tensor, metadata map[string]string) error {
	meta := maps.Clone(metadata)
	if meta == nil {
		meta = map[string]string{}
	}
	delete(meta, ArchitectureKey) // it may come from another network's file
	if architecture, err := Encode(m); err == nil {
		meta[ArchitectureKey] = string(architecture)
	}
	return safetensors.Write(path, state, meta)
}

// Load builds the network that [Save] wrote, with its weights, and returns the
// file's metadata too.
func Load(path string) (Module, map[string]string, error) {
	f, err := safetensors.Open(path)
	if err != nil {
		return nil, nil, err
	}
	architecture, ok := f.Metadata()[ArchitectureKey]
	if !ok {
		return nil, nil, fmt.Errorf("nn: loading %s: it holds weights but no architecture; build the network and use LoadInto", path)
	}
	m, err := Decode([]byte(architecture))
	if err != nil {
		return nil, nil, fmt.Errorf("nn: loading %s: %w", path, err)
	}
	if err := loadFile(f, m); err != nil {
		return nil, nil, fmt.Errorf("nn: loading %s: %w", path, err)
	}
	return m, f.Metadata(), nil
}

// LoadInto reads the weights of a safetensors file, from [Save] or from
// PyTorch, into a network. Whatever does not fit is refused before the network
// is touched.
func LoadInto(path string, m Module) error {
	f, err := safetensors.Open(path)
	if err != nil {
		return err
	}
	if err := loadFile(f, m); err != nil {
		return fmt.Errorf("nn: loading %s: %w", path, err)
	}
	return nil
}

func loadFile(f *safetensors.File, m Module) error {
	state := map[string]*tensor.Tensor{}
	dtype := tensor.Float32
	var whole []string
	for _, name := range f.Names() {
		if kind, _, _ := f.Info(name); kind == "I64" { // PyTorch's counters
			whole = append(whole, name)
			continue
		}
		t, err := f.Tensor(name)
		if err != nil {
			return err
		}
		state[name], dtype = t, t.DType()
	}
	for _, name := range whole {
		values, shape, err := f.Int64s(name)
		if err != nil {
			return err
		}
		t := tensor.New(dtype, shape...)
		t.SetFloat64(floats(values))
		state[name] = t
	}
	return LoadState(m, state)
}

func floats(values []int64) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = float64(v)
	}
	return out
}
