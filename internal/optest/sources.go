package optest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Functions lists the exported functions of the package in dir that return a Var
// and take Vars: the package's table must have a row for each. It leaves out a
// function with a type parameter, which takes any Op: [OpTypes] lists these.
func Functions(dir string) ([]string, error) {
	return declared(dir, func(f *ast.FuncDecl) string {
		if f.Recv != nil || !f.Name.IsExported() || !returnsVar(f.Type) {
			return ""
		}
		if f.Type.TypeParams != nil { // autograd.Apply, for any operation
			return ""
		}
		takesVar := false
		for _, p := range f.Type.Params.List {
			takesVar = takesVar || isVar(element(p.Type))
		}
		if !takesVar {
			return ""
		}
		return f.Name.Name
	})
}

// OpTypes lists the types of the package in dir that have a derivative rule,
// that is, a method VJP.
func OpTypes(dir string) ([]string, error) {
	return declared(dir, func(f *ast.FuncDecl) string {
		if f.Recv == nil || f.Name.Name != "VJP" {
			return ""
		}
		t := f.Recv.List[0].Type
		if star, ok := t.(*ast.StarExpr); ok {
			t = star.X
		}
		return t.(*ast.Ident).Name
	})
}

// declared lists what pick names among the functions of dir's non-test files.
func declared(dir string, pick func(*ast.FuncDecl) string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	isSource := func(e fs.DirEntry) bool {
		return strings.HasSuffix(e.Name(), ".go") && !strings.HasSuffix(e.Name(), "_test.go")
	}
	var names []string
	for _, e := range entries {
		if !isSource(e) {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, e.Name()), nil, 0)
		if err != nil {
			return nil, err
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				if name := pick(f); name != "" {
					names = append(names, name)
				}
			}
		}
	}
	slices.Sort(names)
	return names, nil
}

func returnsVar(f *ast.FuncType) bool {
	return f.Results != nil && len(f.Results.List) == 1 && isVar(f.Results.List[0].Type)
}

// isVar reports whether a type is *Var, as package autograd or another writes
// it.
func isVar(t ast.Expr) bool {
	star, ok := t.(*ast.StarExpr)
	return ok && named(star.X, "Var")
}

// element returns the element type of a slice or variadic parameter, else the
// parameter's type.
func element(t ast.Expr) ast.Expr {
	switch t := t.(type) {
	case *ast.Ellipsis:
		return t.Elt
	case *ast.ArrayType:
		return t.Elt
	}
	return t
}

// named reports whether a type has that name, in any package.
func named(t ast.Expr, name string) bool {
	switch t := t.(type) {
	case *ast.Ident:
		return t.Name == name
	case *ast.SelectorExpr:
		return t.Sel.Name == name
	}
	return false
}
