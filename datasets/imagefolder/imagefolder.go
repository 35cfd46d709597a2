package imagefolder

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"image/color"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/internal/excerpt"
	"github.com/gander-ml/gander/internal/pixel"
	"github.com/gander-ml/gander/tensor"
)

// Options say how pictures become samples. The zero value is what most programs
// want, but for the size.
type Options struct {
	// Size is the height and the width of a sample in pixels, up to 1024; 0 means
	// 64.
	Size int
	// Channels is 1 for grey samples and 3 for colour; 0 means 1 if all pictures
	// are grey, and otherwise 3. A picture is grey if at none of its sample's
	// pixels two channels differ by more than 8 of 255.
	Channels int
	// Fit says what becomes of pictures that are not square.
	Fit Fit
	// Background shows through what is transparent, and beside pictures that are
	// padded; nil means white. It must be opaque.
	Background color.Color
	// Labels is the name of a file in the folder with the pictures' classes; ""
	// means that folders are the classes. Each line has the name of a picture and
	// that of its class, separated by commas, semicolons, tabs (whatever the first
	// line has) or spaces; further columns are ignored, and so is a first line
	// whose name is not that of a picture. A name is looked up from the file's
	// folder, from the folder that is read, and, without a folder, everywhere.
	// Pictures that are not listed are passed over.
	Labels string
	// SkipUnusable goes on without the files that cannot be used.
	SkipUnusable bool
	// Memory is how many bytes of samples are kept in memory; 0 means 2³⁰, a
	// negative number none.
	Memory int64
	// MaxPixels is how many pixels a picture may have, and how many are decoded at
	// once; 0 means 2²⁶, 67 million. Files of more than four bytes for each of them
	// are refused, too, and so are sides of more than 65,535 pixels.
	MaxPixels int
	// Progress, unless it is nil, is called in the course of Load, with the number
	// of files that have been decoded, of all. It is called by one goroutine at a
	// time.
	Progress func(done, total int)
}

// Fit says what becomes of pictures that are not square.
type Fit uint8

const (
	// Crop takes the largest square in the middle.
	Crop Fit = iota
	// Pad takes the whole picture, with bars of the background beside it.
	Pad
)

// File is a file that is not part of a [Set], and why.
type File struct {
	Name   string // from the folder, with slashes
	Reason error
}

// UnusableError is the error of [Load] if there are files that look like pictures
// and cannot be used.
type UnusableError struct {
	Folder string
	Files  []File
	Of     int // all files that look like pictures
}

// Error lists the first ten files.
func (e *UnusableError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "imagefolder: %d of %d pictures in %s cannot be used (SkipUnusable goes on without them)", len(e.Files), e.Of, excerpt.Name(e.Folder))
	for i, f := range e.Files {
		if i == 10 {
			fmt.Fprintf(&b, "\n  … and %d more", len(e.Files)-i)
			break
		}
		fmt.Fprintf(&b, "\n  %v", f)
	}
	return b.String()
}

// String returns the name and the reason.
func (f File) String() string {
	return fmt.Sprintf("%s: %v", excerpt.Name(f.Name), excerpt.Error(f.Reason))
}

// Set is the pictures of a folder. It is a [datasets.Dataset] whose samples are
// [channels, size, size] on [−1, 1]. It never changes, so any number of goroutines
// may read it.
type Set struct {
	source
	channels int
	samples  []sample
	classes  []string
	unusable []File
	skipped  []File
}

// A sample is a picture that can be used.
type sample struct {
	name   string
	label  int
	sum    checksum // of the pixels
	pixels []uint8  // [channels, size, size], or nil if they are not kept
}

type checksum [16]byte

func sumOf(pixels []uint8) checksum {
	sum := sha256.Sum256(pixels)
	return checksum(sum[:16])
}

// Load reads a folder. It returns an [UnusableError] if there are files that
// cannot be used, unless the options say to go on without; an error if no picture
// is left, if the folder cannot be read, or if the file of labels is wrong; and
// ctx's error when that ends. It panics with a [tensor.ArgumentError] if an option
// is out of its range.
func Load(ctx context.Context, dir string, options Options) (*Set, error) {
	if dir == "" {
		dir = "."
	}
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is not a folder", excerpt.Name(dir))
	}
	if err != nil {
		return nil, fmt.Errorf("imagefolder: %w", excerpt.Error(err))
	}
	return load(ctx, os.DirFS(dir), dir, options)
}

// LoadFS is [Load] of the root of fsys, such as an [embed.FS] or a [zip.Reader].
// Opening and reading its files must be safe in several goroutines.
func LoadFS(ctx context.Context, fsys fs.FS, options Options) (*Set, error) {
	return load(ctx, fsys, ".", options)
}

