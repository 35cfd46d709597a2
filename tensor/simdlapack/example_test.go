package simdlapack_test

import (
	"fmt"

	"gonum.org/v1/gonum/blas/blas64"
	blasgonum "gonum.org/v1/gonum/blas/gonum"
	lapackgonum "gonum.org/v1/gonum/lapack/gonum"
	"gonum.org/v1/gonum/lapack/lapack64"
	"gonum.org/v1/gonum/mat"

	"github.com/gander-ml/gander/tensor/simdblas"
	"github.com/gander-ml/gander/tensor/simdlapack"
)

// Two lines make the decompositions of gonum/mat faster.
func Example() {
	blas64.Use(simdblas.Implementation{})
	lapack64.Use(simdlapack.Implementation{})
	defer blas64.Use(blasgonum.Implementation{}) // what gonum starts with
	defer lapack64.Use(lapackgonum.Implementation{})

	// The distances between 100 points on a line have a rank of two.
	a := mat.NewDense(100, 100, nil)
	for i := range 100 {
		for j := range 100 {
			a.Set(i, j, float64(i-j))
		}
	}
	var svd mat.SVD
	if !svd.Factorize(a, mat.SVDThin) {
		fmt.Println("no convergence")
	}
	fmt.Println("rank", svd.Rank(1e-12))
	for _, s := range svd.Values(nil)[:3] {
		fmt.Printf("%.6f\n", s)
	}
	// Output:
	// rank 2
	// 2886.607005
	// 2886.607005
	// 0.000000
}
