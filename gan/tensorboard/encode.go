package tensorboard

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"strings"
)

// The format is TFRecord's around protocol buffers of
// tensorflow/core/util/event.proto and framework/summary.proto.

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// masked is a CRC that is stored beside the data that it is of.
func masked(data []byte) uint32 {
	crc := crc32.Checksum(data, castagnoli)
	return (crc>>15 | crc<<17) + 0xa282ead8
}

// record frames an event: its length, the length's checksum, the event, and its
// checksum.
func record(event []byte) []byte {
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(event)))
	out = binary.LittleEndian.AppendUint32(out, masked(out))
	out = append(out, event...)
	return binary.LittleEndian.AppendUint32(out, masked(event))
}

// fields is a protocol buffer in the making.
type fields []byte

// The wire types.
const (
	varint = 0
	fixed8 = 1
	length = 2
	fixed4 = 5
)

func (f fields) key(field, wire int) fields {
	return binary.AppendUvarint(f, uint64(field)<<3|uint64(wire))
}

// integer appends a number, unless it is 0, the default.
func (f fields) integer(field int, v int64) fields {
	if v == 0 {
		return f
	}
	return binary.AppendUvarint(f.key(field, varint), uint64(v))
}

func (f fields) double(field int, v float64) fields {
	return binary.LittleEndian.AppendUint64(f.key(field, fixed8), math.Float64bits(v))
}

func (f fields) float(field int, v float32) fields {
	return binary.LittleEndian.AppendUint32(f.key(field, fixed4), math.Float32bits(v))
}

// bytes appends a string, bytes or another message.
func (f fields) bytes(field int, v []byte) fields {
	return append(binary.AppendUvarint(f.key(field, length), uint64(len(v))), v...)
}

// text appends a string. One that is not UTF-8 would make TensorBoard give up the file.
func (f fields) text(field int, v string) fields {
	return f.bytes(field, []byte(strings.ToValidUTF8(v, "\uFFFD")))
}

// event is an Event: wall_time = 1, step = 2, and what it holds.
func event(seconds float64, step int, content int, value []byte) []byte {
	return fields(nil).double(1, seconds).integer(2, int64(step)).bytes(content, value)
}

// What an Event holds.
const (
	fileVersion = 3
	summary     = 5
	sessionLog  = 7
)

// start is a SessionLog with the status START: what other files tell about this step
// and later ones is out of date.
var start = []byte(fields(nil).integer(1, 1))

// values is a Summary of Values.
func values(vs ...[]byte) []byte {
	var f fields
	for _, v := range vs {
		f = f.bytes(1, v)
	}
	return f
}

// scalar is a Value: tag = 1, simple_value = 2.
func scalar(tag string, v float64) []byte { return fields(nil).text(1, tag).float(2, float32(v)) }

// picture is a Value with an Image: height = 1, width = 2, colorspace = 3 (RGB),
// encoded_image_string = 4.
func picture(tag string, height, width int, png []byte) []byte {
	image := fields(nil).integer(1, int64(height)).integer(2, int64(width)).integer(3, 3).bytes(4, png)
	return fields(nil).text(1, tag).bytes(4, image)
}

// text is a Value with a tensor of one string, for the plugin "text": tensor = 8,
// with dtype = 1 (DT_STRING), tensor_shape = 2 of one Dim with size = 1, and
// string_val = 8; metadata = 9, with plugin_data = 1 of plugin_name = 1.
func text(tag, v string) []byte {
	shape := fields(nil).bytes(2, fields(nil).integer(1, 1))
	tensor := fields(nil).integer(1, 7).bytes(2, shape).text(8, v)
	metadata := fields(nil).bytes(1, fields(nil).text(1, "text"))
	return fields(nil).text(1, tag).bytes(8, tensor).bytes(9, metadata)
}
