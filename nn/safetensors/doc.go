// Package safetensors reads and writes the safetensors file format, in which
// PyTorch and other libraries exchange the weights of a network. A file is
//
//	8 bytes   N, the length of the header, little-endian
//	N bytes   a JSON object: {"name": {"dtype": "F32", "shape": [2, 3],
//	          "data_offsets": [0, 24]}, …, "__metadata__": {"key": "value"}}
//	the rest  the tensors' elements, little-endian and row-major, without gaps
//
// [Write] and [Save] make files, of a stream and of a path. [Read], [Load] and
// [LoadFS] read a file into memory; a [Reader] reads the header alone and then
// the elements straight into tensors that are there already.
//
// # Safety
//
// A file holds numbers only: reading one runs no code. No more memory is
// allocated than the bytes that are really there justify, whatever the header
// says; a header is at most 16 MiB long and is read in linear time. A file that
// breaks a rule is refused with an error that wraps [ErrFormat].
//
// # Checksum
//
// A file that this package wrote holds a CRC-32C of its names, dtypes, shapes,
// metadata and elements, as the metadata entry [ChecksumKey]. It is compared
// whenever a file is read to its end, so that a damaged file is refused. Files
// without the entry, such as PyTorch's, are read without that check. A program
// that changes a file and keeps its metadata must remove the entry.
//
// The specification is at https://github.com/huggingface/safetensors.
package safetensors
