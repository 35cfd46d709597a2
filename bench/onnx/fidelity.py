"""The Fréchet distance of a generator that Gander exported, by torch-fidelity from the ONNX file.

    pip install torch torch-fidelity onnx onnxruntime
    go run ./bench/onnx -o /tmp/fidelity            # prints Gander's own values
    python3 bench/onnx/fidelity.py /tmp/fidelity

torch-fidelity wants bytes of a generator, so that operations which make them of numbers in [−1, 1] are put behind the
file's. Its own features are those of Inception, whose weights it downloads; these are Gander's, for digits, from an ONNX
file as well. The latent vectors and labels are its own, so the value differs from Gander's as that does between seeds.
"""
import os
import sys

import numpy as np
import onnx
import onnxruntime
import torch
import torch_fidelity
from onnx import TensorProto, helper

np.int = int  # torch-fidelity 0.4 draws labels of this type, which NumPy has no longer
folder = sys.argv[1]


def with_bytes(path):
    """The generator with an output of bytes [n, 1, 28, 28], in a file of its own."""
    model = onnx.load(path)
    graph = model.graph
    for name, value in ('one', 1.0), ('scale', 127.5), ('zero', 0.0), ('most', 255.0):
        graph.initializer.append(helper.make_tensor('bytes.' + name, TensorProto.FLOAT, [], [value]))
    graph.node.extend([
        helper.make_node('Add', ['samples', 'bytes.one'], ['bytes.shifted']),
        helper.make_node('Mul', ['bytes.shifted', 'bytes.scale'], ['bytes.scaled']),
        helper.make_node('Clip', ['bytes.scaled', 'bytes.zero', 'bytes.most'], ['bytes.within']),
        helper.make_node('Round', ['bytes.within'], ['bytes.round']),
        helper.make_node('Cast', ['bytes.round'], ['bytes'], to=TensorProto.UINT8)])
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info('bytes', TensorProto.UINT8, ['n', 1, 28, 28]))
    onnx.checker.check_model(model, full_check=True)
    out = os.path.join(folder, 'bytes.onnx')
    onnx.save(model, out)
    return out


class Digits(torch_fidelity.FeatureExtractorBase):
    def __init__(self, name, features_list, **kwargs):
        super().__init__(name, features_list)
        self.session = onnxruntime.InferenceSession(os.path.join(folder, 'features.onnx'))

    @staticmethod
    def get_provided_features_list():
        return ('96',)

    @staticmethod
    def get_default_feature_layer_for_metric(metric):
        return '96'

    @staticmethod
    def can_be_compiled():
        return False

    def forward(self, images):
        x = images.numpy().astype(np.float32) / 127.5 - 1
        return (torch.from_numpy(self.session.run(None, {'input': x})[0]),)


class Real(torch.utils.data.Dataset):
    def __init__(self):
        self.images = torch.from_numpy(np.round((np.load(os.path.join(folder, 'digits.npy')) + 1) * 127.5).astype(np.uint8))

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        return self.images[i]


torch_fidelity.register_feature_extractor('gander-digits', Digits)
path = with_bytes(os.path.join(folder, 'generator.onnx'))
inputs = {i.name: i for i in onnxruntime.InferenceSession(path).get_inputs()}
classes = 10 if 'label' in inputs else 0
for seed in range(3):
    metrics = torch_fidelity.calculate_metrics(
        input1=path, input1_model_z_size=inputs['latent'].shape[1], input1_model_num_classes=classes, input1_model_num_samples=10_000,
        input2=Real(), feature_extractor='gander-digits', fid=True, cuda=False, save_cpu_ram=True, cache=False, rng_seed=seed, verbose=False,
        batch_size=250)
    print(f'torch-fidelity {torch_fidelity.__version__}, seed {seed}: {metrics["frechet_inception_distance"]:.3f}')
