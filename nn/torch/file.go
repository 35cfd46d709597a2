package torch

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/gander-ml/gander/internal/atomicfile"
	"github.com/gander-ml/gander/internal/excerpt"
	"github.com/gander-ml/gander/tensor"
)

// ErrFormat is wrapped by the errors about files that torch.save does not write, or
// that hold what this package does not know.
var ErrFormat = errors.New("not a file of weights that torch.save has written")

// Load returns the tensors of a file by name. Dictionaries and lists within others
// are part of the names: of {"netG": {"0.weight": …}, "epoch": 7}, the tensor is
// "netG.0.weight". What is no tensor is left out.
//
// float32, float16 and bfloat16 become Float32, float64 becomes Float64. Tensors of
// whole numbers and bools become Float64 if the file has one of float64, and Float32
// otherwise, and are rounded to that.
func Load(path string) (map[string]*tensor.Tensor, error) {
	f, err := atomicfile.Open(path)
	return loaded(path, f, err)
}

// LoadFS is [Load] of a file of fsys, such as an [embed.FS].
func LoadFS(fsys fs.FS, name string) (map[string]*tensor.Tensor, error) {
	f, err := atomicfile.OpenFS(fsys, name)
	return loaded(name, f, err)
}

// loaded reads a file that was opened, or could not be.
func loaded(name string, f fs.File, err error) (state map[string]*tensor.Tensor, _ error) {
	if err == nil {
		defer f.Close()
		state, err = readFile(f)
	}
	if err != nil {
		return nil, fmt.Errorf("torch: loading %s: %w", name, err)
	}
	return state, nil
}

// readFile reads a file in place, if it can be.
func readFile(f fs.File) (map[string]*tensor.Tensor, error) {
	at, ok := f.(io.ReaderAt)
	if !ok {
		return readAll(f)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return read(at, info.Size())
}

// Read is [Load] of a stream, which ends where the file ends. All of it is kept in
// memory meanwhile.
func Read(r io.Reader) (map[string]*tensor.Tensor, error) {
	state, err := readAll(r)
	if err != nil {
		return nil, fmt.Errorf("torch: reading a stream: %w", err)
	}
	return state, nil
}

func readAll(r io.Reader) (map[string]*tensor.Tensor, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	return read(bytes.NewReader(b), int64(len(b)))
}

// refuse returns an error that wraps [ErrFormat].
func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrFormat, fmt.Sprintf(format, args...))
}

// maxPickle is the number of bytes that the pickle of an archive may have. That of a
// tensor takes about 200.
const maxPickle = 16 << 20

// archive is the ZIP archive of a file. Its records lie in a folder: NAME/data.pkl is
// the pickle, and NAME/data/0 the first storage.
type archive struct {
	size    int64
	folder  string
	records map[string]*zip.File
	taken   int64 // bytes of storages that have been read
}

// read reads a file of so many bytes.
func read(r io.ReaderAt, size int64) (map[string]*tensor.Tensor, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		first := make([]byte, 2)
		if n, _ := r.ReadAt(first, 0); n == 2 && first[0] == 0x80 {
			return nil, refuse("this is a pickle, as PyTorch before 1.6 wrote it; load it in Python and save it again")
		}
		if errors.Is(err, zip.ErrFormat) {
			return nil, refuse("this is not a ZIP archive")
		}
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	a := &archive{size: size, records: map[string]*zip.File{}}
	for _, f := range z.File {
		if a.records[f.Name] != nil {
			return nil, refuse("two records are called %s", excerpt.Quote(f.Name))
		}
		a.records[f.Name] = f
		if folder, ok := strings.CutSuffix(f.Name, "/data.pkl"); ok && !strings.Contains(folder, "/") {
			a.folder = folder
		}
	}
	if a.folder == "" {
		return nil, refuse("the archive has no data.pkl")
	}
	if a.records[a.folder+"/constants.pkl"] != nil {
		return nil, refuse("this is TorchScript; in Python, save torch.jit.load(path).state_dict() instead")
	}
	if a.records[a.folder+"/byteorder"] != nil {
		if order, err := a.record("byteorder", 16); err != nil || string(order) != "little" {
			return nil, refuse("its numbers are not little-endian")
		}
	}
	pickle, err := a.record("data.pkl", maxPickle)
	if err != nil {
		return nil, err
	}
	root, err := unpickle(pickle)
	if err != nil {
		return nil, err
	}
	return a.state(root)
}

// record reads a record of at most so many bytes.
func (a *archive) record(name string, most int64) ([]byte, error) {
	f := a.records[a.folder+"/"+name]
	switch {
	case f == nil:
		return nil, refuse("the archive has no record %s", excerpt.Quote(name))
	case f.Method != zip.Store || f.CompressedSize64 != f.UncompressedSize64:
		return nil, refuse("record %s is compressed, which torch.save does not do", excerpt.Quote(name))
	case f.UncompressedSize64 > uint64(min(most, a.size)):
		return nil, refuse("record %s has %d bytes; %d are possible", excerpt.Quote(name), f.UncompressedSize64, min(most, a.size))
	}
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%w: record %s: %w", ErrFormat, excerpt.Quote(name), err)
	}
	defer r.Close()
	b := make([]byte, f.UncompressedSize64)
	_, err = io.ReadFull(r, b)
	if err == nil {
		_, err = r.Read(make([]byte, 1)) // the checksum is compared at the end
	}
	if err != io.EOF {
		return nil, fmt.Errorf("%w: record %s: %w", ErrFormat, excerpt.Quote(name), err)
	}
	return b, nil
}
