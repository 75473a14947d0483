"""Compiles sources to unchecked-hash pycs. Runs in an interpreter of the target's minor version.

Its argument is a JSON file: ``{"optimize": int, "workers": int, "files": [[source, name,
output], ...]}``. It answers with one line of JSON a file, in the same order: ``[size, sha256]``,
or the reason why the file does not compile. Standard library only.
"""

import hashlib
import json
import marshal
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib.util import MAGIC_NUMBER, source_hash
from types import CodeType

Job = tuple[str, str, str, str, int]
"""Source, name, SHA-256 of the source in hex, output, optimisation."""

Answer = list[int | str] | str | None
"""Size and digest of the bytecode, or why there is none; nothing for a source that is another."""

FILE_TIME = 315532800
CHUNK = 40
CHARACTERS = [sys.intern(chr(code)) for code in range(256)]
_CODE_PARTS = (
    "co_consts",
    "co_names",
    "co_varnames",
    "co_cellvars",
    "co_freevars",
    "co_name",
    "co_qualname",
    "co_filename",
    "co_linetable",
    "co_exceptiontable",
)


def _compile(job: Job) -> Answer:
    source, name, digest, output, optimize = job
    with open(source, "rb") as stream:
        text = stream.read()
    if hashlib.sha256(text).hexdigest() != digest:
        return None
    try:
        code = compile(text, name, "exec", dont_inherit=True, optimize=optimize)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    # PEP 552: flags 0b01 are hash-based and not checked against the source.
    data = MAGIC_NUMBER + (1).to_bytes(4, "little") + source_hash(text) + _stable(code)
    os.makedirs(os.path.dirname(output), exist_ok=True)
    with open(output, "wb") as stream:
        stream.write(data)
    os.chmod(output, 0o644)
    os.utime(output, (FILE_TIME, FILE_TIME))
    return [len(data), hashlib.sha256(data).hexdigest()]


def _stable(code: CodeType) -> bytes:
    """Marshal so that what else the process has in memory does not show.

    marshal marks an object for back-reference when its reference count is not 1, and names,
    small integers and empty tuples are shared with the whole process. Holding one more
    reference to each of them makes the mark certain. One-character strings are one object each
    in the whole process and are marked as interned when anyone ever interned them: see CHARACTERS.
    """
    held: list[object] = []
    _hold(code, held)
    return marshal.dumps(code)


def _hold(value: object, held: list[object]) -> None:
    held.append(value)
    if isinstance(value, (tuple, frozenset)):
        for item in value:
            _hold(item, held)
    elif isinstance(value, CodeType):
        for name in _CODE_PARTS:
            _hold(getattr(value, name), held)


def _results(jobs: list[Job], workers: int) -> Iterator[Answer]:
    if len(jobs) <= CHUNK:
        yield from map(_compile, jobs)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(_compile, jobs, chunksize=CHUNK)


def main() -> None:
    """Do what the request file says."""
    with open(sys.argv[1], encoding="utf-8") as stream:
        request = json.load(stream)
    jobs = [(*row, request["optimize"]) for row in request["files"]]
    for result in _results(jobs, request["workers"]):
        sys.stdout.write(json.dumps(result) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    try:
        main()
    except OSError as error:  # a full disk, say: what went wrong, not where we were
        sys.exit(str(error))
