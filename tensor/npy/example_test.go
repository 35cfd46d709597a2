package npy_test

import (
	"bytes"
	"fmt"
	"log"

	"github.com/gander-ml/gander/tensor"
	"github.com/gander-ml/gander/tensor/npy"
)

// Points for a plot in Python. Save writes to a file, which np.load("points.npy")
// then reads.
func ExampleWrite() {
	points := tensor.NewStream(1, "points").Normal(tensor.Float32, 1000, 2)
	var file bytes.Buffer
	if err := npy.Write(&file, points); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.59s\n", file.Bytes()[10:])
	// Output: {'descr': '<f4', 'fortran_order': False, 'shape': (1000, 2)
}
