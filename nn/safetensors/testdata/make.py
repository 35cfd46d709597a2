"""Makes the files that the tests read, with the reference implementation.

    pip install torch safetensors && python make.py

Last run with torch 2.15.0 and safetensors 0.8.0.
"""
import pathlib
import torch
from safetensors.torch import save_file

here = pathlib.Path(__file__).parent
nan, inf = float("nan"), float("inf")
ints = {
    "i8": torch.int8, "i16": torch.int16, "i32": torch.int32, "i64": torch.int64,
    "u8": torch.uint8, "u16": torch.uint16, "u32": torch.uint32, "u64": torch.uint64,
}

# Only what this package writes, so that it must come out with the same bytes.
save_file({
    "0.weight": torch.arange(6, dtype=torch.float32).reshape(2, 3) / 4,
    "0.bias": torch.tensor([nan, inf, -inf, -0.0, 1e-45], dtype=torch.float32),
    "scalar": torch.tensor(0.1, dtype=torch.float64),
    "Gewicht \"µ\" <&>\n": torch.tensor([1.0], dtype=torch.float64),
    "empty": torch.zeros(2, 0, 3),
}, here / "floats.safetensors", metadata={"format": "pt <1>"})

types = {"bool": torch.tensor([True, False])}
for name, dtype in ints.items():
    info = torch.iinfo(dtype)
    types[name] = torch.tensor([[info.min], [1], [info.max]], dtype=dtype)
floats = [0.0, -0.0, 1 / 3, -2.5, 65504.0, 2.0**-24, -3 * 2.0**-16, inf, -inf, nan]
types["f16"] = torch.tensor(floats, dtype=torch.float16)
types["bf16"] = torch.tensor(floats, dtype=torch.bfloat16)
types["rank7"] = torch.ones(1, 1, 1, 1, 1, 1, 2)
types["complex"] = torch.ones(2, dtype=torch.complex64)
save_file(types, here / "types.safetensors")
