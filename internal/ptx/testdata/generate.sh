#!/usr/bin/env bash
# Compiles kernels.cu to kernels.ptx. Needs clang 19, and nothing of CUDA.
set -euo pipefail
cd "$(dirname "$0")"
clang-19 -x cuda --cuda-device-only -S -O3 -nocudainc -nocudalib --cuda-gpu-arch=sm_75 \
	-Xclang -target-feature -Xclang +ptx63 kernels.cu -o kernels.ptx
