// Package excerpt puts foreign text into messages: text from files, servers and
// other programs, which may be of any length and may hold control characters
// that a terminal would obey.
package excerpt

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// longest is the number of bytes of a foreign text that a message shows.
const longest = 60

// Quote returns s as a Go string literal. Of a text longer than 60 bytes it
// shows the beginning and the length.
func Quote(s string) string {
	if len(s) <= longest {
		return strconv.Quote(s)
	}
	return fmt.Sprintf("%s… (%d bytes)", strconv.Quote(head(s, longest)), len(s))
}

// Name returns s itself if it reads as a name in the middle of a sentence, and
// otherwise what [Quote] makes of it.
func Name(s string) string {
	plain := s != "" && len(s) <= longest && utf8.ValidString(s) &&
		!strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) || r == '"' })
	if plain {
		return s
	}
	return Quote(s)
}

// longestError is the number of bytes of an error's text that [Error] keeps.
const longestError = 400

// Error returns err with a text that is safe to print: characters that do not
// print are escaped, and of a text longer than 400 bytes only the beginning is
// kept. What err wraps stays within reach of errors.Is and errors.As. It
// returns nil if err is nil.
func Error(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	var b strings.Builder
	for i, r := range head(text, longestError) {
		switch {
		case r == utf8.RuneError:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case r == '\n' || unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	if len(text) > longestError {
		fmt.Fprintf(&b, "… (%d bytes)", len(text))
	}
	if b.String() == text {
		return err
	}
	return &safe{b.String(), err}
}

type safe struct {
	text string
	err  error
}

func (e *safe) Error() string { return e.text }

func (e *safe) Unwrap() error { return e.err }

// head returns the first n bytes of s, or fewer, so that no character is cut.
func head(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for i := range utf8.UTFMax {
		if utf8.RuneStart(s[n-i]) {
			return s[:n-i]
		}
	}
	return s[:n]
}
