"""Vectors of trees: what is done to a sealed tree, and what each level says of it.

An action is a list: its name, a path in the tree, and what it takes. ``vector_trees.py`` and
``electron/test/trees.js`` carry them out; every mtime that an action need not change is put back.
"""

from __future__ import annotations

import base64
from typing import Any

import signing
from make_base import CONTENT, ENGINE, LINK, MAIN, PROGRAMS, PYTHON
from make_documents import Vector
from vector_keys import KEYS, trust

from runtime_packager.manifest import dsse, strict_json
from runtime_packager.manifest.files import FILES, RELEASE
from runtime_packager.manifest.release import parse, render

ALL = ("exe", "quick", "full")

Problems = list[list[str]]


def tree_vectors(bases: dict[str, Any]) -> list[Vector]:
    """What must be found, by level; a level that sees nothing says ``ok``."""
    signing = {"base": "windows", "allow_code_signing": True}
    cases = (
        *((case, {}) for case in (*_cases(), *_envelopes(bases["linux"]))),
        *((case, {"base": "windows"}) for case in _signed_anyway()),
        *((case, signing) for case in _signed()),
    )
    return [
        {"name": f"{name}, {level}", "level": level, "actions": actions}
        | options
        | _expected(problems)
        for (name, actions, per_level), options in cases
        for level, problems in zip(ALL, per_level, strict=True)
    ] + _options()


def _expected(problems: Problems | str) -> dict[str, Any]:
    if isinstance(problems, str):
        return {"expect": problems}
    if not problems:
        return {"expect": "ok"}
    ids = sorted({problem[1] for problem in problems})
    return {"expect": ids[0] if len(ids) == 1 else ids, "problems": sorted(problems)}


Case = tuple[str, list[list[Any]], tuple[Problems | str, Problems | str, Problems | str]]


def _unseen(problems: Problems) -> tuple[Problems, Problems, Problems]:
    """Level exe does not look there."""
    return [], problems, problems


def _seen(problems: Problems) -> tuple[Problems, Problems, Problems]:
    return problems, problems, problems


_DIRECTORIES = ("app", "app/\U0001f600", "manifest", "python", "python/bin", "python/lib")


