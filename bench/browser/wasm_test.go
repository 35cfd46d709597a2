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
	site := filepath.Join(dir, "site")
	c := exec.Command(Build(t, "./examples/browser"), "-out", site)
	if text, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if packed, err := os.Stat(filepath.Join(site, "gander.wasm.gz")); err != nil || packed.Size() > 4<<20 {
		t.Errorf("the program is too large: %v, %v", packed, err)
	}
	const n = 10
	sample, array := Build(t, "./examples/sample"), filepath.Join(dir, "digit.npy")
	var native []byte // the first digit of each seed
	for seed := range n {
		c := exec.Command(sample, "-model", filepath.Join(site, "generator.safetensors"), "-n", "1", "-seed", fmt.Sprint(seed), "-device", "cpu", "-o", array)
		if text, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		digit, err := os.ReadFile(array)
		if err != nil {
			t.Fatal(err)
		}
		native = append(native, digit[128:]...) // after the head of the array
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
				drawn := await[[]float64](tab, fmt.Sprintf(`(async () => {
					const points = [];
					for (let i = 0; i < %d; i++) points.push(await page.pointOf(page.program, page.info, i));
					return Array.from(await page.imagesOf(page.program, points));
				})()`, n))
				compare(t, native, drawn)
				t.Logf("a digit takes %.1f ms, the least of 50", await[float64](tab, `(async () => {
					const p = await page.pointOf(page.program, page.info, 1);
					let least = Infinity;
					for (let i = 0; i < 50; i++) {
						const start = performance.now();
						await page.imagesOf(page.program, [p]);
						least = Math.min(least, performance.now() - start);
					}
					return least;
				})()`))

				// A slider changes the digit, a class does, and walking changes what is between.
				seen := "document.getElementById('digit').toDataURL()"
				before := Eval[string](tab, seen)
				tab.Do(chromedp.Evaluate[chromedp.Void]("sliders.querySelector('input').value = 3; sliders.querySelector('input').dispatchEvent(new Event('input'))"))
				tab.Wait(fmt.Sprintf("%s != %q", seen, before))
				before = Eval[string](tab, seen)
				tab.Do(chromedp.Click(chromedp.CSS("#labels button:nth-child(9)"))) // 7
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
