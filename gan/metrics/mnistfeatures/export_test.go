package mnistfeatures

// FloorOf is the floor of a report's value at n samples.
func FloorOf(name string, n int) float64 { return floorOf(name, n) }
