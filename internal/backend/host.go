package backend

// Host is a buffer in ordinary memory: exactly one of the slices is in use. It
// is what the CPU backends compute on and what others are filled from.
type Host struct {
	F32 []float32
	F64 []float64

	dtype DType
}

// NewHost allocates n zeros.
func NewHost(dt DType, n int) *Host {
	if dt == Float64 {
		return &Host{F64: make([]float64, n), dtype: dt}
	}
	return &Host{F32: make([]float32, n), dtype: dt}
}

// Host32 wraps a slice without copying.
func Host32(x []float32) *Host { return &Host{F32: x, dtype: Float32} }

// Host64 wraps a slice without copying.
func Host64(x []float64) *Host { return &Host{F64: x, dtype: Float64} }

// DType returns the type of the slice in use.
func (h *Host) DType() DType { return h.dtype }

// Len returns the number of elements.
func (h *Host) Len() int {
	if h.dtype == Float64 {
		return len(h.F64)
	}
	return len(h.F32)
}

// At returns element i as float64.
func (h *Host) At(i int) float64 {
	if h.dtype == Float64 {
		return h.F64[i]
	}
	return float64(h.F32[i])
}

// Set stores v, rounded to the dtype, as element i.
func (h *Host) Set(i int, v float64) {
	if h.dtype == Float64 {
		h.F64[i] = v
	} else {
		h.F32[i] = float32(v)
	}
}
