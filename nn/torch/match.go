package torch

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gander-ml/gander/internal/excerpt"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

// LoadInto reads the weights of a network from a file of torch.save, wherever they
// are in it, and returns the part of the file that they were, as [Match] does. The
// network stays as it was if they do not fit: the error names what is missing, left
// over, or has another shape or dtype.
func LoadInto(path string, m nn.Module) (part string, err error) {
	state, err := Load(path)
	if err != nil {
		return "", err
	}
	state, part, err = Match(m, state)
	if err == nil {
		err = nn.LoadState(m, state)
	}
	if err != nil {
		return "", fmt.Errorf("torch: loading %s: %w", path, err)
	}
	return part, nil
}

// Match returns the tensors of a state that are a network's, under the network's
// names, for [nn.LoadState], and the part of the state that they were. That is the
// one under which most of the network's names stand: "module.main" if the state holds
// "module.main.0.weight" and the network's first parameter is "0.weight", and "" if
// the names are the same. What else the part holds is returned as well, so that
// LoadState refuses it; other parts are left out. If all parameters of the network are
// those of one part of it, as in Sequential(Reshape(100, 1, 1), main), their names
// within the part do as well.
//
// Weights of torch.nn.utils.spectral_norm, "weight_orig" with "weight_u" and
// "weight_v", get the names of parametrizations.spectral_norm, which are
// [nn.SpectralNorm]'s.
//
// It is an error if none of the names are there, or if several parts fit; [Part]
// then takes one.
func Match(m nn.Module, state map[string]*tensor.Tensor) (matched map[string]*tensor.Tensor, part string, err error) {
	state = renamed(state)
	params := nn.Params(m)
	if len(params) == 0 {
		return nil, "", errors.New("the network has no parameters")
	}
	// The network's names stand in the state, or those that all its parameters have
	// in one part of it.
	own, common := "", commonPart(params)
	best := partsOf(state, params, own)
	for best.names == 0 && own != common {
		first, _, _ := strings.Cut(common[len(own):], ".")
		own += first + "."
		best = partsOf(state, params, own)
	}
	if best.names == 0 {
		return nil, "", fmt.Errorf("none of the network's parameters, %s for one, are among its %d tensors, %s",
			excerpt.Name(params[0].Name), len(state), some(slices.Sorted(maps.Keys(state)), excerpt.Name))
	}
	if len(best.parts) > 1 {
		return nil, "", fmt.Errorf("several parts of it fit the network as well: %s; choose one", some(best.parts, excerpt.Quote))
	}
	part = best.parts[0]
	matched = map[string]*tensor.Tensor{}
	for name, t := range Part(state, part) {
		matched[own+name] = t
	}
	return matched, part, nil
}

// commonPart returns the name, with its dot, of the part of a network that has all
// parameters; "" if several have.
func commonPart(params []nn.NamedParam) string {
	common := params[0].Name[:strings.LastIndex(params[0].Name, ".")+1]
	for _, p := range params {
		for !strings.HasPrefix(p.Name, common) {
			common = common[:strings.LastIndex(strings.TrimSuffix(common, "."), ".")+1]
		}
	}
	return common
}

// found are the parts of a state that have most of a network's names, and among
// those, most of its shapes.
type found struct {
	parts         []string
	names, shapes int
}

// partsOf looks for the names of a network without their beginning own.
func partsOf(state map[string]*tensor.Tensor, params []nn.NamedParam, own string) (best found) {
	prefixes := map[string]bool{} // with their dot
	for name := range state {
		for _, p := range params {
			if prefix, ok := strings.CutSuffix(name, p.Name[len(own):]); ok && (prefix == "" || strings.HasSuffix(prefix, ".")) {
				prefixes[prefix] = true
			}
		}
	}
	for _, prefix := range slices.Sorted(maps.Keys(prefixes)) {
		this := found{parts: []string{strings.TrimSuffix(prefix, ".")}}
		for _, p := range params {
			if t := state[prefix+p.Name[len(own):]]; t != nil {
				this.names++
				if slices.Equal(t.Shape(), p.Param.Shape()) {
					this.shapes++
				}
			}
		}
		switch c := cmp.Or(cmp.Compare(this.names, best.names), cmp.Compare(this.shapes, best.shapes)); {
		case c > 0:
			best = this
		case c == 0:
			best.parts = append(best.parts, this.parts...)
		}
	}
	return best
}

// some lists names, of many the first only.
func some(names []string, as func(string) string) string {
	out := make([]string, 0, 4)
	for i, name := range names {
		if i == 3 && len(names) > 4 {
			out = append(out, fmt.Sprintf("and %d more", len(names)-3))
			break
		}
		out = append(out, as(name))
	}
	return strings.Join(out, ", ")
}

// Part returns the tensors of a state whose names begin with that of a part and a
// dot, without these: of the part "netG", "netG.0.weight" as "0.weight". The part ""
// is all.
func Part(state map[string]*tensor.Tensor, part string) map[string]*tensor.Tensor {
	out := map[string]*tensor.Tensor{}
	for name, t := range state {
		if part == "" {
			out[name] = t
		} else if rest, ok := strings.CutPrefix(name, part+"."); ok {
			out[rest] = t
		}
	}
	return out
}

// renamed gives the weights of the older spectral_norm the names of the newer one.
func renamed(state map[string]*tensor.Tensor) map[string]*tensor.Tensor {
	out := maps.Clone(state)
	for name := range state {
		layer, ok := strings.CutSuffix(name, "weight_orig")
		if !ok || layer != "" && !strings.HasSuffix(layer, ".") {
			continue
		}
		for old, now := range map[string]string{"weight_orig": "original", "weight_u": "0._u", "weight_v": "0._v"} {
			if t, ok := state[layer+old]; ok {
				delete(out, layer+old)
				out[layer+"parametrizations.weight."+now] = t
			}
		}
	}
	return out
}
