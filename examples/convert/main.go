// Convert takes networks from PyTorch and back.
//
// Tell what a file holds, of torch.save (.pth, .pt) or safetensors:
//
//	go run ./examples/convert -from netG.pth
//
// From PyTorch: the weights, and a description of the network that they belong to,
// make a generator, which all programs here take:
//
//	go run ./examples/convert -from netG.pth -net dcgan.json -latent 100 -o generator.safetensors
//
// The description is JSON as [nn.Encode] writes it, such as testdata/dcgan.json in this
// folder, or another file of Gander's, whose network is the same. The weights may be a
// part of the file, "module.main" for instance. It is found by the names of the
// parameters; if several networks of a file fit, -part names one. -classes cat,dog gives
// names to the classes of a network that is told them. Without -latent the result is a
// network, and no generator.
//
// To PyTorch: without -net, the tensors alone are written, as a state dict for
// load_state_dict(safetensors.torch.load_file("netG.safetensors")). With -prefix main,
// their names begin with "main.", as those of a class with a field "main" do:
//
//	go run ./examples/convert -from generator.safetensors -prefix main -o netG.safetensors
//
// If the class's layers are a part of the network, behind an nn.Reshape for instance,
// -part 1 takes that part, "1.0.weight" and so on, and drops its name.
//
// Nothing in a file is run. What is missing, left over or of another shape is told by
// name, in one line, with exit status 1; wrong usage has 2.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// job is what the flags ask for.
type job struct {
	from, net, part, prefix, out string
	latent                       int
	shape                        []int
	classes                      []string
}

func main() {
	var j job
	flag.StringVar(&j.from, "from", "", "`file` to read: .pth or .pt of torch.save, or .safetensors")
	flag.StringVar(&j.net, "net", "", "`file` that describes the network: JSON, or a network of Gander's")
	flag.StringVar(&j.part, "part", "", "`name` of the part of the file to take (default: the one that fits, or all without -net)")
	flag.StringVar(&j.prefix, "prefix", "", "what the tensors' `names` begin with, without the last dot; not with -net")
	flag.IntVar(&j.latent, "latent", 0, "number of the generator's inputs")
	shape := flag.String("shape", "", "`shape` of a sample, such as 1,28,28 (default: as the network makes it)")
	classes := flag.String("classes", "", "`names` of the classes, in their order, with commas between")
	flag.StringVar(&j.out, "o", "", "`file` to write, in .safetensors (default: none; the tensors are listed)")
	flag.Usage = func() { fmt.Fprintln(os.Stderr, "convert: see -help") } // a wrong flag needs no list of all
	for _, name := range []string{"h", "help"} {
		flag.BoolFunc(name, "list the flags", func(string) error { flag.PrintDefaults(); os.Exit(0); return nil })
	}
	flag.Parse()
	wrong := ""
	for text := range strings.SplitSeq(*shape, ",") {
		if d, err := strconv.Atoi(text); err == nil && d > 0 {
			j.shape = append(j.shape, d)
		} else if *shape != "" {
			wrong = fmt.Sprintf("-shape %q is not of numbers such as 1,28,28", *shape)
		}
	}
	if *classes != "" {
		j.classes = strings.Split(*classes, ",")
	}
	switch {
	case flag.NArg() > 0:
		wrong = fmt.Sprintf("unexpected argument %q", flag.Arg(0))
	case j.from == "":
		wrong = "-from must name a file"
	case j.out == "" && (j.net != "" || j.prefix != "" || j.latent != 0):
		wrong = "-o must name the file to write"
	case j.out != "" && filepath.Ext(j.out) != ".safetensors":
		wrong = "-o must name a file in .safetensors"
	case j.net != "" && j.prefix != "":
		wrong = "-prefix is for files without -net"
	case j.net == "" && (j.latent != 0 || *shape != "" || *classes != ""):
		wrong = "-latent, -shape and -classes need -net"
	case j.latent < 0 || j.latent == 0 && (*shape != "" || *classes != ""):
		wrong = "-latent must be 1 or more"
	}
	if wrong != "" {
		fmt.Fprintf(os.Stderr, "convert: %s; see -help\n", wrong)
		os.Exit(2)
	}
	if err := j.run(); err != nil {
		fmt.Fprintln(os.Stderr, "convert:", err)
		os.Exit(1)
	}
}