func load(ctx context.Context, fsys fs.FS, dir string, options Options) (*Set, error) {
	options = options.complete()
	s := &Set{source: source{fsys: fsys, options: options, room: newRoom(options.MaxPixels)}, channels: options.Channels}
	list, err := find(ctx, fsys)
	if err == nil {
		total := len(list.pictures) + len(list.unusable)
		if options.Labels == "" {
			list.labelByFolder()
		} else {
			err = list.labelByFile(fsys, options.Labels)
		}
		s.skipped, s.unusable = list.skipped, list.unusable
		if err == nil {
			var pictures []decoded
			if pictures, err = s.decodeAll(ctx, list); err == nil {
				err = s.adopt(list, pictures)
			}
		}
		if err == nil && len(s.unusable) > 0 && !options.SkipUnusable {
			return nil, &UnusableError{Folder: dir, Files: s.unusable, Of: max(total, len(s.unusable))}
		}
	}
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("imagefolder: %w", context.Cause(ctx))
	case err != nil:
		return nil, fmt.Errorf("imagefolder: %s: %w", excerpt.Name(dir), excerpt.Error(err))
	case len(s.samples) == 0:
		return nil, fmt.Errorf("imagefolder: %w", excerpt.Error(s.nothing(dir)))
	}
	return s, nil
}

// nothing says that there are no pictures, and what there is instead.
func (s *Set) nothing(dir string) error {
	switch {
	case len(s.unusable) > 0:
		if len(s.unusable) == 1 {
			return fmt.Errorf("the only picture in %s cannot be used; %v", excerpt.Name(dir), s.unusable[0])
		}
		return fmt.Errorf("of the %d pictures in %s none can be used; %v", len(s.unusable), excerpt.Name(dir), s.unusable[0])
	case len(s.skipped) > 0:
		if len(s.skipped) == 1 {
			return fmt.Errorf("there is no picture in %s, but one other file; %v", excerpt.Name(dir), s.skipped[0])
		}
		return fmt.Errorf("there are no pictures in %s, but %d other files; %v", excerpt.Name(dir), len(s.skipped), s.skipped[0])
	}
	return fmt.Errorf("there are no pictures in %s", excerpt.Name(dir))
}

// complete returns the options with their defaults.
func (o Options) complete() Options {
	wrong := func(problem, fix string) {
		panic(&tensor.ArgumentError{Op: "imagefolder.Load", Problem: problem, Fix: fix})
	}
	if o.Size == 0 {
		o.Size = 64
	}
	if o.Memory == 0 {
		o.Memory = 1 << 30
	}
	if o.MaxPixels == 0 {
		o.MaxPixels = 1 << 26
	}
	if o.Background == nil {
		o.Background = color.White
	}
	switch {
	case o.Size < 0 || o.Size > maxSize:
		wrong(fmt.Sprintf("samples of %d pixels", o.Size), fmt.Sprintf("give a size of 1 to %d, or 0 for 64", maxSize))
	case o.Channels != 0 && o.Channels != 1 && o.Channels != 3:
		wrong(fmt.Sprintf("%d channels", o.Channels), "give 1 for grey, 3 for colour, or 0 to find out")
	case !isOpaque(o.Background):
		wrong(fmt.Sprintf("the background %v is transparent itself", o.Background), "give it an opacity (A) of 255")
	case o.Fit > Pad:
		wrong(fmt.Sprintf("there is no Fit %d", o.Fit), "give Crop or Pad")
	case o.MaxPixels < 0:
		wrong(fmt.Sprintf("pictures of at most %d pixels", o.MaxPixels), "give 1 or more, or 0 for 2²⁶")
	}
	return o
}

func isOpaque(c color.Color) bool {
	_, _, _, a := c.RGBA()
	return a == 0xffff
}

// decoded is what became of a picture: in grey, in colour, or in both until it is known
// which is wanted.
type decoded struct {
	small      small
	grey, full checksum
	err        error
}

// decodeAll decodes every picture of a list.
func (s *Set) decodeAll(ctx context.Context, l *listing) ([]decoded, error) {
	perPicture := int64(s.options.Size * s.options.Size)
	if s.channels != 1 {
		perPicture *= 3
	}
	if s.channels == 0 {
		perPicture += perPicture / 3 // grey and colour, until it is known which
	}
	keep := min(max(s.options.Memory, 0)/perPicture, int64(len(l.pictures)))
	results := make([]decoded, len(l.pictures))
	one := func(i int) {
		r := &results[i]
		p := l.pictures[i]
		if r.small, r.err = s.decode(ctx, p.name); r.err != nil {
			return
		}
		if s.channels != 3 {
			r.grey = sumOf(r.small.grey)
		}
		if s.channels != 1 {
			r.full = sumOf(r.small.colour)
		}
		if int64(i) >= keep {
			r.small.grey, r.small.colour = nil, nil
		}
	}
	var next, done atomic.Int64
	var workers sync.WaitGroup
	var reporting sync.Mutex
	for range min(runtime.GOMAXPROCS(0), len(results)) {
		workers.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(results) {
					return
				}
				one(i)
				n := int(done.Add(1))
				if s.options.Progress != nil {
					reporting.Lock()
					s.options.Progress(n, len(results))
					reporting.Unlock()
				}
			}
		})
	}
	workers.Wait()
	return results, ctx.Err()
}

