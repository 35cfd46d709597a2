package imagefolder

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gander-ml/gander/internal/atomicfile"
	"github.com/gander-ml/gander/internal/excerpt"
)

const (
	maxFiles      = 1 << 24 // in a folder
	maxClasses    = 1 << 16 // more are no classes, but measurements
	maxLabelsFile = 1 << 28 // bytes
)

// A listing is the files of a folder.
type listing struct {
	pictures []picture // in the order of their names
	unusable []File
	skipped  []File
	labeled  bool
}

type picture struct{ name, class string }

// extensions are those of pictures; a reason says why others are not read.
var (
	extensions = map[string]bool{
		".png": true, ".jpg": true, ".jpeg": true, ".jpe": true, ".jfif": true, ".gif": true, ".bmp": true, ".dib": true, ".webp": true,
	}
	otherFormats = map[string]string{
		".tif": "TIFF", ".tiff": "TIFF", ".heic": "HEIC", ".heif": "HEIC", ".avif": "AVIF", ".jxl": "JPEG XL", ".jp2": "JPEG 2000",
		".svg": "SVG", ".psd": "Photoshop's format", ".ico": "ICO", ".tga": "TGA", ".pbm": "PBM", ".pgm": "PGM", ".ppm": "PPM",
		".dng": "DNG", ".cr2": "CR2", ".nef": "NEF", ".arw": "ARW", ".raw": "a raw format",
	}
)

func extension(name string) string { return strings.ToLower(path.Ext(name)) }

// hidden reports whether a file or folder is one that users do not see, or that a
// system has left there for itself.
func hidden(name string) bool {
	switch strings.ToLower(name) {
	case "thumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin", "lost+found":
		return true
	}
	return strings.HasPrefix(name, ".")
}

// find lists the files of fsys.
func find(ctx context.Context, fsys fs.FS) (*listing, error) {
	l := &listing{}
	count := 0
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case name == ".":
			return err
		case hidden(path.Base(name)):
			if d != nil && d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case err != nil: // a folder that cannot be read
			l.unusable = append(l.unusable, File{name, err})
			return nil
		case d.IsDir():
			return nil
		}
		if count++; count > maxFiles {
			return fmt.Errorf("there are more than %d files", maxFiles)
		}
		ext := extension(name)
		if !extensions[ext] {
			l.skipped = append(l.skipped, File{name, otherReason(ext)})
			return nil
		}
		if d.Type()&fs.ModeSymlink != 0 {
			switch info, err := fs.Stat(fsys, name); {
			case err == nil && info.IsDir():
				l.skipped = append(l.skipped, File{name, errors.New("it is a link to a folder, which is not followed")})
				return nil
			case errors.Is(err, fs.ErrNotExist):
				l.unusable = append(l.unusable, File{name, errors.New("it is a link to a file that is not there")})
				return nil
			}
		}
		l.pictures = append(l.pictures, picture{name: name})
		return nil
	})
	return l, err
}

func otherReason(ext string) error {
	if format := otherFormats[ext]; format != "" {
		return fmt.Errorf("%s is not read; convert it to PNG or JPEG", format)
	}
	return errors.New("its name is not that of a picture")
}

// labelByFolder makes the folders just below the root the classes.
func (l *listing) labelByFolder() {
	l.labeled = slices.ContainsFunc(l.pictures, func(p picture) bool { return strings.Contains(p.name, "/") })
	if !l.labeled {
		return
	}
	l.choose(func(p *picture) error {
		folder, _, below := strings.Cut(p.name, "/")
		if !below {
			return errors.New("it lies beside the folders of the classes, and so has no class")
		}
		p.class = folder
		return nil
	})
}

