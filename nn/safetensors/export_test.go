package safetensors

import (
	"io"

	"github.com/gander-ml/gander/tensor"
)

// WriteWithoutChecksum is [Write] as other libraries do it.
func WriteWithoutChecksum(w io.Writer, tensors map[string]*tensor.Tensor, metadata map[string]string) error {
	return write(w, tensors, metadata, false)
}
