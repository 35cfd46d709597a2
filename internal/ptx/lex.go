package ptx

import (
	"fmt"
	"strings"
)

// SyntaxError is text that is not PTX, or PTX that this package does not know.
type SyntaxError struct {
	Line int // from 1; 0 if no line is to blame
	Text string
}

// Error returns "line 12: …".
func (e *SyntaxError) Error() string {
	if e.Line == 0 {
		return "ptx: " + e.Text
	}
	return fmt.Sprintf("ptx: line %d: %s", e.Line, e.Text)
}

type tokenKind uint8

const (
	tokEnd    tokenKind = iota
	tokWord             // add.f32, %r1, $L__BB0_1, name
	tokDot              // .reg, .entry
	tokNumber           // 12, 0x1F, 0f3F800000, 1.5
	tokString           // "nounroll"
	tokPunct            // one byte
)

type token struct {
	kind tokenKind
	text string
	line int
}

func (t token) String() string {
	if t.kind == tokEnd {
		return "the end of the text"
	}
	if len(t.text) > 40 {
		return fmt.Sprintf("%q…", t.text[:40])
	}
	return fmt.Sprintf("%q", t.text)
}

func wordStart(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '$' || c == '%'
}

func wordByte(c byte) bool { return wordStart(c) || c >= '0' && c <= '9' }

// lex splits PTX into tokens, without comments.
func lex(src string) ([]token, error) {
	var out []token
	line := 1
	for i := 0; i < len(src); {
		c := src[i]
		switch {
		case c == '\n':
			line++
			i++
		case c == ' ' || c == '\t' || c == '\r':
			i++
		case strings.HasPrefix(src[i:], "//"):
			for i < len(src) && src[i] != '\n' {
				i++
			}
		case strings.HasPrefix(src[i:], "/*"):
			end := strings.Index(src[i+2:], "*/")
			if end < 0 {
				return nil, &SyntaxError{line, "a comment does not end"}
			}
			line += strings.Count(src[i:i+2+end], "\n")
			i += end + 4
		case c == '"':
			end := strings.IndexAny(src[i+1:], "\"\n")
			if end < 0 || src[i+1+end] == '\n' {
				return nil, &SyntaxError{line, "a string does not end"}
			}
			out = append(out, token{tokString, src[i+1 : i+1+end], line})
			i += end + 2
		case wordStart(c) || c == '.' && i+1 < len(src) && wordStart(src[i+1]):
			start, kind := i, tokWord
			if c == '.' {
				kind = tokDot
			}
			for i++; i < len(src); {
				if wordByte(src[i]) {
					i++
				} else if kind == tokWord && src[i] == '.' && i+1 < len(src) && wordByte(src[i+1]) {
					i++
				} else if strings.HasPrefix(src[i:], "::") {
					i += 2
				} else {
					break
				}
			}
			out = append(out, token{kind, src[start:i], line})
		case c >= '0' && c <= '9':
			start := i
			hex := strings.HasPrefix(src[i:], "0x") || strings.HasPrefix(src[i:], "0X") || len(src) > i+1 && c == '0' && strings.IndexByte("fFdD", src[i+1]) >= 0
			for i++; i < len(src); i++ {
				e := src[i]
				exponentSign := !hex && (e == '+' || e == '-') && (src[i-1] == 'e' || src[i-1] == 'E')
				if !wordByte(e) && e != '.' && !exponentSign || e == '$' || e == '%' {
					break
				}
			}
			out = append(out, token{tokNumber, src[start:i], line})
		case c < 0x80 && c > ' ':
			out = append(out, token{tokPunct, src[i : i+1], line})
			i++
		default:
			return nil, &SyntaxError{line, fmt.Sprintf("the byte %#02x is not PTX", c)}
		}
	}
	return append(out, token{tokEnd, "", line}), nil
}
