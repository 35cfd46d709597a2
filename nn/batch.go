package nn

// BatchMixer is a module that knows whether what it makes of one sample depends
// on the other samples of the batch, as batch normalisation's output does. A
// module with parts speaks for itself only, and a [Wrapper] need not speak: the
// module in it does.
type BatchMixer interface {
	MixesBatch() bool
}

// MixesBatch reports whether a network mixes the samples of a batch. known is
// false if no part says that it mixes but some part does not implement
// [BatchMixer].
func MixesBatch(m Module) (mixes, known bool) {
	b, known := m.(BatchMixer)
	mixes = known && b.MixesBatch()
	var parts []Child
	switch m := m.(type) {
	case Wrapper:
		parts, known = []Child{{Module: m.Unwrap()}}, true
	case Parent:
		parts = m.Children()
	}
	for _, c := range parts {
		m, k := MixesBatch(c.Module)
		mixes, known = mixes || m, known && k
	}
	return mixes, known || mixes
}

// perSample is embedded in modules that keep the samples of a batch apart.
type perSample struct{}

// MixesBatch implements [BatchMixer].
func (perSample) MixesBatch() bool { return false }
