"""Reads event files of gan/tensorboard with TensorBoard's own reader.

    python -m venv /tmp/tb && /tmp/tb/bin/pip install -r bench/tensorboard/requirements.txt
    /tmp/tb/bin/python bench/tensorboard/read.py            # the golden file, checked
    /tmp/tb/bin/python bench/tensorboard/read.py runs/ring  # a run of one's own, listed
"""

import math
import os
import shutil
import sys
import tempfile

from tensorboard.backend.event_processing import event_accumulator as ea
from tensorboard.util import tensor_util

SIZES = {ea.SCALARS: 0, ea.IMAGES: 0, ea.TENSORS: 0, ea.COMPRESSED_HISTOGRAMS: 1, ea.HISTOGRAMS: 1}


def load(folder):
    accumulator = ea.EventAccumulator(folder, size_guidance=SIZES)
    accumulator.Reload()
    return accumulator


def golden():
    here = os.path.dirname(os.path.abspath(__file__))
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(os.path.join(here, "../../gan/tensorboard/testdata/golden.tfevents"), os.path.join(folder, "events.out.tfevents.1700000000.x"))
        a = load(folder)
        assert a.file_version == 2.0, a.file_version
        assert a.FirstEventTimestamp() == 1_700_000_000.25
        loss = a.Scalars("Loss/G/loss")
        assert [(e.step, e.value) for e in loss] == [(41, 5.125), (42, 5.25), (43, 5.375)], loss
        assert [e.value for e in a.Scalars("Loss/D/loss")] == [-0.5] * 3
        assert all(math.isinf(e.value) for e in a.Scalars("Metrics/fid"))
        (score,) = a.Scalars("Loss/scores/real")
        assert score.step == 300 and abs(score.value - 1e-3) < 1e-9, score
        (image,) = a.Images("Samples/grid")
        assert (image.step, image.width, image.height) == (300, 3, 2), image
        assert image.encoded_image_string.startswith(b"\x89PNG")
        notes = [tensor_util.make_ndarray(e.tensor_proto)[0].decode() for e in a.Tensors("Notes")]
        assert notes == [f"The loss swings: ±{k}." for k in (41, 42, 43)], notes
        assert a.SummaryMetadata("Notes").plugin_data.plugin_name == "text"

    print("the golden file is read as it was written")


def listing(folder):
    a = load(folder)
    for tag in sorted(a.Tags()["scalars"]):
        events = a.Scalars(tag)
        steps = [e.step for e in events]
        assert steps == sorted(set(steps)), f"{tag}: steps come twice: {steps}"
        print(f"{tag:28} {len(events):5} values, steps {steps[0]} to {steps[-1]}, last {events[-1].value:.5g}")
    for tag in sorted(a.Tags()["images"]):
        events = a.Images(tag)
        print(f"{tag:28} {len(events):5} images of {events[-1].width}×{events[-1].height}, last at step {events[-1].step}")
    for tag in sorted(a.Tags()["tensors"]):
        for e in a.Tensors(tag):
            print(f"{tag} {e.step}: {tensor_util.make_ndarray(e.tensor_proto)[0].decode()}")


if len(sys.argv) > 1:
    listing(sys.argv[1])
else:
    golden()
