package backend

// Host is a buffer in ordinary memory: exactly one of the slices is in use. The
// CPU backends compute on it, and others are filled from it.
type Host struct {
	F32 []float32
	F64 []float64

	dtype DType
}

// NewHost allocates n zeros. It panics on an unknown dtype.
func NewHost(dt DType, n int) *Host {
	switch dt {
	case Float32:
		return Host32(make([]float32, n))
	case Float64:
		return Host64(make([]float64, n))
	}
	panic(UnknownDType(dt))
}

// Host32 wraps a slice without copying.
func Host32(x []float32) *Host { return &Host{F32: x, dtype: Float32} }

// Host64 wraps a slice without copying.
func Host64(x []float64) *Host { return &Host{F64: x, dtype: Float64} }

// DType returns the type of the slice in use.
func (h *Host) DType() DType { return h.dtype }

// Len returns the number of elements.
func (h *Host) Len() int {
	switch h.dtype {
	case Float32:
		return len(h.F32)
	case Float64:
		return len(h.F64)
	}
	panic(UnknownDType(h.dtype))
}

// Slice returns the n elements from lo on, in the same memory.
func (h *Host) Slice(lo, n int) *Host {
	switch h.dtype {
	case Float32:
		return Host32(h.F32[lo : lo+n])
	case Float64:
		return Host64(h.F64[lo : lo+n])
	}
	panic(UnknownDType(h.dtype))
}

// CopyFrom copies src, which has h's dtype and length.
func (h *Host) CopyFrom(src *Host) {
	switch h.dtype {
	case Float32:
		copy(h.F32, src.F32)
	case Float64:
		copy(h.F64, src.F64)
	default:
		panic(UnknownDType(h.dtype))
	}
}

// At returns element i as float64.
func (h *Host) At(i int) float64 {
	switch h.dtype {
	case Float32:
		return float64(h.F32[i])
	case Float64:
		return h.F64[i]
	}
	panic(UnknownDType(h.dtype))
}

// Set stores v, rounded to the dtype, as element i.
func (h *Host) Set(i int, v float64) {
	switch h.dtype {
	case Float32:
		h.F32[i] = float32(v)
	case Float64:
		h.F64[i] = v
	default:
		panic(UnknownDType(h.dtype))
	}
}
