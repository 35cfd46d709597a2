package gan_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/diagnose"
	"github.com/gander-ml/gander/gan/gallery"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/optim"
)

// killedRun is a program that trains 200 steps into a folder, or continues to.
func killedRun(dir string) error {
	g := nn.Sequential(nn.Linear(latentSize, 24), nn.BatchNorm1D(24), nn.ReLU(), nn.Linear(24, 4))
	d := nn.Sequential(nn.SpectralNorm(nn.Linear(4, 24)), nn.LeakyReLU(0.2), nn.Dropout(0.1), nn.Linear(24, 1))
	c := tinyConfig(gan.Wasserstein{})
	everything(&c)
	c.GeneratorOptimizer, c.DiscriminatorOptimizer = optim.RMSprop{LR: 0.3}, optim.Adam{LR: 0.3} // far too high
	trainer, err := gan.New(g, d, c)
	if err != nil {
		return err
	}
	loader := datasets.NewLoader(numbers(203), 16, datasets.Seed(5), datasets.Workers(2)) // 13 batches
	checkpoints := filepath.Join(dir, "checkpoints")
	if _, err := trainer.ResumeLatest(checkpoints, gan.WithSource(loader)); err != nil && !errors.Is(err, gan.ErrNoCheckpoint) {
		return err
	}
	slow := gan.Hook{Step: func(s *gan.StepInfo) error {
		for time.Sleep(time.Millisecond); s.Step == 199 && os.Getenv("GANDER_TEST_KILLED_STAYS") != ""; {
			time.Sleep(time.Millisecond) // until it is killed
		}
		return nil
	}}
	_, err = trainer.Fit(context.Background(), loader, gan.Steps(200), gan.On(
		gan.Checkpoints{Dir: checkpoints, Every: 3, Keep: 2}.Hook(), slow), gan.On(talkative(4)...), gan.On(diagnose.Hook(diagnose.Options{Every: 4}),
		gan.Log(filepath.Join(dir, "log.jsonl"), gan.LogSteps(7)), gan.SaveNetworks(dir), gallery.SaveSamples(dir, 4, 1, gallery.Grid{Height: 2, Width: 2})))
	return err
}

// A run that is killed twenty times, at random moments, and continued with other
// numbers of threads leads to the bytes of one that was left alone, what is said about it
// included: a run that is out of hand.
func TestKilledRuns(t *testing.T) {
	if dir := os.Getenv("GANDER_TEST_KILLED"); dir != "" {
		if err := killedRun(dir); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	start := func(dir string, procs int, stays string) (*exec.Cmd, *strings.Builder) {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestKilledRuns$")
		cmd.Env = append(os.Environ(), "GANDER_TEST_KILLED="+dir, "GANDER_TEST_KILLED_STAYS="+stays, fmt.Sprintf("GOMAXPROCS=%d", procs))
		var out strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &out
		require.NoError(t, cmd.Start())
		return cmd, &out
	}
	whole, killed := t.TempDir(), t.TempDir()
	cmd, out := start(whole, 2, "")
	require.NoError(t, cmd.Wait(), out.String())

	wanted := 20
	if testing.Short() {
		wanted = 4
	}
	random := rand.New(rand.NewPCG(3, uint64(time.Now().UnixNano())))
	kills, resumed := 0, map[int]bool{}
	for kills < wanted {
		cmd, out := start(killed, 1+kills%5, "yes")
		before := lastStep(t, killed)
		timer := make(chan struct{})
		go func() {
			defer close(timer)
			// Not before the program has begun; it then lives for up to 30 steps.
			for deadline := time.Now().Add(time.Minute); lastStep(t, killed) == before && before < 198 && time.Now().Before(deadline) && kills%4 != 0; {
				time.Sleep(time.Millisecond)
			}
			time.Sleep(time.Duration(random.IntN(40)) * time.Millisecond)
			cmd.Process.Kill()
		}()
		err := cmd.Wait()
		<-timer
		require.Equal(t, -1, cmd.ProcessState.ExitCode(), "%v: %s", err, out)
		kills++
		resumed[lastStep(t, killed)] = true
	}
	require.GreaterOrEqual(t, len(resumed), 2, "%v", resumed)
	cmd, out = start(killed, 3, "")
	require.NoError(t, cmd.Wait(), out.String())

	require.True(t, strings.Contains(withoutTime(t, filepath.Join(whole, "log.jsonl")), "Units are dead"), "the run is not out of hand")
	want, got := files(t, whole), files(t, killed)
	sameLines(t, withoutTime(t, filepath.Join(whole, "log.jsonl")), withoutTime(t, filepath.Join(killed, "log.jsonl")))
	for name := range want {
		if name != "log.jsonl" && !strings.HasPrefix(name, "checkpoints/") || name == "checkpoints/"+stepNames(200)[0] {
			require.NotEmpty(t, got[name], name)
			same(t, want[name], got[name], name)
		}
	}
	for name := range got {
		require.NotContains(t, name, ".gander", "a leftover")
	}
}

// lastStep is the step of the newest checkpoint, or −1.
func lastStep(t *testing.T, dir string) int {
	entries, err := os.ReadDir(filepath.Join(dir, "checkpoints"))
	if err != nil {
		return -1
	}
	last := -1
	for _, e := range entries {
		var step int
		if n, _ := fmt.Sscanf(e.Name(), "checkpoint-%d.safetensors", &step); n == 1 {
			last = max(last, step)
		}
	}
	return last
}
