#!/usr/bin/env bash
# Checks the CUDA backend against what is NVIDIA's and needs no GPU: the assembler takes all kernels, the prototypes and
# numbers are those of the headers of CUDA 11, 12 and 13, and the driver's own library is found, bound and says that there
# is no GPU.
#
# Run:    bench/cuda/nvidia.sh       a minute; CI does
#         bench/cuda/nvidia.sh all   also drivers since CUDA 9.1, and cuBLAS 11, 12 and 13, which are 1.5 GB to fetch
# Needs:  Go, gcc and g++, clang-19, Python's pip, curl, xz, dpkg-deb; the network: Python's registry and Debian's archive.
set -eu -o pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# wheel fetches a package and its version from Python's registry, and unpacks it into a folder.
wheel() { # folder, package==version
    rm -rf "$work/wheel"
    python3 -m pip download -q --no-deps -d "$work/wheel" "$2"
    python3 -m zipfile -e "$work/wheel"/*.whl "$work/$1"
}
# check runs tests that none may skip.
check() { # tests, package, flags
    local tests=$1 package=$2
    shift 2
    go test -count 1 -v -run "$tests" "$@" "$package" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
    if grep -E -- '--- SKIP|no tests to run' "$work/log"; then
        exit 1
    fi
    grep -E '_test.go:[0-9]+:|^ok' "$work/log" || true
}
driver=./internal/backend/cuda/driver/real

wheel 12 nvidia-cuda-nvcc-cu12==12.9.86
chmod +x "$work/12/nvidia/cuda_nvcc/bin/ptxas"
PTXAS=$work/12/nvidia/cuda_nvcc/bin/ptxas check 'TestPTXIsCurrent|TestAssembly' ./internal/backend/cuda

wheel 11 nvidia-cuda-runtime-cu11==11.8.89
wheel 12 nvidia-cuda-runtime-cu12==12.9.79
wheel 13 nvidia-cuda-runtime==13.5.37
if [ "${1:-}" = all ]; then
    wheel 11 nvidia-cuda-nvcc-cu11==11.8.89
    wheel 12 nvidia-cuda-cccl-cu12==12.9.27
    wheel 13 nvidia-cuda-crt==13.5.37
    wheel 13 nvidia-cuda-cccl==13.3.5.0.6
    wheel 11 nvidia-cublas-cu11==11.11.3.6
    wheel 12 nvidia-cublas-cu12==12.9.3.13
    wheel 13 nvidia-cublas==13.10.0.20
fi
for v in 11 12 13; do
    echo "headers of CUDA $v"
    CUDA_INCLUDE=$(printf '%s\n' "$work/$v"/nvidia/*/include | paste -sd :) check TestHeaders $driver -tags cuda
    if [ "${1:-}" = all ]; then
        blas=$(find "$work/$v" -name 'libcublas.so.*')
        LD_LIBRARY_PATH=$(dirname "$blas") CUDA_CUBLAS=$blas check TestNVIDIACuBLAS $driver -tags cuda
    fi
done

# drivers opens those of a release of Debian, each with what it cannot be loaded without.
drivers() { # release, pattern
    local packages
    packages=$(curl -fsS --retry 3 "http://deb.debian.org/debian/dists/$1/non-free/binary-amd64/Packages.xz" | xz -dc | sed -n 's/^Filename: //p' | grep -E "$2")
    local p folder library
    for p in $packages; do
        curl -fsS --retry 3 -o "$work/package" "http://deb.debian.org/debian/$p"
        folder=$work/drivers/$(basename "$(dirname "$p")")
        mkdir -p "$folder"
        dpkg-deb -x "$work/package" "$folder"
    done
    for library in $(find "$work/drivers" -name 'libcuda.so.*.*' -type f); do
        folder=${library#"$work/drivers/"}
        echo "${folder%%/*}: $(basename "$library")"
        folder=$work/drivers/${folder%%/*}
        LD_LIBRARY_PATH=$(find "$folder" -name '*.so.*' -type f -exec dirname {} + | sort -u | paste -sd :) CUDA_DRIVER=$library \
            check TestNVIDIADriver $driver -tags cuda
    done
    rm -rf "$work/drivers"
}
drivers trixie '/libcuda1_[^/]*$'
if [ "${1:-}" = all ]; then
    drivers bookworm '/libcuda1_[^/]*$'
    drivers bullseye 'cuda1_|fatbinaryloader_'
fi
