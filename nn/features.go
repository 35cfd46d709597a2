package nn

// maxFeatures bounds what a file may ask for: a layer larger than this is damage,
// not a network.
const maxFeatures = 1 << 24
