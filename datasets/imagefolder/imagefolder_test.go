package imagefolder_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/datasets/imagefolder"
	"github.com/gander-ml/gander/tensor"
)

// plain returns a picture of one colour.
func plain(w, h int, c color.Color) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.Set(x, y, c)
		}
	}
	return m
}

func encoded(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, m))
	return b.Bytes()
}

func jpegOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, jpeg.Encode(&b, m, nil))
	return b.Bytes()
}

// folder is a file system of files by name.
func folder(files map[string][]byte) fstest.MapFS {
	out := fstest.MapFS{}
	for name, data := range files {
		out[name] = &fstest.MapFile{Data: data}
	}
	return out
}

func names(set *imagefolder.Set) (out []string) {
	for i := range set.Len() {
		out = append(out, set.Name(i))
	}
	return out
}

func lines(files []imagefolder.File) (out []string) {
	for _, f := range files {
		out = append(out, f.String())
	}
	return out
}

var (
	red  = color.NRGBA{R: 255, A: 255}
	grey = color.NRGBA{R: 51, G: 51, B: 51, A: 255}
)

// bomb is a PNG that announces w×h pixels and has none.
func bomb(w, h int) []byte {
	b := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR")
	b = binary.BigEndian.AppendUint32(b, uint32(w))
	b = binary.BigEndian.AppendUint32(b, uint32(h))
	b = append(b, 8, 6, 0, 0, 0)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[12:]))
}

func TestClassesAreFolders(t *testing.T) {
	one := encoded(t, plain(3, 3, red))
	files := folder(map[string][]byte{
		"10/a.png": one, "9/x/y/deep.PNG": one, "9/a.jpg": one, "9/.hidden.png": one, "9/._a.jpg": one, ".git/a.png": one,
		"beside.png": one, "Thumbs.db": one, "__MACOSX/9/a.png": one, "README": nil, "9/scan.tiff": one, "empty/notes.txt": nil,
	})
	set, err := imagefolder.LoadFS(t.Context(), files, imagefolder.Options{Size: 2})
	require.NoError(t, err)
	require.Equal(t, []string{"10/a.png", "9/a.jpg", "9/x/y/deep.PNG"}, names(set))
	require.Equal(t, []string{"9", "10"}, set.Classes(), "in the order of numbers")
	require.Equal(t, []int{1, 0, 0}, []int{set.Label(0), set.Label(1), set.Label(2)})
	require.Empty(t, set.Unusable())
	require.Equal(t, []string{
		"9/scan.tiff: TIFF is not read; convert it to PNG or JPEG",
		"README: its name is not that of a picture",
		"beside.png: it lies beside the folders of the classes, and so has no class",
		"empty/notes.txt: its name is not that of a picture",
	}, lines(set.Skipped()))

	require.Equal(t, []int{3, 2, 2}, set.Shape())
	got := make([]float32, 12)
	require.NoError(t, set.Fill(0, got))
	require.Equal(t, []float32{1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1, -1}, got)

	for b, err := range datasets.NewLoader(set, 3, datasets.InOrder(), datasets.KeepShape(), datasets.DType(tensor.Float64), datasets.Conditions()).Epoch(t.Context(), 0, 0) {
		require.NoError(t, err)
		require.Equal(t, []int{3, 3, 2, 2}, b.X.Shape())
		require.Equal(t, []float64{0, 1, 1, 0, 1, 0}, b.Condition.Float64s())
	}
}

func TestNoClasses(t *testing.T) {
	set, err := imagefolder.LoadFS(t.Context(), folder(map[string][]byte{
		"b.png": encoded(t, plain(1, 1, grey)), "a.png": encoded(t, plain(7, 2, color.NRGBA{R: 55, G: 51, B: 51, A: 255})),
	}), imagefolder.Options{Size: 1})
	require.NoError(t, err)
	require.Equal(t, []string{"a.png", "b.png"}, names(set))
	require.Nil(t, set.Classes())
	require.Equal(t, []int{1, 1, 1}, set.Shape(), "it is grey, more or less")
	px, err := set.Pixels(1)
	require.NoError(t, err)
	require.Equal(t, []uint8{51}, px)
	wide := make([]float64, 1)
	require.NoError(t, set.Fill64(1, wide))
	require.InDelta(t, -.6, wide[0], 1e-15)
}

