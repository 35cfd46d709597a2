package datasets_test

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"log"
	"os"
	"path/filepath"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/tensor"
)

// Photos are the image files of a folder, as samples [3, size, size] in
// [−1, 1]. Programs that read JPEG files import image/jpeg, too.
type Photos struct {
	paths []string
	size  int
}

func (p Photos) Len() int     { return len(p.paths) }
func (p Photos) Shape() []int { return []int{3, p.size, p.size} }

func (p Photos) Fill(i int, dst []float32) error {
	f, err := os.Open(p.paths[i])
	if err != nil {
		return err
	}
	defer f.Close()
	m, _, err := image.Decode(f)
	if err != nil {
		return fmt.Errorf("%s: %w", p.paths[i], err)
	}
	b := m.Bounds()
	if b.Dx() != p.size || b.Dy() != p.size {
		return fmt.Errorf("%s is %v, not %d×%[3]d", p.paths[i], b.Size(), p.size)
	}
	plane := p.size * p.size
	for k := range plane {
		c := color.NRGBAModel.Convert(m.At(b.Min.X+k%p.size, b.Min.Y+k/p.size)).(color.NRGBA)
		for channel, v := range []uint8{c.R, c.G, c.B} {
			dst[channel*plane+k] = float32(v)/127.5 - 1
		}
	}
	return nil
}

// A folder of images of your own. Files are decoded anew in every epoch, beside
// training; AsTensor keeps all of them in memory.
func ExampleDataset_images() {
	dir, err := os.MkdirTemp("", "photos")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for i, c := range []color.Color{color.White, color.NRGBA{R: 255, A: 255}} {
		f, err := os.Create(filepath.Join(dir, fmt.Sprint(i, ".png")))
		if err != nil {
			log.Fatal(err)
		}
		m := image.NewNRGBA(image.Rect(0, 0, 2, 2))
		for k := range 4 {
			m.Set(k%2, k/2, c)
		}
		if err := png.Encode(f, m); err != nil {
			log.Fatal(err)
		}
		if err := f.Close(); err != nil {
			log.Fatal(err)
		}
	}

	paths, err := filepath.Glob(filepath.Join(dir, "*.png"))
	if err != nil {
		log.Fatal(err)
	}
	x, err := datasets.AsTensor(Photos{paths, 2}, tensor.Float32)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(x.Shape(), x.Float32s())
	loader := datasets.NewLoader(datasets.FromTensor(x, nil), 2, datasets.KeepShape())
	fmt.Println(loader.Batches(), "batch")
	// Output:
	// [2 3 2 2] [1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 -1 -1 -1 -1 -1 -1 -1 -1]
	// 1 batch
}
