// Package archtest checks which folder imports which, that library packages do not
// print, log or exit, and that each package has a package comment. It reads the
// sources only, so that it needs no network and covers every build tag.
package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	module = "github.com/gander-ml/gander"
	root   = "../.."
)

// source is one file of Go code.
type source struct {
	folder, name string
	ast          *ast.File
}

func (s source) test() bool    { return strings.HasSuffix(s.name, "_test.go") }
func (s source) program() bool { return s.ast.Name.Name == "main" }

// imports returns the import paths with their names in the file.
func (s source) imports() map[string]string {
	out := map[string]string{}
	for _, i := range s.ast.Imports {
		p, _ := strconv.Unquote(i.Path.Value)
		out[p] = path.Base(p)
		if i.Name != nil {
			out[p] = i.Name.Name
		}
	}
	return out
}

// read parses the module's Go files, nested modules and test data excepted.
func read(t *testing.T) []source {
	var all []source
	fset := token.NewFileSet()
	require.NoError(t, filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && p != root:
			hidden := strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_") || d.Name() == "testdata"
			if _, err := os.Stat(filepath.Join(p, "go.mod")); err == nil || hidden {
				return fs.SkipDir
			}
		case strings.HasSuffix(p, ".go"):
			f, err := parser.ParseFile(fset, p, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			folder, err := filepath.Rel(root, filepath.Dir(p))
			if err != nil {
				return err
			}
			all = append(all, source{filepath.ToSlash(folder), d.Name(), f})
		}
		return nil
	}))
	require.NotEmpty(t, all)
	return all
}

// roomOf returns the line of the table for a folder, an exact one first.
func roomOf(house []room, folder string) (r room, ok bool) {
	at := slices.IndexFunc(house, func(r room) bool { return r.folder == folder })
	if at < 0 {
		at = slices.IndexFunc(house, func(r room) bool { ok, _ := path.Match(r.folder, folder); return ok })
	}
	if at < 0 {
		return room{}, false
	}
	return house[at], true
}

// within reports whether folder is one of the patterns "tensor", "gan/...".
func within(folder string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		tree, all := strings.CutSuffix(p, "...")
		return folder == p || all && strings.HasPrefix(folder+"/", tree)
	})
}

// allowed reports whether a file of room r may have an import.
func allowed(r room, s source, imported string) bool {
	if folder, ours := strings.CutPrefix(imported, module+"/"); ours {
		return within(folder, r.imports) ||
			s.test() && (folder == s.folder || within(folder, r.tests) || within(folder, testFriends))
	}
	first, _, _ := strings.Cut(imported, "/")
	if !strings.Contains(first, ".") && imported != "C" {
		return true // the standard library
	}
	prefixed := func(p string) bool { return strings.HasPrefix(imported, p) }
	return slices.ContainsFunc(r.outside, prefixed) || s.test() && slices.ContainsFunc(testModules, prefixed)
}

func TestImports(t *testing.T) {
	unknown := map[string]bool{}
	for _, s := range read(t) {
		r, ok := roomOf(house, s.folder)
		if !ok {
			unknown[s.folder] = true
			continue
		}
		for imported := range s.imports() {
			assert.True(t, allowed(r, s, imported),
				"%s/%s may not import %s, by the table house in internal/archtest/house_test.go", s.folder, s.name, imported)
		}
	}
	for folder := range unknown {
		t.Errorf("%s is a new folder: add a line to the table house in internal/archtest/house_test.go that says what it may import", folder)
	}
}

// reachable returns what a package imports, directly or through this module's
// packages, in any build.
func reachable(all []source, folder string) map[string]bool {
	seen := map[string]bool{}
	todo := []string{folder}
	for len(todo) > 0 {
		at := todo[0]
		todo = todo[1:]
		for _, s := range all {
			if s.folder != at || s.test() || s.program() {
				continue
			}
			for imported := range s.imports() {
				if seen[imported] {
					continue
				}
				seen[imported] = true
				if f, ours := strings.CutPrefix(imported, module+"/"); ours {
					todo = append(todo, f)
				}
			}
		}
	}
	return seen
}

// A program that imports gan alone links neither plots, nor a terminal, nor a
// web server, nor image formats, nor embedded data; nn does not link optim, nor optim nn.
func TestWhatProgramsLink(t *testing.T) {
	all := read(t)
	linked := reachable(all, "gan")
	require.Contains(t, linked, module+"/tensor")
	for imported := range linked {
		first, _, _ := strings.Cut(imported, "/")
		if strings.Contains(first, ".") && !strings.HasPrefix(imported, module+"/") {
			assert.Contains(t, []string{cpuid, blas}, imported, "gan links %s", imported)
		}
		assert.NotContains(t, imported, module+"/datasets", "gan links it")
		assert.NotContains(t, imported, module+"/gan/", "gan links it")
		assert.False(t, imported == "image" || strings.HasPrefix(imported, "image/"), "gan links %s", imported)
		assert.NotEqual(t, "net/http", imported, "gan links it")
	}
	assert.NotContains(t, reachable(all, "nn"), module+"/optim")
	assert.NotContains(t, reachable(all, "optim"), module+"/nn")
}

