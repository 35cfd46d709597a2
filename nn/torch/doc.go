// Package torch reads the weights that PyTorch's torch.save has written, without
// Python: files that usually end in .pth or .pt.
//
//	net := nn.Sequential(nn.ConvTranspose2D(100, 512, 4, nn.NoBias()), nn.BatchNorm2D(512), …)
//	part, err := torch.LoadInto("netG.pth", net)
//
// [LoadInto] finds the network's parameters wherever they are in the file: those of
// a module's field "main", those of a DataParallel, which puts "module." before each
// name, those of a checkpoint {"state_dict": …, "epoch": 7}, or one network of
// several. [Load] returns all tensors under the names that they have in the file, and
// [Match] chooses a network's among them, from a safetensors file as well. The error
// names tensors that are missing, left over or of another shape.
//
// The way back needs no package: PyTorch reads a file of [nn.Save] by
//
//	model.load_state_dict(safetensors.torch.load_file("generator.safetensors"))
//
// and examples/convert does both from the command line.
//
// # Safety
//
// The files hold pickles, which are programs: Python runs whatever they say. This
// package runs nothing. It knows dictionaries, lists, numbers, strings and the few
// functions that tensors of [torch.save] are made with, and refuses a file that names
// anything else. A pickle has at most 16 MiB and 2²⁰ operations, and the names that it
// gives have 64 MiB; numbers take no more memory than the file, or sixteen times as much
// if tensors share them.
//
// Files of PyTorch before 1.6, TorchScript and compressed archives are refused.
//
// [torch.save]: https://docs.pytorch.org/docs/stable/generated/torch.save.html
package torch