func TestLabelsFile(t *testing.T) {
	one := encoded(t, plain(3, 3, red))
	files := map[string][]byte{"in/a.png": one, "in/b b.png": one, "c.png": one, "d.png": one}
	load := func(text string) (*imagefolder.Set, error) {
		files["in/labels.csv"] = []byte(text)
		return imagefolder.LoadFS(t.Context(), folder(files), imagefolder.Options{Size: 1, Labels: "in/labels.csv"})
	}
	for _, text := range []string{
		"file,class,more\r\na.png,cat,1\r\nb b.png,dog,2\r\nc.png,cat,3\r\n",
		"\ufeffin/a.png;cat\n./b b.png; dog \n\"c.png\";cat\n",
		"a.png\tcat\nin\\b b.png\tdog\nc.png\tcat",
		"name label\na.png  cat\n\nb b.png dog\nc.png\tcat\n",
		"a.png,cat\na.png,cat\nb b.png,dog\nc.png,cat\n",
	} {
		set, err := load(text)
		require.NoError(t, err, text)
		require.Equal(t, []string{"c.png", "in/a.png", "in/b b.png"}, names(set), text)
		require.Equal(t, []string{"cat", "dog"}, set.Classes(), text)
		require.Equal(t, []int{0, 0, 1}, []int{set.Label(0), set.Label(1), set.Label(2)}, text)
		require.Equal(t, []string{"d.png: in/labels.csv does not list it"}, lines(set.Skipped()), text)
	}
	for text, want := range map[string]string{
		"a.png,cat\na.png,dog\n":          `in/labels.csv: lines 1 and 2 give in/a.png two classes, "cat" and "dog"`,
		"a.png,cat\nc.png\n":              "line 2 has one column only",
		"a.png\n":                         "line 1 is one word only",
		"a.png,\n":                        "line 1 has no class",
		"a.png,cat\n../../etc/passwd,x\n": "there is no such picture",
		"a.png,cat\nno.png,x\n":           "no.png: line 2 of in/labels.csv lists it, but there is no such picture",
		"a.png,\xff\xfe":                  "not a text in UTF-8",
		"":                                "there are no pictures",
	} {
		_, err := load(text)
		require.ErrorContains(t, err, want)
	}
	files["d/c.png"] = one
	_, err := load("x y\nc.png a\nd.png b\n")
	require.NoError(t, err, "from the root")
	files["e/a.png"], files["f/a.png"] = one, one
	delete(files, "in/a.png")
	_, err = load("a.png b\n")
	require.ErrorContains(t, err, "there are 2 files of that name")
	for _, name := range []string{"../x", "no.csv", "in", "/etc/passwd"} {
		_, err = imagefolder.LoadFS(t.Context(), folder(files), imagefolder.Options{Labels: name})
		require.Error(t, err)
	}
}

