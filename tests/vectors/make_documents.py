"""Vectors of what has no signature: strict JSON, trusted keys, single Ed25519 signatures."""

from __future__ import annotations

from typing import Any

from vector_keys import KEYS, MANY, key_row, keyid_of, small_order_keys
from vector_parts import spell

from runtime_packager.manifest import strict_json

Vector = dict[str, Any]

LIMIT = 2**53
ORDER = 2**252 + 27742317777372353535851937790883648493
"""L of RFC 8032: the order of the base point."""

ACCEPTED: dict[str, bytes] = {
    "empty array": b"[]",
    "white space around": b" \t\r\n[]\n ",
    "depth 8": b"[" * 8 + b"]" * 8,
    "depth 8 of objects": b'{"a":' * 8 + b"1" + b"}" * 8,
    "many siblings are not depth": b"[" + b"[],{}," * 40 + b"[]]",
    "brackets in a string are not depth": b'"' + b"[{" * 40 + b'"',
    "brackets behind an escaped quote": rb'["[[[[[\"[[[[[[","\\","[[[["]',
    "2^53 - 1": str(LIMIT - 1).encode(),
    "-(2^53 - 1)": str(1 - LIMIT).encode(),
    "zero": b"0",
    "constants": b"[true,false,null]",
    "all short escapes": rb'"\"\\\/\b\f\n\r\t"',
    "an escaped pair": rb'"\ud83d\ude00"',
    "an escaped NUL": rb'"\u0000"',
    "U+2028 raw": '"\u2028\u2029"'.encode(),
    "DEL raw": b'"\x7f"',
    "the last code point": '"\U0010ffff"'.encode(),
    "a key __proto__": b'{"__proto__":{"a":1},"constructor":2}',
    "an empty key": b'{"":1}',
    "keys that differ in case": b'{"a":1,"A":2}',
    "keys that differ in form": '{"\u00e9":1,"e\u0301":2}'.encode(),
    "keys beyond the first plane": '{"\U00010000":1,"\ue000":2}'.encode(),
    "the same key in two objects": b'[{"a":1},{"a":1}]',
}

