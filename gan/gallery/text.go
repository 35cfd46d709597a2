package gallery

import (
	"image"
	"image/draw"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"
)

const (
	letterHeight = 13
	letterWidth  = 7
	longestLabel = 24 // characters
)

// shown returns the part of a label that is drawn.
func shown(label string) string {
	label = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, label)
	if utf8.RuneCountInString(label) > longestLabel {
		label = string([]rune(label)[:longestLabel-2]) + ".."
	}
	return label
}

// labelWidth returns the room that labels take beside a grid.
func labelWidth(labels []string) int {
	longest := 0
	for _, label := range labels {
		longest = max(longest, utf8.RuneCountInString(shown(label)))
	}
	if longest == 0 {
		return 0
	}
	return longest*letterWidth + letterWidth
}

// write writes a label, from x on, with its middle at y.
func write(img draw.Image, x, y int, label string) {
	d := font.Drawer{Dst: img, Src: image.White, Face: basicfont.Face7x13, Dot: fixed.P(x, y+letterHeight/2-2)}
	d.DrawString(shown(label))
}
