package gan

import "reflect"

// Warning wraps the error of a hook for which training need not end: an image
// that could not be written, say. [Trainer.Fit] reports it, see [OnWarning] and
// [Report], and goes on. Warning of nil is nil.
func Warning(err error) error {
	if err == nil {
		return nil
	}
	return &warning{err}
}

type warning struct{ err error }

func (w *warning) Error() string { return w.err.Error() }

func (w *warning) Unwrap() error { return w.err }

// maxWarnings bounds [Report.Warnings].
const maxWarnings = 100

// sort returns a hook's error unless it is a warning, which is noted.
func (f *fitting) sort(err error) error {
	w, ok := err.(*warning)
	if !ok {
		return err
	}
	if len(f.report.Warnings) < maxWarnings {
		f.report.Warnings = append(f.report.Warnings, w)
	}
	if f.o.warn != nil {
		f.o.warn(w)
	}
	return nil
}

// isNil reports whether v is nil or holds a nil pointer, map, slice or function.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Func, reflect.Interface, reflect.Chan:
		return r.IsNil()
	}
	return false
}