// forbidden lists what a library package must leave to the program: printing,
// logging, and ending the process.
func forbidden(s source) []string {
	imports := s.imports()
	var out []string
	for _, p := range []string{"log", "log/slog"} {
		if imports[p] != "" {
			out = append(out, "it imports "+p)
		}
	}
	ast.Inspect(s.ast, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		switch f := call.Fun.(type) {
		case *ast.Ident:
			if f.Name == "print" || f.Name == "println" {
				out = append(out, "it calls "+f.Name)
			}
		case *ast.SelectorExpr:
			from, ok := f.X.(*ast.Ident)
			prints := ok && from.Name == imports["fmt"] && strings.HasPrefix(f.Sel.Name, "Print")
			exits := ok && from.Name == imports["os"] && f.Sel.Name == "Exit"
			if prints || exits {
				out = append(out, "it calls "+from.Name+"."+f.Sel.Name)
			}
		}
		return true
	})
	return out
}

func TestLibrariesAreQuiet(t *testing.T) {
	for _, s := range read(t) {
		if s.test() || s.program() {
			continue
		}
		for _, problem := range forbidden(s) {
			t.Errorf("%s/%s: %s; return an error or take a writer", s.folder, s.name, problem)
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	all := read(t)
	described := map[string]bool{}
	for _, s := range all {
		// If a package has only tests, its comment is in one of them.
		described[s.folder] = described[s.folder] || s.ast.Doc != nil && (!s.test() || onlyTests(all, s.folder))
	}
	for folder, ok := range described {
		assert.True(t, ok, "%s has no package comment; write one in %s/doc.go", folder, folder)
	}
}

func onlyTests(all []source, folder string) bool {
	return !slices.ContainsFunc(all, func(s source) bool { return s.folder == folder && !s.test() })
}

// The checks above must be able to fail.
func TestTheseTests(t *testing.T) {
	parse := func(folder, name, code string) source {
		f, err := parser.ParseFile(token.NewFileSet(), name, code, parser.ParseComments)
		require.NoError(t, err)
		return source{folder, name, f}
	}
	rooms := []room{
		{folder: "low"},
		{folder: "high", imports: []string{"low", "mid/..."}, outside: []string{"example.org/good"}, tests: []string{"side"}},
		{folder: "any/*", imports: []string{"..."}},
	}
	for _, c := range []struct {
		folder, name, imported string
		ok                     bool
	}{
		{"high", "a.go", module + "/low", true},
		{"low", "a.go", module + "/high", false},
		{"high", "a.go", module + "/mid", true},
		{"high", "a.go", module + "/mid/deep", true},
		{"high", "a.go", module + "/middle", false},
		{"high", "a.go", module + "/side", false},
		{"high", "a_test.go", module + "/side", true},
		{"high", "a.go", module + "/high", false},
		{"high", "a_test.go", module + "/high", true},
		{"low", "a_test.go", module + "/internal/optest", true},
		{"low", "a.go", module + "/internal/optest", false},
		{"high", "a.go", "example.org/good/x", true},
		{"low", "a.go", "example.org/good/x", false},
		{"low", "a.go", "go/ast", true},
		{"low", "a.go", "C", false},
		{"low", "a.go", "github.com/stretchr/testify/require", false},
		{"low", "a_test.go", "github.com/stretchr/testify/require", true},
		{"any/thing", "a.go", module + "/high", true},
		{"any", "a.go", module + "/high", false},
	} {
		r, known := roomOf(rooms, c.folder)
		ok := known && allowed(r, parse(c.folder, c.name, "package p"), c.imported)
		assert.Equal(t, c.ok, ok, "%+v", c)
	}

	loud := parse("low", "a.go", `package p
		import ("fmt"; "log"; system "os")
		func f() { fmt.Println(); fmt.Printf(""); system.Exit(1); println(); log.Print() }`)
	assert.Len(t, forbidden(loud), 5)
	quiet := parse("low", "a.go", `package p
		import ("fmt"; "os")
		func f() { fmt.Sprint(); fmt.Fprintln(os.Stderr); os.Getenv("") }`)
	assert.Empty(t, forbidden(quiet))
}
