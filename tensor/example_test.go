package tensor_test

import (
	"fmt"
	"log"

	"github.com/gander-ml/gander/tensor"
)

func Example() {
	x := tensor.FromFloat32([]float32{1, 2, 3, 4, 5, 6}, 2, 3) // two rows, three columns
	y := tensor.Full(tensor.Float32, 10, 3)                    // three times 10
	z := tensor.Add(x, y)
	fmt.Println(z)
	fmt.Println(tensor.Sum(z, 1))
	fmt.Println(tensor.Sum(z).Item())
	// Output:
	// [[11. 12. 13.]
	//  [14. 15. 16.]]
	// [36. 45.]
	// 81
}

// Shapes are matched from the right, and dims of 1 are stretched.
func ExampleAdd_broadcasting() {
	column := tensor.FromFloat64([]float64{0, 10, 20}, 3, 1)
	row := tensor.FromFloat64([]float64{1, 2, 3, 4})
	fmt.Println(tensor.Add(column, row))
	// Output:
	// [[ 1.  2.  3.  4.]
	//  [11. 12. 13. 14.]
	//  [21. 22. 23. 24.]]
}

// A view shares memory with what it was taken from.
func ExampleTensor_Slice() {
	x := tensor.Arange(tensor.Float32, 8).Reshape(2, 4)
	x.SliceStep(1, 0, 4, 2).Fill(-1) // every second column
	fmt.Println(x)
	// Output:
	// [[-1.  1. -1.  3.]
	//  [-1.  5. -1.  7.]]
}

func ExampleMatMul() {
	x := tensor.FromFloat64([]float64{1, 2, 3, 4}, 2, 2)
	fmt.Println(tensor.MatMul(x, x.T()))
	// Output:
	// [[ 5. 11.]
	//  [11. 25.]]
}

func ExampleLinear() {
	x := tensor.FromFloat32([]float32{1, 2}, 1, 2)               // one input of two features
	w := tensor.FromFloat32([]float32{1, 1, 1, -1, -2, 0}, 3, 2) // [out, in]
	b := tensor.FromFloat32([]float32{0, 0, 3})
	fmt.Println(tensor.Linear(x, w, b, tensor.ReLUActivation()))
	// Output: [[3. 0. 1.]]
}

func ExampleGather() {
	rows := tensor.Arange(tensor.Float32, 6).Reshape(3, 2)
	fmt.Println(tensor.Gather(rows, 0, tensor.Positions(2, 0, 2)))
	// Output:
	// [[4. 5.]
	//  [0. 1.]
	//  [4. 5.]]
}

// A mistake in the program is a panic that says how to repair it. Catch returns it
// as an error, for programs that take shapes from outside.
func ExampleCatch() {
	x, w := tensor.New(tensor.Float32, 64, 784), tensor.New(tensor.Float32, 256, 784)
	err := tensor.Catch(func() { tensor.MatMul(x, w) })
	fmt.Println(err)
	// Output: MatMul of [64 784] and [256 784]: the inner dims 784 and 256 differ; transpose one with T, or check which axis holds the features
}

// A device by its name, which a flag may have given, and every one that there is.
func ExampleOpenDevice() {
	d, err := tensor.OpenDevice("cpu")
	if err != nil {
		fmt.Println(err)
		return
	}
	x := tensor.FromFloat32([]float32{1, 2, 3}).To(d)
	fmt.Println(tensor.Sum(x).Item(), "on", x.Device())
	for _, name := range tensor.DeviceNames() {
		if _, err := tensor.OpenDevice(name); err != nil {
			log.Print(err) // why it does not work here
		}
	}
	_, err = tensor.OpenDevice("abacus")
	fmt.Println(err != nil) // and the error lists the names
	// Output:
	// 6 on cpu
	// true
}

// The memory of each step is used again by the next.
func ExampleScope() {
	batch := tensor.FromFloat64([]float64{1, 2, 3})
	sum := tensor.Scalar(tensor.Float64, 0) // lives outside
	s := tensor.NewScope()
	for range 3 {
		x := s.Adopt(batch)                  // from here on, results live in s
		y := tensor.Sum(tensor.Square(x))    // in s
		tensor.AddScaledInto(sum, sum, 1, y) // what outlives the step is written to
		s.Close()                            // using x or y would panic now
	}
	fmt.Println(sum)
	// Output: 42.0
}

// A stream can be stopped and continued.
func ExampleStream() {
	s := tensor.NewStream(1, "shuffle")
	s.Perm(5)
	key, counter := s.State() // two numbers, for a checkpoint
	again := tensor.StreamAt(key, counter)
	fmt.Println(fmt.Sprint(s.Perm(5)) == fmt.Sprint(again.Perm(5)))
	// Output: true
}

func ExampleTensor_Format() {
	x := tensor.FromFloat64([]float64{1. / 3, 2, 1e-3})
	fmt.Println(x)
	fmt.Printf("%.2v\n", x)
	// Output:
	// [3.33333333e-01 2.00000000e+00 1.00000000e-03]
	// [3.33e-01 2.00e+00 1.00e-03]
}
