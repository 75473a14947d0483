"""Vectors of files.json: its shape, and every path and target that a tree may or may not hold."""

from __future__ import annotations

from typing import Any

from make_documents import Vector
from vector_parts import spell

from runtime_packager.manifest import strict_json

LINUX, WINDOWS, MAC = "linux-x64", "win-x64", "mac-arm64"
SYSTEMS = (LINUX, WINDOWS, MAC)
DIGEST = "ab" * 32

FINE_EVERYWHERE = (
    "a", "a/b/c", ".a", "..a", "a..", "...", "a b", " a", "a.b", "-", "~", "größe",
    "日本語/ファイル", "\U0001f600", "a\u200bb", "com", "com10", "console", "conin", "conin$x", "nul1", "aux_", "con-x",
    "a" * 255, "/".join("a" * 7 for _ in range(512)) + "a", "a\u2028b",
)  # fmt: skip
FINE_UNLESS_WINDOWS = (
    "aa:b", "a<b", "a>b", 'a"b', "a|b", "a?b", "a*b", "a.", "a ", "a./b", "a /b", "con", "CON", "Aux",
    "nul", "prn", "com1", "COM9", "lpt0", "com¹", "lpt³", "con.txt", "NUL.tar.gz", "nul .txt",
    "CONIN$", "conout$.txt", "a/con", "con/a", "com0", "...", "a..", "a/...",
)  # fmt: skip
FINE_NOWHERE = (
    "", "/", "/a", "a/", "a//b", ".", "..", "./a", "a/.", "a/./b", "../a", "a/..", "a/../b", "a\\b",
    "\\\\server\\share", "C:/a", "c:a", "Z:", "a:b", "a\0b", "a\nb", "a\x1fb", "a\x7fb", "a\x80b", "a\x9fb",
    "e\u0301", "a/e\u0301", "\u212b", "\u1100\u1161", "/".join(["a" * 7] * 512) + "aa", "é" * 2049,
    "manifest/files.json", "manifest/release.dsse.json",
)  # fmt: skip


def file(path: Any, **changes: Any) -> dict[str, Any]:
    row = {"path": path, "type": "file", "size": 1, "sha256": DIGEST, "mode": "0644"} | changes
    return {name: value for name, value in row.items() if value is not ...}


def link(path: Any, target: Any, **changes: Any) -> dict[str, Any]:
    return {"path": path, "type": "link", "target": target} | changes


def listing(*rows: Any, **changes: Any) -> bytes:
    return strict_json.dumps({"schema": 1, "files": list(rows)} | changes)


def files_vectors() -> list[Vector]:
    return [*_shapes(), *_paths(), *_targets(), *_orders(), *_collisions(), *_large()]


def _vector(name: str, data: bytes, expect: Any, platform: str = LINUX, **more: Any) -> Vector:
    return {"name": name, "platform": platform, "input": spell(data), "expect": expect} | more


