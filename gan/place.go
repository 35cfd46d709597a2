package gan

import (
	"fmt"

	"github.com/gander-ml/gander/nn"
)

// place is a layer of a network.
type place struct {
	network, path, kind string
}

// part returns the place of a part of the layer.
func (p place) part(name string, part nn.Module) place {
	if p.path != "" {
		name = p.path + "." + name
	}
	p.path, p.kind = name, fmt.Sprintf("%T", part)
	if d, ok := part.(nn.Describer); ok {
		p.kind, _ = d.Describe()
	}
	return p
}

// enter is [nn.Ctx.Enter] of a pass that is at p.
func (p *place) enter(name string, part nn.Module) (leave func()) {
	before := *p
	*p = p.part(name, part)
	return func() { *p = before }
}

// layer returns "2 Linear", or "" of the network itself.
func (p place) layer() string {
	if p.path == "" {
		return ""
	}
	return p.path + " " + p.kind
}

// refusing returns the layer within m, which is at p, that does not take its input if
// m's has the shape in.
func (p place) refusing(m nn.Module, in []int) place {
	if c, ok := m.(nn.Chain); ok {
		for _, part := range c.Children() {
			out, err := nn.OutShape(part.Module, in)
			if err != nil {
				return p.part(part.Name, part.Module).refusing(part.Module, in)
			}
			in = out
		}
	}
	return p
}

// add adds the layer to an error.
func (p place) add(err error) error {
	switch {
	case p.path == "":
		return err
	case p.network == "":
		return fmt.Errorf("in layer %s: %w", p.layer(), err)
	}
	return fmt.Errorf("in layer %s of the %s: %w", p.layer(), p.network, err)
}
