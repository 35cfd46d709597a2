"""Checks ONNX files that Gander wrote, each beside the input and output of its network.

    pip install onnx onnxruntime numpy safetensors
    go test ./nn/onnx -run 'Networks|PyTorch|Axes' -count 1 -write /tmp/models
    python3 bench/onnx/check.py /tmp/models

Each file must pass onnx.checker in full, with strict inference of shapes, and make
the network's output to 1e-5 in onnxruntime. onnxruntime lacks some operations on
doubles, convolutions for one. Where it says so, ONNX's own reference evaluator runs
the file, or, where that fails (on transposed convolutions in groups, in 1.23),
onnxruntime the same file with its doubles made float32.
NAME.safetensors holds a tensor for each input, by its name, and "output" or
"samples". The exit status is 1 if a file fails, or if there are none.
"""
import pathlib
import sys

import numpy as np
import onnx
import onnx.numpy_helper
import onnx.reference
import onnxruntime
from safetensors.numpy import load_file

TOLERANCE = 1e-5
onnxruntime.set_default_logger_severity(3)


def run(path, model, feeds):
    """The program that ran the file, and the output."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        return "onnxruntime", session.run(None, feeds)[0]
    except Exception as error:
        double = model.graph.output[0].type.tensor_type.elem_type == onnx.TensorProto.DOUBLE
        if not double or "NOT_IMPLEMENTED" not in str(error) and "not a registered function/op" not in str(error):
            raise
    try:
        return "reference", onnx.reference.ReferenceEvaluator(model).run(None, feeds)[0]
    except (RuntimeError, ValueError):
        pass
    session = onnxruntime.InferenceSession(single(model).SerializeToString(), options, providers=["CPUExecutionProvider"])
    return "as float32", session.run(None, {k: v.astype(np.float32) for k, v in feeds.items()})[0].astype(np.float64)


def single(model):
    """A copy of a model of doubles, in float32."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for value in [*copy.graph.input, *copy.graph.output]:
        value.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    for t in copy.graph.initializer:
        if t.data_type == onnx.TensorProto.DOUBLE:
            t.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(t).astype(np.float32), t.name))
    return copy


def check(path):
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    inferred = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    assert inferred.graph.output[0].type.tensor_type.shape == model.graph.output[0].type.tensor_type.shape
    values = load_file(path.with_suffix(".safetensors"))
    feeds = {}
    for i in model.graph.input:
        whole = i.type.tensor_type.elem_type == onnx.TensorProto.INT64
        feeds[i.name] = values[i.name].astype(np.int64) if whole else values[i.name]
    want = values[model.graph.output[0].name]
    program, got = run(path, model, feeds)
    assert got.dtype == want.dtype and got.shape == want.shape, f"{got.dtype}{got.shape}, want {want.dtype}{want.shape}"
    error = float(np.max(np.abs(got - want) / np.maximum(1, np.abs(want)), initial=0))
    assert error <= TOLERANCE, f"differs by {error:.2g} in {program}"
    return model.opset_import[0].version, program, error


def main():
    failed, worst, programs = 0, 0.0, {}
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.onnx")):
        try:
            opset, program, error = check(path)
        except Exception as e:  # noqa: all files are to be tried
            failed += 1
            print(f"FAIL {path.stem}: {str(e).splitlines()[0]}")
            continue
        worst = max(worst, error)
        programs[program] = programs.get(program, 0) + 1
        print(f"ok   {path.stem:40} opset {opset:2}  {program:11} {error:.1e}")
    ran = sum(programs.values())
    print(f"{ran} passed, {failed} failed; largest difference {worst:.1e}; run by {programs}")
    sys.exit(failed > 0 or ran == 0)


main()
