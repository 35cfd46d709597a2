package tensorboard

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"image"
	"image/png"
	"iter"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
	"github.com/gander-ml/gander/tensor"
)

var update = flag.Bool("update", false, "write testdata anew")

// noise is a source of images of 2×2 pixels.
type noise struct{}

func (noise) Batches() int { return 6 }

func (noise) Epoch(_ context.Context, epoch, from int) iter.Seq2[gan.Batch, error] {
	return func(yield func(gan.Batch, error) bool) {
		for k := from; k < 6; k++ {
			if !yield(gan.Batch{X: tensor.NewStream(uint64(epoch*6+k), "noise").Normal(tensor.Float64, 5, 4)}, nil) {
				return
			}
		}
	}
}

func newTrainer(t *testing.T) *gan.Trainer {
	g := nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 4), nn.Tanh())
	d := nn.Sequential(nn.Linear(4, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1))
	trainer, err := gan.New(g, d, gan.Config{Latent: 3, SampleShape: []int{1, 2, 2}, Seed: 1, DType: tensor.Float64,
		Penalties: []gan.Penalty{gan.R1{Gamma: 1}}, Optimizer: optim.SGD{LR: 0.01}, GeneratorEvery: 2})
	require.NoError(t, err)
	return trainer
}

// read takes the records of the only file of a folder that is not in seen.
func read(t *testing.T, dir string, seen ...string) (name string, events [][]byte) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "events.out.tfevents.*"))
	require.NoError(t, err)
	names = slices.DeleteFunc(names, func(n string) bool { return slices.Contains(seen, n) })
	require.Len(t, names, 1)
	b, err := os.ReadFile(names[0])
	require.NoError(t, err)
	for len(b) > 0 {
		n := binary.LittleEndian.Uint64(b)
		require.Equal(t, masked(b[:8]), binary.LittleEndian.Uint32(b[8:]))
		event := b[12 : 12+n]
		require.Equal(t, masked(event), binary.LittleEndian.Uint32(b[12+n:]))
		events, b = append(events, event), b[16+n:]
	}
	return names[0], events
}

// message is a protocol buffer taken apart: the values of each field.
type message map[int][]any

func parse(t *testing.T, b []byte) message {
	t.Helper()
	m := message{}
	for len(b) > 0 {
		key, n := binary.Uvarint(b)
		require.Positive(t, n)
		b = b[n:]
		field := int(key >> 3)
		switch key & 7 {
		case varint:
			v, n := binary.Uvarint(b)
			m[field], b = append(m[field], int(v)), b[n:]
		case fixed8:
			m[field], b = append(m[field], math.Float64frombits(binary.LittleEndian.Uint64(b))), b[8:]
		case fixed4:
			m[field], b = append(m[field], math.Float32frombits(binary.LittleEndian.Uint32(b))), b[4:]
		case length:
			v, n := binary.Uvarint(b)
			m[field], b = append(m[field], b[n:n+int(v)]), b[n+int(v):]
		}
	}
	return m
}

// scalars returns the scalars of events, by tag and step.
func scalars(t *testing.T, events [][]byte) map[string]map[int]float32 {
	out := map[string]map[int]float32{}
	for _, e := range events {
		m := parse(t, e)
		for _, s := range m[summary] {
			for _, v := range parse(t, s.([]byte))[1] {
				value := parse(t, v.([]byte))
				tag := string(value[1][0].([]byte))
				if value[2] == nil {
					continue
				}
				if out[tag] == nil {
					out[tag] = map[int]float32{}
				}
				out[tag][m[2][0].(int)] = value[2][0].(float32)
			}
		}
	}
	return out
}

// The checksum against RFC 3720's value for CRC-32C, masked.
func TestChecksum(t *testing.T) {
	crc := uint32(0x8a9136aa) // of 32 zeros
	require.Equal(t, (crc>>15|crc<<17)+0xa282ead8, masked(make([]byte, 32)))
}