REJECTED: dict[str, tuple[bytes, str]] = {
    "a byte order mark": (b'\xef\xbb\xbf{"a":1}', "json-encoding"),
    "a byte that starts nothing": (b'"\xff"', "json-encoding"),
    "a continuation byte alone": (b'"\x80"', "json-encoding"),
    "a surrogate in UTF-8": (b'"\xed\xa0\x80"', "json-encoding"),
    "a pair of surrogates in UTF-8": (b'"\xed\xa0\xbd\xed\xb8\x80"', "json-encoding"),
    "an overlong slash": (b'"\xc0\xaf"', "json-encoding"),
    "an overlong NUL": (b'"\xc0\x80"', "json-encoding"),
    "an overlong quote of three bytes": (b'"\xe0\x80\xa2', "json-encoding"),
    "beyond the last code point": (b'"\xf4\x90\x80\x80"', "json-encoding"),
    "a cut sequence": (b'"\xe2\x82', "json-encoding"),
    "UTF-16 with a mark": ('{"a":1}'.encode("utf-16"), "json-encoding"),
    "UTF-16 without": ('{"a":1}'.encode("utf-16-le"), "json-syntax"),
    "encoding before depth": (b"[" * 9 + b"\xff", "json-encoding"),
    "depth 9": (b"[" * 9 + b"]" * 9, "json-depth"),
    "depth 9 of objects": (b'{"a":' * 9 + b"1" + b"}" * 9, "json-depth"),
    "depth before syntax": (b"x" + b"[" * 9, "json-depth"),
    "depth before a number": (b"[1.5," + b"[" * 9 + b"]" * 10, "json-depth"),
    "depth before a key twice": (b'[{"a":1,"a":1},' + b"[" * 8 + b"]" * 9, "json-depth"),
    "depth behind an escaped quote": (rb'["\"",' * 9, "json-depth"),
    "nothing": (b"", "json-syntax"),
    "only white space": (b" \n", "json-syntax"),
    "an object that does not end": (b"{", "json-syntax"),
    "closed by the other bracket": (b"[}", "json-syntax"),
    "closed twice": (b"[]]", "json-syntax"),
    "a comma at the end": (b"[1,]", "json-syntax"),
    "a comma at the end of an object": (b'{"a":1,}', "json-syntax"),
    "a comma in front": (b"[,1]", "json-syntax"),
    "no comma": (b"[1 2]", "json-syntax"),
    "no colon": (b'{"a" 1}', "json-syntax"),
    "no value": (b'{"a":}', "json-syntax"),
    "a key without quotes": (b"{a:1}", "json-syntax"),
    "a number as key": (b"{1:1}", "json-syntax"),
    "two values": (b"{} {}", "json-syntax"),
    "a comment": (b"// a\n{}", "json-syntax"),
    "single quotes": (b"{'a':1}", "json-syntax"),
    "a line feed in a string": (b'"a\nb"', "json-syntax"),
    "a raw NUL in a string": (b'"\x00"', "json-syntax"),
    "a NUL behind the value": (b"{}\x00", "json-syntax"),
    "a string that does not end": (b'"abc', "json-syntax"),
    "an escape that does not end": (b'"\\', "json-syntax"),
    "an unknown escape": (rb'"\x41"', "json-syntax"),
    "an upper-case escape": (rb'"\U00e9"', "json-syntax"),
    "three hex digits": (rb'"\u00e"', "json-syntax"),
    "hex digits that are none": (rb'"\u00g0"', "json-syntax"),
    "a sign in hex digits": (rb'"\u+123"', "json-syntax"),
    "half a pair, then a broken escape": (rb'"\ud800\u12"', "json-syntax"),
    "a leading zero": (b"01", "json-syntax"),
    "a plus": (b"+1", "json-syntax"),
    "a minus alone": (b"-", "json-syntax"),
    "a point in front": (b".5", "json-syntax"),
    "a point at the end": (b"5.", "json-syntax"),
    "an exponent without digits": (b"5e", "json-syntax"),
    "a hex number": (b"0x10", "json-syntax"),
    "digits of another script": ("\u0661".encode(), "json-syntax"),
    "True": (b"True", "json-syntax"),
    "nul": (b"nul", "json-syntax"),
    "nan": (b"nan", "json-syntax"),
    "Inf": (b"Inf", "json-syntax"),
    "undefined": (b"undefined", "json-syntax"),
    "a no-break space": ('"\u00a0"\u00a0'.encode(), "json-syntax"),
    "a form feed": (b"\x0c{}", "json-syntax"),
    "a key twice": (b'{"a":1,"a":1}', "json-duplicate-key"),
    "a key twice, once escaped": (rb'{"a":1,"\u0061":2}', "json-duplicate-key"),
    "an empty key twice": (b'[{"b":{"":1,"":2}}]', "json-duplicate-key"),
    "__proto__ twice": (b'{"__proto__":1,"__proto__":2}', "json-duplicate-key"),
    "a key twice, then what is no JSON": (b'{"a":1,"a":1}x', "json-duplicate-key"),
    "a key twice in an object that does not end": (b'{"a":1,"a":1', "json-syntax"),
    "a key twice around a number": (b'{"a":1,"a":1.5}', "json-number"),
    "1.0": (b"1.0", "json-number"),
    "1e3": (b"1e3", "json-number"),
    "1E-3": (b"1E-3", "json-number"),
    "-0": (b"-0", "json-number"),
    "-01": (b"-01", "json-number"),
    "-0.0": (b"-0.0", "json-number"),
    "NaN": (b"NaN", "json-number"),
    "Infinity": (b"[Infinity]", "json-number"),
    "-Infinity": (b"[-Infinity]", "json-number"),
    "2^53": (str(LIMIT).encode(), "json-number"),
    "-2^53": (str(-LIMIT).encode(), "json-number"),
    "2^53 + 1": (str(LIMIT + 1).encode(), "json-number"),
    "a number, then what is no JSON": (b"[1.5,,", "json-number"),
    "2^53 with a point": (f"{LIMIT}.".encode(), "json-number"),
    "half a pair": (rb'"\ud800"', "json-surrogate"),
    "the other half": (rb'"\udfff"', "json-surrogate"),
    "half a pair as key": (rb'{"\udc00":1}', "json-surrogate"),
    "a pair the wrong way round": (rb'"\udc00\ud800"', "json-surrogate"),
    "half a pair, then a letter": (rb'"\ud83dx\ude00"', "json-surrogate"),
    "a number before half a pair": (rb'["\ud800",1.5]', "json-number"),
}


