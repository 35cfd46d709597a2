"""Runs an exported generator with onnxruntime on one thread.

    onnx.py direct MODEL N SECONDS     prints the microseconds of each run on N latent vectors
    onnx.py serve MODEL PORT           answers GET /sample.npy?n=10&seed=7 as examples/serve does

Needs what requirements.txt lists.
"""

import sys
import time
from urllib.parse import parse_qs

import numpy as np
import onnxruntime

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[2], options, providers=["CPUExecutionProvider"])
latent = session.get_inputs()[0].shape[1]


def draw(n, seed):
    z = np.random.default_rng(seed).standard_normal((n, latent), dtype=np.float32)
    inputs = {"latent": z}
    if len(session.get_inputs()) > 1:
        inputs["label"] = np.arange(n, dtype=np.int64) % 10
    return session.run(None, inputs)[0]


def direct(n, seconds):
    draw(n, 0)
    end, times = time.perf_counter() + seconds, []
    while time.perf_counter() < end:
        start = time.perf_counter()
        draw(n, len(times))
        times.append(1e6 * (time.perf_counter() - start))
    print(*(f"{t:.1f}" for t in times))


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    query = parse_qs(scope["query_string"].decode())
    x = draw(int(query["n"][0]), int(query["seed"][0]))
    head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {x.shape}, }}"
    head = b"\x93NUMPY\x01\x00\x76\x00" + head.ljust(117).encode() + b"\n"
    body = head + x.tobytes()
    headers = [(b"content-type", b"application/octet-stream"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    if sys.argv[1] == "direct":
        direct(int(sys.argv[3]), float(sys.argv[4]))
    else:
        import uvicorn

        uvicorn.run(app, port=int(sys.argv[3]), loop="uvloop", http="httptools", log_level="warning", access_log=False)