def _cases() -> list[Case]:
    content = base64.b64encode(CONTENT[MAIN][0]).decode()
    return [
        ("untouched", [], _seen([])),
        ("a file flipped, mtime put back", [["flip", MAIN, 3]], ([], [], [[MAIN, "file-hash"]])),
        ("a program flipped, mtime put back", [["flip", PYTHON, 9]], _seen([[PYTHON, "file-hash"]])),
        ("a file longer", [["append", MAIN, "eA=="]], _unseen([[MAIN, "file-size"]])),
        ("a program longer", [["append", ENGINE, "eA=="]], _seen([[ENGINE, "file-size"]])),
        ("a program cut", [["cut", ENGINE, 3]], _seen([[ENGINE, "file-size"]])),
        ("a file empty", [["cut", MAIN, 0]], _unseen([[MAIN, "file-size"]])),
        ("a file missing", [["remove", MAIN]], _unseen([[MAIN, "file-missing"]])),
        ("a program missing", [["remove", PYTHON]], _seen([[PYTHON, "file-missing"]])),
        ("a link missing", [["remove", LINK]], _unseen([[LINK, "file-missing"]])),
        ("a directory missing", [["remove", "app"]], _unseen([[MAIN, "file-missing"], ["app/größe.txt", "file-missing"], ["app/\U0001f600/\ufffd", "file-missing"]])),
        ("a program's directory missing", [["remove", "python/bin"]],
         ([[PYTHON, "file-missing"]], *[[[PYTHON, "file-missing"], ["python/bin/pip", "file-missing"], [LINK, "file-missing"]]] * 2)),
        ("an extra file", [["write", "app/sitecustomize.py", ""]], _unseen([["app/sitecustomize.py", "file-extra"]])),
        ("an extra file beside the launcher", [["write", "version.dll", ""]], _unseen([["version.dll", "file-extra"]])),
        ("an extra file in the manifest", [["write", "manifest/extra", ""]], _unseen([["manifest/extra", "file-extra"]])),
        ("an extra pth", [["write", "python/lib/x.pth", ""]], _unseen([["python/lib/x.pth", "file-extra"]])),
        ("an extra file with a strange name", [["write", "a\nb\u202e", ""]], _unseen([["a\nb\u202e", "file-extra"]])),
        ("an extra link", [["link", "app/x", "main.py"]], _unseen([["app/x", "file-extra"]])),
        ("an extra link to nowhere", [["link", "x", "/nowhere"]], _unseen([["x", "file-extra"]])),
        ("an extra empty directory", [["mkdir", "app/__pycache__"]], _unseen([["app/__pycache__", "directory-extra"]])),
        ("an extra directory with a file", [["mkdir", "x"], ["write", "x/y", ""]], _unseen([["x", "directory-extra"]])),
        ("an extra pipe", [["pipe", "app/x"]], _unseen([["app/x", "file-extra"]])),
        ("a name that is no UTF-8", [["write-raw", "app", "ff61"]], _unseen([["app/\\udcffa", "file-extra"]])),
        ("a name that looks like a listed one", [["remove", "app/\U0001f600/\ufffd"], ["write-raw", "app/\U0001f600", "ff"]],
         _unseen([["app/\U0001f600/\\udcff", "file-extra"], ["app/\U0001f600/\ufffd", "file-missing"]])),
        ("a directory that is no UTF-8", [["mkdir-raw", "app", "e2e282ac"]], _unseen([["app/\\udce2\u20ac", "directory-extra"]])),
        ("a file turned into a link", [["remove", MAIN], ["write", "app/other", content], ["link", MAIN, "other"]],
         _unseen([[MAIN, "file-type"], ["app/other", "file-extra"]])),
        ("a program turned into a link to a listed one", [["remove", PYTHON], ["link", PYTHON, "pip"]], _seen([[PYTHON, "file-type"]])),
        ("a program turned into a directory", [["remove", PYTHON], ["mkdir", PYTHON]], _seen([[PYTHON, "file-type"]])),
        ("a program turned into a pipe", [["remove", PYTHON], ["pipe", PYTHON]], _seen([[PYTHON, "file-type"]])),
        ("a file turned into a directory", [["remove", MAIN], ["mkdir", MAIN]], _unseen([[MAIN, "file-type"]])),
        ("a link turned into a file", [["remove", LINK], ["write", LINK, ""]], _unseen([[LINK, "file-type"]])),
        ("a link swung round", [["remove", LINK], ["link", LINK, "pip"]], _unseen([[LINK, "link-target"]])),
        ("a link spelled otherwise", [["remove", LINK], ["link", LINK, "./python3.12"]], _unseen([[LINK, "link-target"]])),
        ("a link out of the tree", [["remove", LINK], ["link", LINK, "/bin/sh"]], _unseen([[LINK, "link-target"]])),
        ("a directory moved behind a link", [["move", "python/bin", "elsewhere"], ["link", "python/bin", "../elsewhere"]],
         ([["python/bin", "file-type"]],
          *[[["elsewhere", "directory-extra"], ["python/bin", "file-type"], ["python/bin/pip", "file-missing"], [LINK, "file-missing"], [PYTHON, "file-missing"]]] * 2)),
        ("a directory turned into a file", [["remove", "python/lib"], ["write", "python/lib", ""]],
         _unseen([["python/lib", "file-type"], ["python/lib/empty", "file-missing"]])),
        ("a program's directories turned into a file", [["remove", "python"], ["write", "python", ""]],
         ([["python", "file-type"], [PYTHON, "file-missing"]],
          *[[["python", "file-type"], ["python/bin/pip", "file-missing"], [LINK, "file-missing"], [PYTHON, "file-missing"], ["python/lib/empty", "file-missing"]]] * 2)),
        ("two programs swapped", [["swap", "python/bin/pip", ENGINE]],
         ([[ENGINE, "file-size"]], *[[[ENGINE, "file-size"], ["python/bin/pip", "file-size"]]] * 2)),
        ("a file renamed", [["move", MAIN, "app/Main.py"]], _unseen([["app/Main.py", "file-extra"], [MAIN, "file-missing"]])),
        ("a directory renamed by case", [["move", "app", "App"]],
         _unseen([["App", "directory-extra"], [MAIN, "file-missing"], ["app/größe.txt", "file-missing"], ["app/\U0001f600/\ufffd", "file-missing"]])),
        ("a name decomposed", [["move", "app/größe.txt", "app/gro\u0308ße.txt"]],
         _unseen([["app/gro\u0308ße.txt", "file-extra"], ["app/größe.txt", "file-missing"]])),
        ("a mode lost", [["mode", PYTHON, "0644"]], _unseen([[PYTHON, "file-mode"]])),
        ("a mode gained", [["mode", MAIN, "0755"]], _unseen([[MAIN, "file-mode"]])),
        ("writable by all", [["mode", MAIN, "0666"]], _unseen([[MAIN, "file-mode"]])),
        ("directories writable by a group", [["mode", "", "0775"], ["mode", "python/bin", "0775"]], _seen([])),
        ("a directory its owner alone may enter", [["mode", "app", "0700"]], _seen([])),
        ("setuid", [["mode", ENGINE, "4755"]], _unseen([[ENGINE, "file-mode"]])),
        ("read-only", [["mode", MAIN, "0444"]], _unseen([[MAIN, "file-mode"]])),
        ("a directory open to all", [["mode", "app", "0777"]], _unseen([["app", "file-mode"]])),
        ("a directory open to all, sticky", [["mode", "python/lib", "1777"]], _unseen([["python/lib", "file-mode"]])),
        ("a directory that others but nobody else may write to", [["mode", "python/lib", "0557"]], _unseen([["python/lib", "file-mode"]])),
        ("a program's directory open to all", [["mode", "python/bin", "0777"]], _seen([["python/bin", "file-mode"]])),
        ("the root open to all", [["mode", "", "0777"]], _seen([[".", "file-mode"]])),
        ("the manifest's directory open to all", [["mode", "manifest", "0777"]], _unseen([["manifest", "file-mode"]])),
        ("every directory open to all", [["mode", path, "0777"] for path in ("", *_DIRECTORIES)],
         ([[path, "file-mode"] for path in (".", "python", "python/bin")], *[[[path, "file-mode"] for path in (".", *_DIRECTORIES)]] * 2)),
        ("directories a group may write to", [["mode", "", "0775"], ["mode", "app", "2775"]], _seen([])),
        ("directories for their owner alone", [["mode", "", "0700"], ["mode", "app", "0700"]], _seen([])),
        ("a directory open to all that is not ours", [["mkdir", "x"], ["mode", "x", "0777"]], _unseen([["x", "directory-extra"]])),
        ("a directory open to all, and a file in it", [["mode", "app", "0777"], ["write", "app/x.py", ""], ["mode", MAIN, "0666"]],
         _unseen([["app", "file-mode"], ["app/x.py", "file-extra"], [MAIN, "file-mode"]])),
        ("a mode and a byte", [["mode", PYTHON, "0700"], ["flip", PYTHON, 0]],
         ([[PYTHON, "file-hash"]], *[[[PYTHON, "file-hash"], [PYTHON, "file-mode"]]] * 2)),
        ("many things at once", [["flip", ENGINE, 0], ["remove", MAIN], ["write", "x", ""]],
         ([[ENGINE, "file-hash"]], *[[[ENGINE, "file-hash"], [MAIN, "file-missing"], ["x", "file-extra"]]] * 2)),
        ("files.json missing", [["remove", FILES]], _unseen([["", "manifest-missing"]])),
        ("files.json flipped", [["flip", FILES, 20]], _unseen([["", "manifest-hash"]])),
        ("files.json longer", [["append", FILES, "Cg=="]], _unseen([["", "manifest-hash"]])),
        ("files.json of 1 GB", [["sparse", FILES, 10**9]], _unseen([["", "manifest-hash"]])),
        ("files.json a link", [["move", FILES, "x"], ["link", FILES, "../x"]], _unseen([["", "file-type"]])),
        ("files.json a directory", [["remove", FILES], ["mkdir", FILES]], _unseen([["", "file-type"]])),
        ("files.json a pipe", [["remove", FILES], ["pipe", FILES]], _unseen([["", "file-type"]])),
        ("files.json executable", [["mode", FILES, "0755"]], _seen([])),
        ("the release missing", [["remove", RELEASE]], _seen([["", "manifest-missing"]])),
        ("the release cut", [["cut", RELEASE, 100]], _seen([["", "json-syntax"]])),
        ("the release empty", [["cut", RELEASE, 0]], _seen([["", "json-syntax"]])),
        ("the release of 1 GB", [["sparse", RELEASE, 10**9]], _seen([["", "json-size"]])),
        ("the release a link", [["move", RELEASE, "x"], ["link", RELEASE, "../x"]], _seen([["", "file-type"]])),
        ("the release a pipe", [["remove", RELEASE], ["pipe", RELEASE]], _seen([["", "file-type"]])),
        ("manifest/ missing", [["remove", "manifest"]], ("input",) * 3),
        ("manifest/ a link", [["move", "manifest", "x"], ["link", "manifest", "x"]], _seen([["", "file-type"]])),
        ("manifest/ a file", [["remove", "manifest"], ["write", "manifest", ""]], _seen([["", "file-type"]])),
        ("nothing there", [["remove", ""]], ("input",) * 3),
        ("a file in its place", [["remove", ""], ["write", "", ""]], ("input",) * 3),
    ]  # fmt: skip


