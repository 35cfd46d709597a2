package rundir_test

import (
	"context"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/rundir"
	"github.com/gander-ml/gander/nn"
)

func newTrainer(t *testing.T, latent int) *gan.Trainer {
	trainer, err := gan.New(nn.Linear(latent, 2), nn.Linear(2, 1), gan.Config{Latent: latent, Seed: 1})
	require.NoError(t, err)
	return trainer
}

var source = datasets.Synthetic{From: datasets.Ring(), Batch: 4, PerEpoch: 10}

// run is a program in miniature.
func run(t *testing.T, path string, mode rundir.Mode, steps int, stop bool) (trainer *gan.Trainer, said []string, err error) {
	trainer = newTrainer(t, 3)
	folder, err := rundir.Open(path, rundir.Options{Resume: mode, Say: func(line string) { said = append(said, line) }})
	if err != nil {
		return nil, said, err
	}
	defer folder.Close()
	if err := folder.Resume(trainer, gan.WithSource(source)); err != nil {
		return nil, said, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	_, err = trainer.Fit(ctx, source, gan.Steps(steps), gan.On(folder.Hook(), gan.After(gan.Every(3), func(*gan.Trainer) error {
		_, err := rundir.Open(path, rundir.Options{Resume: mode})
		require.ErrorIs(t, err, gan.ErrInUse)
		if stop {
			cancel()
		}
		return nil
	})))
	if err != nil {
		return trainer, said, err
	}
	return trainer, said, folder.Finish()
}

func entries(t *testing.T, path string) (out []string) {
	all, err := os.ReadDir(path)
	require.NoError(t, err)
	for _, e := range all {
		out = append(out, e.Name())
	}
	return out
}

func TestNewMovesAside(t *testing.T) {
	above := t.TempDir()
	path := filepath.Join(above, "deep", "run")
	_, said, err := run(t, path, rundir.New, 5, false)
	require.NoError(t, err)
	require.Empty(t, said)
	require.Equal(t, []string{"checkpoints", "run.json"}, entries(t, path))
	require.NoError(t, os.WriteFile(filepath.Join(path, "mine.txt"), []byte("x"), 0o644))

	_, said, err = run(t, path, rundir.New, 5, true)
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, said, 1)
	aside := strings.TrimPrefix(said[0], "the run that was in "+path+" is now in ")
	require.Equal(t, []string{"checkpoints", "mine.txt", "run.json"}, entries(t, aside))

	trainer, said, err := run(t, path, rundir.New, 5, false)
	require.NoError(t, err)
	require.Equal(t, 5, trainer.Steps())
	require.Len(t, said, 1)
	require.Contains(t, said[0], "; it was stopped after step 3 of 5, and goes on with: "+rundir.CommandLine(os.Args...)+" -resume auto ")
	require.Contains(t, said[0], " -resume auto -out "+path+"-")
	require.Len(t, entries(t, filepath.Dir(path)), 3, "two of the same second")

	// A run that has lost its run.json is one.
	require.NoError(t, os.Remove(filepath.Join(path, "run.json")))
	_, said, err = run(t, path, rundir.New, 5, false)
	require.NoError(t, err)
	require.Len(t, said, 1)
	require.NoError(t, os.RemoveAll(strings.TrimPrefix(said[0], "the run that was in "+path+" is now in ")))

	// What is moved goes on where it is.
	all := entries(t, filepath.Dir(path))
	slices.Sort(all)
	trainer, said, err = run(t, filepath.Join(filepath.Dir(path), all[2]), rundir.Must, 5, false)
	require.NoError(t, err)
	require.Contains(t, said[0], "resumed from ")
	require.Equal(t, 5, trainer.Steps())
}