// damaged are files that are refused, and what is said of them.
func damaged(t testing.TB) map[string]struct {
	data []byte
	want string
} {
	picture := plain(40, 30, red)
	for i := range picture.Pix {
		picture.Pix[i] ^= uint8(i * 37) // so that it does not compress
	}
	p, j := encoded(t, picture), jpegOf(t, picture)
	var g bytes.Buffer
	require.NoError(t, gif.Encode(&g, picture, nil))
	pictures, err := filepath.Glob("testdata/pictures/*")
	require.NoError(t, err)
	require.NotEmpty(t, pictures)
	lossy, err := os.ReadFile("testdata/pictures/lossy-alpha.webp")
	require.NoError(t, err)
	smaller := bytes.Clone(lossy) // the canvas
	smaller[24]--
	film := bytes.Clone(lossy)
	copy(film[30:], "ANIM")
	scans := append([]byte(nil), j[:len(j)-2]...)
	at := bytes.Index(j, []byte{0xff, 0xda})
	for range 600 {
		scans = append(scans, j[at:at+14]...)
	}
	return map[string]struct {
		data []byte
		want string
	}{
		"empty.png":     {nil, "the file is empty"},
		"text.jpg":      {[]byte("<html>404 not found\x1b[31m</html>"), `it begins with "<html>404 not fo"`},
		"scan.png":      {[]byte("II*\x00rest"), "TIFF"},
		"photo.jpg":     {[]byte("\x00\x00\x00\x18ftypheic"), "HEIC"},
		"half.png":      {p[:len(p)/2], "png: "},
		"head.png":      {p[:10], "the PNG file ends too early"},
		"half.jpg":      {j[:len(j)/2], "JPEG"},
		"head.jpg":      {j[:4], "the JPEG file ends too early"},
		"half.gif":      {g.Bytes()[:g.Len()/2], "gif: "},
		"wrong.png":     {append(append(bytes.Clone(p[:60]), p[60]^1), p[61:]...), "checksum"},
		"bomb.png":      {bomb(60000, 60000), map[int]string{64: "a picture of 60000×60000 pixels is too large", 32: "overflow"}[strconv.IntSize]},
		"long.png":      {bomb(1<<20, 1), "a picture of 1048576×1 pixels is too large"},
		"line.png":      {bomb(1<<31-1, 1<<31-1), "overflow"},
		"canvas.webp":   {smaller, "the header says 44×30 pixels, but there are 45×30"},
		"half.webp":     {lossy[:len(lossy)/2], "ends too early"},
		"film.webp":     {film, "a WebP film"},
		"many.jpg":      {scans, "a JPEG of more than 500 scans"},
		"bitmap.bmp":    {[]byte("BM and nothing else"), "BMP"},
		"no-frames.gif": {append(bytes.Clone(g.Bytes()[:13]), 0x3b), "gif: "},
	}
}

func TestUnusable(t *testing.T) {
	files := map[string][]byte{"good.png": encoded(t, plain(2, 2, red))}
	for name, d := range damaged(t) {
		files[name] = d.data
	}
	set, err := imagefolder.LoadFS(t.Context(), folder(files), imagefolder.Options{Size: 2, SkipUnusable: true})
	require.NoError(t, err)
	require.Equal(t, []string{"good.png"}, names(set))
	said := map[string]string{}
	for _, f := range set.Unusable() {
		said[f.Name] = f.String()
	}
	for name, d := range damaged(t) {
		assert.Contains(t, said[name], d.want, name)
		require.NotContains(t, said[name], "\x1b")
		require.Less(t, len(said[name]), 500)
	}

	_, err = imagefolder.LoadFS(t.Context(), folder(files), imagefolder.Options{Size: 2})
	var unusable *imagefolder.UnusableError
	require.ErrorAs(t, err, &unusable)
	require.Len(t, unusable.Files, len(damaged(t)))
	require.ErrorContains(t, err, fmt.Sprintf("imagefolder: %d of %d pictures in . cannot be used", len(damaged(t)), len(files)))
	require.ErrorContains(t, err, fmt.Sprintf("\n  … and %d more", len(damaged(t))-10))
	require.Less(t, len(err.Error()), 3000)

	delete(files, "good.png")
	_, err = imagefolder.LoadFS(t.Context(), folder(files), imagefolder.Options{SkipUnusable: true})
	require.ErrorContains(t, err, "none can be used")
	_, err = imagefolder.LoadFS(t.Context(), folder(map[string][]byte{"x.svg": nil}), imagefolder.Options{})
	require.ErrorContains(t, err, "but one other file; x.svg: SVG is not read")
	_, err = imagefolder.LoadFS(t.Context(), fstest.MapFS{}, imagefolder.Options{})
	require.ErrorContains(t, err, "there are no pictures in .")
}

