//go:build !js

// Browser makes a web page that draws digits and trains a GAN, without a server that
// computes: Go's compiler makes WebAssembly of this package.
//
//	go run ./examples/browser -http localhost:8080
//	go run ./examples/browser -out site
//
// It writes a folder, runs/browser or that of -out, which is the whole page: any
// server of files may serve it, and it asks for nothing else. With -http the command
// serves it itself, until Ctrl-C.
//
// The page draws what sliders and buttons say, which are the generator's latent
// vector and the digit, and walks from one digit to another. It computes what the
// generator computes anywhere else; -model puts another generator of grey images in
// the place of the digits. And it trains on points on a ring, as examples/ring2d
// does, in networks small enough for a browser (ring.go): all eight clusters are found
// after four seconds or so of a processor, and the whole training takes sixteen.
//
// The program, gander.wasm.gz, takes 2.3 MB, and the generator 1.8 MB more. The page
// unpacks it itself, so the server need not know how; one that can send it in Brotli's
// format, from the unpacked program, saves another quarter.
//
// main.go and compile.go build the page on your machine; worker.go, with the build tag
// js, is what runs in it.
package main

import (
	"context"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/gan/pretrained"
)

//go:embed page
var page embed.FS

func main() {
	log.SetFlags(0)
	log.SetPrefix("browser: ")
	out := flag.String("out", filepath.Join("runs", "browser"), "`folder` to write the page to")
	model := flag.String("model", "", "`file` of a generator of grey images (default: digits, which are part of the program)")
	address := flag.String("http", "", "`address` to serve the folder at, such as localhost:8080")
	flag.Usage = func() { log.Print("see -help") } // a wrong flag needs no list of all
	for _, name := range []string{"h", "help"} {
		flag.BoolFunc(name, "list the flags", func(string) error { flag.PrintDefaults(); os.Exit(0); return nil })
	}
	flag.Parse()
	if flag.NArg() > 0 || *out == "" {
		log.Print("-out names a folder, and there are no arguments besides the flags; see -help")
		os.Exit(2)
	}
	if err := run(*out, *model, *address); err != nil {
		log.Fatal(strings.ReplaceAll(err.Error(), "\n", "; "))
	}
}

func run(out, model, address string) error {
	ctx, stop := gan.Signals(context.Background())
	defer stop()
	if address == "" {
		return build(ctx, out, model)
	}
	listener, err := net.Listen("tcp", address) // before the page is built, which takes a while
	if err != nil {
		return err
	}
	defer listener.Close()
	if err := build(ctx, out, model); err != nil {
		return err
	}
	return serve(ctx, listener, out)
}

// build writes the page.
func build(ctx context.Context, out, model string) error {
	g, err := pretrained.Digits()
	if model != "" {
		g, err = gan.LoadGenerator(model)
	}
	if err != nil {
		return err
	}
	if err := suits(g); err != nil {
		return err
	}
	files, err := fs.Sub(page, "page")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	err = fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(out, name), content, 0o644)
	})
	if err != nil {
		return err
	}
	if err := g.Save(filepath.Join(out, "generator.safetensors")); err != nil {
		return err
	}
	size, err := compile(ctx, out)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "the page is in %s; its program takes %.1f MB\n", out, float64(size)/1e6)
	return nil
}

// serve serves a folder until Ctrl-C.
func serve(ctx context.Context, listener net.Listener, folder string) error {
	server := &http.Server{Handler: http.FileServer(http.Dir(folder)), ReadTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { server.Close() })
	log.Printf("look at http://%v/", listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
