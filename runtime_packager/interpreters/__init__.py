"""Interpreters: which archive a version stands for, where it may come from, and unpacking it."""

from runtime_packager.interpreters.catalogue import (
    Catalogue,
    Indexed,
    Pin,
    available_versions,
    pins_from_index,
    read_catalogue,
    write_catalogue,
)
from runtime_packager.interpreters.checksums import pins_from_checksums
from runtime_packager.interpreters.compiler import obtain_compiler
from runtime_packager.interpreters.obtain import Interpreter, obtain
from runtime_packager.interpreters.reach import out_of_reach
from runtime_packager.interpreters.sources import (
    ArchiveSource,
    DirectorySource,
    GithubSource,
    MirrorSource,
    NpmSource,
    Source,
    serves,
)
from runtime_packager.interpreters.unpack import MIRROR_VARIABLE, Provenance

__all__ = [
    "MIRROR_VARIABLE",
    "ArchiveSource",
    "Catalogue",
    "DirectorySource",
    "GithubSource",
    "Indexed",
    "Interpreter",
    "MirrorSource",
    "NpmSource",
    "Pin",
    "Provenance",
    "Source",
    "available_versions",
    "obtain",
    "obtain_compiler",
    "out_of_reach",
    "pins_from_checksums",
    "pins_from_index",
    "read_catalogue",
    "serves",
    "write_catalogue",
]
