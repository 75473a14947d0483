"""A project's root documents on disk.

``root.dsse.json`` is the one that holds. ``root.next.dsse.json`` beside it is the next one while
its owners sign it, one after the other; with the last signature that it takes, it becomes
``root.dsse.json``. Every version stays as ``root.N.dsse.json``: an app that trusts version 1
follows them one by one. What holds is whole at any moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from runtime_packager.errors import InputError
from runtime_packager.io.files import write_atomic
from runtime_packager.manifest import dsse
from runtime_packager.manifest import root as roots
from runtime_packager.manifest.keyfile import load_public
from runtime_packager.manifest.keys import PublicKey, Signer
from runtime_packager.manifest.problems import IntegrityFailure
from runtime_packager.manifest.root import Root
from runtime_packager.manifest.shape import is_digest
from runtime_packager.manifest.trusted import MAX_KEYS, MAX_SIZE, parse_trusted, read_bounded

SUFFIX = ".dsse.json"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Signatures that a root lacks.

    :param count: how many.
    :param keyids: of the keys that may make them, ascending.
    """

    count: int
    keyids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """The next root while it is signed.

    :param wanted: what it lacks, by its own rules and by those of the root before it.
    """

    root: Root
    envelope: dsse.Envelope
    wanted: tuple[Wanted, ...]


@dataclass(frozen=True, slots=True)
class RootFiles:
    """The root documents of one project.

    :param current: the file of the one that holds; the others lie beside it.
    """

    current: Path

    @property
    def next(self) -> Path:
        """The file of the next root, while it is signed."""
        return self._named("next")

    def version(self, number: int) -> Path:
        """The file in which version ``number`` stays."""
        return self._named(str(number))

    def read(self) -> Root | None:
        """The root that holds.

        :raises InputError: when it cannot be read.
        :raises IntegrityFailure: when it is unsound.
        """
        return read_chain([self.current]) if self.current.exists() else None

    def draft(self) -> Draft | None:
        """The next root, if there is one.

        :raises InputError: when it cannot be read, or does not follow the one that holds.
        """
        if not self.next.exists():
            return None
        held, data = self.read(), _read(self.next)
        if held and data == _read(self.current):
            return None  # Published; only the removal was missed.
        try:
            envelope = dsse.parse(data, dsse.ROOT_TYPE, unsigned=True)
            root = roots.parse(envelope.payload)
        except IntegrityFailure as error:
            raise InputError(
                f"{self.next}: {error.message}", "delete it, and begin anew"
            ) from error
        if root.version != _after(held):
            raise InputError(
                f"{self.next} is version {root.version}, {_after(held)} expected",
                "delete it, and begin anew",
            )
        return Draft(root, envelope, _wanted(envelope, root, held))

    def save_draft(self, root: Root) -> Draft:
        """Write ``root`` as the next one; nobody has signed it yet. Its version is set here.

        :raises InputError: when it is unsound, or says what already holds.
        """
        held = self.read()
        root = replace(root, version=_after(held))
        there = self.draft()
        if there and there.root == root:
            raise InputError("nothing changes", f"{self.next} says the same, with its signatures")
        if held and root == replace(held, version=root.version):
            raise InputError("nothing changes", f"{self.current} says the same")
        try:
            payload = roots.render(root)
        except IntegrityFailure as error:
            hint = "add a key, replace one, or lower the threshold"
            if len(root.keys) > MAX_KEYS:
                hint = "take out or replace keys that are not needed any more"
            raise InputError(f"that is no sound root: {error.message}", hint) from error
        envelope = dsse.Envelope(dsse.ROOT_TYPE, payload, ())
        write_atomic(self.next, envelope.render())
        return Draft(root, envelope, _wanted(envelope, root, held))

    def sign_draft(self, signer: Signer) -> Draft:
        """Add a signature to the next root; with the last one that it takes, it holds.

        :raises InputError: when there is none, or nobody asked for this key's signature.
        """
        draft, held = self.draft(), self.read()
        if draft is None:
            raise InputError(
                f"{self.next} does not exist: there is nothing to sign",
                "runtime-packager keys root change begins the next version",
            )
        keyid = signer.public.keyid
        if not any(
            key.keyid == keyid
            for root in (draft.root, held)
            if root
            for key in root.trusted("root")
        ):
            raise InputError(
                f"the key {keyid} makes no roots",
                "sign with a key of the role root, of this version or the one before",
            )
        envelope = draft.envelope.with_signature(signer)
        signed = Draft(draft.root, envelope, _wanted(envelope, draft.root, held))
        data = envelope.render()
        write_atomic(self.next, data)
        if not signed.wanted:
            self._publish(data, held)
        return signed

    def _publish(self, data: bytes, held: Root | None) -> None:
        root = roots.next_root(data, held) if held else roots.open_root(data)
        write_atomic(self.version(root.version), data)
        write_atomic(self.current, data)
        self.next.unlink()

    def _named(self, middle: str) -> Path:
        name = self.current.name.removesuffix(SUFFIX)
        return self.current.with_name(f"{name}.{middle}{SUFFIX}")


def read_chain(paths: Sequence[Path]) -> Root:
    """The last root of a chain of files, the first of which is trusted for where it lies.

    :raises InputError: when one cannot be read.
    :raises IntegrityFailure: when a rule of :mod:`.root` is broken; it names the file.
    """
    root: Root | None = None
    for path in paths:
        data = _read(path)
        try:
            root = roots.next_root(data, root) if root else roots.open_root(data)
        except IntegrityFailure as error:
            message = f"{path}: {error.message}"
            raise IntegrityFailure(message, error.problems, listed=False) from error
    if root is None:
        raise AssertionError("a chain has a first root")
    return root


def read_public(reference: str) -> PublicKey:
    """The public key that ``reference`` names.

    :param reference: 64 hex digits; or the file of a private key, or what ``keys show`` printed.
    :raises InputError: when it names none.
    """
    try:
        if is_digest(reference):
            return PublicKey(bytes.fromhex(reference), "release")
        keys = parse_trusted(read_bounded(Path(reference), MAX_SIZE)).keys
    except OSError as error:
        raise InputError(f"{reference} cannot be read: {error.strerror}") from error
    except IntegrityFailure as error:
        if is_digest(reference):
            raise InputError(error.message) from error
        return load_public(Path(reference))
    if len(keys) != 1:
        raise InputError(f"{reference} holds {len(keys)} keys, 1 expected")
    return keys[0]


def _after(held: Root | None) -> int:
    return held.version + 1 if held else 1


def _wanted(envelope: dsse.Envelope, root: Root, held: Root | None) -> tuple[Wanted, ...]:
    found = []
    for asked in (held, root):
        trusted = asked.trusted("root") if asked else None
        if trusted is None:
            continue
        signed = {key.keyid for key in envelope.counted(trusted)}
        lacking = trusted.threshold - len(signed)
        if lacking > 0:
            left = sorted(key.keyid for key in trusted if key.keyid not in signed)
            found.append(Wanted(lacking, tuple(left)))
    return tuple(dict.fromkeys(found))


def _read(path: Path) -> bytes:
    try:
        return read_bounded(path, dsse.MAX_SIZE)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
