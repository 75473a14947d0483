"""Imports what a runtime needs whatever its app does: to report errors, debug it, start children.

Run in a traced runtime, so that it is noted like all else. Its arguments are top-level modules of
the standard library that stay: all their submodules are imported, and so whatever those need.
"""

import importlib
import pkgutil
import sys

ALWAYS = (
    # errors, debugging, profiling
    *("code", "codeop", "faulthandler", "getopt", "inspect", "linecache", "logging", "pdb"),
    *("readline", "rlcompleter", "traceback", "tracemalloc", "warnings"),
    # children and their pools
    *("concurrent", "multiprocessing", "pickle", "runpy", "subprocess", "tempfile", "threading"),
    # what is looked up late: codecs, dates, locales, time zones, packages and their files
    *("_strptime", "bz2", "encodings", "importlib", "locale", "lzma", "pkgutil", "platform"),
    *("stringprep", "sysconfig", "unicodedata", "zoneinfo"),
    # what this tool runs in a runtime, to look at it
    *("ast", "collections", "contextlib", "dataclasses", "hashlib", "json", "operator"),
)

SKIPPED = ("test", "tests", "idle_test", "__main__", "antigravity", "this")


def import_whole(name: str) -> None:
    """Import a module and, of a package, everything below.

    What cannot be imported is left: Windows has no readline, and a module may exit.
    """
    try:
        module = importlib.import_module(name)
    except BaseException:
        return
    for found in pkgutil.iter_modules(getattr(module, "__path__", [])):
        if found.name not in SKIPPED:
            import_whole(f"{name}.{found.name}")


if __name__ == "__main__":
    for each in dict.fromkeys([*ALWAYS, *sys.argv[1:]]):
        if each not in SKIPPED:
            import_whole(each)
