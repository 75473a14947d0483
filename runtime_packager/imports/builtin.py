"""Which modules are built into an interpreter that cannot be run here.

On Unix CPython's build leaves a symbol ``PyInit_<name>`` for each, which python-build-standalone
keeps. Windows' DLL exports no such symbols; what is in there is the list of CPython's
``PC/config.c``, which is the same for every build of it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

_SYMBOL = re.compile(rb"PyInit_([A-Za-z_][A-Za-z0-9_]*)\0")

_EVERYWHERE = frozenset(
    {
        *("__main__", "_frozen_importlib", "_frozen_importlib_external", "_imp", "_warnings"),
        *("builtins", "marshal", "sys"),
    }
)
"""Made by the interpreter itself, without a ``PyInit`` function of that name."""

_WINDOWS_ALONE = frozenset(
    ["_msi", "_overlapped", "_winapi", "_wmi", "msilib", "msvcrt", "nt", "winreg", "winsound"]
)

_WINDOWS_BUILTIN = frozenset(
    """
    _abc _ast _bisect _blake2 _codecs _codecs_cn _codecs_hk _codecs_iso2022 _codecs_jp
    _codecs_kr _codecs_tw _collections _contextvars _csv _datetime _functools _heapq _hmac
    _interpchannels _interpqueues _interpreters _io _json _locale _lsprof _md5
    _multibytecodec _opcode _operator _pickle _random _sha1 _sha2 _sha256 _sha3 _sha512
    _signal _sre _stat _statistics _string _struct _suggestions _symtable _sysconfig _thread
    _tokenize _tracemalloc _types _typing _weakref _winapi _xxinterpchannels
    _xxsubinterpreters array atexit audioop binascii cmath errno faulthandler gc itertools
    math mmap msvcrt nt time winreg xxsubtype zlib
    """.split()  # noqa: SIM905 - a list a line would be a page
)
"""``_PyImport_Inittab`` of ``PC/config.c``, CPython 3.11 to 3.14 together."""


def windows_builtins() -> Callable[[str], bool]:
    """Whether a name is built into CPython for Windows."""
    return lambda name: name in _EVERYWHERE or name in _WINDOWS_BUILTIN


def unix_builtins(interpreter: Path) -> Callable[[str], bool]:
    """Whether a name is built into ``interpreter``, which is read at the first question.

    Where no symbol is left in it nothing can be told: then every module of the standard library
    that is not Windows' own is taken to be there.
    """

    @cache
    def symbols() -> frozenset[str]:
        found = _SYMBOL.findall(interpreter.read_bytes())
        return frozenset(name.decode() for name in found)

    def is_builtin(name: str) -> bool:
        if name in _EVERYWHERE:
            return True
        if not symbols():
            return name in sys.stdlib_module_names - _WINDOWS_ALONE
        return name in symbols()

    return is_builtin