// What is written is what the steps were, in the tags of StyleGAN.
func TestHook(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "run")
	w := New(dir, Options{Every: 3, ImagesEvery: 4, Samples: 2})
	var d, penalty, gNorm, real float64
	want := map[int][4]float64{}
	last := 0.0
	look := gan.Hook{Step: func(s *gan.StepInfo) error {
		d += (s.Losses.Real + s.Losses.Fake) / 3
		penalty += s.Losses.Penalty / 3
		g, _ := s.GradNorms()
		gNorm += g
		scores, _ := s.Scores()
		real = tensor.Mean(scores).Item()
		if s.GeneratorTerms() != nil {
			last = s.Losses.Generator
		}
		if s.Step%3 == 0 {
			want[s.Step] = [4]float64{d, penalty, real, last}
			d, penalty, gNorm = 0, 0, 0
		}
		return nil
	}}
	trainer := newTrainer(t)
	var run gan.Run
	notes := gan.Hook{Start: func(r gan.Run) error { run = r; return nil }, Step: func(s *gan.StepInfo) error {
		if s.Step == 5 {
			run.Note("a note")
			w.Scalar(5, "Metrics/fid", 12.5)
		}
		return nil
	}}
	_, err := trainer.Fit(context.Background(), noise{}, gan.Steps(9), gan.On(look, w.Hook(), notes))
	require.NoError(t, err)
	name, events := read(t, dir)
	first := parse(t, events[0])
	require.Equal(t, "brain.Event:2", string(first[fileVersion][0].([]byte)))
	require.Nil(t, first[2])
	require.Nil(t, parse(t, events[1])[sessionLog], "it is not resumed")
	got := scalars(t, events)
	for step, v := range want {
		for i, tag := range []string{"Loss/D/loss", "Loss/r1_penalty", "Loss/scores/real"} {
			require.InDelta(t, v[i], got[tag][step], 1e-6, "%s at step %d", tag, step)
		}
	}
	require.InDelta(t, want[3][3], got["Loss/G/loss"][3], 1e-6) // its only turn in these steps
	require.Equal(t, map[int]float32{5: 12.5}, got["Metrics/fid"])
	require.Equal(t, float32(0.01), got["Progress/generator_lr"][9])
	for _, tag := range []string{"Loss/scores/fake", "Loss/signs/real", "Loss/signs/fake", "Gradients/generator", "Gradients/discriminator", "Timing/steps_per_sec"} {
		require.Len(t, got[tag], 3, tag)
	}

	// Pictures at steps 1, 4, 8 and at the end, and a note.
	images, texts := map[int]image.Point{}, map[int]string{}
	for _, e := range events[1:] {
		m := parse(t, e)
		for _, v := range parse(t, m[summary][0].([]byte))[1] {
			value := parse(t, v.([]byte))
			if value[4] != nil {
				require.Equal(t, "Samples/grid", string(value[1][0].([]byte)))
				img := parse(t, value[4][0].([]byte))
				decoded, err := png.Decode(bytes.NewReader(img[4][0].([]byte)))
				require.NoError(t, err)
				require.Equal(t, decoded.Bounds().Size(), image.Pt(img[2][0].(int), img[1][0].(int)))
				images[m[2][0].(int)] = decoded.Bounds().Size()
			}
			if value[8] != nil {
				texts[m[2][0].(int)] = string(parse(t, value[8][0].([]byte))[8][0].([]byte))
			}
		}
	}
	require.Equal(t, map[int]image.Point{1: {4, 2}, 4: {4, 2}, 8: {4, 2}, 9: {4, 2}}, images)
	require.Equal(t, map[int]string{5: "a note"}, texts)

	// Going on writes another file, which says from which step on the older is out of
	// date.
	_, err = trainer.Fit(context.Background(), noise{}, gan.Steps(12), gan.On(w.Hook()))
	require.NoError(t, err)
	second, events := read(t, dir, name)
	require.Greater(t, second, name)
	log := parse(t, events[1])
	require.Equal(t, []any{10}, log[2])
	require.Equal(t, message{1: {1}}, parse(t, log[sessionLog][0].([]byte)))
	require.Contains(t, scalars(t, events)["Loss/D/loss"], 12)
}

// A run that is resumed between two events goes on with the means of one that was not
// interrupted.
func TestResumed(t *testing.T) {
	scalarsOf := func(trainer *gan.Trainer, steps int) map[string]map[int]float32 {
		dir := t.TempDir()
		_, err := trainer.Fit(context.Background(), noise{}, gan.Steps(steps), gan.On(New(dir, Options{Every: 5}).Hook()))
		require.NoError(t, err)
		_, events := read(t, dir)
		out := scalars(t, events)
		delete(out, "Timing/steps_per_sec")
		return out
	}
	whole := scalarsOf(newTrainer(t), 15)
	require.Contains(t, whole["Loss/G/loss"], 10)
	for stop := 5; stop < 10; stop++ {
		var b bytes.Buffer
		first := newTrainer(t)
		scalarsOf(first, stop)
		require.NoError(t, first.WriteCheckpoint(&b))
		second := newTrainer(t)
		require.NoError(t, second.ReadCheckpoint(&b))
		for tag, values := range scalarsOf(second, 15) {
			require.Equal(t, map[int]float32{10: whole[tag][10], 15: whole[tag][15]}, values, "%s, stopped after step %d", tag, stop)
		}
	}
	for _, damaged := range []string{"1", `{"numbers":[1],"steps":1,"generator_steps":1}`, `{"numbers":[0,0,0,0,0,0],"steps":1,"generator_steps":2}`} {
		_, err := readState([]byte(damaged))
		require.Error(t, err, damaged)
	}
	large := sums{normD: math.Inf(1), steps: 3, ofG: 1}
	text, err := json.Marshal(large.state())
	require.NoError(t, err)
	again, err := readState(text)
	require.NoError(t, err)
	require.Equal(t, large, again)
}

