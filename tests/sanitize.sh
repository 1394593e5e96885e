#!/usr/bin/env bash
# The kernels' tests under AddressSanitizer and UndefinedBehaviorSanitizer: `make sanitize` (Linux, gcc).
#
# glmmlib is built with both into .venv/sanitize; CPython, NumPy and LAPACK are as they come, but what they allocate is
# watched, so that a kernel that reads or writes beyond an array is stopped at once. Nothing is suppressed.
set -euo pipefail
cd "$(dirname "$0")/.."
python=.venv/sanitize/bin/python

test -x $python || "${PYTHON:-python3}" -m venv .venv/sanitize
$python -m pip install --quiet --disable-pip-version-check -c binder/requirements.txt -c tests/requirements.txt \
    pytest hypothesis ./glmmlib -Csetup-args=-Dbuildtype=debugoptimized \
    -Csetup-args=-Db_sanitize=address,undefined -Csetup-args=-Db_lundef=false

export LD_PRELOAD="$(gcc -print-file-name=libasan.so)"      # first of all libraries, as Python itself is built without
export ASAN_OPTIONS=detect_leaks=0                          # CPython keeps memory until it ends, by design
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export PYTHONMALLOC=malloc                                  # every object an allocation of its own, none from a pool

$python - <<'END'
import pathlib
import glmmlib
assert glmmlib.show_backend() == "cython" and ".venv/sanitize" in glmmlib.__file__, glmmlib.__file__
for library in pathlib.Path(glmmlib.__file__).parent.glob("_kernels/*.so"):
    for watch in (b"__asan_report", b"__ubsan_handle"):
        assert watch in library.read_bytes(), f"{library} is built without {watch.decode()}"
END
$python -m pytest -p no:cacheprovider -q \
    tests/glmmlib/test_kernels.py tests/glmmlib/test_kernel_boundary.py tests/glmmlib/test_objective.py "$@"