def json_vectors() -> list[Vector]:
    """Every rule of strict JSON, and the order of the rules."""
    large: list[Vector] = [
        {
            "name": "a number of 100,000 digits",
            "input": [{"repeat": "9", "times": 100_000}],
            "expect": "json-number",
        },
        {
            "name": "depth 100,000",
            "input": [{"repeat": "[", "times": 100_000}],
            "expect": "json-depth",
        },
        {
            "name": "depth 100,000 of objects",
            "input": [{"repeat": '{"a":', "times": 100_000}],
            "expect": "json-depth",
        },
        {
            "name": "100,000 closing brackets",
            "input": ["1", {"repeat": "]", "times": 100_000}],
            "expect": "json-syntax",
        },
        {
            "name": "a string of backslashes that does not end",
            "input": ['"', {"repeat": "\\", "times": 100_001}],
            "expect": "json-syntax",
        },
        {"name": "as large as allowed", "input": ["[1]"], "max_size": 3, "expect": "ok"},
        {
            "name": "a byte too large, whatever is in it",
            "input": [{"base64": "/1sxXQ=="}],
            "max_size": 3,
            "expect": "json-size",
        },
    ]
    accepted = [
        {"name": name, "input": spell(data), "expect": "ok"} for name, data in ACCEPTED.items()
    ]
    rejected = [
        {"name": name, "input": spell(data), "expect": expect}
        for name, (data, expect) in REJECTED.items()
    ]
    return [*accepted, *rejected, *large]


