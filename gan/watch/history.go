package watch

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"sync"
)

// number is a float64 that JSON can hold: five digits, or null.
type number float64

// MarshalJSON implements json.Marshaler.
func (n number) MarshalJSON() ([]byte, error) {
	v := float64(n)
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, v, 'g', 5, 64), nil
}

func numbersOf(v []float64) []number {
	out := make([]number, len(v))
	for i, x := range v {
		out[i] = number(x)
	}
	return out
}

// What the page is sent. Short keys, since there are many of each.
type (
	// point holds means over some steps, of which Step is the last.
	point struct {
		Step              int    `json:"s"`
		Discriminator     number `json:"d"`
		Real              number `json:"r"`
		Fake              number `json:"f"`
		Penalty           number `json:"p"`
		Generator         number `json:"g"`
		GeneratorNorm     number `json:"gn"`
		DiscriminatorNorm number `json:"dn"`
	}
	// measure is a diagnose.Measurement.
	measure struct {
		Step                int    `json:"s"`
		Accuracy            number `json:"a"`
		RealSlope           number `json:"rs"`
		FakeSlope           number `json:"fs"`
		RealDistance        number `json:"rd"`
		FakeDistance        number `json:"fd"`
		GeneratorUpdate     number `json:"gu"`
		DiscriminatorUpdate number `json:"du"`
		GeneratorRate       number `json:"gr"`
		DiscriminatorRate   number `json:"dr"`
		GeneratorDead       number `json:"gx"`
		DiscriminatorDead   number `json:"dx"`
		Low                 number `json:"lo"` // where the histograms begin
		High                number `json:"hi"`
		Real                []int  `json:"rh"` // how many scores fall into each bin
		Fake                []int  `json:"fh"`
	}
	picture struct {
		Step int `json:"s"`
		ID   int `json:"id"`
		png  []byte
	}
	remark struct {
		Step     int    `json:"s"`
		Sentence string `json:"t"`
	}
	judged struct {
		Step   int      `json:"s"`
		Name   string   `json:"n"`
		Value  number   `json:"v"`
		Floor  number   `json:"fl"`
		Shares []number `json:"sh,omitempty"`
	}
	status struct {
		State     string `json:"state"` // "waiting", "training", "done", "stopped"
		Step      int    `json:"step"`
		Steps     int    `json:"steps"` // 0: without an end
		Epoch     int    `json:"epoch"`
		PerSecond number `json:"rate"`
		Left      number `json:"left"`    // seconds
		Elapsed   number `json:"elapsed"` // seconds
		Memory    int64  `json:"memory"`  // bytes
	}
	about struct {
		Title         string      `json:"title"`
		Settings      [][2]string `json:"settings"`
		Generator     string      `json:"generator"`
		Discriminator string      `json:"discriminator"`
		Program       [][2]string `json:"program"`
		Classes       []string    `json:"classes,omitempty"`
	}
	// news is what one message holds: all there is, or what is new.
	news struct {
		About      *about    `json:"about,omitempty"`
		Status     status    `json:"status"`
		Points     []point   `json:"points,omitempty"`
		Measures   []measure `json:"measures,omitempty"`
		Pictures   []picture `json:"pictures,omitempty"`
		Remarks    []remark  `json:"remarks,omitempty"`
		Judgements []judged  `json:"judgements,omitempty"`
	}
)

// message is one event of the stream. It is encoded by whoever sends it first.
type message struct {
	name string
	news news
	once sync.Once
	text []byte
}

// bytes returns the event as it goes over the wire.
func (m *message) bytes() []byte {
	m.once.Do(func() {
		data, err := json.Marshal(m.news)
		if err != nil { // of numbers and strings: there is none
			data = []byte(`{}`)
		}
		m.text = bytes.Join([][]byte{[]byte("event: " + m.name + "\ndata: "), data, []byte("\n\n")}, nil)
		m.news = news{}
	})
	return m.text
}

// list is a series that stays below a length: when it is full, every two elements
// are joined to one. If they cannot be joined, the first and the last stay.
type list[T any] struct {
	items []T
	sent  int            // how many of them browsers know
	most  int            // even
	join  func(a, b T) T // nil: the first of two stays
}

// add appends an element and reports whether the list was thinned, so that what
// browsers know is out of date.
func (l *list[T]) add(v T) (thinned bool) {
	l.items = append(l.items, v)
	if n := len(l.items); n < l.most || n == l.most && l.join == nil {
		return false
	}
	l.thin()
	return true
}

// thin halves the list. Of an odd number, the last stays as it is.
func (l *list[T]) thin() {
	n := len(l.items)
	kept := make([]T, 0, l.most+1)
	for i := 0; i+1 < n; i += 2 {
		v := l.items[i]
		if l.join != nil {
			v = l.join(v, l.items[i+1])
		}
		kept = append(kept, v)
	}
	if n%2 == 1 {
		kept = append(kept, l.items[n-1])
	}
	l.items, l.sent = kept, 0
}

// fresh returns what browsers do not know yet, and counts it as known.
func (l *list[T]) fresh() []T {
	out := slices.Clone(l.items[l.sent:])
	l.sent = len(l.items)
	return out
}

// known returns what they know.
func (l *list[T]) known() []T { return slices.Clone(l.items[:l.sent]) }