def _shapes() -> list[Vector]:
    row, record = file("a"), link("a", "b")
    rows: list[tuple[str, bytes, str]] = [
        ("no files", listing(), "ok"),
        ("a file and a link", listing(row, link("b", "a")), "ok"),
        ("an empty file", listing(file("a", size=0)), "ok"),
        ("a large file", listing(file("a", size=2**53 - 1)), "ok"),
        ("too large a file", listing(file("a", size=2**53)), "json-number"),
        ("schema 2", listing(schema=2), "schema-version"),
        ("no schema", b'{"files":[]}', "schema"),
        ("a field more", listing(more=1), "schema"),
        ("files in an object", listing(files={}), "schema"),
        ("a list", b"[]", "schema"),
        ("a document that looks like a file", strict_json.dumps(row), "schema"),
        ("files that look like a link", listing(files=record), "schema"),
        ("a row that is a list", listing([]), "schema"),
        ("a row that is null", listing(None), "schema"),
        ("a row without a type", listing(file("a", type=...)), "schema"),
        ("a directory", listing(file("a", type="directory")), "schema"),
        ("a file's row with a target", listing(file("a", target="b")), "schema"),
        ("a link's row with a size", listing(link("a", "b", size=0)), "schema"),
        ("a link that says it is a file", listing(link("a", "b", type="file")), "schema"),
        ("a file that says it is a link", listing(file("a", type="link")), "schema"),
        ("a field more in a row", listing(file("a", more=1)), "schema"),
        ("a path that is no text", listing(file(1)), "schema"),
        ("a path that is a row", listing(file(row)), "schema"),
        ("a target that is no text", listing(link("a", None)), "schema"),
        ("a negative size", listing(file("a", size=-1)), "schema"),
        ("a size that is true", listing(file("a", size=True)), "schema"),
        ("a size in quotes", listing(file("a", size="1")), "schema"),
        ("mode 0777", listing(file("a", mode="0777")), "schema"),
        ("mode 4755", listing(file("a", mode="4755")), "schema"),
        ("mode 644", listing(file("a", mode="644")), "schema"),
        ("a mode that is a number", listing(file("a", mode=420)), "schema"),
        ("upper-case hex", listing(file("a", sha256="AB" * 32)), "schema"),
        ("hex and a line feed", listing(file("a", sha256=DIGEST[:-1] + "\n")), "schema"),
        ("a digest that is no text", listing(file("a", sha256=0)), "schema"),
        ("a program", listing(file("a", unsigned=DIGEST)), "ok"),
        ("upper-case hex in unsigned", listing(file("a", unsigned="AB" * 32)), "schema"),
        ("an empty unsigned", listing(file("a", unsigned="")), "schema"),
        ("unsigned null", listing(file("a", unsigned=None)), "schema"),
        ("a link with unsigned", listing(link("a", "b", unsigned=DIGEST)), "schema"),
        ("unsigned in a digest's place", listing(file("a", unsigned=DIGEST, sha256=...)), "schema"),
        ("the shape before paths", listing(file("../a"), file("b", mode="0")), "schema"),
        ("half a pair in a path", listing(file("a?")).replace(b"?", rb"\ud800"), "json-surrogate"),
        ("half a pair before the shape", rb'{"schema":2,"files":"\ud800"}', "json-surrogate"),
        ("a key twice in a row", listing(row).replace(b"{", b'{"path":"a",', 2), "json-duplicate-key"),
        ("a row cut off", listing(row)[:-9], "json-syntax"),
        ("nine levels", listing([[[[[[[]]]]]]]), "json-depth"),
    ]  # fmt: skip
    return [_vector(name, data, expect) for name, data, expect in rows]


def _paths() -> list[Vector]:
    def vectors(paths: tuple[str, ...], refused: tuple[str, ...]) -> list[Vector]:
        return [
            _vector(
                f"path {ascii(path)[:40]} of {len(path)}, {system}",
                listing(file(path)),
                "path" if system in refused else "ok",
                system,
            )
            for path in paths
            for system in SYSTEMS
        ]

    everywhere = tuple(path for path in FINE_EVERYWHERE if path not in FINE_UNLESS_WINDOWS)
    return [
        *vectors(everywhere, ()),
        *vectors(FINE_UNLESS_WINDOWS, (WINDOWS,)),
        *vectors(FINE_NOWHERE, SYSTEMS),
    ]


def _targets() -> list[Vector]:
    rows = [
        ("a", "b", "ok"), ("a", "b/c", "ok"), ("a/b", "../c", "ok"), ("a/b/c", "../../d", "ok"),
        ("a/b/c", "..", "ok"), ("a/b", "c..", "ok"), ("a", "x../b", "ok"), ("a", "...", "ok"),
        ("a", "a", "ok"), ("a/b", "größe", "ok"),
        ("a", "", "link-target"), ("a", ".", "link-target"), ("a", "..", "link-target"),
        ("a", "../b", "link-target"), ("a/b", "..", "link-target"), ("a/b", "../../c", "link-target"),
        ("a/b", "../..", "link-target"), ("a/b/c", "../..", "link-target"), ("a/b", "../", "link-target"),
        ("a", "/b", "link-target"), ("a", "b/", "link-target"), ("a", "b//c", "link-target"),
        ("a", "./b", "link-target"), ("a", "b/./c", "link-target"), ("a/b", "c/../d", "link-target"),
        ("a/b", "../c/..", "link-target"), ("a", "C:/b", "link-target"), ("a/b", "../C:/b", "link-target"),
        ("a", "b\\c", "link-target"), ("a", "b\0", "link-target"), ("a", "e\u0301", "link-target"),
        ("../a", "/b", "path"),
    ]  # fmt: skip
    return [
        _vector(f"link {path} to {target!a}", listing(link(path, target)), expect)
        for path, target, expect in rows
    ]


