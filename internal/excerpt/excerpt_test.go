package excerpt

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		"":                            `""`,
		"0.weight":                    `"0.weight"`,
		"\x1b[31mred\n":               `"\x1b[31mred\n"`,
		"\xff":                        `"\xff"`,
		strings.Repeat("a", 60):       `"` + strings.Repeat("a", 60) + `"`,
		strings.Repeat("a", 61):       `"` + strings.Repeat("a", 60) + `"… (61 bytes)`,
		"a" + strings.Repeat("ü", 40): `"a` + strings.Repeat("ü", 29) + `"… (81 bytes)`,
		strings.Repeat("\x80", 61):    `"` + strings.Repeat(`\x80`, 60) + `"… (61 bytes)`,
	} {
		require.Equal(t, want, Quote(in))
	}
}

func TestName(t *testing.T) {
	for in, want := range map[string]string{
		"":                      `""`,
		"0.weight":              "0.weight",
		"größe":                 "größe",
		"a b":                   `"a b"`,
		`a"b`:                   `"a\"b"`,
		"\x1b[31m":              `"\x1b[31m"`,
		"\xff":                  `"\xff"`,
		"\u202e":                `"\u202e"`,
		strings.Repeat("1", 99): `"` + strings.Repeat("1", 60) + `"… (99 bytes)`,
	} {
		require.Equal(t, want, Name(in))
	}
}

func TestError(t *testing.T) {
	require.NoError(t, Error(nil))
	plain := errors.New("plain: größe\nand more")
	require.Same(t, plain, Error(plain))

	long := fmt.Errorf("\x1b[2J\xff%s: %w", strings.Repeat("9", 1<<20), fs.ErrNotExist)
	err := Error(long)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.Less(t, len(err.Error()), 450)
	require.Contains(t, err.Error(), `\x1b[2J\xff9999`)
	require.Contains(t, err.Error(), "9… (1048")
	require.NotContains(t, err.Error(), "\x1b")
}
