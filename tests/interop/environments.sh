#!/usr/bin/env bash
# An environment for each consumer of the standard metadata.
#   usage: bash tests/interop/environments.sh FOLDER
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
for consumer in litert mediapipe openvino; do
  python3.11 -m venv "$1/$consumer"
  "$1/$consumer/bin/pip" install -q -r "$here/requirements-$consumer.txt"
done