// adopt makes samples of the pictures of a list that could be decoded.
func (s *Set) adopt(l *listing, pictures []decoded) error {
	if s.channels == 0 {
		s.channels = 1
		if slices.ContainsFunc(pictures, func(r decoded) bool { return r.err == nil && r.small.tinted }) {
			s.channels = 3
		}
	}
	var classes []string
	for i, r := range pictures {
		p := l.pictures[i]
		if r.err != nil {
			s.unusable = append(s.unusable, File{p.name, r.err})
			continue
		}
		a := sample{name: p.name, sum: r.full, pixels: r.small.colour}
		if s.channels == 1 {
			a.sum, a.pixels = r.grey, r.small.grey
		}
		s.samples = append(s.samples, a)
		classes = append(classes, p.class)
	}
	slices.SortFunc(s.unusable, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	if !l.labeled {
		return nil
	}
	s.classes = inOrder(classes)
	if len(s.classes) > maxClasses {
		return fmt.Errorf("there are %d classes, and at most %d are possible", len(s.classes), maxClasses)
	}
	number := map[string]int{}
	for i, name := range s.classes {
		number[name] = i
	}
	for i := range s.samples {
		s.samples[i].label = number[classes[i]]
	}
	return nil
}

// Len returns the number of samples.
func (s *Set) Len() int { return len(s.samples) }

// Shape returns the shape of a sample, [1 or 3, size, size].
func (s *Set) Shape() []int { return []int{s.channels, s.options.Size, s.options.Size} }

// Label returns the class of sample i, from 0, or 0 if there are no classes. It
// panics with a [tensor.ArgumentError] unless 0 ≤ i < Len.
func (s *Set) Label(i int) int { return s.at("Label", i).label }

// Classes returns the names of the classes, or nil if there are none.
func (s *Set) Classes() []string { return slices.Clone(s.classes) }

// Name returns the name of sample i's file, from the folder, with slashes. It
// panics as Label does.
func (s *Set) Name(i int) string { return s.at("Name", i).name }

// Unusable returns the files that look like pictures and could not be used.
func (s *Set) Unusable() []File { return slices.Clone(s.unusable) }

// Skipped returns the files that were passed over because their names are not
// those of pictures, or because they have no class.
func (s *Set) Skipped() []File { return slices.Clone(s.skipped) }

// Fill writes sample i to dst. The error is that of a file that had to be decoded
// again and has changed since Load. Fill panics with a [tensor.ArgumentError]
// unless 0 ≤ i < Len and dst has one element per number of the sample.
func (s *Set) Fill(i int, dst []float32) error { return fill(s, i, dst, &pixel.Scaled32) }

// Fill64 is Fill in float64.
func (s *Set) Fill64(i int, dst []float64) error { return fill(s, i, dst, &pixel.Scaled64) }

// Pixels returns the pixels of sample i, from 0 to 255, in the order of the
// sample's numbers. It fails as Fill does.
func (s *Set) Pixels(i int) ([]uint8, error) {
	pixels, err := s.pixels(s.at("Pixels", i))
	return slices.Clone(pixels), err
}

// Digest returns a checksum of all pixels.
func (s *Set) Digest() (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, s.Shape())
	for _, a := range s.samples {
		h.Write(a.sum[:])
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:16]), nil
}

func (s *Set) at(op string, i int) *sample {
	if i < 0 || i >= len(s.samples) {
		panic(&tensor.ArgumentError{Op: "imagefolder.Set." + op, Problem: fmt.Sprintf("there is no sample %d of %d", i, len(s.samples)), Fix: "give 0 ≤ i < Len"})
	}
	return &s.samples[i]
}

// errChanged says that a file is not what it was.
var errChanged = errors.New("the file has changed since the folder was read")

func (s *Set) pixels(a *sample) ([]uint8, error) {
	if a.pixels != nil {
		return a.pixels, nil
	}
	small, err := s.decode(context.Background(), a.name)
	pixels := small.colour
	if s.channels == 1 {
		pixels = small.grey
	}
	if err == nil && sumOf(pixels) != a.sum {
		err = errChanged
	}
	if err != nil {
		return nil, fmt.Errorf("imagefolder: %v: %w", excerpt.Name(a.name), excerpt.Error(err))
	}
	return pixels, nil
}

func fill[T float32 | float64](s *Set, i int, dst []T, table *[256]T) error {
	a := s.at("Fill", i)
	if want := s.channels * s.options.Size * s.options.Size; len(dst) != want {
		panic(&tensor.ArgumentError{Op: "imagefolder.Set.Fill", Problem: fmt.Sprintf("dst has %d elements, the sample %d", len(dst), want), Fix: "give one element per number"})
	}
	pixels, err := s.pixels(a)
	if err != nil {
		return err
	}
	for k, x := range pixels {
		dst[k] = table[x]
	}
	return nil
}

var _ interface {
	datasets.Dataset
	datasets.Filler64
	datasets.Labeler
	datasets.ClassNamer
	datasets.Digester
} = (*Set)(nil)
