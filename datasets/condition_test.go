package datasets_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/datasets"
	"github.com/gander-ml/gander/tensor"
)

// told is a dataset of n samples [2] that tell their own class, i mod 7, in
// their second number.
type told int

func (n told) Len() int      { return int(n) }
func (told) Shape() []int    { return []int{2} }
func (told) Label(i int) int { return i * i % 7 }
func (n told) Fill(i int, dst []float32) error {
	dst[0], dst[1] = float32(i), float32(n.Label(i))
	return nil
}

// named is told with names, of which the last two do not occur.
type named struct{ told }

func (named) Classes() []string {
	return []string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "never", "nowhere"}
}

// measured knows a vector about each sample, and a label, which is of no account.
type measured struct{ told }

func (measured) ConditionSize() int { return 3 }
func (m measured) FillCondition(i int, dst []float32) error {
	dst[0], dst[1], dst[2] = float32(-i), 0.5, float32(m.Label(i))
	return nil
}

// Labels stay with their samples, in whatever order, for any number of workers,
// from any batch on, in a last batch that is smaller, and without it.
func TestConditionsStayWithTheirSamples(t *testing.T) {
	for name, data := range map[string]datasets.Dataset{"labels": told(53), "names": named{53}, "vectors": measured{53}} {
		for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
			for _, workers := range []int{1, 2, 5} {
				for _, more := range [][]datasets.LoaderOption{nil, {datasets.DropLast()}, {datasets.InOrder()}} {
					options := append([]datasets.LoaderOption{datasets.Conditions(), datasets.DType(dt), datasets.Workers(workers), datasets.Seed(3)}, more...)
					l := datasets.NewLoader(data, 8, options...)
					for epoch := range 3 {
						from := epoch
						batch := from
						for b, err := range l.Epoch(t.Context(), epoch, from) {
							require.NoError(t, err)
							n := b.X.Dim(0)
							want := n
							if batch == 6 {
								want = 53 % 8
							}
							require.Equal(t, want, n)
							require.Equal(t, dt, b.Condition.DType())
							k := map[string]int{"labels": 5, "names": 9, "vectors": 3}[name]
							require.Equal(t, []int{n, k}, b.Condition.Shape())
							x, c := b.X.Float64s(), b.Condition.Float64s()
							for i := range n {
								sample, label := x[2*i], x[2*i+1]
								require.Equal(t, float64(l.Index(epoch, batch, i)), sample)
								row := c[i*k : (i+1)*k]
								if name == "vectors" {
									require.Equal(t, []float64{-sample, 0.5, label}, row)
									continue
								}
								for j, v := range row {
									require.Equal(t, float64(j) == label, v == 1)
									require.True(t, v == 0 || v == 1)
								}
							}
							batch++
						}
						require.Equal(t, l.Batches(), batch, name)
					}
				}
			}
		}
	}
}

// Without the option there are no conditions, and the batches are the same.
func TestConditionsAreAskedFor(t *testing.T) {
	with, without := datasets.NewLoader(named{20}, 6, datasets.Conditions()), datasets.NewLoader(named{20}, 6)
	var rows [2][]float32
	for i, l := range []*datasets.Loader{with, without} {
		for b, err := range l.Epoch(t.Context(), 1, 0) {
			require.NoError(t, err)
			rows[i] = append(rows[i], b.X.Float32s()...)
			require.Equal(t, i == 0, b.Condition != nil)
		}
	}
	require.Equal(t, rows[0], rows[1])
	names, counts := with.ClassCounts()
	require.Equal(t, named{}.Classes(), names)
	require.Equal(t, []int{3, 5, 6, 0, 6, 0, 0, 0, 0}, counts)
	names, counts = without.ClassCounts()
	require.Nil(t, names)
	require.Nil(t, counts)
	names, _ = datasets.NewLoader(measured{20}, 6, datasets.Conditions()).ClassCounts()
	require.Nil(t, names)
}

func TestClasses(t *testing.T) {
	require.Equal(t, []string{"0", "1", "2", "3", "4"}, datasets.Classes(told(20)))
	require.Equal(t, named{}.Classes(), datasets.Classes(named{20}))
	require.Nil(t, datasets.Classes(counter(3)))
	require.Empty(t, datasets.Classes(told(0)))
	set := tiny(t, 33)
	require.Equal(t, set.Classes(), datasets.Classes(set.Subset(0, 1)))
	require.ErrorContains(t, tensor.Catch(func() { datasets.Classes(odd(-1)) }), "sample 0 has the label -1")
	require.ErrorContains(t, tensor.Catch(func() { datasets.Classes(odd(1 << 16)) }), "let Label return 0 to 65535")
}

// odd is a dataset of one label.
type odd int

func (odd) Len() int                        { return 3 }
func (odd) Shape() []int                    { return []int{1} }
func (o odd) Label(int) int                 { return int(o) }
func (odd) Fill(_ int, dst []float32) error { return nil }

// three says that there are three classes.
type three struct{ odd }

func (three) Classes() []string { return []string{"a", "b", "c"} }

// failing cannot tell the vector of its last sample.
type failing struct{ measured }

func (failing) FillCondition(i int, dst []float32) error {
	if i == 7 {
		return errors.New("lost")
	}
	return nil
}

// huge asks for no numbers.
type huge struct{ measured }

func (huge) ConditionSize() int { return 0 }

func TestConditionsMisuse(t *testing.T) {
	for want, data := range map[string]datasets.Dataset{
		"datasets_test.counter knows nothing about its samples": counter(3),
		"0 classes":                 told(0),
		"a condition of 0 numbers":  huge{},
		"sample 0 has the label -1": odd(-1),
	} {
		require.ErrorContains(t, tensor.Catch(func() { datasets.NewLoader(data, 2, datasets.Conditions()) }), want)
	}
	for want, data := range map[string]datasets.Dataset{
		"datasets: sample 0: its label is 3, and there are 3 classes":  three{3},
		"datasets: sample 0: its label is -1, and there are 3 classes": three{-1},
		"datasets: sample 7: lost":                                     failing{measured{8}},
	} {
		var got error
		for b, err := range datasets.NewLoader(data, 3, datasets.InOrder(), datasets.Conditions()).Epoch(context.Background(), 0, 0) {
			if err != nil {
				require.Equal(t, datasets.Batch{}, b)
			}
			got = err
		}
		require.EqualError(t, got, want)
		_, err := datasets.NewLoader(data, 3, datasets.Conditions()).Fingerprint()
		require.ErrorContains(t, err, want)
	}
}

// The fingerprint tells labels apart, and names, if they are asked for.
func TestFingerprintOfConditions(t *testing.T) {
	x := tensor.New(tensor.Float32, 3, 1)
	print := func(data datasets.Dataset, options ...datasets.LoaderOption) string {
		f, err := datasets.NewLoader(data, 3, options...).Fingerprint()
		require.NoError(t, err)
		return fmt.Sprint(f)
	}
	a, b := datasets.FromTensor(x, []int{0, 1, 2}), datasets.FromTensor(x, []int{0, 2, 1})
	require.Equal(t, print(a), print(b))
	require.Equal(t, print(a, datasets.Conditions()), print(a, datasets.Conditions()))
	require.NotEqual(t, print(a, datasets.Conditions()), print(b, datasets.Conditions()))
	require.NotEqual(t, print(a, datasets.Conditions()), print(a))
	require.NotEqual(t, print(three{1}, datasets.Conditions()), print(renamed{three{1}}, datasets.Conditions()))
}

type renamed struct{ three }

func (renamed) Classes() []string { return []string{"a", "b", "d"} }
