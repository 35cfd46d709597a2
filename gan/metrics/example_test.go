package metrics_test

import (
	"fmt"
	"log"

	"github.com/gander-ml/gander/gan/metrics"
	"github.com/gander-ml/gander/tensor"
)

// Two sets of numbers against a reference: one from the same distribution, and one
// that is moved by 1 along the first of four axes and so is 1² away. The first
// distance is what the finite number of samples makes.
func ExampleFrechet() {
	random := tensor.NewStream(1, "example")
	reference := random.Normal(tensor.Float64, 10_000, 4)
	same := random.Normal(tensor.Float64, 10_000, 4)
	moved := tensor.Add(same, tensor.FromFloat64([]float64{1, 0, 0, 0}))
	for _, x := range []*tensor.Tensor{same, moved} {
		distance, err := metrics.Frechet(reference, x)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%.2f\n", distance)
	}
	// Output:
	// 0.00
	// 0.99
}

// A generator that always draws the same is of perfect precision: recall shows
// that it leaves out nearly everything.
func ExamplePrecisionRecall() {
	random := tensor.NewStream(1, "example")
	reference := random.Normal(tensor.Float64, 1000, 2)
	good := random.Normal(tensor.Float64, 1000, 2)
	collapsed := tensor.Scale(random.Normal(tensor.Float64, 1000, 2), 0.01)
	for _, x := range []*tensor.Tensor{good, collapsed} {
		precision, recall, err := metrics.PrecisionRecall(reference, x, 3)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("precision %.2f, recall %.2f\n", precision, recall)
	}
	// Output:
	// precision 0.97, recall 0.98
	// precision 1.00, recall 0.00
}

// What a generator's samples score, beside what as many real ones do that are not in
// the reference either. This one draws too little variety.
func ExampleTable_Against() {
	score := func(reference, samples *tensor.Tensor) metrics.Table {
		distance, err := metrics.Frechet(reference, samples)
		if err != nil {
			log.Fatal(err)
		}
		precision, recall, err := metrics.PrecisionRecall(reference, samples, 3)
		if err != nil {
			log.Fatal(err)
		}
		return metrics.Table{
			metrics.NewValue("Fréchet distance", distance),
			metrics.NewValue("precision", precision),
			metrics.NewValue("recall", recall),
		}
	}
	random := tensor.NewStream(1, "example")
	reference, others := random.Normal(tensor.Float64, 1000, 2), random.Normal(tensor.Float64, 500, 2)
	generated := tensor.Scale(random.Normal(tensor.Float64, 500, 2), 0.6)
	fmt.Print(score(reference, generated).Against(score(reference, others)))
	// Output:
	// metric             value   floor
	// Fréchet distance   0.352   0.00402
	// precision          0.988   0.974
	// recall             0.858   0.98
}

// A generator that was asked for classes, and what a judge takes its samples for.
func ExampleFidelity() {
	asked := []int{0, 1, 2, 0, 1, 2, 0, 1}
	seen := []int{0, 1, 2, 0, 1, 1, 0, 1}
	v, err := metrics.Fidelity(seen, asked)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(v)
	// Output: class fidelity 0.875 · ±0.117
}