// A folder of the system has more than files.
func TestFolderOfTheSystem(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, data []byte) {
		t.Helper()
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, data, 0o644))
	}
	one := encoded(t, plain(2, 2, red))
	write("a/1.png", one)
	write("b/2.png", one)
	link := func(to, name string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(dir, filepath.FromSlash(name))); err != nil {
			t.Skip("no symbolic links: ", err)
		}
	}
	link(filepath.Join(dir, "a", "1.png"), "b/link.png")
	link(dir, "b/loop.png")
	link(dir, "loop")
	link("nowhere", "b/broken.png")
	special(t, filepath.Join(dir, "b", "pipe.png"))
	set, err := imagefolder.Load(t.Context(), dir, imagefolder.Options{Size: 1, SkipUnusable: true})
	require.NoError(t, err)
	require.Equal(t, []string{"a/1.png", "b/2.png", "b/link.png"}, names(set))
	require.Equal(t, []string{"b/loop.png: it is a link to a folder, which is not followed", "loop: its name is not that of a picture"}, lines(set.Skipped()))
	require.Contains(t, lines(set.Unusable()), "b/broken.png: it is a link to a file that is not there")
	for _, f := range set.Unusable() {
		if f.Name == "b/pipe.png" {
			require.Equal(t, "b/pipe.png: it is a pipe, not a regular file", f.String())
			_, err := imagefolder.Load(t.Context(), dir, imagefolder.Options{Labels: f.Name})
			require.EqualError(t, err, "imagefolder: "+dir+": the file of labels, b/pipe.png: it is a pipe, not a regular file")
		}
	}

	for name, want := range map[string]string{filepath.Join(dir, "nowhere"): "nowhere", filepath.Join(dir, "a", "1.png"): "is not a folder"} {
		_, err := imagefolder.Load(t.Context(), name, imagefolder.Options{})
		require.ErrorContains(t, err, want)
	}
}

// An archive is a file system, too; a damaged entry is a damaged file.
func TestZip(t *testing.T) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range []string{"a/1.png", "b/2.png", "b/3.png"} {
		f, err := w.Create(name)
		require.NoError(t, err)
		_, err = f.Write(encoded(t, plain(5, 4, red)))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	archive := b.Bytes()
	archive[bytes.Index(archive, []byte("b/2.png"))+len("b/2.png")+20] ^= 0xff
	r, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	require.NoError(t, err)
	set, err := imagefolder.LoadFS(t.Context(), r, imagefolder.Options{Size: 2, SkipUnusable: true, Memory: -1})
	require.NoError(t, err)
	require.Equal(t, []string{"a/1.png", "b/3.png"}, names(set))
	require.Equal(t, []string{"a", "b"}, set.Classes())
	require.Len(t, set.Unusable(), 1)
	require.NoError(t, set.Fill(1, make([]float32, 12)))
}

// What is not kept is decoded again, with the same result, unless it has changed.
func TestMemory(t *testing.T) {
	files := folder(nil)
	for i := range 20 {
		files[fmt.Sprintf("%02d/x.png", i)] = &fstest.MapFile{Data: encoded(t, plain(3+i, 5, color.NRGBA{R: uint8(10 * i), G: 7, A: 255}))}
	}
	tensors := map[int64]*tensor.Tensor{}
	digests := map[string]bool{}
	for _, memory := range []int64{-1, 0, 5 * 3 * 16} {
		set, err := imagefolder.LoadFS(t.Context(), files, imagefolder.Options{Size: 4, Memory: memory})
		require.NoError(t, err)
		tensors[memory], err = datasets.AsTensor(set, tensor.Float32)
		require.NoError(t, err)
		require.Equal(t, tensors[-1].Float32s(), tensors[memory].Float32s())
		digest, err := set.Digest()
		require.NoError(t, err)
		digests[digest] = true
		if memory == -1 {
			before := files["07/x.png"]
			files["07/x.png"] = files["08/x.png"]
			require.ErrorContains(t, set.Fill(7, make([]float32, 48)), "07/x.png: the file has changed since the folder was read")
			require.NoError(t, set.Fill(8, make([]float32, 48)))
			delete(files, "07/x.png")
			require.ErrorIs(t, set.Fill(7, make([]float32, 48)), fs.ErrNotExist)
			files["07/x.png"] = before
		}
	}
	require.Len(t, digests, 1)
	for name, change := range map[string]func(){
		"an order": func() { files["20/x.png"] = files["00/x.png"]; delete(files, "00/x.png") },
		"a pixel":  func() { files["20/x.png"] = &fstest.MapFile{Data: encoded(t, plain(5, 5, red))} },
	} {
		change()
		set, err := imagefolder.LoadFS(t.Context(), files, imagefolder.Options{Size: 4})
		require.NoError(t, err)
		digest, err := set.Digest()
		require.NoError(t, err)
		require.False(t, digests[digest], name)
		digests[digest] = true
	}
}

