package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTable(t *testing.T) {
	dir := t.TempDir()
	gander, torch := filepath.Join(dir, "gander.txt"), filepath.Join(dir, "torch.txt")
	require.NoError(t, os.WriteFile(gander, []byte(`# device cuda:0
start/unary                           5000.0 us
own/memory/add                          10.0 us   1234.567 GB/s
own/step/quick                         400.0 us
cublas-tf32/step/quick                 300.0 us
# failed: products
`), 0o600))
	require.NoError(t, os.WriteFile(torch, []byte("memory/add 9.0 us 1300.000 GB/s\nfloat32/eager/step/quick 2000.0 us\ntf32/graph/step/quick 250.0 us\nnonsense\n"), 0o600))
	var s strings.Builder
	require.NoError(t, printTable(&s, []string{gander, torch}))
	require.Equal(t, `| us (TFLOP/s or GB/s) | own kernels | with cuBLAS | in TF32 | PyTorch | in TF32 |
|---|---|---|---|---|---|
| start/unary | 5000.0 |  |  |  |  |
| memory/add | 10.0 (1.23e+03) |  |  | 9.0 (1.3e+03) |  |
| step/quick | 400.0 |  | 300.0 |  | 250.0 |
| step/quick, eager |  |  |  | 2000.0 |  |
`, s.String())
	require.Error(t, printTable(&s, []string{filepath.Join(dir, "none.txt")}))
	require.NoError(t, os.WriteFile(torch, nil, 0o600))
	require.ErrorContains(t, printTable(&s, []string{torch}), "no measurement")
}
