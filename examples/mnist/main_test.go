package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/datasets/digits"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/gallery"
	"github.com/gander-ml/gander/gan/recipe"
	"github.com/gander-ml/gander/internal/clitest"
)

func TestMain(m *testing.M) { os.Exit(clitest.Main(m, main)) }

// writeDigits makes a folder of IDX files with the first digits of the embedded
// ones, the images compressed.
func writeDigits(t *testing.T, n int) (dir string) {
	t.Helper()
	all, err := digits.Load()
	require.NoError(t, err)
	var images, labels bytes.Buffer
	binary.Write(&images, binary.BigEndian, []uint32{0x803, uint32(n), 28, 28})
	binary.Write(&labels, binary.BigEndian, []uint32{0x801, uint32(n)})
	for i := range n {
		images.Write(all.Pixels(i))
		labels.WriteByte(byte(all.Label(i)))
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err = z.Write(images.Bytes())
	require.NoError(t, err)
	require.NoError(t, z.Close())
	dir = t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, imagesFile+".gz"), packed.Bytes(), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, labelsFile), labels.Bytes(), 0o644))
	return dir
}

const (
	imagesFile = "train-images-idx3-ubyte"
	labelsFile = "train-labels-idx1-ubyte"
)

func TestWrongUsage(t *testing.T) {
	dir := t.TempDir()
	for args, want := range map[string]string{
		"-unknown":           "flag provided but not defined: -unknown",
		"-epochs many":       `invalid value "many" for flag -epochs`,
		"-epochs":            "flag needs an argument: -epochs",
		"-batch 0":           "-epochs, -steps and -batch must be at least 1",
		"-latent 0":          "-latent must lie between 1 and 65536",
		"-latent 100000":     "-latent must lie between 1 and 65536",
		"-lr 0":              "-lr must lie between 0 and 1",
		"-lr NaN":            "-lr must lie between 0 and 1",
		"-lr 2":              "-lr must lie between 0 and 1",
		"-seed -1":           `invalid value "-1" for flag -seed`,
		"-steps 0":           "-epochs, -steps and -batch must be at least 1",
		"-epochs -1":         "-epochs, -steps and -batch must be at least 1",
		"-epochs 2000000":    "-epochs at most 1000000",
		"-steps 3 -epochs 3": "give -epochs or -steps, not both",
		"-preset dcgan":      `there is no preset "dcgan"`,
		"-threads -1":        "-threads and -looks must be 0 or more",
		"-looks -1":          "-threads and -looks must be 0 or more",
		"-group many":        `there is no group "many"; give none or mpi`,
		"-out=":              "-out must name a folder",
		"-data x -download":  "give -data or -download, not both",
		"-set lr=0.5":        "-set changes a run that is resumed: give -resume auto as well",
		"train":              `unexpected argument "train"`,
	} {
		clitest.Fails(t, dir, 2, want, strings.Fields(args)...)
	}
	help := clitest.Run(t, dir, "-help")
	require.Zero(t, help.Status)
	require.Contains(t, help.Errors, "-epochs")
	require.Contains(t, help.Errors, "quick         small convolutional networks")
}

