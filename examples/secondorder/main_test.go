package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/internal/clitest"
)

func TestMain(m *testing.M) { os.Exit(clitest.Main(m, main)) }

func TestNoArguments(t *testing.T) {
	for _, argument := range []string{"-h", "-n", "more"} {
		clitest.Fails(t, t.TempDir(), 2, "secondorder takes no arguments", argument)
	}
}

func TestShow(t *testing.T) {
	var out bytes.Buffer
	show(&out)
	text := out.String()
	require.Contains(t, text, "x³ at 3: value 27, first derivative 27, second derivative 18\n")
	require.Contains(t, text, "tracked: false; with it, tracked: true\n")
	_, table, _ := strings.Cut(text, "deviation\n")
	rows := strings.Split(strings.TrimSpace(table), "\n")
	require.Len(t, rows, 10) // three of each parameter, and the only last bias
	for _, row := range rows {
		var name string
		var i int
		var got, want, deviation float64
		_, err := fmt.Sscan(row, &name, &i, &got, &want, &deviation)
		require.NoError(t, err, row)
		require.InDelta(t, want, got, 1e-8, row)
		require.InDelta(t, 0, deviation, 1e-9, row)
		require.Equal(t, name == "2.bias", got == 0, row) // which R1 does not depend on
	}
}

func TestFullDisk(t *testing.T) { clitest.FullDisk(t, t.TempDir()) }
