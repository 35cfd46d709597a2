package autograd

import "reflect"

// OpTypes adds the type names of all operations that v was computed by.
func OpTypes(v *Var, names map[string]bool) {
	seen := map[*Var]bool{}
	todo := []*Var{v}
	for len(todo) > 0 {
		v := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if v.node == nil || seen[v] {
			continue
		}
		seen[v] = true
		if v.node.op != nil {
			names[reflect.TypeOf(v.node.op).Name()] = true
		}
		for _, in := range v.node.in {
			todo = append(todo, in.v)
		}
	}
}