// What is wrong with the data is said before anything is written.
func TestBadData(t *testing.T) {
	out := t.TempDir()
	fails := func(want, data string) {
		t.Helper()
		clitest.Fails(t, out, 1, want, "-data", data)
	}
	fails("there is no "+imagesFile, filepath.Join(out, "nowhere"))
	fails("there is no "+imagesFile, t.TempDir())
	fails("; -download, without -data, fetches the digits", t.TempDir())

	// damaged returns a folder with one of its files changed.
	damaged := func(name string, change func([]byte) []byte) string {
		dir := writeDigits(t, 70)
		path := filepath.Join(dir, name)
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, change(b), 0o644))
		return dir
	}
	cut := func(b []byte) []byte { return b[:len(b)-5] }
	fails(imagesFile+".gz", damaged(imagesFile+".gz", cut))
	fails(labelsFile, damaged(labelsFile, cut))
	fails(imagesFile+".gz", damaged(imagesFile+".gz", func(b []byte) []byte { b[len(b)/2] ^= 0xff; return b }))
	fails(imagesFile+".gz", damaged(imagesFile+".gz", func([]byte) []byte { return nil }))
	fails(labelsFile, damaged(labelsFile, func(b []byte) []byte { return append(b, 0) }))
	fails(labelsFile, damaged(labelsFile, func(b []byte) []byte { return []byte("not an array at all") }))
	fails("70 images, but 2 labels", damaged(labelsFile, func([]byte) []byte { return []byte{0, 0, 8, 1, 0, 0, 0, 2, 3, 4} }))

	missing := writeDigits(t, 70)
	require.NoError(t, os.Remove(filepath.Join(missing, labelsFile)))
	fails("there is no "+labelsFile, missing)

	small := writeDigits(t, 1)
	require.NoError(t, os.Remove(filepath.Join(small, imagesFile+".gz")))
	require.NoError(t, os.WriteFile(filepath.Join(small, imagesFile), []byte{0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 7, 7}, 0o644))
	fails("the images are [1 2]; these networks take [28 28]", small)
}

func TestImpossibleDevice(t *testing.T) {
	clitest.Fails(t, t.TempDir(), 1, "abacus", "-device", "abacus")
}

func TestImpossibleFolder(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), []byte("old"), 0o644))
	clitest.Fails(t, dir, 1, "file", "-out", "file")
	clitest.Fails(t, dir, 1, "file", "-out", filepath.Join("file", "below"))
	if os.Getuid() != 0 && runtime.GOOS != "windows" { // root may write anywhere
		require.NoError(t, os.Mkdir(filepath.Join(dir, "closed"), 0o555))
		clitest.Fails(t, dir, 1, "permission denied", "-out", "closed")
	}
}

// TestClassic trains for an epoch and looks at everything that it leaves behind.
func TestClassic(t *testing.T) {
	data, dir := writeDigits(t, 150), t.TempDir()
	r := clitest.Run(t, dir, "-preset", "classic", "-data", data, "-epochs", "1", "-v")
	require.Zero(t, r.Status, r.Errors)
	require.Empty(t, r.Errors)
	require.Contains(t, r.Out, "150 digits, batches of 64, seed 1, on cpu")
	require.Regexp(t, `(?m)^epoch 1/1  D \d\.\d{4}  G \d\.\d{4}  \d+\.\d\d s$`, r.Out)
	require.Regexp(t, `(?m)^trained to step 3 in `, r.Out)

	out := filepath.Join(dir, "runs", "mnist")
	files := clitest.Files(t, out)
	var names []string
	for name := range files {
		if !regexp.MustCompile(`checkpoint-000000000[12]\.`).MatchString(name) { // which a slow machine writes, too
			names = append(names, name)
		}
	}
	require.ElementsMatch(t, []string{
		"samples", "samples/step-00003.png", "samples.png", "losses.png", "log.jsonl",
		"generator.safetensors", "discriminator.safetensors", "run.json",
		"checkpoints", "checkpoints/checkpoint-0000000000.safetensors", "checkpoints/checkpoint-0000000003.safetensors",
	}, names)
	decode := func(name string) image.Image {
		img, err := png.Decode(strings.NewReader(files[name]))
		require.NoError(t, err, name)
		return img
	}
	require.Equal(t, image.Rect(0, 0, 5*30+2, 2*30+2), decode("samples/step-00003.png").Bounds())
	require.Equal(t, image.Rect(0, 0, 5*(4*28+8)+8, 2*(4*28+8)+8), decode("samples.png").Bounds())
	require.IsType(t, &image.Gray{}, decode("samples.png"))
	require.Greater(t, decode("losses.png").Bounds().Dx(), 300)

	var line struct {
		Epoch, Steps int
		Loss         float64 `json:"discriminator_loss"`
		Real         float64 `json:"discriminator_loss_real"`
		Fake         float64 `json:"discriminator_loss_fake"`
		Generator    float64 `json:"generator_loss"`
	}
	require.NoError(t, json.Unmarshal([]byte(files["log.jsonl"]), &line))
	require.Equal(t, 3, line.Steps)
	require.InDelta(t, line.Real+line.Fake, line.Loss, 1e-12)
	require.Contains(t, r.Out, fmt.Sprintf("D %.4f  G %.4f", line.Loss, line.Generator))

	g, err := gan.LoadGenerator(filepath.Join(out, "generator.safetensors"))
	require.NoError(t, err)
	drawn, err := gallery.Grid{Height: 28, Width: 28, Columns: 5, Scale: 4, Gap: 8}.Image(g.Sample(10, 1))
	require.NoError(t, err)
	require.Equal(t, drawn, decode("samples.png"), "the saved generator draws the saved picture")
}

