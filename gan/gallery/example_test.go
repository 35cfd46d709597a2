package gallery_test

import (
	"bytes"
	"context"
	"fmt"
	"image/gif"
	"image/png"
	"log"

	"github.com/gander-ml/gander/datasets"
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

// A film of training: the same latent vectors after every five steps.
func ExampleFilm() {
	g := nn.Sequential(nn.Linear(4, 4*4), nn.Tanh(), nn.Reshape(1, 4, 4))
	d := nn.Sequential(nn.Flatten(), nn.Linear(4*4, 1))
	t, err := gan.New(g, d, gan.Config{Latent: 4, Seed: 1})
	if err != nil {
		log.Fatal(err)
	}
	film := gallery.Film{Grid: gallery.Grid{Columns: 4, Gap: 1}}
	shoot := gan.After(gan.Every(5), func(t *gan.Trainer) error { return film.Add(t.Sample(8, 1)) })
	noise := datasets.FromTensor(tensor.NewStream(1, "noise").Uniform(tensor.Float32, 40, 1, 4, 4), nil)
	loader := datasets.NewLoader(noise, 8, datasets.KeepShape())
	if _, err := t.Fit(context.Background(), loader, gan.Steps(20), gan.On(shoot)); err != nil {
		log.Fatal(err)
	}
	var b bytes.Buffer
	if err := film.Write(&b); err != nil {
		log.Fatal(err)
	}
	pictures, err := gif.DecodeAll(&b)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(pictures.Image), "pictures of", pictures.Image[0].Bounds().Size())
	// Output: 4 pictures of (21,11)
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
