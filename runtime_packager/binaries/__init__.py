"""Native files: read before a tree is written, judged for a system that this host cannot run."""

from runtime_packager.binaries.facts import Binary, Slice
from runtime_packager.binaries.fat import extract, fat, is_macho, slices, write_fat
from runtime_packager.binaries.judging import Problem, judge
from runtime_packager.binaries.reading import read_layers

__all__ = [
    "Binary",
    "Problem",
    "Slice",
    "extract",
    "fat",
    "is_macho",
    "judge",
    "read_layers",
    "slices",
    "write_fat",
]
