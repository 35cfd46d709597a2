// Package pretrained holds a generator that is trained already: handwritten digits
// of 28×28 pixels, for programs that show something before anything was trained,
// and for tests.
//
//	g, err := pretrained.Digits()
//	samples := g.Sample(10, 1)               // [10, 784]
//	four := g.SampleOf([]int{4, 4, 4, 4}, 1) // [4, 784]
//
// A program that imports the package carries the file, 1.8 MB; package gan does not.
package pretrained
