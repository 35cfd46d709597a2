package repanic

import (
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/tensor"
)

// elsewhere returns the Value of what f panics with on a goroutine of its own.
func elsewhere(f func()) (p any) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { p = Value(recover()) }()
		f()
	}()
	<-done
	return p
}

func culprit(i int) int { return []int{1, 2}[i] }

func TestStack(t *testing.T) {
	p := elsewhere(func() { culprit(3) })
	text := fmt.Sprint(p)
	require.Contains(t, text, "index out of range [3] with length 2\n")
	require.Contains(t, text, "repanic.culprit(")
	require.NotContains(t, text, "debug.Stack", "it begins with the panic")
	var index runtime.Error
	require.ErrorAs(t, p.(error), &index)

	p = elsewhere(func() { panic("a word") })
	require.Equal(t, "a word", p.(*Panic).Value)
	require.NoError(t, errors.Unwrap(p.(error)))
}

// What tensor.Catch catches it catches here too, and what it does not, not.
func TestCatch(t *testing.T) {
	p := elsewhere(func() { tensor.New(tensor.Float32, 2).Item() })
	err := tensor.Catch(func() { panic(p) })
	var shape *tensor.ShapeError
	require.ErrorAs(t, err, &shape)
	require.ErrorContains(t, err, "repanic.TestCatch.func1")
	var misuse tensor.Misuse
	require.ErrorAs(t, err, &misuse)
	require.Equal(t, shape.Misuse(), misuse.Misuse())

	lost := &tensor.DeviceFailure{Device: "far", Op: "Read", Err: errors.New("gone")}
	require.Same(t, lost, elsewhere(func() { panic(lost) }))
	require.Panics(t, func() { tensor.Catch(func() { panic(elsewhere(func() { culprit(9) })) }) })
}

// A panic that goes on to a third goroutine keeps the stack of the first.
func TestOnceIsEnough(t *testing.T) {
	for _, f := range []func(){func() { culprit(5) }, func() { tensor.New(tensor.Float32, 2).Item() }} {
		p := elsewhere(f)
		require.Equal(t, p, elsewhere(func() { panic(p) }))
	}
	require.Nil(t, elsewhere(func() {}))
	require.Nil(t, elsewhere(runtime.Goexit))
}
