package gallery_test

import (
	"bytes"
	"fmt"
	"image/png"
	"log"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/gallery"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/tensor"
)

func ExampleGrid() {
	samples := tensor.FromFloat32([]float32{
		-1, 1, -1, 1, // a column of white in each of two images of 2×2
		1, -1, 1, -1,
	}, 2, 4)
	img, err := gallery.Grid{Height: 2, Width: 2, Gap: 1}.Image(samples)
	if err != nil {
		log.Fatal(err)
	}
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			if r, _, _, _ := img.At(x, y).RGBA(); r > 0 {
				fmt.Print("#")
			} else {
				fmt.Print(".")
			}
		}
		fmt.Println()
	}
	// Output:
	// .......
	// ..#.#..
	// ..#.#..
	// .......
}

// A row for each of two pairs of latent vectors, the way between them in five steps.
func ExampleWalk() {
	net := nn.Sequential(nn.Linear(4, 8*8), nn.Tanh(), nn.Reshape(1, 8, 8))
	nn.Init(net, 1, tensor.Float32, tensor.CPU())
	generator, err := gan.NewGenerator(net, 4, 1, 8, 8)
	if err != nil {
		log.Fatal(err)
	}
	way := gallery.Walk(generator.Latents(2, 1), generator.Latents(2, 2), 5)
	var b bytes.Buffer
	if err := (gallery.Grid{Columns: 5, Gap: 1}).Write(&b, generator.Map(way)); err != nil {
		log.Fatal(err)
	}
	img, err := png.Decode(&b)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(img.Bounds().Size())
	// Output: (46,19)
}