def _signed_programs() -> dict[str, list[Any]]:
    """Actions that write a program signed, signed otherwise, and signed but changed."""
    data, old = (PROGRAMS[path][0] for path in ("engine.exe", "python/old.dll"))
    one = signing.sign_windows(data, signing.certificate())
    changed = one[:600] + bytes([one[600] ^ 1]) + one[601:]
    made = {
        "signed": ("engine.exe", one),
        "otherwise": ("engine.exe", signing.sign_windows(data, signing.certificate(90, 3) * 2)),
        "changed": ("engine.exe", changed),
        "longer": ("engine.exe", one + b"more more"),
        "padded": ("python/old.dll", signing.sign_windows(old, signing.certificate())),
        "plain": ("python/plain.py", signing.sign_windows(data, signing.certificate())),
    }
    return {
        name: ["overwrite", path, base64.b64encode(content).decode()]
        for name, (path, content) in made.items()
    }


def _signed() -> list[Case]:
    """Code signing is allowed."""
    act, engine = _signed_programs(), "engine.exe"
    wrong = [[engine, "code-signature"], [engine, "file-size"]]
    flipped = [[engine, "code-signature"], [engine, "file-hash"]]
    plain = [["python/plain.py", "file-size"]]
    return [
        ("nothing is signed", [], _seen([])),
        ("a program is signed", [act["signed"]], _seen([])),
        ("a program is signed twice, by others", [act["otherwise"]], _seen([])),
        ("both programs are signed", [act["signed"], act["padded"]], _seen([])),
        ("signed, and a byte of its code flipped", [act["changed"]], _seen(wrong)),
        ("signed, and more behind it", [act["longer"]], _seen(wrong)),
        ("not signed, but a byte of its code flipped", [["flip", engine, 600]], _seen(flipped)),
        ("its checksum, and nothing else", [["flip", engine, 152]], _seen([])),
        ("signed, and its directory open to all", [act["signed"], ["mode", "", "0777"]], _seen([[".", "file-mode"]])),
        ("a program cut, signing allowed", [["cut", engine, 600]], _seen(wrong)),
        ("a program empty, signing allowed", [["cut", engine, 0]], _seen(wrong)),
        ("what is no program became one", [act["plain"]], _unseen(plain)),
        ("signed, and its mode lost", [act["signed"], ["mode", engine, "0644"]], _unseen([[engine, "file-mode"]])),
        ("signed, and something else missing", [act["signed"], ["remove", "python/plain.py"]], _unseen([["python/plain.py", "file-missing"]])),
        ("a program missing, signing allowed", [["remove", engine]], _seen([[engine, "file-missing"]])),
        ("signed, and the list missing", [act["signed"], ["remove", FILES]], _seen([["", "manifest-missing"]])),
    ]  # fmt: skip