func TestAuto(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run")
	_, _, err := run(t, path, rundir.Must, 5, false)
	require.ErrorIs(t, err, gan.ErrNoCheckpoint)
	require.NoDirExists(t, path)
	for _, mode := range []rundir.Mode{rundir.Auto, rundir.Auto, rundir.Must} {
		trainer, _, _ := run(t, path, mode, 9, true)
		require.NotNil(t, trainer)
	}
	trainer, said, err := run(t, path, rundir.Auto, 9, false)
	require.NoError(t, err)
	require.Equal(t, 9, trainer.Steps())
	require.Contains(t, said[0], ", after step 9")
	require.Equal(t, []string{"run"}, entries(t, filepath.Dir(path)))

	// Another program's folder is refused, and stays as it is.
	folder, err := rundir.Open(path, rundir.Options{Resume: rundir.Auto, SetFlag: "-set"})
	require.NoError(t, err)
	err = folder.Resume(newTrainer(t, 4))
	require.ErrorIs(t, err, gan.ErrCheckpoint)
	require.ErrorContains(t, err, "latent was 3 and is 4")
	require.ErrorContains(t, err, "(here: -set NAME=VALUE in place of -NAME VALUE)")
	require.NotContains(t, err.Error(), "started by", "the same command")
	folder.Close()
	folder.Close()

	// If it was another command, that is named, in which one sees what was meant.
	note := filepath.Join(path, "run.json")
	b, err := os.ReadFile(note)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(note, []byte(`{"started": "2026-01-02T03:04:05Z", "command": ["./mine", "-preset", "a b"], "steps": 9, "finished": true}`), 0o644))
	folder, err = rundir.Open(path, rundir.Options{Resume: rundir.Auto})
	require.NoError(t, err)
	err = folder.Resume(newTrainer(t, 4))
	require.ErrorIs(t, err, gan.ErrCheckpoint)
	require.True(t, strings.HasSuffix(err.Error(), "; the run was started by: "+rundir.CommandLine("./mine", "-preset", "a b")), err)
	// A run whose checkpoints are of parts is none that can be gone on with as a whole, and
	// the other way round. Other parts may be new.
	part := folder.Part("seed-1")
	require.ErrorContains(t, part.Resume(newTrainer(t, 3)), "of another kind of run")
	require.NoError(t, os.MkdirAll(part.Path(), 0o755))
	require.NoError(t, os.Rename(folder.Path("checkpoints"), part.Path("checkpoints")))
	require.NoError(t, part.Resume(newTrainer(t, 3)))
	require.NoError(t, folder.Part("seed-2").Resume(newTrainer(t, 3)))
	err = folder.Resume(newTrainer(t, 3))
	require.ErrorIs(t, err, gan.ErrNoCheckpoint)
	require.True(t, strings.HasSuffix(err.Error(), "; the run was started by: "+rundir.CommandLine("./mine", "-preset", "a b")), err)
	require.NoError(t, os.Rename(part.Path("checkpoints"), folder.Path("checkpoints")))
	require.NoError(t, os.Remove(part.Path()))
	folder.Close()
	require.NoError(t, os.WriteFile(note, b, 0o644))

	// What killed writers have left is removed, wherever the run writes.
	for _, below := range []string{"", "checkpoints", "part/checkpoints"} {
		require.NoError(t, os.MkdirAll(filepath.Join(path, below), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(path, below, ".12345678-0123456789abcdef.gander-tmp"), nil, 0o644))
	}
	require.NoError(t, os.WriteFile(filepath.Join(path, "part", ".mine"), nil, 0o644))
	folder, err = rundir.Open(path, rundir.Options{Resume: rundir.Auto})
	require.NoError(t, err)
	folder.Close()
	require.Equal(t, []string{"checkpoints", "part", "run.json"}, entries(t, path))
	require.Equal(t, []string{".mine", "checkpoints"}, entries(t, filepath.Join(path, "part")))
	require.Empty(t, entries(t, filepath.Join(path, "part", "checkpoints")))

	// A damaged run.json is in nobody's way.
	require.NoError(t, os.WriteFile(filepath.Join(path, "run.json"), []byte("{"), 0o644))
	_, _, err = run(t, path, rundir.Auto, 10, false)
	require.NoError(t, err)
}

