package strictjson

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

type inner struct {
	A int `json:"a"`
}

type embedded struct {
	E string `json:"e"`
}

type outer struct {
	embedded
	Plain   float64
	N       int            `json:"n"`
	Maybe   int            `json:"maybe,omitempty"`
	Zero    [2]int         `json:"zero,omitzero"`
	Pair    [2]int         `json:"pair"`
	List    []inner        `json:"list"`
	Table   map[string]int `json:"table"`
	Pointer *inner         `json:"pointer"`
	Any     any            `json:"any"`
	Own     time.Time      `json:"own"`
	Hidden  int            `json:"-"`
	private int
}

const sound = `{"e":"x","Plain":1.5,"n":1,"pair":[1,2],"list":[{"a":1}, {"a":2}],"table":{"k":1},"pointer":null,"any":{"b":[{"c":null}]},"own":"2020-01-01T00:00:00Z"}`

func TestUnmarshal(t *testing.T) {
	var got, want outer
	require.NoError(t, Unmarshal([]byte(" "+sound+"\n"), &got))
	require.NoError(t, json.Unmarshal([]byte(sound), &want))
	require.Equal(t, want, got)
	text, err := json.Marshal(got)
	require.NoError(t, err)
	require.NoError(t, Unmarshal(text, &got), "what encoding/json writes is fine")
	require.Zero(t, got.private)

	for _, c := range []struct{ from, to, want string }{
		{`"n":1`, `"n":1,"more":2`, `"more" is unknown`},
		{`"n":1`, `"N":1`, `"N" is unknown`},
		{`"n":1`, `"Hidden":1`, `"Hidden" is unknown`},
		{`"n":1`, `"private":1`, `"private" is unknown`},
		{`"n":1,`, ``, `"n" is missing`},
		{`"e":"x",`, ``, `"e" is missing`},
		{`"n":1`, `"n":1,"n":1`, `"n" is given twice`},
		{`"n":1`, `"n":1,"\u006e":1`, `"n" is given twice`},
		{`"n":1`, `"n":null`, `n: null is not a value here`},
		{`"n":1`, `"n":"1"`, `cannot unmarshal string`},
		{`"n":1`, `"n":1.5`, `cannot unmarshal number 1.5`},
		{`"n":1`, `"n":` + strings.Repeat("9", 1<<20), `cannot unmarshal number 999`},
		{`[1,2]`, `[1]`, `pair: an array has 1 elements, not 2`},
		{`[1,2]`, `[1,2,3]`, `pair: an array has 3 elements, not 2`},
		{`[1,2]`, `[1,null]`, `pair: null is not a value here`},
		{`{"a":2}`, `{"a":2,"b":3}`, `list: "b" is unknown`},
		{`{"a":2}`, `{}`, `list: "a" is missing`},
		{`{"a":2}`, `null`, `list: null is not a value here`},
		{`{"k":1}`, `{"k":1,"k":1}`, `table: "k" is given twice`},
		{`"pointer":null`, `"pointer":{"b":1}`, `pointer: "b" is unknown`},
		{`{"c":null}`, `{"c":null,"c":null}`, `any: b: "c" is given twice`},
		{`{"e"`, `[{"e"`, `unexpected end`},
		{`"x"`, "\"\xff\"", `not valid UTF-8`},
		{`"own"`, `"` + strings.Repeat("o", 1<<20) + `\u001b"`, `"… (1048577 bytes) is unknown`},
	} {
		text := strings.Replace(sound, c.from, c.to, 1)
		require.NotEqual(t, sound, text)
		var v outer
		err := Unmarshal([]byte(text), &v)
		require.ErrorContains(t, err, c.want, c.to[:min(len(c.to), 80)])
		require.Less(t, len(err.Error()), 500)
		require.NotContains(t, err.Error(), "\x1b")
	}
	require.Error(t, Unmarshal([]byte(`{}`), outer{}))
	require.Error(t, Unmarshal([]byte(`{}`), nil))
	require.Error(t, Unmarshal([]byte(`[]`), new(outer)))
	require.Error(t, Unmarshal([]byte(`null`), new(outer)))
	require.NoError(t, Unmarshal([]byte(`{}`), new(struct{})))
}

func TestFields(t *testing.T) {
	fields, err := Fields([]byte(` {"a" : [1, {"b":"}"}], "c":"\"]" ,"d":-1e3 , "e":true}`))
	require.NoError(t, err)
	require.Equal(t, []Field{{"a", json.RawMessage(`[1, {"b":"}"}]`)}, {"c", json.RawMessage(`"\"]"`)}, {"d", json.RawMessage(`-1e3`)}, {"e", json.RawMessage(`true`)}}, fields)
	for text, want := range map[string]string{
		`{"a":1,"a":2}`: `"a" is given twice`, `[]`: "not a JSON object", `1`: "not a JSON object", `{`: "unexpected end", ``: "unexpected end", `{} {}`: "invalid character",
	} {
		_, err := Fields([]byte(text))
		require.ErrorContains(t, err, want)
	}
	require.Equal(t, []string{"a"}, Names(reflect.TypeFor[inner]()))
	require.Nil(t, Names(reflect.TypeFor[map[string]int]()))
}

func FuzzFields(f *testing.F) {
	f.Add(sound)
	f.Add(`{"a":[{},{"b":"\\\""}],"c":null}`)
	f.Fuzz(func(t *testing.T, text string) {
		fields, err := Fields([]byte(text))
		var want map[string]json.RawMessage
		if json.Unmarshal([]byte(text), &want) != nil || want == nil || !utf8.ValidString(text) {
			require.Error(t, err)
			return
		}
		if err != nil {
			require.ErrorContains(t, err, "is given twice")
			return
		}
		require.Len(t, fields, len(want))
		for _, f := range fields {
			require.Equal(t, string(want[f.Key]), string(f.Value))
		}
		var v outer
		if Unmarshal([]byte(text), &v) == nil {
			var plain outer
			require.NoError(t, json.Unmarshal([]byte(text), &plain))
		}
	})
}
