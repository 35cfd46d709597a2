package simdblas_test

import (
	"fmt"

	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/blas/gonum"
	"gonum.org/v1/gonum/mat"

	"github.com/gander-ml/gander/tensor/simdblas"
)

// One line makes the matrix products of gonum/mat faster.
func Example() {
	blas64.Use(simdblas.Implementation{})
	defer blas64.Use(gonum.Implementation{}) // what gonum starts with

	a := mat.NewDense(2, 3, []float64{1, 2, 3, 4, 5, 6})
	var c mat.Dense
	c.Mul(a, a.T())
	fmt.Println(mat.Formatted(&c))
	// Output:
	// ⎡14  32⎤
	// ⎣32  77⎦
}
