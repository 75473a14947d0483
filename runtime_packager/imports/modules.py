"""Finding modules among a tree's paths, as the target's own import system would.

The rules are those of ``importlib``'s path finder: in each directory of the path a package with
``__init__``, then an extension module, then a source, then a namespace directory; names are
case-sensitive everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from runtime_packager.entries import directories_of

SOURCE_SUFFIXES = (".py", ".pyc")
_ANY_EXTENSION = (".so", ".pyd")


class Kind(Enum):
    """What a name stands for."""

    PACKAGE = "package"
    MODULE = "module"
    NAMESPACE = "namespace"


@dataclass(frozen=True, slots=True)
class Found:
    """Where an import ends: what it is, and the directories its submodules are looked for in."""

    kind: Kind
    directories: tuple[str, ...] = ()


@dataclass(frozen=True)
class Modules:
    """The modules of one tree.

    :param paths: every file and link of the tree.
    :param roots: the directories of ``sys.path``, in order, as tree paths.
    :param suffixes: of extension modules the target's interpreter loads.
    :param is_builtin: whether a top-level name is built into the interpreter.
    """

    paths: frozenset[str]
    roots: tuple[str, ...]
    suffixes: tuple[str, ...]
    is_builtin: Callable[[str], bool]
    directories: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Collect the directories."""
        object.__setattr__(self, "directories", directories_of(self.paths))

    def find(self, module: str) -> Found | None:
        """What ``import module`` finds.

        Below a module that is no package nothing can be told from files (``os.path``,
        ``six.moves``): what it holds is taken to be there.
        """
        first, *rest = module.split(".")
        if self.is_builtin(first):
            return Found(Kind.MODULE)
        found = self._in(first, self.roots)
        for part in rest:
            if found is None or found.kind is Kind.MODULE:
                return found
            found = self._in(part, found.directories)
        return found

    def unloadable(self, module: str) -> list[str]:
        """Extension modules of that name, made for another system or version, by path."""
        first, *rest = module.split(".")
        parent = self._parent_directories(rest and [first, *rest[:-1]])
        last = rest[-1] if rest else first
        return sorted(
            path
            for directory in parent
            for path in self.paths
            if path.startswith(f"{directory}/{last}.")
            and "/" not in path[len(directory) + 1 :]
            and path.endswith(_ANY_EXTENSION)
        )

    def _parent_directories(self, parents: Sequence[str]) -> Sequence[str]:
        if not parents:
            return self.roots
        found = self.find(".".join(parents))
        return found.directories if found else ()

    def _in(self, name: str, directories: Sequence[str]) -> Found | None:
        namespace = []
        for directory in directories:
            base = f"{directory}/{name}"
            if base in self.directories and self._is_file(f"{base}/__init__"):
                return Found(Kind.PACKAGE, (base,))
            if self._is_file(base):
                return Found(Kind.MODULE)
            if base in self.directories:
                namespace.append(base)
        return Found(Kind.NAMESPACE, tuple(namespace)) if namespace else None

    def _is_file(self, base: str) -> bool:
        return any(base + suffix in self.paths for suffix in (*self.suffixes, *SOURCE_SUFFIXES))


def path_lines(text: str) -> list[str]:
    """The directories that a ``.pth`` file adds, as it spells them (``site`` in the library)."""
    lines = (line.strip() for line in text.splitlines())
    return [
        line.replace("\\", "/").rstrip("/")
        for line in lines
        if line and not line.startswith(("#", "import ", "import\t"))
    ]
