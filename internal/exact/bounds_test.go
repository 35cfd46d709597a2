package exact_test

var bounds = map[string][2][3]float64{}
