package datasets

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gander-ml/gander/internal/atomicfile"
	"github.com/gander-ml/gander/internal/mnist"
)

// Split is a part of a dataset.
type Split int

// The parts of MNIST.
const (
	Train Split = iota // 60,000 digits
	Test               // 10,000 digits by other writers
)

// String returns "train" or "test".
func (s Split) String() string {
	switch s {
	case Train:
		return "train"
	case Test:
		return "test"
	}
	return fmt.Sprintf("Split(%d)", int(s))
}

// MNIST reads one split of MNIST from a folder with its IDX files, named as
// they always are (train-images-idx3-ubyte.gz and so on, or
// train-images.idx3-ubyte), compressed or not. Drop-in replacements of the same
// names, such as Fashion-MNIST, are read likewise: nothing is compared with
// MNIST's checksums. Package download fetches the files.
//
// MNIST returns an error that names the file if one is missing or damaged, or if there
// are no images, and panics with a [tensor.ArgumentError] if split is neither [Train]
// nor [Test].
func MNIST(dir string, split Split, options ...ReadOption) (*Images, error) {
	if dir == "" {
		dir = "."
	}
	return readMNIST(os.DirFS(dir), dir, split, options)
}

// MNISTFS is [MNIST] of the root of fsys, such as an [embed.FS] or what
// [fs.Sub] makes of one.
func MNISTFS(fsys fs.FS, split Split, options ...ReadOption) (*Images, error) {
	return readMNIST(fsys, ".", split, options)
}

// readMNIST reads a split from fsys, which errors call dir.
func readMNIST(fsys fs.FS, dir string, split Split, options []ReadOption) (*Images, error) {
	if split != Train && split != Test {
		misuse("MNIST", fmt.Sprintf("there is no %v", split), "give Train or Test")
	}
	var parts [2]*IDX
	for i, file := range mnist.Files[split] {
		name, err := file.Find(fsys, dir)
		if err != nil {
			return nil, fmt.Errorf("datasets: MNIST: %w", err)
		}
		f, err := atomicfile.OpenFS(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("datasets: MNIST: %s: %w", dir, err)
		}
		if parts[i], err = loadIDX(f, filepath.Join(dir, name), options); err != nil {
			return nil, err
		}
	}
	images, err := newImages(parts[0], parts[1])
	if err != nil {
		return nil, fmt.Errorf("datasets: MNIST: %v split in %s: %w", split, dir, err)
	}
	return images, nil
}