// Whoever wants no limit gets none.
func TestUnlimitedPixels(t *testing.T) {
	m := image.NewNRGBA(image.Rect(0, 0, 200, 200))
	for i := range m.Pix {
		m.Pix[i] = uint8(i * i >> 3 * 7919 >> 5) // nothing that PNG makes small
	}
	file := encoded(t, m)
	require.Greater(t, len(file), 1<<16)
	set, err := imagefolder.LoadFS(t.Context(), folder(map[string][]byte{"a.png": file}), imagefolder.Options{MaxPixels: math.MaxInt})
	require.NoError(t, err)
	require.Equal(t, 1, set.Len())
}

func TestFit(t *testing.T) {
	// Three squares side by side: red, blue, red.
	m := plain(12, 4, red)
	blue := color.NRGBA{B: 255, A: 255}
	for y := range 4 {
		for x := 4; x < 8; x++ {
			m.Set(x, y, blue)
		}
	}
	green := color.NRGBA{G: 255, A: 255}
	load := func(m image.Image, o imagefolder.Options) []uint8 {
		o.Channels = 3
		set, err := imagefolder.LoadFS(t.Context(), folder(map[string][]byte{"x.png": encoded(t, m)}), o)
		require.NoError(t, err)
		px, err := set.Pixels(0)
		require.NoError(t, err)
		return px
	}
	px := load(m, imagefolder.Options{Size: 2})
	require.Equal(t, []uint8{0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255}, px)
	px = load(m, imagefolder.Options{Size: 12, Fit: imagefolder.Pad, Background: green})
	at := func(channel, x, y int) uint8 { return px[(channel*12+y)*12+x] }
	for y := range 12 {
		bar := y < 4 || y >= 8
		require.Equal(t, bar, at(1, 0, y) == 255, y)
		require.Equal(t, !bar, at(0, 0, y) == 255, y)
		require.Equal(t, !bar, at(2, 6, y) == 255, y)
	}
	// Half transparent red on white, and a strip one pixel thin.
	px = load(plain(3, 3, color.NRGBA{R: 255, A: 128}), imagefolder.Options{Size: 1})
	require.Equal(t, []uint8{255, 127, 127}, px)
	px = load(plain(1000, 1, red), imagefolder.Options{Size: 3, Fit: imagefolder.Pad, Background: color.Black})
	require.Equal(t, []uint8{0, 0, 0, 255, 255, 255, 0, 0, 0}, px[:9])
}

// The first picture of a GIF need not fill the whole.
func TestPartOfGIF(t *testing.T) {
	frame := image.NewPaletted(image.Rect(2, 1, 4, 3), color.Palette{red, color.NRGBA{}})
	frame.SetColorIndex(3, 2, 1) // transparent
	var b bytes.Buffer
	require.NoError(t, gif.EncodeAll(&b, &gif.GIF{Image: []*image.Paletted{frame}, Delay: []int{0}, Config: image.Config{Width: 4, Height: 4, ColorModel: frame.Palette}}))
	set, err := imagefolder.LoadFS(t.Context(), folder(map[string][]byte{"x.gif": b.Bytes()}), imagefolder.Options{Size: 4, Background: color.NRGBA{R: 7, G: 8, B: 9, A: 255}})
	require.NoError(t, err)
	px, err := set.Pixels(0)
	require.NoError(t, err)
	for k := range 16 {
		want := []uint8{7, 8, 9}
		if k == 4+2 || k == 4+3 || k == 8+2 {
			want = []uint8{255, 0, 0}
		}
		require.Equal(t, want, []uint8{px[k], px[16+k], px[32+k]}, k)
	}
}

