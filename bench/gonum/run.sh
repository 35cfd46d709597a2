#!/usr/bin/env bash
# Runs gonum's own tests of linear algebra, statistics and optimization with
# packages simdblas and simdlapack registered, in a copy of the module that is removed
# afterwards. Packages of gonum may be named as arguments; FLAGS holds more of go test's
# flags. The tests of a package that fails are run again without them, to tell what
# fails anyway. Takes ten minutes, or three with FLAGS=-short. Those of blas/gonum and
# lapack/gonum test these packages alone, the latter on simdblas; gonum's tests of any
# BLAS and LAPACK, blas/testblas and lapack/testlapack, are among the tests of
# tensor/simdblas and tensor/simdlapack.
set -euo pipefail
cd "$(dirname "$0")/../.."
gander=$PWD
packages=("$@")
[ $# -gt 0 ] || packages=(mat lapack/gonum stat stat/distmv stat/mds optimize)

copy=$(mktemp -d)
trap 'chmod -R u+w "$copy"; rm -rf "$copy"' EXIT
cp -r "$(go list -m -f '{{.Dir}}' gonum.org/v1/gonum)/." "$copy"
chmod -R u+w "$copy"
cd "$copy"
go mod edit -require github.com/gander-ml/gander@v0.0.0 -replace "github.com/gander-ml/gander=$gander"
export GOFLAGS=-mod=mod

status=0
for package in "${packages[@]}"; do
	use=$package/zz_gander_test.go
	name=$(go list -f '{{.Name}}' "./$package")
	imports='"gonum.org/v1/gonum/lapack/lapack64"
		"github.com/gander-ml/gander/tensor/simdlapack"'
	register='lapack64.Use(simdlapack.Implementation{})'
	if [ "$package" = lapack/gonum ]; then # which both packages import
		imports='' register=''
	fi
	cat >"$use" <<-END
		package $name

		import (
			"gonum.org/v1/gonum/blas/blas32"
			"gonum.org/v1/gonum/blas/blas64"

			"github.com/gander-ml/gander/tensor/simdblas"
			$imports
		)

		func init() {
			blas32.Use(simdblas.Implementation{})
			blas64.Use(simdblas.Implementation{})
			$register
		}
	END
	# -vet off, because vet knows more than it did when gonum was published.
	if go test -vet off -timeout 2h ${FLAGS:-} "./$package"; then
		rm "$use"
		continue
	fi
	status=1
	rm "$use"
	echo "$package without simdblas and simdlapack:"
	go test -vet off -timeout 2h ${FLAGS:-} "./$package" || true
done
exit $status
