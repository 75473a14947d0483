"""The place of one output: what lies beside it while it is made, and how it appears."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from runtime_packager.errors import InputError
from runtime_packager.io.files import (
    publish_directory,
    recover_directory,
    remove_tree,
    require_writable_parent,
)
from runtime_packager.io.locks import exclusive
from runtime_packager.io.progress import Progress
from runtime_packager.manifest import RELEASE


@dataclass(frozen=True, slots=True)
class Workspace:
    """The names beside the output that only one assembly at a time may use."""

    output: Path
    progress: Progress

    @classmethod
    @contextmanager
    def held(cls, output: Path, progress: Progress) -> Iterator[Workspace]:
        """The workspace of ``output``, ours alone for the length of the block, and clean.

        :raises InputError: when the output is something that we did not make.
        :raises BuildError: when its parent cannot be written to.
        """
        require_writable_parent(output)
        with exclusive(output.parent / f".{output.name}.lock", str(output), progress):
            workspace = cls(output, progress)
            workspace._recover()
            workspace._refuse_strangers()
            yield workspace

    @property
    def _prefix(self) -> str:
        return f".{self.output.name}."

    @property
    def _retired(self) -> Path:
        return self.output.parent / f"{self._prefix}retired"

    def _recover(self) -> None:
        """Clear away what a killed assembly left; bring back an output it had moved."""
        self._refuse_other_kinds()
        recover_directory(self.output, self._retired)
        remove_tree(self._retired)
        for leftover in self.output.parent.glob(f"{self._prefix}staging-*"):
            remove_tree(leftover)

    def _refuse_other_kinds(self) -> None:
        """A link or a file would be taken for the output before, and be removed."""
        if self.output.is_symlink():
            message, hint = "is a link, and would be replaced", "name the place it points to"
        elif self.output.exists() and not self.output.is_dir():
            message, hint = "is no directory, and would be replaced", "move it away"
        else:
            return
        raise InputError(f"{self.output} {message}", f"{hint}, or choose another output")

    def _refuse_strangers(self) -> None:
        if not self.output.is_dir() or (self.output / RELEASE).is_file():
            return
        if any(self.output.iterdir()):
            raise InputError(
                f"{self.output} holds files but is no runtime, and would be replaced",
                "move it away, or choose another output",
            )

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """A new directory on the output's file system, gone when the block ends.

        One that cannot be removed is warned of: it does not undo what was published, nor hide the
        error that ended the block.
        """
        path = Path(tempfile.mkdtemp(dir=self.output.parent, prefix=f"{self._prefix}staging-"))
        try:
            yield path
        finally:
            self._discard(path)

    def publish(self, tree: Path) -> None:
        """Put the finished tree in the output's place and remove the one before.

        One that cannot be removed is warned of, for the new one is in place by then.

        :raises BuildError: when it is in place, but its name may not be on the disk.
        """
        publish_directory(tree, self.output, self._retired)
        self._discard(self._retired, f"{self.output} is the new runtime, but ")

    def _discard(self, path: Path, before: str = "") -> None:
        """Remove what is not needed any more; :meth:`_recover` does it when this cannot."""
        try:
            remove_tree(path)
        except OSError as error:
            self.progress.warn(
                f"{before}{path} cannot be removed: {error.strerror}; "
                "the next assembly will try again, or remove it by hand"
            )
