package browser

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// start runs a program in a folder of its own until the test is over, and returns
// the address that it prints.
func start(t *testing.T, program string, args ...string) (url string) {
	t.Helper()
	c := exec.Command(program, args...)
	c.Dir = t.TempDir()
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if address, ok := strings.CutPrefix(lines.Text(), "look at "); ok {
			go func() { // so that the program can go on printing
				for lines.Scan() {
				}
			}()
			return address
		}
	}
	t.Fatal("the program printed no address")
	return ""
}

// drawn is the number of pixels of a canvas that something was drawn on.
func drawn(tab *Tab, id string) int {
	return Eval[int](tab, fmt.Sprintf(`(c => { const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
		let n = 0; for (let i = 3; i < d.length; i += 4) if (d[i]) n++; return n; })(document.getElementById(%q))`, id))
}

// fits fails if the page is wider than the screen.
func fits(t *testing.T, tab *Tab) {
	t.Helper()
	if wide := Eval[float64](tab, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); wide > 0 {
		t.Errorf("the page is %g pixels wider than the screen", wide)
	}
}

// The page of a run: it loads, its pictures and curves move, the slider goes back in
// time, a reload and a second browser see the whole history, and nothing is wrong on
// the console, in light, in the dark, and on a telephone.
func TestWatch(t *testing.T) {
	Find(t)
	url := start(t, Build(t, "./examples/mnist"), "-preset", "mlp", "-batch", "16", "-steps", "20000", "-http", "localhost:0", "-looks", "500")
	tab := Open(t, Desktop)
	tab.Do(chromedp.Navigate(url))
	tab.Wait(`document.getElementById("status").textContent.startsWith("training")`)
	// There is a picture from the first step on; the first measurement takes a while.
	tab.Wait(`run.measures.length >= 1 && run.pictures.length >= 1 && document.getElementById("picture").complete && document.getElementById("picture").naturalWidth > 0`)

	// Curves move.
	for _, id := range []string{"losses", "norms", "slopes", "scores"} {
		if n := drawn(tab, id); n < 500 {
			t.Errorf("on the canvas %s, %d pixels are drawn", id, n)
		}
	}
	step := Eval[int](tab, "run.status.step")
	tab.Wait(fmt.Sprintf("run.status.step > %d", step))
	points := Eval[int](tab, "run.points.length")
	tab.Wait(fmt.Sprintf("run.points.length != %d", points))

	// The slider goes through time: to the first picture, and back to the present.
	tab.Wait("run.pictures.length >= 2")
	last := Eval[string](tab, `document.getElementById("picture").src`)
	tab.Wait(`(s => { s.value = run.pictures[0].s; s.dispatchEvent(new Event("input")); return true; })(document.getElementById("slider"))`)
	tab.Wait(`document.getElementById("picture").src.endsWith("pictures/" + run.pictures[0].id + ".png")`)
	if first := Eval[string](tab, `document.getElementById("picture").src`); first == last {
		t.Errorf("the picture is %s at all times", first)
	}
	held := Eval[string](tab, `document.getElementById("step").textContent`)
	tab.Wait(fmt.Sprintf("run.status.step > %d", Eval[int](tab, "run.status.step")))
	if now := Eval[string](tab, `document.getElementById("step").textContent`); now != held {
		t.Errorf("the slider moved from %s to %s by itself", held, now)
	}
	tab.Do(chromedp.Click(chromedp.CSS("#live")))
	tab.Wait(`document.getElementById("live").getAttribute("aria-pressed") == "true" && !isFinite(at)`)
	fits(t, tab)
	tab.Screenshot("watch-light.png")

	// A reload keeps the history.
	first := Eval[int](tab, "run.points[0].s")
	before := Eval[int](tab, "run.points.length + run.pictures.length")
	tab.Do(chromedp.Reload())
	tab.Wait("run.points.length > 0")
	if n := Eval[int](tab, "run.points.length + run.pictures.length"); n < before/2-1 { // it may just have been thinned
		t.Errorf("after a reload, %d of %d points and pictures are left", n, before)
	}
	if s := Eval[int](tab, "run.points[0].s"); s > 2*first {
		t.Errorf("after a reload, the history begins at step %d, not %d", s, first)
	}
	tab.Clean(url)

	for name, screen := range map[string]Screen{"watch-dark.png": Desktop.InTheDark(), "watch-phone.png": Phone} {
		other := Open(t, screen)
		other.Do(chromedp.Navigate(url))
		other.Wait(`run.points.length > 0 && document.getElementById("picture").complete && document.getElementById("picture").naturalWidth > 0`)
		time.Sleep(300 * time.Millisecond) // for the picture's sake only
		fits(t, other)
		other.Screenshot(name)
		other.Clean(url)
	}
}

// When the program ends, the page says so and keeps what it shows.
func TestWatchEnds(t *testing.T) {
	Find(t)
	url := start(t, Build(t, "./examples/ring2d"), "-steps", "300", "-http", "localhost:0", "-out", filepath.Join(t.TempDir(), "ring"))
	tab := Open(t, Desktop)
	tab.Do(chromedp.Navigate(url))
	tab.Wait(`run.status && run.points.length > 0`)
	tab.Wait(`document.getElementById("status").textContent.includes("ended")`)
	if n := Eval[int](tab, "run.points.length"); n < 10 {
		t.Errorf("%d points are left", n)
	}
	if n := drawn(tab, "losses"); n < 500 {
		t.Errorf("the losses are gone")
	}
}