// What is not a run is left where it is.
func TestOtherFolders(t *testing.T) {
	path := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(path, "letter.txt"), []byte("x"), 0o644))
	_, said, err := run(t, path, rundir.New, 1, false)
	require.NoError(t, err)
	require.Empty(t, said)
	require.Equal(t, []string{"checkpoints", "letter.txt", "run.json"}, entries(t, path))

	// A link stays one.
	link := filepath.Join(t.TempDir(), "link")
	if os.Symlink(path, link) != nil {
		t.Skip("there are no links")
	}
	_, said, err = run(t, link, rundir.New, 1, false)
	require.NoError(t, err)
	require.Len(t, said, 1)
	require.Equal(t, []string{"checkpoints", "run.json"}, entries(t, path))
	info, err := os.Lstat(link)
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&os.ModeSymlink)

	nowhere := filepath.Join(path, "nowhere")
	require.NoError(t, os.Symlink(filepath.Join(path, "missing"), nowhere))
	_, err = rundir.Open(nowhere, rundir.Options{})
	require.ErrorContains(t, err, nowhere+" is a link to "+filepath.Join(path, "missing"))
	require.ErrorIs(t, err, fs.ErrNotExist)

	_, err = rundir.Open(filepath.Join(path, "run.json"), rundir.Options{})
	require.ErrorContains(t, err, "run.json")
}

// A run of parts has no length that the note could tell, and a part has no note.
func TestParts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run")
	folder, err := rundir.Open(path, rundir.Options{})
	require.NoError(t, err)
	for _, name := range []string{"a", "b"} {
		part := folder.Part(name)
		trainer := newTrainer(t, 3)
		require.NoError(t, part.Resume(trainer))
		_, err = trainer.Fit(context.Background(), source, gan.Steps(3), gan.On(part.Hook()))
		require.NoError(t, err)
		require.NoError(t, part.Finish())
		part.Close()
	}
	folder.Close() // before the whole has finished
	var said []string
	folder, err = rundir.Open(path, rundir.Options{Say: func(line string) { said = append(said, line) }})
	require.NoError(t, err)
	defer folder.Close()
	require.Len(t, said, 1)
	require.Contains(t, said[0], "; it was stopped after step 3, and goes on with: ")
}

func TestChanges(t *testing.T) {
	flags := flag.NewFlagSet("test", flag.ContinueOnError)
	flags.SetOutput(new(strings.Builder))
	lr := flags.Float64("lr", 1, "")
	changes := rundir.NewChanges(flags, map[string][]string{"lr": {"optimizer.lr"}})
	flags.Var(changes, "set", "")
	var mode rundir.Mode
	flags.Var(&mode, "resume", "")
	require.NoError(t, flags.Parse([]string{"-set", "lr=0.5", "-resume", "auto"}))
	require.Equal(t, 0.5, *lr)
	require.Equal(t, rundir.Auto, mode)
	require.Equal(t, "auto", mode.String())
	require.Equal(t, "lr=0.5", changes.String())
	require.ErrorContains(t, flags.Parse([]string{"-set", "lr=x"}), "lr: ")
	require.ErrorContains(t, flags.Parse([]string{"-set", "lr"}), "NAME=VALUE, of the names lr")
	require.ErrorContains(t, flags.Parse([]string{"-resume", "x"}), "one of never, auto, must")
}

// A folder may have any name that the system takes, and its checkpoints may be behind
// a link.
func TestFolderNames(t *testing.T) {
	above := t.TempDir()
	for _, name := range []string{`back\slash`, "\xff\xfe", "a[b", "st*r?", "-out", "a\nb", "linked"} {
		path := filepath.Join(above, name)
		if os.Mkdir(path, 0o755) != nil {
			continue // this system takes fewer
		}
		if name == "linked" && os.Symlink(t.TempDir(), filepath.Join(path, "checkpoints")) != nil {
			continue
		}
		_, _, err := run(t, path, rundir.New, 9, true)
		require.ErrorIs(t, err, context.Canceled, "%q", name)
		leftover := filepath.Join(path, "checkpoints", ".12345678-0123456789abcdef.gander-tmp")
		require.NoError(t, os.WriteFile(leftover, nil, 0o644))
		trainer, said, err := run(t, path, rundir.Must, 9, false)
		require.NoError(t, err, "%q", name)
		require.Contains(t, said[0], ", after step 3", "%q", name)
		require.Equal(t, 9, trainer.Steps())
		require.NoFileExists(t, leftover, "%q", name)
	}
}