func TestProgressAndCancel(t *testing.T) {
	files := folder(nil)
	for i := range 30 {
		files[fmt.Sprintf("%d.png", i)] = &fstest.MapFile{Data: encoded(t, plain(3, 3, red))}
	}
	calls := 0
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	_, err := imagefolder.LoadFS(ctx, files, imagefolder.Options{Progress: func(done, total int) {
		require.Equal(t, 30, total)
		if calls++; calls == 5 {
			cancel(enough)
		}
	}})
	require.ErrorIs(t, err, enough)
	calls = 0
	_, err = imagefolder.LoadFS(t.Context(), files, imagefolder.Options{Progress: func(done, total int) { calls++ }})
	require.NoError(t, err)
	require.Equal(t, 30, calls)
}

func TestMisuse(t *testing.T) {
	files := folder(map[string][]byte{"x.png": encoded(t, plain(1, 1, red))})
	set, err := imagefolder.LoadFS(t.Context(), files, imagefolder.Options{Size: 1})
	require.NoError(t, err)
	for name, f := range map[string]func(){
		"size":     func() { imagefolder.LoadFS(t.Context(), files, imagefolder.Options{Size: -1}) },
		"large":    func() { imagefolder.LoadFS(t.Context(), files, imagefolder.Options{Size: 1025}) },
		"channels": func() { imagefolder.LoadFS(t.Context(), files, imagefolder.Options{Channels: 2}) },
		"ground":   func() { imagefolder.LoadFS(t.Context(), files, imagefolder.Options{Background: color.Transparent}) },
		"fit":      func() { imagefolder.LoadFS(t.Context(), files, imagefolder.Options{Fit: 7}) },
		"pixels":   func() { imagefolder.LoadFS(t.Context(), files, imagefolder.Options{MaxPixels: -1}) },
		"sample":   func() { set.Label(1) },
		"below":    func() { set.Fill(-1, make([]float32, 3)) },
		"dst":      func() { set.Fill(0, make([]float32, 2)) },
	} {
		require.ErrorAs(t, tensor.Catch(f), new(tensor.Misuse), name)
	}
}

// FuzzPicture: a file is a sample of the right size, or refused with a short reason,
// whatever it holds.
func FuzzPicture(f *testing.F) {
	pictures, err := filepath.Glob("testdata/pictures/*")
	require.NoError(f, err)
	for _, path := range pictures {
		data, err := os.ReadFile(path)
		require.NoError(f, err)
		f.Add(data)
	}
	for _, d := range damaged(f) {
		f.Add(d.data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, fit := range []imagefolder.Fit{imagefolder.Crop, imagefolder.Pad} {
			set, err := imagefolder.LoadFS(t.Context(), folder(map[string][]byte{"x.png": data}), imagefolder.Options{Size: 5, MaxPixels: 1 << 16, Fit: fit})
			if err != nil {
				require.Less(t, len(err.Error()), 700)
				continue
			}
			px, err := set.Pixels(0)
			require.NoError(t, err)
			require.Len(t, px, 25*set.Shape()[0])
		}
	})
}

// FuzzLabels: a file of labels gives every picture a class, or is refused.
func FuzzLabels(f *testing.F) {
	f.Add([]byte("a.png,cat\nb.png,dog\n"))
	f.Add([]byte("name label\na.png 1\nsub/c.png 2"))
	f.Add([]byte("\"a.png\";\"x\ny\"\n"))
	f.Add([]byte("\ufeffa.png\t\t\n"))
	var b bytes.Buffer
	require.NoError(f, png.Encode(&b, plain(1, 1, red)))
	f.Fuzz(func(t *testing.T, text []byte) {
		files := folder(map[string][]byte{"a.png": b.Bytes(), "b.png": b.Bytes(), "sub/c.png": b.Bytes(), "labels.csv": text})
		set, err := imagefolder.LoadFS(t.Context(), files, imagefolder.Options{Size: 1, Labels: "labels.csv", SkipUnusable: true})
		if err != nil {
			require.Less(t, len(err.Error()), 700)
			return
		}
		require.NotEmpty(t, set.Classes())
		for i := range set.Len() {
			require.Less(t, set.Label(i), len(set.Classes()))
		}
	})
}
