// Package browser opens a program's pages in a real browser: Debian's Chromium,
// without a window. It is a module of its own, so that nothing else depends on a
// browser's driver.
//
//	tab := browser.Open(t, browser.Desktop)
//	tab.Do(chromedp.Navigate(url), chromedp.WaitVisible("#canvas"))
//	tab.Wait("document.title == 'ready'")
//	width := browser.Eval[float64](tab, "innerWidth")
//	tab.Clean(url)
//
// Tests are skipped where there is no Chromium, unless the environment variable
// GANDER_BROWSER is "must"; "apt-get install chromium" brings one. A path in
// GANDER_CHROMIUM stands for another one.
package browser

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// A Screen is what a page is shown on.
type Screen struct {
	Width, Height int64   // in CSS pixels
	Scale         float64 // pixels of the device in one of these; 0 means 1
	Touch         bool    // a telephone
	Dark          bool    // its user likes it dark
}

// Screens that pages should fit.
var (
	Desktop = Screen{Width: 1280, Height: 900}
	Phone   = Screen{Width: 375, Height: 740, Touch: true}
)

// InTheDark returns the screen of somebody who likes it dark.
func (s Screen) InTheDark() Screen {
	s.Dark = true
	return s
}

// Tab is one tab of a browser that is started for it and ends with the test.
type Tab struct {
	Context context.Context // for chromedp.Run and chromedp.Do
	t       testing.TB

	mu       sync.Mutex
	problems []string // errors on the console, exceptions, breaches of policies
	requests []string // addresses that were asked for
}

// patience is how long a test may wait for a page before it fails.
const patience = 5 * time.Minute

// Find returns the path of Chromium, and skips the test if there is none.
func Find(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("GANDER_CHROMIUM"); path != "" {
		return path
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("GANDER_BROWSER") == "must" {
		t.Fatal("there is no Chromium; apt-get install chromium brings one")
	}
	t.Skip("there is no Chromium; apt-get install chromium brings one")
	return ""
}

// Open starts a browser with an empty tab.
func Open(t testing.TB, s Screen) *Tab {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(Find(t)),
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.WSURLReadTimeout(time.Minute),
	)
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // which Chromium refuses to root
	}
	ctx, cancelTime := context.WithTimeout(context.Background(), patience)
	tab := &Tab{t: t}
	// The driver's own messages about events that it does not know are no concern
	// of the page.
	var cancelTab context.CancelFunc
	tab.Context, cancelTab = chromedp.NewContext(ctx,
		chromedp.WithAllocatorOptions(options...),
		chromedp.WithErrorf(func(string, ...any) {}),
		chromedp.WithListener(tab.listen))
	t.Cleanup(func() {
		cancelTab()
		cancelTime()
	})
	scheme := "light"
	if s.Dark {
		scheme = "dark"
	}
	viewport := []chromedp.EmulateViewportOption{chromedp.EmulateScale(max(s.Scale, 1))}
	if s.Touch {
		viewport = append(viewport, chromedp.EmulateMobile, chromedp.EmulateTouch)
	}
	tab.Do(
		command(log.Enable, cdp.Empty{}),
		command(network.Enable, network.EnableParams{}),
		chromedp.EmulateViewport(s.Width, s.Height, viewport...),
		command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}),
	)
	return tab
}

// command makes an action of a command of the protocol.
func command[P any](c cdp.Command[P, cdp.Empty], params P) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, c, params)
		return chromedp.Void{}, err
	}
}

// listen notes what goes wrong on the page.
func (b *Tab) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if x := e.ExceptionDetails.Exception; x != nil {
			text += " " + x.Description
		}
		b.problems = append(b.problems, "exception: "+text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			var words []string
			for _, a := range e.Args {
				words = append(words, string(a.Value)+a.Description)
			}
			b.problems = append(b.problems, fmt.Sprintf("console %s: %s", e.Type, strings.Join(words, " ")))
		}
	case *log.EventEntryAdded: // failed requests, and breaches of the content security policy
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			b.problems = append(b.problems, fmt.Sprintf("log %s: %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL))
		}
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
	}
}

// Do does things in the tab, and fails the test if one of them fails.
func (b *Tab) Do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.Context, actions...); err != nil {
		b.t.Fatalf("browser: %v; problems of the page: %q", err, b.Problems())
	}
}

// Get does something in the tab that has a result, such as chromedp.Text, and
// fails the test if it fails.
func Get[T any](b *Tab, action chromedp.Action[T]) T {
	b.t.Helper()
	v, err := chromedp.Run(b.Context, action)
	if err != nil {
		b.t.Fatalf("browser: %v; problems of the page: %q", err, b.Problems())
	}
	return v
}

// Eval returns the value of a JavaScript expression.
func Eval[T any](b *Tab, expression string) T {
	b.t.Helper()
	return Get(b, chromedp.Evaluate[T](expression))
}

// Wait waits until a JavaScript expression is true.
func (b *Tab) Wait(expression string) {
	b.t.Helper()
	for deadline := time.Now().Add(patience / 2); !Eval[bool](b, "!!("+expression+")"); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatalf("browser: %s has not become true; problems of the page: %q", expression, b.Problems())
		}
	}
}

// Problems returns what has gone wrong on the page so far: errors and warnings on
// the console, exceptions, failed requests, breaches of the content security
// policy.
func (b *Tab) Problems() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.problems...)
}

// Clean fails the test if anything has gone wrong, or if the page has asked for
// anything that does not begin with the address home.
func (b *Tab) Clean(home string) {
	b.t.Helper()
	for _, p := range b.Problems() {
		b.t.Errorf("browser: %s", p)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.requests {
		if !strings.HasPrefix(r, home) && !strings.HasPrefix(r, "data:") && !strings.HasPrefix(r, "blob:") && r != "about:blank" {
			b.t.Errorf("browser: the page asks for %s", r)
		}
	}
}

// Screenshot writes what is seen as a PNG into the folder of the environment
// variable GANDER_SCREENSHOTS, to be looked at. Without it, nothing is written.
func (b *Tab) Screenshot(name string) {
	b.t.Helper()
	png := Get(b, chromedp.CaptureScreenshot())
	if dir := os.Getenv("GANDER_SCREENSHOTS"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, name), png, 0o644); err != nil {
			b.t.Fatal(err)
		}
	}
}

// Build compiles a program of the repository, such as "./examples/mnist", and
// returns its path. env are further variables, such as "GOOS=js".
func Build(t testing.TB, pkg string, env ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "program")
	c := exec.Command("go", "build", "-tags", "http", "-o", out, pkg)
	c.Dir = filepath.Join("..", "..")
	c.Env = append(os.Environ(), env...)
	if text, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return out
}
