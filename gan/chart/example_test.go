package chart_test

import (
	"fmt"
	"log"
	"math"
	"os"
	"path/filepath"

	"github.com/gander-ml/gander/gan/chart"
)

// The learning rate over a run of 100 steps. The losses of a training run are drawn
// by its hook: gan.On(chart.Losses("losses.png")).
func ExampleWritePNG() {
	dir, err := os.MkdirTemp("", "chart")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	curve := chart.Curve{Name: "0.97^n"}
	for step := range 100 {
		curve.X, curve.Y = append(curve.X, float64(step)), append(curve.Y, math.Pow(0.97, float64(step)))
	}
	path := filepath.Join(dir, "rate.png")
	if err := chart.WritePNG(path, "Learning rate", "step", "factor", curve); err != nil {
		log.Fatal(err)
	}
	file, err := os.Stat(path)
	fmt.Println(file.Name(), file.Size() > 1000, err)
	// Output: rate.png true <nil>
}
