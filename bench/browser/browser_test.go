package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// The harness must be able to find fault: with what a page prints, with what it
// loads against its policy, and with whom it asks.
func TestHarness(t *testing.T) {
	page := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'unsafe-inline'; img-src * data:")
		fmt.Fprint(w, `<!doctype html><title>x</title><link rel="icon" href="data:,"><p id="p">there</p>`)
		if r.URL.Path == "/bad" {
			fmt.Fprint(w, `<p style="color: red">no</p><img src="http://127.0.0.2:9090/"><script>console.error("oh"); nothing()</script>`)
		}
	}
	s := httptest.NewServer(http.HandlerFunc(page))
	defer s.Close()
	tab := Open(t, Phone.InTheDark())
	tab.Do(chromedp.Navigate(s.URL + "/good"))
	if text := Get(tab, chromedp.Text(chromedp.CSS("#p"))); text != "there" {
		t.Errorf("the page says %q", text)
	}
	seen := Eval[string](tab, `screen.width + " " + matchMedia("(prefers-color-scheme: dark)").matches`)
	if seen != "375 true" {
		t.Errorf("the screen is %s", seen)
	}
	tab.Clean(s.URL)

	tab.Do(chromedp.Navigate(s.URL + "/bad"))
	tab.Wait(`document.readyState == "complete"`)
	all := strings.Join(tab.Problems(), "\n")
	for _, want := range []string{"oh", "nothing is not defined", "Content Security Policy", "net::ERR_"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not among the problems: %s", want, all)
		}
	}
	tab.mu.Lock()
	defer tab.mu.Unlock()
	if !slices.Contains(tab.requests, "http://127.0.0.2:9090/") {
		t.Errorf("requests: %q", tab.requests)
	}
}
