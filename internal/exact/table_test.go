package exact_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const table = "../../docs/accuracy.md"

// TestTable: the table for readers says what the bounds do.
func TestTable(t *testing.T) {
	var b strings.Builder
	fmt.Fprint(&b, `# Accuracy

How far results and their derivatives may be from the right ones, in ulps: the distance of neighbouring numbers around the right one. Each was compared at arguments of every size and sign, subnormal ones included, with arithmetic of 1000 bits and more, under every instruction set. A correctly rounded result is within 0.5. Where a floor is given, an error below it counts in units of the floor, which is in ε, 2⁻²³ in float32 and 2⁻⁵² in float64.

Regenerate with `+"`go test ./internal/exact -run TestTable -write`; `-run TestSweep -full` holds it.\n\n"+`| function | float32: value | 1st | 2nd derivative | float64: value | 1st | 2nd derivative | floors | because |
|---|---|---|---|---|---|---|---|---|
`)
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s ", r.name)
		for k := range 2 {
			for order := range 3 {
				if order > r.orders {
					fmt.Fprint(&b, "| ")
				} else {
					fmt.Fprintf(&b, "| %g ", bounds[r.name][k][order])
				}
			}
		}
		if r.why == "" {
			fmt.Fprint(&b, "| | |\n")
		} else {
			fmt.Fprintf(&b, "| %g, %g, %g | %s |\n", r.floors[0], r.floors[1], r.floors[2], r.why)
		}
	}
	if *write {
		require.NoError(t, os.WriteFile(table, []byte(b.String()), 0o644))
	}
	got, err := os.ReadFile(table)
	require.NoError(t, err)
	require.True(t, b.String() == string(got), "%s is out of date: go test ./internal/exact -run TestTable -write", table)
}
