"""Write ``tests/golden/manifest/`` anew, when a format changes on purpose. Look at the diff.

    python tests/golden/regenerate_manifest.py

Ed25519 signatures are deterministic, so every byte is. The keys are for tests: everyone knows them.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "manifest"), str(HERE.parent.parent)]

from manifest_examples import example_key, sealed_tree  # noqa: E402
from program_vectors import program_vectors, signable_list  # noqa: E402
from root_examples import ANNA, BEN, EVE, a_root, ids, signed  # noqa: E402

from runtime_packager.manifest import PublicKey, TrustedKeys, dsse, render_trusted  # noqa: E402
from runtime_packager.manifest.files import FILES, RELEASE, frame, parse  # noqa: E402
from runtime_packager.manifest.keyfile import seal_key  # noqa: E402


def golden_files() -> dict[str, bytes]:
    """Name and bytes of every golden file."""
    with tempfile.TemporaryDirectory() as directory:
        root = sealed_tree(Path(directory) / "tree").root
        files, envelope = (root / FILES).read_bytes(), (root / RELEASE).read_bytes()
    release, development = example_key(), example_key("development", 2)
    root = signed(a_root(expires="2030-01-01T00:00:00Z", revoked=ids(EVE)), ANNA, BEN)
    named = PublicKey(release.public.raw, "release", "for tests")
    return {
        "files.json": files,
        "release.dsse.json": envelope,
        "release.json": dsse.open_unverified(envelope),
        "root.dsse.json": root,
        "root.json": dsse.open_unverified(root, dsse.ROOT_TYPE),
        "tree.frame": frame(parse(files, platform="linux-x64")),
        "programs.json": program_vectors(),
        "signable.json": signable_list(),
        "signable.frame": frame(parse(signable_list(), platform="win-x64")),
        "trusted-keys.json": render_trusted(TrustedKeys.of(named, development.public)),
        "key-development.json": seal_key(development, None),
    }


def main() -> None:
    """Write them all."""
    (HERE / "manifest").mkdir(exist_ok=True)
    for name, data in golden_files().items():
        (HERE / "manifest" / name).write_bytes(data)


if __name__ == "__main__":
    main()
