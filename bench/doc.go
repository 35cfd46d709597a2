// Package bench measures the library: run
//
//	go test -run '^$' -bench . ./bench
//
// Benchmarks are named so that benchstat can pivot on them
// (BenchmarkGEMM/impl=gander/op=nt/m=64/n=512/k=784/threads=1) and report
// GFLOP/s, bytes per second or milliseconds per step beside Go's own units.
// Comparisons with other programs are in bench/peers, and bench/quality measures
// how good the samples are. bench/README.md has the results, with their commands.
package bench
