package nn

// BatchMixer is a module that knows whether what it makes of one sample depends
// on the other samples of the batch, as batch normalisation's output does. A
// module with parts speaks for itself only.
type BatchMixer interface {
	MixesBatch() bool
}

// MixesBatch reports whether a network mixes the samples of a batch. known is
// false where no part does, as far as they say, but one of them is no
// [BatchMixer].
func MixesBatch(m Module) (mixes, known bool) {
	if n, ok := m.(*spectralNorm); ok {
		m = n.layer
	}
	b, known := m.(BatchMixer)
	mixes = known && b.MixesBatch()
	if p, ok := m.(Parent); ok {
		for _, c := range p.Children() {
			m, k := MixesBatch(c.Module)
			mixes, known = mixes || m, known && k
		}
	}
	return mixes, known || mixes
}

// MixesBatch implements [BatchMixer].
func (*linear) MixesBatch() bool { return false }

// MixesBatch implements [BatchMixer].
func (activation) MixesBatch() bool { return false }

// MixesBatch implements [BatchMixer].
func (flatten) MixesBatch() bool { return false }

// MixesBatch implements [BatchMixer].
func (*fourierFeatures) MixesBatch() bool { return false }

// MixesBatch implements [BatchMixer].
func (reshape) MixesBatch() bool { return false }

// MixesBatch implements [BatchMixer].
func (sequential) MixesBatch() bool { return false }
