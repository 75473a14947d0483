"""Vectors of releases: the payload that was signed, and what its caller wants."""

from __future__ import annotations

from typing import Any

from make_documents import Vector
from vector_parts import spell

from runtime_packager.manifest import strict_json
from runtime_packager.platforms import TARGETS

RELEASE: dict[str, Any] = {
    "schema": 1,
    "must_understand": [],
    "product": "PEFT Studio",
    "version": "1.2.3",
    "epoch": 7,
    "platform": "linux-x64",
    "files_sha256": "11" * 32,
    "files_size": 1223,
    "file_count": 9,
    "tree_root": "22" * 32,
    "executables": [
        {"path": "peft_engine", "sha256": "33" * 32, "size": 14},
        {"path": "python/bin/python3.12", "sha256": "44" * 32, "size": 64},
    ],
    "interpreters": [
        {
            "python": "3.12.14",
            "source": "python-build-standalone",
            "origin": "mirror.example",
            "release": "20260310",
            "asset": "cpython-3.12.14.tar.gz",
            "sha256": "ab" * 32,
            "official": True,
        }
    ],
    "lock_sha256": "cd" * 32,
    "tool": "runtime-packager 0.1.0",
    "created": "2023-11-14T22:13:20Z",
    "inputs": "ef" * 32,
}


def release_vectors() -> list[Vector]:
    def changed(**changes: Any) -> bytes:
        found = RELEASE | changes
        return strict_json.dumps({name: value for name, value in found.items() if value is not ...})

    def interpreter(**changes: Any) -> bytes:
        found = RELEASE["interpreters"][0] | changes
        return changed(interpreters=[{k: v for k, v in found.items() if v is not ...}])

    def executables(*paths: Any, **more: Any) -> bytes:
        return changed(
            executables=[{"path": path, "sha256": "33" * 32, "size": 1} for path in paths], **more
        )

    program = RELEASE["executables"][0]
    rows: list[tuple[str, bytes, str]] = [
        ("as it should be", changed(), "ok"),
        *((f"for {target.name}", changed(platform=target.name), "ok") for target in TARGETS),
        ("a field nobody knows", changed(colour="blue"), "ok"),
        ("an empty list of executables", changed(executables=[]), "ok"),
        ("two interpreters", changed(interpreters=RELEASE["interpreters"] * 2), "ok"),
        ("an interpreter from nowhere", interpreter(release="", asset="", sha256=""), "ok"),
        ("a leap day", changed(created="2024-02-29T00:00:00Z"), "ok"),
        ("known fields to understand", changed(must_understand=["epoch", "schema"]), "ok"),
        *((f"no {name}", changed(**{name: ...}), "schema") for name in RELEASE),
        *((f"{name} null", changed(**{name: None}), "schema") for name in RELEASE),
        ("schema 2", changed(schema=2), "schema-version"),
        ("schema 0", changed(schema=0), "schema-version"),
        ("schema true", changed(schema=True), "schema"),
        ("a field to understand", changed(must_understand=["colour"], colour="b"), "must-understand"),
        ("a newer verifier before a field less", changed(must_understand=["x"], tool=...), "must-understand"),
        ("an empty name to understand", changed(must_understand=[""]), "schema"),
        ("an empty product", changed(product=""), "schema"),
        ("a product of 1024 bytes", changed(product="é" * 512), "ok"),
        ("a product of 1025 bytes", changed(product="é" * 512 + "x"), "schema"),
        ("a line feed in the version", changed(version="1\n2"), "schema"),
        ("DEL in the version", changed(version="1\x7f2"), "schema"),
        ("a negative epoch", changed(epoch=-1), "schema"),
        ("an epoch that is true", changed(epoch=True), "schema"),
        ("an epoch in quotes", changed(epoch="7"), "schema"),
        ("a platform nobody knows", changed(platform="beos-ppc"), "schema"),
        ("an alias of a platform", changed(platform="win32-x64"), "schema"),
        ("a platform of every object", changed(platform="constructor"), "schema"),
        ("upper-case hex", changed(files_sha256="AB" * 32), "schema"),
        ("hex and a line feed", changed(tree_root="a" * 63 + "\n"), "schema"),
        ("63 digits", changed(tree_root="a" * 63), "schema"),
        ("digits of another script", changed(tree_root="\u0663" * 64), "schema"),
        ("no interpreter", changed(interpreters=[]), "schema"),
        ("an interpreter with a field more", interpreter(extra=1), "schema"),
        ("an interpreter with a field less", interpreter(asset=...), "schema"),
        ("an interpreter without a version", interpreter(python=""), "schema"),
        ("official 1", interpreter(official=1), "schema"),
        ("a source that is no text", interpreter(release=0), "schema"),
        ("a digest that is none", interpreter(sha256="ab"), "schema"),
        ("executables in an object", changed(executables={}), "schema"),
        ("an executable with a field more", changed(executables=[program | {"mode": "0755"}]), "schema"),
        ("an executable of negative size", changed(executables=[program | {"size": -1}]), "schema"),
        ("a path that is no text", executables(1), "schema"),
        ("executables twice", executables("a", "a"), "path-order"),
        ("executables that descend", executables("b", "a"), "path-order"),
        ("an executable outside", executables("../a"), "path"),
        ("an executable named for Linux", executables("aa:b"), "ok"),
        ("not for Windows", executables("aa:b", platform="win-x64"), "path"),
        ("a day that is none", changed(created="2023-02-29T00:00:00Z"), "schema"),
        ("month 13", changed(created="2023-13-01T00:00:00Z"), "schema"),
        ("the year 0", changed(created="0000-01-01T00:00:00Z"), "schema"),
        ("24 o'clock", changed(created="2023-01-01T24:00:00Z"), "schema"),
        ("a leap second", changed(created="2016-12-31T23:59:60Z"), "schema"),
        ("a lower-case z", changed(created="2023-11-14T22:13:20z"), "schema"),
        ("an offset", changed(created="2023-11-14T22:13:20+00:00"), "schema"),
        ("fractions", changed(created="2023-11-14T22:13:20.0Z"), "schema"),
        ("a line feed behind", changed(created="2023-11-14T22:13:20Z\n"), "schema"),
        ("a list", b"[]", "schema"),
        ("a text", b'"release"', "schema"),
        ("no JSON", b"release", "json-syntax"),
    ]  # fmt: skip
    made: list[Vector] = [
        {"name": name, "input": spell(data), "expect": expect} for name, data, expect in rows
    ]
    wanted: list[tuple[str, dict[str, Any], str]] = [
        ("the platform that is wanted", {"platform": "linux-x64"}, "ok"),
        ("another platform", {"platform": "linux-arm64"}, "platform"),
        ("the same epoch", {"minimum_epoch": 7}, "ok"),
        ("an older epoch", {"minimum_epoch": 8}, "epoch"),
        ("platform before epoch", {"platform": "win-x64", "minimum_epoch": 8}, "platform"),
    ]
    made += [
        {"name": name, "input": spell(changed()), "expect": expect} | options
        for name, options, expect in wanted
    ]
    made.append(
        {
            "name": "8 MiB and a byte",
            "input": [{"repeat": " ", "times": 8 * 1024 * 1024 + 1}],
            "expect": "json-size",
        }
    )
    return made