def _orders() -> list[Vector]:
    rows: list[tuple[str, tuple[str, ...], str]] = [
        ("ascending", ("a", "a-b", "a.b", "a/b2", "b"), "path-collision"),
        ("a directory beside its like", ("a-b", "a.b", "a/b", "ab"), "ok"),
        ("capitals first", ("B", "a"), "ok"),
        ("capitals last", ("a", "B"), "path-order"),
        ("a path twice", ("a", "a"), "path-order"),
        ("descending", ("b", "a"), "path-order"),
        ("U+10000 behind U+E000", ("\ue000", "\U00010000"), "ok"),
        ("U+E000 behind U+10000, as UTF-16 has it", ("\U00010000", "\ue000"), "path-order"),
        ("U+FFFF and U+10000", ("\uffff", "\U00010000"), "ok"),
        ("shorter first", ("a\U00010000", "a\U00010000b"), "ok"),
        ("a slash is no separator to the order", ("a!/b", "a/b"), "ok"),
    ]
    made = [
        _vector(f"order: {name}", listing(*map(file, paths)), expect)
        for name, paths, expect in rows
    ]
    several = listing(file("../a"), file("c"), file("b"), link("d", "/"))
    everything = [["../a", "path"], ["b", "path-order"], ["d", "link-target"]]
    ids = ["link-target", "path", "path-order"]
    return [*made, _vector("all that is wrong at once", several, ids, problems=everything)]


def _collisions() -> list[Vector]:
    both = ("path-collision",) * 3
    cased = ("ok", "path-collision", "path-collision")
    rows: list[tuple[tuple[str, ...], tuple[Any, ...]]] = [
        (("a", "a/b"), both),
        (("a/b", "a/b/c/d"), both),
        (("A", "a"), cased),
        (("A/x", "a/y"), cased),
        (("A/x", "a"), cased),
        (("terminfo/E/Eterm", "terminfo/e/eterm"), cased),
        (("GRÖSSE", "grösse"), cased),
        (("straSSe", "straße"), cased),
        (("k", "\u212a"), ("path", *[["path", "path-collision"]] * 2)),  # Kelvin sign: not NFC
        (("S", "\u017f"), cased),
        (("\u03c2", "\u03c3"), cased),
        (("i\u0307", "\u0130"), cased),
        (("I", "\u0131"), cased),
        (("\ufb01", "\U00010400"), ("ok", "ok", "ok")),
        (("FI", "\ufb01"), cased),
        (("\U00010400", "\U00010428"), cased),
        (("a", "b"), ("ok", "ok", "ok")),
    ]
    return [
        _vector(f"together: {', '.join(map(ascii, paths))}, {system}", listing(*map(file, paths)), expect, system)
        for paths, expects in rows
        for system, expect in zip(SYSTEMS, expects, strict=True)
    ]  # fmt: skip


def _large() -> list[Vector]:
    row = strict_json.dumps(file("data/{index}.txt")).decode()
    head, tail = '{"files":[', '],"schema":1}'
    made = {"count": 100_000, "template": row}
    swapped = strict_json.dumps(file("data/000000.txt")).decode()
    return [
        {"name": "100,000 files", "platform": WINDOWS, "input": [head, made, tail], "expect": "ok"},
        {
            "name": "100,000 files, the last out of order",
            "platform": LINUX,
            "input": [head, made, ",", swapped, tail],
            "expect": "path-order",
            "problems": [["data/000000.txt", "path-order"]],
        },
        {
            "name": "64 MiB and a byte",
            "platform": LINUX,
            "input": [{"repeat": " ", "times": 64 * 1024 * 1024 + 1}],
            "expect": "json-size",
        },
    ]
