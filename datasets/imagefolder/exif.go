package imagefolder

import (
	"bytes"
	"encoding/binary"
)

// exifOfJPEG, exifOfPNG and exifOfWebP return a file's EXIF block, or nil.

func exifOfJPEG(file []byte) (block []byte) {
	segments(file, func(marker byte, data []byte) bool {
		if rest, ok := bytes.CutPrefix(data, exifPrefix); ok && marker == app1 {
			block = rest
		}
		return block == nil && marker != startOfScan
	})
	return block
}

var exifPrefix = []byte("Exif\x00\x00")

func exifOfPNG(file []byte) []byte {
	for at := 8; at+12 <= len(file); {
		length := int64(binary.BigEndian.Uint32(file[at:]))
		if int64(at)+12+length > int64(len(file)) {
			return nil
		}
		if string(file[at+4:at+8]) == "eXIf" {
			return file[at+8 : int64(at)+8+length]
		}
		at += 12 + int(length)
	}
	return nil
}

func exifOfWebP(file []byte) (block []byte) {
	chunks(file, func(id string, data []byte) bool {
		if id == "EXIF" {
			block = bytes.TrimPrefix(data, exifPrefix) // some writers put it there
		}
		return block == nil
	})
	return block
}

// orientationOf returns the orientation that an EXIF block tells, from 1 to 8; 1,
// which is none, if it tells nothing sensible.
func orientationOf(block []byte) int {
	const tagOrientation, typeShort = 0x0112, 3
	if len(block) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.LittleEndian
	switch string(block[:4]) {
	case "II*\x00":
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return 1
	}
	at := int64(order.Uint32(block[4:]))
	if at+2 > int64(len(block)) {
		return 1
	}
	entries := block[at+2:]
	for range order.Uint16(block[at:]) {
		if len(entries) < 12 {
			return 1
		}
		if order.Uint16(entries) == tagOrientation && order.Uint16(entries[2:]) == typeShort {
			if o := int(order.Uint16(entries[8:])); o >= 1 && o <= 8 {
				return o
			}
			return 1
		}
		entries = entries[12:]
	}
	return 1
}

// A turn maps the pixels of a picture as it is to be seen to those of the picture
// as it is stored.
type turn struct {
	swapped      bool // rows are columns
	backX, backY bool // the stored columns, the stored rows, run backwards
}

// turns are those of EXIF's orientations 1 to 8, by what its row and column 0 are.
var turns = [9]turn{
	1: {},
	2: {backX: true},
	3: {backX: true, backY: true},
	4: {backY: true},
	5: {swapped: true},
	6: {swapped: true, backY: true},
	7: {swapped: true, backX: true, backY: true},
	8: {swapped: true, backX: true},
}

// from returns where, in a stored picture of w×h, the seen pixel (x, y) is.
func (t turn) from(x, y, w, h int) (int, int) {
	if t.swapped {
		x, y = y, x
	}
	if t.backX {
		x = w - 1 - x
	}
	if t.backY {
		y = h - 1 - y
	}
	return x, y
}
