package pretrained

import (
	"bytes"
	_ "embed" // the file

	"github.com/gander-ml/gander/gan"
)

// The file is what
//
//	go run ./examples/mnist -out DIR
//
// leaves as DIR/generator.safetensors, at the step and seed that its metadata tells.
//
//go:embed digits.safetensors
var digits []byte

// Digits returns a generator of handwritten digits on the CPU, from 64 latent
// numbers to images [1, 28, 28] in rows of 784 numbers in [−1, 1], −1 black. It is
// that of recipe.Quick. The error is that of [gan.ReadGenerator], and cannot occur
// unless the program is damaged.
func Digits(options ...gan.LoadOption) (*gan.Generator, error) {
	return gan.ReadGenerator(bytes.NewReader(digits), options...)
}
