package optim

import (
	"errors"
	"fmt"
	"math"

	"github.com/gander-ml/gander/tensor"
)

// Method is an update rule. A value holds hyper-parameters only, so any number of
// optimizers may share it.
type Method interface {
	// Name is what errors call the method: "Adam".
	Name() string
	// Validate returns what is wrong with the hyper-parameters, or nil.
	Validate() error
	// State names what is kept from step to step: slots are tensors, one for
	// each parameter, of its shape; scalars are numbers. All start at zero.
	State() (slots, scalars []string)
	// Rate returns the learning rate of a step; 0 is the first.
	Rate(step int) float64
	// Apply does one step in place.
	Apply(u *Update)
}

// Update is one step to be done by [Method.Apply]. The lists belong to the
// optimizer: a method changes the elements of Params, Slots and Scalars, not the
// gradients, and does not keep any of them.
type Update struct {
	Step    int                // steps done before this one
	Rate    float64            // what Method.Rate returned for this step
	Params  []*tensor.Tensor   // to be changed in place
	Grads   []*tensor.Tensor   // by parameter, of the same shapes
	Slots   [][]*tensor.Tensor // by slot, then by parameter
	Scalars []float64
	// Scratch holds temporaries until the step is done. What is computed from the
	// tensors that the methods of Update return lives there.
	Scratch *tensor.Scope
}

// Param returns parameter i for computations in Scratch.
func (u *Update) Param(i int) *tensor.Tensor { return u.Scratch.Adopt(u.Params[i]) }

// Grad returns the gradient of parameter i for computations in Scratch.
func (u *Update) Grad(i int) *tensor.Tensor { return u.Scratch.Adopt(u.Grads[i]) }

// Slot returns slot k of parameter i for computations in Scratch.
func (u *Update) Slot(k, i int) *tensor.Tensor { return u.Scratch.Adopt(u.Slots[k][i]) }

// Decayed returns the gradient of parameter i plus lambda times the parameter:
// weight decay as part of the loss.
func (u *Update) Decayed(i int, lambda float64) *tensor.Tensor {
	if orDefault(lambda, 0) == 0 {
		return u.Grad(i)
	}
	return tensor.Add(u.Grad(i), tensor.Scale(u.Param(i), lambda))
}

// MethodError says that a hyper-parameter is out of its range. It is a
// [tensor.Misuse], so [tensor.Catch] returns it as an error.
type MethodError struct {
	Method string // "Adam"
	Err    error  // what is wrong, with the repair
}

func (e *MethodError) Error() string { return "optim: " + e.Method + ": " + e.Err.Error() }

// Unwrap returns Err.
func (e *MethodError) Unwrap() error { return e.Err }

// Misuse returns the likely repair.
func (e *MethodError) Misuse() string { return "correct the hyper-parameters" }

// Zero is 0 for a hyper-parameter whose default, which a plain 0 stands for, is
// another number: Adam{LR: 1e-3, Eps: Zero}, or Betas: [2]float64{Zero, Zero}. Every
// method takes it for 0, in every field.
const Zero = math.SmallestNonzeroFloat64

// orDefault is a hyper-parameter: the default if it is 0, and 0 if it is [Zero].
func orDefault(v, otherwise float64) float64 {
	switch v {
	case 0:
		return otherwise
	case Zero:
		return 0
	}
	return v
}

// Each check of a hyper-parameter is written so that NaN fails it.

func checkAboveZero(name string, v float64) error {
	if v > 0 && !math.IsInf(v, 1) {
		return nil
	}
	return fmt.Errorf("%s is %v; give a number above 0", name, v)
}

func checkNotNegative(name string, v float64) error {
	if v >= 0 && !math.IsInf(v, 1) {
		return nil
	}
	return fmt.Errorf("%s is %v; give a number of 0 or more", name, v)
}

func checkFraction(name string, v float64) error {
	if v >= 0 && v < 1 {
		return nil
	}
	return fmt.Errorf("%s is %v; give a number from 0 to below 1", name, v)
}

// firstOf returns the first error of a list.
func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

var errNesterov = errors.New("Nesterov needs momentum; set Momentum, 0.9 for example")
