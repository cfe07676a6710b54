#!/bin/sh
# SPDX-License-Identifier: MIT
# run [--minutes M] [--only STAGE] [--out DIR] ...: what `scripts/gpu run` starts; --help lists the options.
# Uses the machine's C library if that is new enough, else the one in this folder.
case $0 in
*/*) here=${0%/*} ;;
*) here=. ;;
esac
here=$(cd "$here" && pwd) || exit 1
CLFLOW_GPU_OUTSIDE=$LD_LIBRARY_PATH # for programs outside the bundle, such as a Python with PyTorch
CLFLOW_GPU_LOADER=
LD_LIBRARY_PATH=$here/lib
export CLFLOW_GPU_OUTSIDE CLFLOW_GPU_LOADER LD_LIBRARY_PATH
python=$here/python/bin/python3
PYTHONHOME=$here/python
PYTHONDONTWRITEBYTECODE=1
export PYTHONHOME PYTHONDONTWRITEBYTECODE
if "$python" -c '' 2>/dev/null && "$here/bin/clflow" --version >/dev/null 2>&1; then
  exec "$python" -s "$here/gpu/main.py" "$@"
fi
CLFLOW_GPU_LOADER=$here/glibc/ld-linux-x86-64.so.2
LD_LIBRARY_PATH=
exec "$CLFLOW_GPU_LOADER" --library-path "$here/glibc:$here/lib" "$python" -s "$here/gpu/main.py" "$@"