// Without a preset it is the quick one, whose steps leave pictures behind.
func TestQuick(t *testing.T) {
	dir := t.TempDir()
	r := clitest.Run(t, dir, "-steps", "12", "-batch", "8")
	require.Zero(t, r.Status, r.Errors)
	require.Empty(t, r.Errors)
	require.Regexp(t, `(?m)^quick: `, r.Out)
	require.Contains(t, r.Out, "10000 digits, batches of 8")
	require.NotContains(t, r.Out, "part of it")
	require.Regexp(t, `(?m)^trained to step 12 in `, r.Out)
	require.Regexp(t, `(?m)^Fréchet distance  .* 643 `, r.Out)
	require.Regexp(t, `(?m)^share  +\d`, r.Out)
	require.Regexp(t, `(?m)^floors are real digits', ceilings those of noise; no class fits \d+ of 100 digits drawn with seed 1$`, r.Out)
	require.Regexp(t, `(?m)^class fidelity +0\.\d+ `, r.Out)

	files := clitest.Files(t, filepath.Join(dir, "runs", "mnist"))
	var pictures []string
	for name := range files {
		if strings.HasPrefix(name, "samples/") {
			pictures = append(pictures, name)
		}
	}
	require.ElementsMatch(t, []string{"samples/step-00010.png", "samples/step-00012.png"}, pictures)
	require.NotEqual(t, files["samples/step-00010.png"], files["samples/step-00012.png"])
	g, err := gan.LoadGenerator(filepath.Join(dir, "runs", "mnist", "generator.safetensors"))
	require.NoError(t, err)
	require.Equal(t, []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}, g.Classes())
	want, err := gallery.Grid{Height: 28, Width: 28, Columns: 10, Gap: 2}.Image(g.SampleOf([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 1))
	require.NoError(t, err)
	got, err := png.Decode(strings.NewReader(files["samples/step-00012.png"]))
	require.NoError(t, err)
	require.Equal(t, want, got, "the last picture is the saved generator's")
}

// Looks in the course of training say the same for any number of threads, and
// leave the training alone.
func TestLooks(t *testing.T) {
	if testing.Short() {
		t.Skip("judges some thousand digits")
	}
	dir := t.TempDir()
	var looks []string
	for _, threads := range []string{"1", "2"} {
		r := clitest.Run(t, dir, "-preset", "classic", "-steps", "201", "-batch", "2", "-threads", threads, "-out", threads)
		require.Zero(t, r.Status, r.Errors)
		looks = append(looks, strings.Join(regexp.MustCompile(`(?m)^step \d00: Fréchet distance \d.* \(real digits 5.0\), .* %$`).FindAllString(r.Out, -1), "\n"))
	}
	require.Equal(t, 1, strings.Count(looks[0], "\n"), "two looks: %s", looks[0])
	require.Equal(t, looks[0], looks[1])
	r := clitest.Run(t, dir, "-preset", "classic", "-steps", "201", "-batch", "2", "-looks", "1")
	require.Len(t, regexp.MustCompile(`(?m)^step .*Fréchet`).FindAllString(r.Out, -1), 1, "no more than were asked for: %s", r.Out)
	files := clitest.Files(t, dir)
	require.True(t, files["1/checkpoints/checkpoint-0000000201.safetensors"] == files["2/checkpoints/checkpoint-0000000201.safetensors"])
	require.True(t, files["1/samples/step-00200.png"] == files["2/samples/step-00200.png"])
}

