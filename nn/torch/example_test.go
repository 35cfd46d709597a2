package torch_test

import (
	"fmt"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/nn"
	"github.com/gander-ml/gander/nn/torch"
	"github.com/gander-ml/gander/tensor"
)

// The generator of PyTorch's DCGAN tutorial, on a smaller scale:
//
//	class Generator(nn.Module):
//	    def __init__(self):
//	        super().__init__()
//	        self.main = nn.Sequential(
//	            nn.ConvTranspose2d(16, 16, 4, 1, 0, bias=False), nn.BatchNorm2d(16), nn.ReLU(True),
//	            nn.ConvTranspose2d(16, 8, 4, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(True),
//	            nn.ConvTranspose2d(8, 4, 4, 2, 1, bias=False), nn.BatchNorm2d(4), nn.ReLU(True),
//	            nn.ConvTranspose2d(4, 3, 4, 2, 1, bias=False), nn.Tanh())
//
//	torch.save(generator.state_dict(), "dcgan.pth")
//
// There it takes latent vectors as images [n, 16, 1, 1]; here a Reshape makes them,
// in front of the part that has the file's parameters.
func Example() {
	up := func(in, out int) nn.Module {
		return nn.ConvTranspose2D(in, out, 4, nn.Stride(2), nn.Padding(1), nn.NoBias())
	}
	net := nn.Sequential(nn.Reshape(16, 1, 1), nn.Sequential(
		nn.ConvTranspose2D(16, 16, 4, nn.NoBias()), nn.BatchNorm2D(16), nn.ReLU(),
		up(16, 8), nn.BatchNorm2D(8), nn.ReLU(),
		up(8, 4), nn.BatchNorm2D(4), nn.ReLU(),
		up(4, 3), nn.Tanh()))
	part, err := torch.LoadInto("testdata/dcgan.pth", net)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("the file's part", part)

	g, err := gan.NewGenerator(net, 16)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(g.Sample(2, 1).Shape())
	// g.Save("generator.safetensors") keeps it, with its architecture.

	// Output:
	// the file's part main
	// [2 3 32 32]
}

// One of several networks in a checkpoint.
func ExamplePart() {
	state, err := torch.Load("testdata/checkpoint.pth")
	if err != nil {
		fmt.Println(err)
		return
	}
	main := torch.Part(state, "netG.main")
	fmt.Println(len(state), "tensors,", len(main), "of them the generator's;", main["0.weight"].Shape())

	first := nn.Sequential(nn.ConvTranspose2D(16, 16, 4, nn.NoBias()))
	nn.Init(first, 1, tensor.Float32, tensor.CPU())
	fmt.Println(nn.LoadState(first, map[string]*tensor.Tensor{"0.weight": main["0.weight"]}))
	// Output:
	// 78 tensors, 19 of them the generator's; [16 16 4 4]
	// <nil>
}
