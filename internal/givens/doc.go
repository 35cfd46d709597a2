// Package givens applies plane rotations, of which iterations for eigenvalues and
// singular values need many, to vectors in memory of their own order.
//
// The vectors' components are cut into panels of [Width]. A panel holds its part of
// one vector after the other, so that a rotation of two neighbouring vectors reads
// and writes whole cache lines, a sequence of rotations goes through memory from one
// end to the other, and a panel of a few hundred vectors stays in the cache from
// sequence to sequence. Each panel is independent of the others: what is computed
// for one does not depend on how they are divided among threads.
package givens