// A checkpoint that cannot be used is an error, and nothing is touched.
func TestBadCheckpoint(t *testing.T) {
	data, dir := writeDigits(t, 64), t.TempDir()
	clitest.Fails(t, dir, 1, "there is no checkpoint", "-data", data, "-resume", "must")
	require.Zero(t, clitest.Run(t, dir, "-data", data, "-epochs", "1").Status)
	clitest.Fails(t, dir, 1, "latent was 100 and is 64", "-data", data, "-resume", "auto", "-latent", "64")
	clitest.Fails(t, dir, 1, "data.batch was 64 and is 32", "-data", data, "-epochs", "1", "-resume", "auto", "-batch", "32")
	clitest.Fails(t, dir, 1, "(here: -set NAME=VALUE in place of -NAME VALUE)", "-data", data, "-epochs", "1", "-resume", "auto", "-lr", "1e-4")
	clitest.Fails(t, dir, 1, "data.digest was ", "-epochs", "1", "-resume", "auto")
	clitest.Fails(t, dir, 2, "NAME=VALUE", "-set", "colour=blue")
	clitest.Fails(t, dir, 2, "one of never, auto, must", "-resume", "perhaps")

	r := clitest.Run(t, dir, "-data", data, "-epochs", "1", "-resume", "auto", "-set", "lr=1e-4", "-set", "epochs=2")
	require.Zero(t, r.Status, r.Errors)
	require.Contains(t, r.Out, "resumed from ")
	require.Regexp(t, `(?m)^trained to step 2 in `, r.Out)

	last := filepath.Join(dir, "runs", "mnist", "checkpoints", "checkpoint-0000000002.safetensors")
	whole, err := os.ReadFile(last)
	require.NoError(t, err)
	args := []string{"-data", data, "-resume", "auto", "-set", "lr=1e-4", "-set", "epochs=3"}
	for i, b := range [][]byte{nil, whole[:7], whole[:200], whole[:len(whole)-1], append(slices.Clone(whole), 0), []byte("{}")} {
		require.NoError(t, os.WriteFile(last, b, 0o644))
		r := clitest.Run(t, dir, args...)
		require.Zero(t, r.Status, "%d: %s", i, r.Errors)
		require.Contains(t, r.Out, "passed over: ")
		require.Contains(t, r.Out, filepath.Base(last))
		require.Regexp(t, `(?m)^trained to step 3 in `, r.Out)
		require.NoError(t, os.Remove(filepath.Join(filepath.Dir(last), "checkpoint-0000000003.safetensors")))
	}
	for name := range clitest.Files(t, filepath.Dir(last)) {
		require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(last), name), nil, 0o644))
	}
	clitest.Fails(t, filepath.Join(dir, "runs"), 1, "checkpoint-", append(args, "-out", "mnist")...)
}

