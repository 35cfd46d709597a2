package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/datasets/imagefolder"
)

// load returns the pictures to train on, and the names of their classes if there are
// two or more.
func load(ctx context.Context) (datasets.Dataset, []string, error) {
	if *data == "" {
		set := newShapes(4000, *size, *seed)
		fmt.Printf("%d pictures of shapes, drawn by this program: %s; -data FOLDER takes your own\n", set.Len(), strings.Join(shapeNames, ", "))
		return set, shapeNames, nil
	}
	set, err := imagefolder.Load(ctx, *data, imagefolder.Options{
		Size: *size, Channels: channelsOf[*colour],
		Labels: *labels, SkipUnusable: !*strict,
	})
	var unusable *imagefolder.UnusableError
	if errors.As(err, &unusable) {
		list(unusable.Files, "that cannot be used")
		return nil, nil, fmt.Errorf("%d of %s cannot be used; without -strict, training goes on with the others", len(unusable.Files), count(unusable.Of, "picture"))
	}
	if err != nil {
		return nil, nil, err
	}
	list(set.Unusable(), "that cannot be used")
	list(set.Skipped(), "passed over")
	classes := set.Classes()
	fmt.Print(count(set.Len(), "picture"))
	if len(classes) > 0 {
		counts := make([]int, len(classes))
		for i := range set.Len() {
			counts[set.Label(i)]++
		}
		kinds := fmt.Sprint(len(classes), " classes")
		if len(classes) == 1 {
			kinds = "one class"
		}
		fmt.Printf(" of %s:", kinds)
		for i, name := range classes {
			if i == 20 {
				fmt.Printf(" and %d more", len(classes)-i)
				break
			}
			fmt.Printf(" %q %d", name, counts[i])
		}
	}
	fmt.Println()
	if set.Len() < 2 {
		return nil, nil, fmt.Errorf("one picture is not enough to learn from")
	}
	if len(classes) < 2 {
		classes = nil // there is nothing to ask for
	}
	return set, classes, nil
}

// count is "1 file" or "2 files".
func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprint(n, " ", what)
}

// list tells which files are left out, and why, up to 20 of them.
func list(files []imagefolder.File, what string) {
	if len(files) == 0 {
		return
	}
	fmt.Printf("%s %s:\n", count(len(files), "file"), what)
	for i, f := range files {
		if i == 20 {
			fmt.Printf("  … and %d more\n", len(files)-i)
			break
		}
		fmt.Println(" ", f)
	}
}

// again returns a set in which each picture comes several times if there are few of
// them: files are written after each epoch, which is not to be over in a moment.
func again(set datasets.Dataset) datasets.Dataset {
	const enough = 4000
	n := set.Len()
	if n >= enough {
		return set
	}
	indices := make([]int, (enough+n-1)/n*n)
	for i := range indices {
		indices[i] = i % n
	}
	return datasets.Subset(set, indices)
}
