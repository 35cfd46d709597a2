package main

import (
	"html/template"
	"net/http"
)

// home is what a browser shows at the address itself.
var home = template.Must(template.New("home").Parse(`<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Samples of a generator</title>
<style>
	body { font: 16px/1.5 system-ui, sans-serif; max-width: 40em; margin: 2em auto; padding: 0 1em; color-scheme: light dark }
	img { image-rendering: pixelated; width: 100%; max-width: 24em }
</style>
<h1>Samples of a generator</h1>
{{if .Images}}<p><img src="sample.png?n={{.N}}" alt="{{.N}} samples"></p>
{{end}}<p>This server draws them:</p>
<ul>
{{range .Kinds}}<li><a href="sample.{{.}}?n=4&amp;seed=7">sample.{{.}}?n=4&amp;seed=7</a></li>
{{end}}</ul>
<p>n is their number, 1 to {{.Most}}, and seed any whole number: the same gives the same samples.
{{if .Classes}}label is what they are to show:
{{range .Classes}}<a href="sample.{{$.First}}?n=4&amp;label={{.}}">{{.}}</a> {{end}}{{end}}</p>
<p><a href="metrics">metrics</a> are for Prometheus, and <a href="healthz">healthz</a> for whoever asks if the server lives.</p>
</html>
`))

// home explains the server.
func (s *server) home(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'")
	var kinds []string
	for _, k := range s.kinds {
		kinds = append(kinds, k.name)
	}
	classes := s.generator.Classes()
	home.Execute(w, map[string]any{ // an error means that nobody reads any more
		"Images": kinds[0] == "png", "N": min(16, s.limits.samples), "Kinds": kinds, "First": kinds[0],
		"Most": s.limits.samples, "Classes": classes[:min(len(classes), 100)],
	})
}
