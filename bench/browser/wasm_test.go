package browser

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// run runs a program of the repository.
func run(t *testing.T, args ...string) {
	t.Helper()
	c := exec.Command("go", append([]string{"run"}, args...)...)
	c.Dir = filepath.Join("..", "..")
	if text, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
}

// await returns what a promise of JavaScript comes to.
func await[T any](tab *Tab, expression string) T {
	tab.t.Helper()
	return Get(tab, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// The page of examples/browser draws what the native program draws, and trains until
// all modes of the ring are found. Times are logged: they are those of the machine.
func TestWebAssembly(t *testing.T) {
	Find(t)
	dir := t.TempDir()
	site, array := filepath.Join(dir, "site"), filepath.Join(dir, "samples.npy")
	run(t, "./examples/browser", "-out", site)
	if packed, err := os.Stat(filepath.Join(site, "gander.wasm.gz")); err != nil || packed.Size() > 4<<20 {
		t.Errorf("the program is too large: %v, %v", packed, err)
	}
	const n, seed = 64, 7
	run(t, "./examples/sample", "-model", filepath.Join(site, "generator.safetensors"), "-n", fmt.Sprint(n), "-seed", fmt.Sprint(seed), "-device", "cpu", "-o", array)
	native, err := os.ReadFile(array)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(http.FileServer(http.Dir(site)))
	defer s.Close()

	for name, screen := range map[string]Screen{"light": Desktop, "dark": Desktop.InTheDark(), "phone": {Width: 375, Height: 740, Scale: 2, Touch: true}} {
		t.Run(name, func(t *testing.T) {
			tab := Open(t, screen)
			tab.Do(chromedp.Navigate(s.URL))
			tab.Wait("document.body.dataset.ready")
			t.Logf("the first digit after %.2f s", Eval[float64](tab, "page.first")/1000)
			if wide := Eval[bool](tab, "document.documentElement.scrollWidth > innerWidth"); wide {
				t.Error("the page is wider than the screen")
			}
			if name == "light" {
				drawn := await[[]float64](tab, fmt.Sprintf("page.program.call('latents', %d, %d).then((z) => page.program.call('draw', z)).then((x) => Array.from(x))", n, seed))
				compare(t, native[128:], drawn)
				t.Logf("a digit takes %.1f ms", await[float64](tab, `(async () => {
					const z = await page.program.call("latents", 1, 1), start = performance.now();
					for (let i = 0; i < 20; i++) await page.program.call("draw", z);
					return (performance.now() - start) / 20;
				})()`))

				// A slider changes the digit; so does another seed.
				seen := "document.getElementById('digit').toDataURL()"
				before := Eval[string](tab, seen)
				tab.Do(chromedp.Evaluate[chromedp.Void]("sliders.querySelector('input').value = 3; sliders.querySelector('input').dispatchEvent(new Event('input'))"))
				tab.Wait(fmt.Sprintf("%s != %q", seen, before))
				between := "document.getElementById('between').toDataURL()"
				before = Eval[string](tab, between)
				tab.Do(chromedp.Click(chromedp.CSS("#play")))
				tab.Wait(fmt.Sprintf("%s != %q", between, before))
				tab.Do(chromedp.Click(chromedp.CSS("#play")))
			}
			tab.Screenshot("browser-" + name + ".png")
			tab.Do(chromedp.Evaluate[chromedp.Void]("document.getElementById('train-title').scrollIntoView()"), chromedp.Click(chromedp.CSS("#train")))
			if name == "light" {
				tab.Wait("page.training.frame?.modes == 8")
				t.Logf("eight modes after %.1f s", Eval[float64](tab, "page.training.frame.seconds"))
			} else {
				tab.Wait("page.training.frame?.step > 40")
			}
			tab.Screenshot("browser-train-" + name + ".png")
			tab.Do(chromedp.Click(chromedp.CSS("#train")))
			tab.Clean(s.URL)
		})
	}
}

// compare wants the same numbers to 1e-4, as raw float32 and from the page.
func compare(t *testing.T, native []byte, drawn []float64) {
	t.Helper()
	if len(native) != 4*len(drawn) {
		t.Fatalf("%d numbers of the page, %d bytes of the program", len(drawn), len(native))
	}
	worst := 0.0
	for i, v := range drawn {
		worst = max(worst, math.Abs(v-float64(math.Float32frombits(binary.LittleEndian.Uint32(native[4*i:])))))
	}
	if !(worst <= 1e-4) {
		t.Errorf("the page draws other digits than the program: %g apart", worst)
	}
	t.Logf("the page's digits are %.1g from the program's", worst)
}
