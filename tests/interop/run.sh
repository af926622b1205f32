#!/usr/bin/env bash
# Real consumers of the standard metadata, each in an environment of its own, read the models of
# a run and must decide as partsight does when fed the same pixels.
#   usage: bash tests/interop/run.sh PYTHON RUN_DIR PICTURES [ENVIRONMENTS]
# PYTHON has partsight with the train extra; PICTURES has one folder per label; ENVIRONMENTS is what
# environments.sh made, which is made here without it.
set -euo pipefail
python=$1 run=$2 pictures=$3 environments=${4:-}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ -z "$environments" ]; then
  environments=$work/environments
  bash "$here/environments.sh" "$environments"
fi

# Float kernels agree to the last bits. Integer ones round in their own ways, which fifty layers
# carry to some steps of a uint8 score; MediaPipe and LiteRT have partsight's own kernels, but for
# a dynamic range, whose activations MediaPipe quantizes without XNNPACK.
exact=0.0001 rounded=0.0625

# All in one process: TensorFlow loads once.
cp -r "$run" "$work/run"
"$python" -m partsight export "$work/run" --all

for variant in none float16 dynamic int8 int8-float; do
  model="$work/run/model-$variant.tflite"
  PARTSIGHT_RUNTIME=litert "$python" "$here/reference.py" "$model" "$pictures" 50 "$work/reference.npz"
  for consumer in litert mediapipe openvino; do
    tolerance=$exact
    case "$consumer $variant" in openvino\ int8* | *\ dynamic) tolerance=$rounded ;; esac
    echo "-- $variant"
    "$environments/$consumer/bin/python" "$here/with_$consumer.py" "$model" "$work/reference.npz" \
      "$tolerance" 2>"$work/stderr" || { cat "$work/stderr"; exit 1; }
  done
done
