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

// Digits returns a generator of handwritten digits on the CPU, that of recipe.Quick:
// from 100 latent numbers and a class, "0" to "9", to images [1, 28, 28] in rows of
// 784 numbers in [−1, 1], −1 black. The options are those of [gan.ReadGenerator], and
// the error is; it cannot occur unless the program is damaged or the options are too
// strict.
func Digits(options ...gan.LoadOption) (*gan.Generator, error) {
	return gan.ReadGenerator(bytes.NewReader(digits), options...)
}