// Repeating a command destroys nothing, and says how to continue what was not
// finished.
func TestRepeated(t *testing.T) {
	data, dir := writeDigits(t, 64), t.TempDir()
	args := []string{"-preset", "classic", "-data", data, "-steps", "2", "-batch", "100"}
	r := clitest.Run(t, dir, args...)
	require.Zero(t, r.Status, r.Errors)
	require.Contains(t, r.Out, "64 digits, batches of 64, ") // there are no more
	first := clitest.Files(t, filepath.Join(dir, "runs", "mnist"))
	r = clitest.Run(t, dir, args...)
	require.Zero(t, r.Status, r.Errors)
	aside := regexp.MustCompile(`(?m)^the run that was in runs/mnist is now in (runs/mnist-\d{8}-\d{6})$`).FindStringSubmatch(filepath.ToSlash(r.Out))
	require.NotNil(t, aside, r.Out)
	require.Equal(t, first, clitest.Files(t, filepath.Join(dir, aside[1])))
	second := clitest.Files(t, filepath.Join(dir, "runs", "mnist"))
	require.True(t, first["generator.safetensors"] == second["generator.safetensors"])
}

// Ctrl-C in the middle of training saves what is there and ends well; going on
// later leads to the very files of a run without a stop.
func TestInterruptAndResume(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot send Ctrl-C to another")
	}
	if testing.Short() {
		t.Skip("trains for some epochs")
	}
	data, stopped, whole := writeDigits(t, 150), t.TempDir(), t.TempDir()
	r := clitest.Signal(t, stopped, `^ *epoch +2/`, os.Interrupt, "-preset", "classic", "-data", data, "-epochs", "100000")
	require.Zero(t, r.Status, r.Errors)
	require.Empty(t, r.Errors)
	require.Regexp(t, `(?m)^stopped, saved in .*checkpoint-\d{10}.safetensors; the same command with -resume auto goes on$`, r.Out)

	log := func(dir string) (epochs []map[string]any) {
		b, err := os.ReadFile(filepath.Join(dir, "runs", "mnist", "log.jsonl"))
		require.NoError(t, err)
		for line := range bytes.Lines(b) {
			var e map[string]any
			require.NoError(t, json.Unmarshal(line, &e))
			delete(e, "seconds")
			epochs = append(epochs, e)
		}
		return epochs
	}
	done := len(log(stopped))
	require.Less(t, done, 1000)
	epochs := fmt.Sprint(done + 1)

	r = clitest.Run(t, stopped, "-preset", "classic", "-data", data, "-epochs", epochs, "-resume", "auto", "-threads", "1")
	require.Zero(t, r.Status, r.Errors)
	r = clitest.Run(t, whole, "-preset", "classic", "-data", data, "-epochs", epochs)
	require.Zero(t, r.Status, r.Errors)
	require.Equal(t, log(whole), log(stopped))
	want, got := clitest.Files(t, whole), clitest.Files(t, stopped)
	last := fmt.Sprintf("checkpoint-%010d.safetensors", 3*(done+1))
	for name, content := range want {
		if ext := filepath.Ext(name); ext == ".png" || ext == ".safetensors" && (!strings.Contains(name, "checkpoint-") || strings.HasSuffix(name, last)) {
			require.True(t, content == got[name], "%s differs", name)
		}
	}
}

// Each signal saves and is told by the exit status; a run that is still going on
// when it is repeated is told from a finished one, and can be continued.
func TestSignals(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot send signals to another")
	}
	data := writeDigits(t, 64)
	for signal, status := range map[os.Signal]int{os.Interrupt: 0, syscall.SIGTERM: 143, syscall.Signal(1): 129} {
		dir := t.TempDir()
		r := clitest.Signal(t, dir, `^ *epoch `, signal, "-preset", "classic", "-data", data, "-steps", "1000000", "-looks", "0")
		require.Equal(t, status, r.Status, "%v: %s", signal, r.Errors)
		require.Empty(t, r.Errors)
		saved := regexp.MustCompile(`stopped, saved in (.*);`).FindStringSubmatch(r.Out)
		require.NotNil(t, saved, r.Out)
		require.FileExists(t, filepath.Join(dir, saved[1]))

		again := clitest.Run(t, dir, "-preset", "classic", "-data", data, "-steps", "2")
		require.Zero(t, again.Status, again.Errors)
		resume := regexp.MustCompile(`it was stopped after step \d+ of 1000000, and goes on with: \S+ (.*)\n`).FindStringSubmatch(again.Out)
		require.NotNil(t, resume, again.Out)
		require.Contains(t, resume[1], "-resume auto -out runs/mnist-")
	}
}

