// Package mnist knows the files of MNIST, their names and their content.
package mnist

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"unicode"

	"github.com/gander-ml/gander/internal/excerpt"
	"github.com/gander-ml/gander/internal/gunzip"
)

// A File is a file known by its content, which mirrors compress in
// different ways.
type File struct {
	Name   string // without .gz
	SHA256 string // of the content
	Size   int64  // of the content, in bytes
}

// Files are images and labels of each datasets.Split.
var Files = [2][2]File{
	{
		{"train-images-idx3-ubyte", "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db", 47040016},
		{"train-labels-idx1-ubyte", "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5", 60008},
	},
	{
		{"t10k-images-idx3-ubyte", "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7", 7840016},
		{"t10k-labels-idx1-ubyte", "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2", 10008},
	},
}

// names are those that the file goes by, compressed and not, as it was published
// and as some archives have it.
func (f File) names() []string {
	dotted := strings.Replace(f.Name, "-idx", ".idx", 1)
	return []string{f.Name + ".gz", f.Name, dotted + ".gz", dotted}
}

// Find returns the name of the file in fsys, whose folder errors call dir.
func (f File) Find(fsys fs.FS, dir string) (name string, err error) {
	for _, name := range f.names() {
		if _, err := fs.Stat(fsys, name); err == nil {
			return name, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("%s: %w", dir, err)
		}
	}
	advice := "package datasets/download fetches it"
	if other := f.similar(fsys); other != "" {
		advice = "if it is " + excerpt.Quote(other) + ", rename that"
	}
	return "", fmt.Errorf("there is no %s, with or without .gz, in %s (%s): %w",
		f.Name, dir, advice, fs.ErrNotExist)
}

// similar returns the name of a file in fsys that differs from the one looked
// for in case, punctuation, or something before or after; or "".
func (f File) similar(fsys fs.FS) string {
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
		if !e.IsDir() && strings.Contains(letters(e.Name()), letters(f.Name)) {
			return e.Name()
		}
	}
	return ""
}

// Verify returns an error unless r holds the file's content, compressed or not.
func (f File) Verify(r io.Reader) error {
	content, _, err := gunzip.Open(r)
	if err != nil {
		return err
	}
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(content, f.Size+1))
	if err != nil {
		return err
	}
	if sum := hex.EncodeToString(h.Sum(nil)); n != f.Size || sum != f.SHA256 {
		return fmt.Errorf("the content's SHA-256 is not that of %s", f.Name)
	}
	return nil
}
