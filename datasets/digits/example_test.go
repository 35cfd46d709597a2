package digits_test

import (
	"context"
	"fmt"
	"log"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/datasets/digits"
)

func ExampleLoad() {
	set, err := digits.Load()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(set.Len(), "digits; the first shows a", set.Label(0))
	pixels := set.Pixels(0)
	for y := 7; y < 28; y += 2 {
		fmt.Print("|")
		for x := 4; x < 24; x++ {
			fmt.Printf("%c", " .:+#"[int(pixels[28*y+x])*5/256])
		}
		fmt.Println("|")
	}

	loader := datasets.NewLoader(set, 64)
	for b, err := range loader.Epoch(context.Background(), 0, 0) {
		x := b.X
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(loader.Batches(), "batches of", x.Shape())
		break
	}
	// Output:
	// 10000 digits; the first shows a 7
	// |  .++:.             |
	// |  .:.:+##########:  |
	// |              .##   |
	// |             :##    |
	// |            :#+     |
	// |           :#+      |
	// |          ##+       |
	// |         ##.        |
	// |       :##.         |
	// |      :###          |
	// |                    |
	// 157 batches of [64 784]
}
