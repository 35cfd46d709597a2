package datasets

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/gander-ml/gander/internal/atomicfile"
	"github.com/gander-ml/gander/internal/excerpt"
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

// A contentFile is a file known by its content, which mirrors compress in
// different ways.
type contentFile struct {
	name   string // without .gz
	sha256 string // of the content
	size   int64  // of the content, in bytes
}

// mnistFiles are images and labels of each Split.
var mnistFiles = [2][2]contentFile{
	Train: {
		{"train-images-idx3-ubyte", "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db", 47040016},
		{"train-labels-idx1-ubyte", "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5", 60008},
	},
	Test: {
		{"t10k-images-idx3-ubyte", "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7", 7840016},
		{"t10k-labels-idx1-ubyte", "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2", 10008},
	},
}

// MNIST reads one split of MNIST from a folder with its IDX files, named as
// they always are (train-images-idx3-ubyte.gz and so on, or
// train-images.idx3-ubyte), compressed or not. Drop-in replacements of the same
// names, such as Fashion-MNIST, are read likewise: nothing is compared with
// MNIST's checksums. It returns an error that names the file if one is missing
// or damaged, or if there are no images, and panics with a [tensor.ArgumentError]
// if split is neither [Train] nor [Test].
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
	for i, file := range mnistFiles[split] {
		name, err := file.find(fsys, dir)
		if err != nil {
			return nil, err
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

// names are those that the file goes by, compressed and not, as it was published
// and as some archives have it.
func (f contentFile) names() []string {
	dotted := strings.Replace(f.name, "-idx", ".idx", 1)
	return []string{f.name + ".gz", f.name, dotted + ".gz", dotted}
}

// find returns the name of the file in fsys, whose folder errors call dir.
func (f contentFile) find(fsys fs.FS, dir string) (name string, err error) {
	for _, name := range f.names() {
		if _, err := fs.Stat(fsys, name); err == nil {
			return name, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("datasets: MNIST: %s: %w", dir, err)
		}
	}
	advice := "DownloadMNIST fetches it"
	if other := f.similar(fsys); other != "" {
		advice = "if it is " + excerpt.Quote(other) + ", rename that"
	}
	return "", fmt.Errorf("datasets: MNIST: there is no %s, with or without .gz, in %s (%s): %w",
		f.name, dir, advice, fs.ErrNotExist)
}

// similar returns the name of a file in fsys that differs from the one looked
// for in case, punctuation, or something before or after; or "".
func (f contentFile) similar(fsys fs.FS) string {
	letters := func(s string) string {
		return strings.Map(func(r rune) rune {
			if unicode.IsLetter(r) || unicode.IsDigit(r) {
				return unicode.ToLower(r)
			}
			return -1
		}, s)
	}
	entries, _ := fs.ReadDir(fsys, ".")
	for _, e := range entries {
		if !e.IsDir() && strings.Contains(letters(e.Name()), letters(f.name)) {
			return e.Name()
		}
	}
	return ""
}

// verify returns an error unless r holds the file's content, compressed or not.
func (f contentFile) verify(r io.Reader) error {
	content, _, err := decompress(r)
	if err != nil {
		return err
	}
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(content, f.size+1))
	if err != nil {
		return err
	}
	if sum := hex.EncodeToString(h.Sum(nil)); n != f.size || sum != f.sha256 {
		return fmt.Errorf("the content's SHA-256 is not that of %s", f.name)
	}
	return nil
}