// choose keeps the pictures for which label returns nil, and skips the others.
func (l *listing) choose(label func(p *picture) error) {
	kept := l.pictures[:0]
	for _, p := range l.pictures {
		if reason := label(&p); reason != nil {
			l.skipped = append(l.skipped, File{p.name, reason})
			continue
		}
		kept = append(kept, p)
	}
	l.pictures = kept
	slices.SortFunc(l.skipped, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
}

// labelByFile gives the pictures the classes that a file of labels lists.
func (l *listing) labelByFile(fsys fs.FS, file string) error {
	if !fs.ValidPath(file) {
		return fmt.Errorf("the file of labels must lie in the folder; %s does not", excerpt.Quote(file))
	}
	rows, err := readLabels(fsys, file)
	if err != nil {
		return fmt.Errorf("the file of labels, %s: %w", excerpt.Name(file), atomicfile.Bare(err))
	}
	exact := map[string]bool{}
	base := map[string][]string{}
	for _, p := range l.pictures {
		exact[p.name] = true
		base[path.Base(p.name)] = append(base[path.Base(p.name)], p.name)
	}
	labels, missing := map[string]row{}, map[string]bool{}
	for i, r := range rows {
		if i == 0 && !extensions[extension(r.name)] {
			continue // the columns' names
		}
		name, reason := resolve(r.name, path.Dir(file), exact, base)
		if reason != nil {
			if !missing[r.name] {
				missing[r.name] = true
				l.unusable = append(l.unusable, File{r.name, fmt.Errorf("line %d of %s lists it, but %w", r.line, excerpt.Name(file), reason)})
			}
			continue
		}
		if r.class == "" {
			return fmt.Errorf("%s: line %d has no class", excerpt.Name(file), r.line)
		}
		if before, twice := labels[name]; twice && before.class != r.class {
			return fmt.Errorf("%s: lines %d and %d give %s two classes, %s and %s", excerpt.Name(file), before.line, r.line, excerpt.Name(name),
				excerpt.Quote(before.class), excerpt.Quote(r.class))
		}
		labels[name] = r
	}
	l.skipped = slices.DeleteFunc(l.skipped, func(f File) bool { return f.Name == file })
	l.labeled = true
	l.choose(func(p *picture) error {
		r, ok := labels[p.name]
		if !ok {
			return fmt.Errorf("%s does not list it", excerpt.Name(file))
		}
		p.class = r.class
		return nil
	})
	return nil
}

// resolve returns the picture that a file of labels means.
func resolve(name, folder string, exact map[string]bool, base map[string][]string) (string, error) {
	clean := path.Clean(strings.ReplaceAll(name, `\`, "/"))
	for _, candidate := range []string{path.Join(folder, clean), clean} {
		if exact[candidate] {
			return candidate, nil
		}
	}
	if !strings.Contains(clean, "/") {
		switch all := base[clean]; len(all) {
		case 0:
		case 1:
			return all[0], nil
		default:
			return "", fmt.Errorf("there are %d files of that name", len(all))
		}
	}
	return "", errors.New("there is no such picture")
}

// A row is a line of a file of labels.
type row struct {
	name, class string
	line        int
}

func readLabels(fsys fs.FS, file string) ([]row, error) {
	f, err := atomicfile.OpenFS(fsys, file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxLabelsFile+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxLabelsFile:
		return nil, fmt.Errorf("the file has more than %d bytes", maxLabelsFile)
	case !utf8.Valid(text):
		return nil, errors.New("this is not a text in UTF-8")
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	first, _, _ := strings.Cut(strings.TrimSpace(string(text[:min(len(text), 4096)])), "\n")
	for _, separator := range "\t,;" {
		if strings.ContainsRune(first, separator) {
			return readColumns(text, separator)
		}
	}
	return readWords(text)
}

// readColumns reads lines of columns as spreadsheets write them.
func readColumns(text []byte, separator rune) ([]row, error) {
	r := csv.NewReader(bytes.NewReader(text))
	r.Comma, r.FieldsPerRecord, r.LazyQuotes, r.ReuseRecord = separator, -1, true, true
	var rows []row
	for {
		record, err := r.Read()
		if err == io.EOF {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		line, _ := r.FieldPos(0)
		if len(record) < 2 {
			return nil, fmt.Errorf("line %d has one column only", line)
		}
		rows = append(rows, row{strings.Clone(strings.TrimSpace(record[0])), strings.Clone(strings.TrimSpace(record[1])), line})
	}
}

// readWords reads lines whose last word is the class.
func readWords(text []byte) ([]row, error) {
	var rows []row
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		at := strings.LastIndexAny(line, " \t")
		if at < 0 {
			return nil, fmt.Errorf("line %d is one word only", number)
		}
		rows = append(rows, row{strings.TrimSpace(line[:at]), line[at+1:], number})
	}
	return rows, nil
}

// inOrder returns the different names, in the order of numbers if all are.
func inOrder(names []string) []string {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	numbers := map[string]int{}
	for _, name := range names {
		n, err := strconv.Atoi(name)
		if err != nil {
			return names
		}
		numbers[name] = n
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(numbers[a], numbers[b]) })
	return names
}
