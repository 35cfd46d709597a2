package imagefolder_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/datasets/imagefolder"
)

func ExampleLoad() {
	set, err := imagefolder.Load(context.Background(), "testdata/pictures", imagefolder.Options{Size: 32, SkipUnusable: true})
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range set.Unusable() {
		fmt.Println("left out:", f)
	}
	loader := datasets.NewLoader(set, 16, datasets.KeepShape(), datasets.Workers(2))
	fmt.Println(set.Len(), "pictures", set.Shape(), "in", loader.Batches(), "batches")
	// Output:
	// 38 pictures [3 32 32] in 3 batches
}

// A file says which class a picture belongs to: "small.png,tiny".
func ExampleOptions() {
	set, err := imagefolder.LoadFS(context.Background(), os.DirFS("testdata"), imagefolder.Options{Size: 8, Labels: "labels.csv"})
	if err != nil {
		log.Fatal(err)
	}
	for i := range set.Len() {
		fmt.Println(set.Name(i), "is", set.Classes()[set.Label(i)])
	}
	// Output:
	// pictures/rgb.bmp is large
	// pictures/rgb.png is large
	// pictures/small.png is small
}
