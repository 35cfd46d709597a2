package digits

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"io"
	"sync"

	"github.com/gander-ml/gander/datasets"
)

//go:embed t10k-images-idx3-ubyte.gz
var images []byte

//go:embed t10k-labels-idx1-ubyte.gz
var labels []byte

// The SHA-256 of the files' content.
const (
	imagesSHA256 = "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"
	labelsSHA256 = "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"
)

// Load returns the 10,000 digits. The first call decodes and verifies them;
// every call returns the same set. It returns an error only if the data was
// damaged when the program was built.
func Load() (*datasets.Images, error) { return load() }

var load = sync.OnceValues(func() (*datasets.Images, error) {
	x, err := decode(images, imagesSHA256)
	if err != nil {
		return nil, fmt.Errorf("digits: images: %w", err)
	}
	y, err := decode(labels, labelsSHA256)
	if err != nil {
		return nil, fmt.Errorf("digits: labels: %w", err)
	}
	return datasets.NewImages(x, y)
})

// decode reads a compressed IDX file whose content has that SHA-256.
func decode(compressed []byte, want string) (*datasets.IDX, error) {
	content, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return nil, err
	}
	h := sha256.New()
	x, err := datasets.ReadIDX(io.TeeReader(content, h))
	if err != nil {
		return nil, err
	}
	if hex.EncodeToString(h.Sum(nil)) != want {
		return nil, fmt.Errorf("the content's SHA-256 is not %s", want)
	}
	return x, nil
}