def trusted_vectors() -> list[Vector]:
    """Lists of keys: the weak ones above all."""
    row, other = key_row(KEYS[1]), key_row(KEYS[2], "development")
    prime = 2**255 - 19
    weak = {
        **{f"small order, {key[:4]}...{key[-2:]}": key for key in small_order_keys()},
        "y is the field's prime": prime.to_bytes(32, "little").hex(),
        "y is the prime and 3": (prime + 3).to_bytes(32, "little").hex(),
        "x is 0 with a sign": (1 + 2**255).to_bytes(32, "little").hex(),
        "y is -1 with a sign": (prime - 1 + 2**255).to_bytes(32, "little").hex(),
        "all bits": "ff" * 32,
    }
    documents: list[tuple[str, Any, str]] = [
        ("one key", {"schema": 1, "keys": [row]}, "ok"),
        ("two keys and a comment", {"schema": 1, "keys": [row | {"comment": "x"}, other]}, "ok"),
        ("no key", {"schema": 1, "keys": []}, "schema"),
        ("64 keys", {"schema": 1, "keys": [key_row(key) for key in MANY[:64]]}, "ok"),
        ("65 keys", {"schema": 1, "keys": [key_row(key) for key in MANY]}, "schema"),
        ("65 weak keys", {"schema": 1, "keys": [row | {"public": small_order_keys()[0]}] * 65}, "schema"),
        ("a key twice", {"schema": 1, "keys": [row, row]}, "schema"),
        ("a key twice, two purposes", {"schema": 1, "keys": [row, key_row(KEYS[1], "development")]}, "schema"),
        ("another purpose", {"schema": 1, "keys": [row | {"purpose": "any"}]}, "schema"),
        ("a purpose that is no text", {"schema": 1, "keys": [row | {"purpose": 1}]}, "schema"),
        ("an empty comment", {"schema": 1, "keys": [row | {"comment": ""}]}, "schema"),
        ("a control character in a comment", {"schema": 1, "keys": [row | {"comment": "\u009b"}]}, "schema"),
        ("a field more", {"schema": 1, "keys": [row | {"threshold": 0}]}, "schema"),
        ("a field less", {"schema": 1, "keys": [{"keyid": row["keyid"], "public": row["public"]}]}, "schema"),
        ("a field more outside", {"schema": 1, "keys": [row], "threshold": 0}, "schema"),
        ("upper-case hex", {"schema": 1, "keys": [row | {"public": row["public"].upper()}]}, "schema"),
        ("31 bytes", {"schema": 1, "keys": [row | {"public": row["public"][2:]}]}, "schema"),
        ("another key's id", {"schema": 1, "keys": [row | {"keyid": other["keyid"]}]}, "key-invalid"),
        ("an id that is no text", {"schema": 1, "keys": [row | {"keyid": None}]}, "key-invalid"),
        ("schema 2", {"schema": 2, "keys": [row]}, "schema-version"),
        ("schema true", {"schema": True, "keys": [row]}, "schema"),
        ("no schema", {"keys": [row]}, "schema"),
        ("a list", [row], "schema"),
    ]  # fmt: skip
    documents += [
        (
            name,
            {"schema": 1, "keys": [row | {"public": key, "keyid": keyid_of(key)}]},
            "key-invalid",
        )
        for name, key in weak.items()
    ]
    return [
        {"name": name, "input": spell(strict_json.dumps(document)), "expect": expect}
        for name, document, expect in documents
    ]


def ed25519_vectors() -> list[Vector]:
    """Single signatures, besides Wycheproof's: forms that lenient libraries take."""
    key, message = KEYS[1], b"runtime-packager"
    good = key.sign(message)
    r, s = good[:32], int.from_bytes(good[32:], "little")
    identity = b"\x01" + bytes(31)
    signatures = {
        "as signed": (good, "ok"),
        "S and L": (r + (s + ORDER).to_bytes(32, "little"), "signature-invalid"),
        "S is L": (r + ORDER.to_bytes(32, "little"), "signature-invalid"),
        "S has its top bits set": (r + (s | 7 << 253).to_bytes(32, "little"), "signature-invalid"),
        "S is 0, R the identity": (identity + bytes(32), "signature-invalid"),
        "R with its sign flipped": (good[:31] + bytes([good[31] ^ 128]) + good[32:], "signature-invalid"),
        "all zero": (bytes(64), "signature-invalid"),
        "all ones": (b"\xff" * 64, "signature-invalid"),
        "empty": (b"", "signature-invalid"),
        "63 bytes": (good[:-1], "signature-invalid"),
        "65 bytes": (good + b"\0", "signature-invalid"),
        "twice": (good + good, "signature-invalid"),
    }  # fmt: skip
    made = [
        {
            "name": name,
            "key": key.public.text,
            "message": message.hex(),
            "signature": signature.hex(),
            "expect": expect,
        }
        for name, (signature, expect) in signatures.items()
    ]
    forged = [
        {
            "name": f"forged under a key of small order, {weak[:4]}...{weak[-2:]}",
            "key": weak,
            "message": message.hex(),
            "signature": (identity + bytes(32)).hex(),
            "expect": "key-invalid",
        }
        for weak in small_order_keys()
    ]
    # Not a point of the curve: no x fits this y (RFC 8032, 5.1.3, step 3).
    astray = {**made[0], "name": "a key that is no point", "key": f"{2:02x}" + "00" * 31}
    return [*made, *forged, astray | {"expect": "signature-invalid"}]