// A file whose bytes are known, which bench/tensorboard reads with TensorBoard.
func TestGolden(t *testing.T) {
	dir := t.TempDir()
	w := New(dir, Options{})
	w.now = func() time.Time { return time.Unix(1_700_000_000, 250_000_000) }
	require.NoError(t, w.open(40))
	// A picture of 3×2 pixels, whose bytes do not depend on a version of image/png.
	img, err := hex.DecodeString("89504e470d0a1a0a0000000d4948445200000003000000020800000000b81f39c600000013494441547801010800f7ff000028500078a0c805f802594cbe59b90000000049454e44ae426082")
	require.NoError(t, err)
	for step := 41; step <= 43; step++ {
		w.write(step, scalar("Loss/G/loss", float64(step)/8), scalar("Loss/D/loss", -0.5), scalar("Metrics/fid", math.Inf(1)))
		w.write(step, text("Notes", fmt.Sprintf("The loss swings: ±%d.", step)))
	}
	w.Scalar(300, "Loss/scores/real", 1e-3)
	w.write(300, picture("Samples/grid", 2, 3, img))
	require.NoError(t, w.close())
	name, _ := read(t, dir)
	got, err := os.ReadFile(name)
	require.NoError(t, err)
	golden := filepath.Join("testdata", "golden.tfevents")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(golden, got, 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

// Each file sorts after the older ones, also if it is made in the same second by a process
// with a smaller number, or after the clock was set back.
func TestFilesAreInOrder(t *testing.T) {
	dir := t.TempDir()
	for _, old := range []string{"events.out.tfevents.1700000005.zebra.999999999.0", "events.out.tfevents.9999999999.x", "events.out.tfevents.x", "events.out.tfevents.17000.x"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, old), nil, 0o644))
	}
	var made []string
	for _, second := range []int64{1_700_000_005, 1_700_000_005, 1_600_000_000, 1_700_000_100} {
		w := New(dir, Options{})
		w.now = func() time.Time { return time.Unix(second, 0) }
		require.NoError(t, w.open(0))
		made = append(made, filepath.Base(w.file.Name()))
		require.NoError(t, w.close())
	}
	for i, second := range []int64{1_700_000_006, 1_700_000_007, 1_700_000_008, 1_700_000_100} {
		require.Contains(t, made[i], fmt.Sprintf("events.out.tfevents.%d.", second))
	}
}

// A protocol buffer's strings are UTF-8, whatever a program calls its metric.
func TestOddTags(t *testing.T) {
	dir := t.TempDir()
	w := New(dir, Options{})
	require.NoError(t, w.open(0))
	w.Scalar(1, "Metrics/\xff\xfe", 1)
	w.write(2, text("No\xc3", "\x80"))
	require.NoError(t, w.close())
	_, events := read(t, dir)
	require.Contains(t, scalars(t, events), "Metrics/\uFFFD")
}

// What cannot be written is a warning, once, and nothing else.
func TestFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("there is no /dev/full")
	}
	w := New(t.TempDir(), Options{Every: 1})
	h := w.Hook()
	start := h.Start
	h.Start = func(r gan.Run) error {
		require.NoError(t, start(r))
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		require.NoError(t, err)
		w.file.Close()
		w.file = full
		w.buffer.Reset(full)
		return nil
	}
	var warnings []error
	report, err := newTrainer(t).Fit(context.Background(), noise{}, gan.Steps(8), gan.On(h), gan.OnWarning(func(err error) { warnings = append(warnings, err) }))
	require.NoError(t, err)
	require.Equal(t, 8, report.Steps)
	require.NotEmpty(t, warnings)
	require.ErrorContains(t, warnings[0], "tensorboard: ")
}

func TestBadFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	report, err := newTrainer(t).Fit(context.Background(), noise{}, gan.On(New(filepath.Join(file, "run"), Options{}).Hook()))
	require.ErrorContains(t, err, "tensorboard: ")
	require.Zero(t, report.Steps)
}

func TestMisuse(t *testing.T) {
	var misuse *tensor.ArgumentError
	require.ErrorAs(t, tensor.Catch(func() { New("", Options{Every: -1}) }), &misuse)
	w := New(t.TempDir(), Options{})
	w.Scalar(1, "Metrics/fid", 1) // without a run: nothing
	w.Image(1, "Mine", nil)
	require.EqualError(t, w.told(), `tensorboard: the picture "Mine" of step 1 is nil`)
}

func Example() {
	g := nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 4))
	d := nn.Sequential(nn.Linear(4, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
	trainer, err := gan.New(g, d, gan.Config{Latent: 2, DType: tensor.Float64})
	if err != nil {
		panic(err)
	}
	dir, err := os.MkdirTemp("", "runs")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	events := New(dir, Options{Every: 5})
	_, err = trainer.Fit(context.Background(), noise{}, gan.Steps(20), gan.On(events.Hook()))
	files, _ := filepath.Glob(filepath.Join(dir, "events.out.tfevents.*"))
	fmt.Println(len(files), "file,", err)
	// Output: 1 file, <nil>
}
