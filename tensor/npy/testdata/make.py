"""Writes the arrays that npy_test.go holds Write against. Run in this folder; NumPy 2.4.6."""
import numpy as np

inf = np.inf
matrix = np.array([[0, -1.5], [inf, -inf], [1e-45, 3e38]], "<f4")
for name, array in {
    "matrix": matrix,
    "view": np.ascontiguousarray(matrix),
    "vector": np.array([np.pi, -(2.0**-1074), np.finfo("f8").max], "<f8"),
    "scalar": np.array(0.1, "<f8"),
    "empty": np.zeros((0, 784), "<f4"),
    "rank6": np.arange(4, dtype="<f4").reshape(1, 2, 1, 1, 1, 2),
}.items():
    np.save(name + ".npy", array)