// Nobody reads the output any more: training goes on.
func TestClosedPipe(t *testing.T) {
	data, dir := writeDigits(t, 64), t.TempDir()
	cmd := clitest.Command(t, dir, "-preset", "classic", "-data", data, "-steps", "150")
	pipe, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	_, err = pipe.Read(make([]byte, 10))
	require.NoError(t, err)
	require.NoError(t, pipe.Close())
	cmd.Wait()
	require.Zero(t, cmd.ProcessState.ExitCode())
	require.FileExists(t, filepath.Join(dir, "runs", "mnist", "checkpoints", "checkpoint-0000000150.safetensors"))
	require.FileExists(t, filepath.Join(dir, "runs", "mnist", "generator.safetensors"))
}

// However often and whenever the program is killed, the same command goes on, and
// leads to the bits of a run that was left alone, and to its log: at a learning rate
// at which there is something to say.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("kills many processes")
	}
	data, killed, whole := writeDigits(t, 150), t.TempDir(), t.TempDir()
	args := []string{"-preset", "classic", "-data", data, "-steps", "250", "-lr", "0.003", "-looks", "0", "-resume", "auto"}
	require.Zero(t, clitest.Run(t, whole, args...).Status)
	random := rand.New(rand.NewPCG(1, 2))
	kills := 0
	for try := 0; ; try++ {
		cmd := clitest.Command(t, killed, args...)
		cmd.Env = append(cmd.Env, fmt.Sprintf("GOMAXPROCS=%d", 1+try%4))
		require.NoError(t, cmd.Start())
		if kills < 6 {
			timer := time.AfterFunc(time.Duration(100+random.IntN(1000))*time.Millisecond, func() { cmd.Process.Kill() })
			cmd.Wait()
			timer.Stop()
			kills++
		} else {
			cmd.Wait()
		}
		if cmd.ProcessState.ExitCode() >= 0 {
			require.Zero(t, cmd.ProcessState.ExitCode(), "try %d", try)
			break
		}
		require.Less(t, try, 40)
	}
	want, got := clitest.Files(t, filepath.Join(whole, "runs", "mnist")), clitest.Files(t, filepath.Join(killed, "runs", "mnist"))
	log := func(files map[string]string) string {
		return regexp.MustCompile(`,"seconds":[^,}]*`).ReplaceAllString(files["log.jsonl"], "")
	}
	require.Contains(t, log(want), `"note":"The discriminator wins`)
	require.Equal(t, log(want), log(got))
	for _, name := range []string{"generator.safetensors", "discriminator.safetensors", "samples.png", "samples/step-00010.png", "samples/step-00100.png", "checkpoints/checkpoint-0000000250.safetensors"} {
		require.NotEmpty(t, want[name], name)
		require.True(t, want[name] == got[name], "%s differs", name)
	}
	for name := range got {
		require.NotContains(t, name, ".gander", "a leftover")
	}
	entries, err := os.ReadDir(filepath.Join(killed, "runs"))
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing was moved aside")
}

// TestPresets trains a few steps by the recipes that no other test uses.
func TestPresets(t *testing.T) {
	if testing.Short() {
		t.Skip("the quick recipe is enough")
	}
	for _, r := range recipe.Digits() {
		name := r.Name
		if name == "classic" || name == "quick" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			run := clitest.Run(t, dir, "-preset", name, "-steps", "3", "-batch", "8", "-out", "run")
			require.Zero(t, run.Status, run.Errors)
			require.FileExists(t, filepath.Join(dir, "run", "samples.png"))
			_, err := gan.LoadGenerator(filepath.Join(dir, "run", "generator.safetensors"))
			require.NoError(t, err)
		})
	}
}
