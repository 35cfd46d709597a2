package table

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/gan/metrics"
)

func TestNumbers(t *testing.T) {
	for x, want := range map[float64]string{0: "0", 0.0004: "0.000400", 1.296: "1.30", 12.34: "12.3", 999.4: "999", 999.6: "1000", -0.01234: "-0.0123", 25: "25", 12345.6: "12346"} {
		require.Equal(t, want, Number(x))
	}
	require.Equal(t, "–", Number(math.NaN()))
	require.Equal(t, "–", Percent(math.NaN()))
	require.Equal(t, "1.3 % 1.27 %", Percent(0.01266)+" "+Rare(0.01266))
	for n, want := range map[int]string{7: "7", 999: "999", 1000: "1,000", 15700: "15,700", 1002003: "1,002,003"} {
		require.Equal(t, want, Thousands(n))
	}
}

func TestColumns(t *testing.T) {
	seeds := func(x ...float64) (all []metrics.Table) {
		for _, x := range x {
			all = append(all, metrics.Table{metrics.NewValue("a", x)})
		}
		return all
	}
	require.Equal(t, "2.50 ± 0.50 (2)", Column{Name: "a"}.Cell(seeds(2, 3)))
	require.Equal(t, "2.50 ± 0.50 (3)", Column{Name: "a", Less: true}.Cell(seeds(2, 3)))
	require.Equal(t, "25.0 % ± 5.0 % (20.0 %)", Column{Name: "a", Percent: 1}.Cell(seeds(0.2, 0.3)))
	require.Equal(t, "2", Column{Name: "a"}.Cell(seeds(2)))
	require.Equal(t, "–", Column{Name: "b"}.Cell(seeds(2, 3)), "it was not measured")
	require.Equal(t, "–", Column{Name: "a"}.Cell(append(seeds(2), nil)), "nor in every seed")
	for _, less := range []bool{false, true} {
		require.True(t, math.IsNaN(Column{Name: "a", Less: less}.Worst(seeds(2, math.NaN(), 3))))
	}
}

func TestFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "T.md")
	got := []int{7}
	require.NoError(t, Load(path, &got))
	require.Equal(t, []int{7}, got, "there is nothing")
	var b strings.Builder
	Head(&b, "x", "y")
	Line(&b, "1", "2")
	require.NoError(t, Save(path, "[1,2]", b.String()))
	require.NoError(t, Load(path, &got))
	require.Equal(t, []int{1, 2}, got)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "| x | y |\n| --- | --- |\n| 1 | 2 |\n", string(text))
	require.NoError(t, os.WriteFile(Beside(path), []byte("{"), 0o644))
	require.ErrorContains(t, Load(path, &got), "T.json: unexpected end")
}
