package metrics_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gander-ml/gander/gan/metrics"
	"github.com/gander-ml/gander/tensor"
)

var nan = math.NaN()

func TestValueString(t *testing.T) {
	for want, v := range map[string]metrics.Value{
		"modes 25": metrics.NewValue("modes", 25),
		"Fréchet distance 10.5 · floor 1.2 · ceiling 836 · ±0.312": {Name: "Fréchet distance", Value: 10.49, Floor: 1.2, Ceiling: 836.2, StdErr: 0.3123},
		"x 123457 · floor 0":         {Name: "x", Value: 123456.7, Floor: 0, Ceiling: nan, StdErr: nan},
		"x 0.00123 · ±1.2e-06":       {Name: "x", Value: 0.001234, Floor: nan, Ceiling: nan, StdErr: 1.2e-6},
		"x – · ceiling +Inf":         {Name: "x", Value: nan, Floor: nan, Ceiling: math.Inf(1), StdErr: nan},
		"x -3000 · floor 1e+03 · ±0": {Name: "x", Value: -3000, Floor: 999.9, Ceiling: nan, StdErr: 0},
	} {
		assert.Equal(t, want, v.String())
	}
}

func TestValueJSON(t *testing.T) {
	b, err := json.Marshal(metrics.Table{
		{Name: "reverse KL", Value: 0.006, Floor: 0, Ceiling: nan, StdErr: 0.5},
		{Name: "gone", Value: nan, Floor: math.Inf(1), Ceiling: math.Inf(-1), StdErr: nan},
	})
	require.NoError(t, err)
	assert.Equal(t, `[{"name":"reverse KL","value":0.006,"floor":0,"std_err":0.5},{"name":"gone"}]`, string(b))

	var back metrics.Table
	require.NoError(t, json.Unmarshal(b, &back))
	require.Len(t, back, 2)
	assert.Equal(t, "reverse KL 0.006 · floor 0 · ±0.5", back[0].String())
	assert.Equal(t, "gone –", back[1].String())
	again, err := json.Marshal(back)
	require.NoError(t, err)
	assert.Equal(t, string(b), string(again))
	assert.Error(t, json.Unmarshal([]byte(`[{"name":"x","value":"much"}]`), &back))
}

func TestTableString(t *testing.T) {
	table := metrics.Table{
		{Name: "Fréchet distance", Value: 10.5, Floor: 1.2, Ceiling: nan, StdErr: 0.25},
		{Name: "σ", Value: 0.58, Floor: nan, Ceiling: nan, StdErr: nan},
	}
	assert.Equal(t, ""+
		"metric             value   floor   std. error\n"+
		"Fréchet distance   10.5    1.2     0.25\n"+
		"σ                  0.58    –       –\n", table.String())
	assert.Equal(t, "metric   value\nx        –\n", metrics.Table{metrics.NewValue("x", nan)}.String())
	assert.Equal(t, "metric   value\n", metrics.Table{}.String())
}

func TestAgainst(t *testing.T) {
	table := metrics.Table{metrics.NewValue("a", 1), {Name: "b", Value: 2, Floor: 7}, metrics.NewValue("c", 3)}
	got := table.Against(metrics.Table{metrics.NewValue("c", 30), metrics.NewValue("a", 10), metrics.NewValue("b", nan)})
	assert.Equal(t, 10.0, got.Get("a").Floor)
	assert.Equal(t, 7.0, got.Get("b").Floor)
	assert.Equal(t, 30.0, got.Get("c").Floor)
	assert.Equal(t, 3.0, got.Get("c").Value)
	assert.True(t, math.IsNaN(table[0].Floor), "the receiver was changed")
	assert.True(t, math.IsNaN(got.Get("d").Value))
}

func TestAverage(t *testing.T) {
	run := func(x, floor float64) metrics.Table {
		return metrics.Table{metrics.NewValue("n", 8), {Name: "x", Value: x, Floor: floor, Ceiling: nan}}
	}
	got := metrics.Average(run(1, 0.1), run(2, 0.1), run(6, 0.4))
	assert.Equal(t, 8.0, got.Get("n").Value)
	assert.Equal(t, 0.0, got.Get("n").StdErr)
	x := got.Get("x")
	assert.InDelta(t, 3, x.Value, 1e-15)
	assert.InDelta(t, math.Sqrt((4+1+9)/2.0/3), x.StdErr, 1e-15)
	assert.InDelta(t, 0.2, x.Floor, 1e-15)
	assert.True(t, math.IsNaN(x.Ceiling))

	one := metrics.Average(run(5, 1)).Get("x")
	assert.Equal(t, 5.0, one.Value)
	assert.True(t, math.IsNaN(one.StdErr), "one run has no standard error")
	assert.Nil(t, metrics.Average())
	for _, other := range []metrics.Table{run(1, 1)[:1], append(run(1, 1), run(1, 1)...), {run(1, 1)[1], run(1, 1)[0]}} {
		assert.ErrorContains(t, tensor.Catch(func() { metrics.Average(run(1, 1), other) }), "not in all of the tables")
	}
	assert.ErrorContains(t, tensor.Catch(func() { metrics.Average(metrics.Table{}, run(1, 1)) }), "not in all of the tables")
}
