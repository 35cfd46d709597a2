package nn_test

import (
	"fmt"

	"github.com/gander-ml/gander/autograd"
	"github.com/gander-ml/gander/nn"
)

// ReZero adds what its body makes of the input, times a learned factor that is
// first 0 (Bachlechner et al., "ReZero is all you need", 2020).
type ReZero struct {
	body   nn.Module
	factor *nn.Param
}

func NewReZero(body nn.Module) *ReZero {
	return &ReZero{body, nn.NewParam("factor", nn.Constant(0), 1, 1)}
}

func (r *ReZero) Forward(ctx *nn.Ctx, x *autograd.Var) *autograd.Var {
	return autograd.Add(x, autograd.Mul(ctx.Var(r.factor), r.body.Forward(ctx, x)))
}

func (r *ReZero) Params() []*nn.Param              { return []*nn.Param{r.factor} }
func (r *ReZero) Children() []nn.Child             { return []nn.Child{{Name: "body", Module: r.body}} }
func (r *ReZero) OutShape(in []int) ([]int, error) { return nn.OutShape(r.body, in) }
func (r *ReZero) MixesBatch() bool                 { return false } // its body speaks for itself
func (r *ReZero) Describe() (kind string, constants any) {
	return "example.ReZero", reZero{nn.Part{Module: r.body}}
}

// reZero is how a ReZero is described in files.
type reZero struct {
	Body nn.Part `json:"body"`
}

func init() {
	nn.Register("example.ReZero", func(c reZero) (nn.Module, error) {
		if c.Body.Module == nil {
			return nil, fmt.Errorf("there is no body")
		}
		return NewReZero(c.Body.Module), nil
	})
}

// A module with a parameter and a part of its own, which [nn.Load] knows.
func ExampleRegister() {
	m := nn.Sequential(NewReZero(nn.Sequential(nn.Linear(2, 2), nn.Tanh())), nn.Linear(2, 1))
	text, err := nn.Encode(m)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(text))
	same, err := nn.Decode(text)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range nn.Params(same) {
		fmt.Println(p.Name, p.Param.Shape())
	}
	fmt.Print(nn.Summary(same, 2))
	// Output:
	// {"type":"Sequential","layers":[{"type":"example.ReZero","body":{"type":"Sequential","layers":[{"type":"Linear","in":2,"out":2,"bias":true},{"type":"Tanh"}]}},{"type":"Linear","in":2,"out":1,"bias":true}]}
	// 0.factor []
	// 0.body.0.weight [2 2]
	// 0.body.0.bias [2]
	// 1.weight [1 2]
	// 1.bias [1]
	// layer             output  parameters
	// 0 example.ReZero  [n 2]            7
	// 1 Linear          [n 1]            3
	// total                             10
}
