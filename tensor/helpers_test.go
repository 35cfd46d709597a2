package tensor_test

import "github.com/gander-ml/gander/tensor"

func list(ts ...*tensor.Tensor) []*tensor.Tensor { return ts }
