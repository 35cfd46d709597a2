package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/gan/metrics"
	"github.com/gander-ml/gander/gan/metrics/mnistfeatures"
	"github.com/gander-ml/gander/tensor"
)

// writeScale lets the judge evaluate real digits, which gives the floors, and
// noise, which gives the ceilings.
func writeScale(train, test *datasets.Images) error {
	judge, err := mnistfeatures.Load()
	if err != nil {
		return err
	}
	counts := []int{200, 500, 1000, 2000, 5000, 10_000}
	// Training digits are compared with the test digits, and these with the
	// statistics of all training digits.
	names := []string{mnistfeatures.Distance, mnistfeatures.DistanceTraining, mnistfeatures.Precision, mnistfeatures.Recall,
		mnistfeatures.Density, mnistfeatures.Coverage, mnistfeatures.KernelDistance, mnistfeatures.RarestDigit, mnistfeatures.Fidelity}
	floors := map[string][]string{}
	for _, n := range counts {
		fromTrain, err := average(judge, train, n)
		if err != nil {
			return err
		}
		fromTest, err := average(judge, test, n)
		if err != nil {
			return err
		}
		for _, name := range names {
			v := fromTrain.Get(name)
			if name == mnistfeatures.DistanceTraining {
				v = fromTest.Get(name)
			}
			floors[name] = append(floors[name], fmt.Sprintf("{%d, %.4g}", n, v.Value))
		}
		fmt.Printf("%d training digits\n%s%d test digits\n%s", n, fromTrain, n, fromTest)
	}
	digits := make([]int, 10_000)
	for i := range digits {
		digits[i] = i % mnistfeatures.Classes
	}
	uniform := tensor.NewStream(1, "noise").Uniform(tensor.Float32, 10_000, 28*28)
	noise, err := judge.Evaluate(tensor.Shift(tensor.Scale(uniform, 2), -1), digits...)
	if err != nil {
		return err
	}
	fmt.Print("noise\n", noise)

	var b strings.Builder
	b.WriteString("// floors are the values of real digits by their number, ceilings those of 10,000\n// images of noise.\nvar (\nfloors = map[string][]measured{\n")
	for _, name := range names {
		fmt.Fprintf(&b, "%q: {%s},\n", name, strings.Join(floors[name], ", "))
	}
	b.WriteString("}\nceilings = map[string]float64{\n")
	for _, name := range names {
		fmt.Fprintf(&b, "%q: %.4g,\n", name, noise.Values.Get(name).Value)
	}
	b.WriteString("}\n)\n")
	return writeGo("scale.go", "scale", b.String())
}

// average returns the averages of evaluations of n digits of a set, other ones each
// time.
func average(judge *mnistfeatures.Judge, set *datasets.Images, n int) (metrics.Table, error) {
	order := tensor.NewStream(1, "scale").Perm(set.Len())
	const draws = 4
	var runs []metrics.Table
	for part := range slices.Chunk(order, n) {
		if len(runs) == draws || len(part) < n {
			break
		}
		x := tensor.New(tensor.Float32, n, 28*28)
		labels := make([]int, n)
		for i, at := range part {
			x.Slice(0, i, i+1).CopyFrom(images(set, at, at+1))
			labels[i] = set.Label(at)
		}
		report, err := judge.Evaluate(x, labels...)
		if err != nil {
			return nil, err
		}
		runs = append(runs, report.Values)
	}
	return metrics.Average(runs...), nil
}