def _signed_anyway() -> list[Case]:
    """Code signing is not allowed."""
    act = _signed_programs()
    return [
        ("a program is signed, unasked", [act["signed"]], _seen([["engine.exe", "file-size"]])),
        ("its checksum, unasked", [["flip", "engine.exe", 152]], _seen([["engine.exe", "file-hash"]])),
    ]  # fmt: skip


def _envelopes(base: dict[str, Any]) -> list[Case]:
    """Releases that were signed, but do not fit the tree they lie in."""
    files = base["files"]
    envelope = "".join(files[RELEASE]["content"]).encode()
    release = parse(dsse.open_unverified(envelope))

    def signed(**changes: Any) -> list[list[Any]]:
        document = strict_json.loads(render(release), max_size=2**20) | changes
        data = dsse.sign(strict_json.dumps(document), KEYS[1])
        return [["write", RELEASE, base64.b64encode(data).decode()]]

    executables = strict_json.loads(render(release), max_size=2**20)["executables"]
    mismatch, unlisted = [["", "manifest-mismatch"]], executables[0] | {"path": "aaa"}
    other = dsse.sign(render(release), KEYS[2])
    return [
        ("signed anew", signed(), _seen([])),
        ("signed by a stranger", [["write", RELEASE, base64.b64encode(other).decode()]], _seen([["", "key-untrusted"]])),
        ("another number of files", signed(file_count=3), _unseen(mismatch)),
        ("another tree root", signed(tree_root="00" * 32), ([], [], mismatch)),
        ("another digest of files.json", signed(files_sha256="00" * 32), _unseen([["", "manifest-hash"]])),
        ("a size of files.json that is one too large", signed(files_size=release.files_size + 1), _unseen([["", "manifest-hash"]])),
        ("another size of files.json", signed(files_size=1), _unseen([["", "manifest-hash"]])),
        ("files.json larger than allowed", signed(files_size=2**26 + 1), _unseen([["", "json-size"]])),
        ("files.json of nearly 2^53 bytes", signed(files_size=2**53 - 1), _unseen([["", "json-size"]])),
        ("an executable of another digest", signed(executables=[executables[0] | {"sha256": "00" * 32}]),
         ([[ENGINE, "file-hash"]], mismatch, mismatch)),
        ("an executable that is not listed", signed(executables=[unlisted]), ([["aaa", "file-missing"]], mismatch, mismatch)),
        ("for another system's paths", signed(platform="win-x64"), _seen([])),
        ("no executables", signed(executables=[]), _seen([])),
    ]  # fmt: skip


def _options() -> list[Vector]:
    rows: list[tuple[str, dict[str, Any], str]] = [
        ("the platform that is wanted", {"platform": "linux-x64"}, "ok"),
        ("another platform", {"platform": "mac-arm64"}, "platform"),
        ("an older epoch", {"minimum_epoch": 8}, "epoch"),
        ("nobody is believed", {"trusted": trust(2)}, "key-untrusted"),
        ("two have to sign", {"trusted": trust(1, 2, threshold=2)}, "threshold"),
        ("the key was revoked", {"trusted": trust(1, 2, revoked=(1,))}, "key-revoked"),
    ]
    made = [
        {"name": name, "level": "full", "actions": [], "expect": expect} | options
        for name, options, expect in rows
    ]
    early = [["remove", MAIN], ["flip", RELEASE, 2]]
    return [
        *made,
        {
            "name": "the envelope before the tree",
            "level": "full",
            "actions": early,
            "expect": "schema",
        },
    ]
