package torch

import (
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
// LoadState refuses it; other parts are left out.
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
	prefixes := map[string]bool{} // with their dot
	for name := range state {
		for _, p := range params {
			if prefix, ok := strings.CutSuffix(name, p.Name); ok && (prefix == "" || strings.HasSuffix(prefix, ".")) {
				prefixes[prefix] = true
			}
		}
	}
	// The part with most of the names, and among those, with most of the shapes.
	best, most := []string(nil), [2]int{}
	for _, prefix := range slices.Sorted(maps.Keys(prefixes)) {
		var found [2]int
		for _, p := range params {
			if t := state[prefix+p.Name]; t != nil {
				found[0]++
				if slices.Equal(t.Shape(), p.Param.Shape()) {
					found[1]++
				}
			}
		}
		switch c := slices.Compare(found[:], most[:]); {
		case c > 0:
			best, most = []string{prefix}, found
		case c == 0:
			best = append(best, prefix)
		}
	}
	if len(best) == 0 {
		return nil, "", fmt.Errorf("none of the network's parameters, %s for one, are among its %d tensors, %s",
			excerpt.Name(params[0].Name), len(state), some(slices.Sorted(maps.Keys(state)), excerpt.Name))
	}
	if len(best) > 1 {
		for i, prefix := range best {
			best[i] = strings.TrimSuffix(prefix, ".")
		}
		return nil, "", fmt.Errorf("several parts of it fit the network as well: %s; choose one", some(best, excerpt.Quote))
	}
	part = strings.TrimSuffix(best[0], ".")
	return Part(state, part), part, nil
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
