// Package npy writes tensors as NumPy arrays, the files that numpy.load reads: for
// samples that a program in Python is to score or plot.
//
//	err := npy.Save("samples.npy", g.Sample(10_000, 1)) // np.load("samples.npy"): float32, [10000, …]
//
// The element type is float32 or float64, as the tensor's, and the bytes are those
// that numpy.save writes. Weights are better kept in safetensors files, which hold
// many tensors by name and have a checksum; see the package nn/safetensors.
package npy
