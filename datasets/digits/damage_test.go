package digits

import (
	"bytes"
	"compress/gzip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDecodeNoticesDamage(t *testing.T) {
	_, err := decode(labels, labelsSHA256)
	require.NoError(t, err)
	_, err = decode(labels, imagesSHA256)
	assert.ErrorContains(t, err, "SHA-256")

	damaged := bytes.Clone(labels)
	damaged[len(damaged)-8] ^= 1
	_, err = decode(damaged, labelsSHA256)
	assert.ErrorIs(t, err, gzip.ErrChecksum)
	_, err = decode([]byte("not gzip at all"), labelsSHA256)
	assert.ErrorIs(t, err, gzip.ErrHeader)
}
