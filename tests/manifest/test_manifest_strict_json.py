from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_packager.manifest import strict_json
from runtime_packager.manifest.problems import ErrorId, IntegrityFailure

LIMIT = 2**53

REJECTED = [
    (b'\xef\xbb\xbf{"a":1}', ErrorId.JSON_ENCODING),
    (b'"\xff"', ErrorId.JSON_ENCODING),
    (b'"\xed\xa0\x80"', ErrorId.JSON_ENCODING),
    (b'"\xc0\xaf"', ErrorId.JSON_ENCODING),
    (b"", ErrorId.JSON_SYNTAX),
    (b"{", ErrorId.JSON_SYNTAX),
    (b"[1,]", ErrorId.JSON_SYNTAX),
    (b"{} {}", ErrorId.JSON_SYNTAX),
    (b"// a\n{}", ErrorId.JSON_SYNTAX),
    (b"{'a':1}", ErrorId.JSON_SYNTAX),
    (b'"a\nb"', ErrorId.JSON_SYNTAX),
    (b"01", ErrorId.JSON_SYNTAX),
    (b"+1", ErrorId.JSON_SYNTAX),
    (b'"\\x"', ErrorId.JSON_SYNTAX),
    ('"\u00a0"\u00a0'.encode(), ErrorId.JSON_SYNTAX),
    (b'{"a":1,"a":1}', ErrorId.JSON_DUPLICATE_KEY),
    (b'{"a":1,"\\u0061":2}', ErrorId.JSON_DUPLICATE_KEY),
    (b'[{"b":{"":1,"":2}}]', ErrorId.JSON_DUPLICATE_KEY),
    (b"1.0", ErrorId.JSON_NUMBER),
    (b"1e3", ErrorId.JSON_NUMBER),
    (b"-0", ErrorId.JSON_NUMBER),
    (b"NaN", ErrorId.JSON_NUMBER),
    (b"[Infinity]", ErrorId.JSON_NUMBER),
    (b"[-Infinity]", ErrorId.JSON_NUMBER),
    (str(LIMIT).encode(), ErrorId.JSON_NUMBER),
    (str(-LIMIT).encode(), ErrorId.JSON_NUMBER),
    (b"9" * 100_000, ErrorId.JSON_NUMBER),
    (b'"\\ud800"', ErrorId.JSON_SURROGATE),
    (b'{"\\udc00":1}', ErrorId.JSON_SURROGATE),
    (b'"\\udc00\\ud800"', ErrorId.JSON_SURROGATE),
    (b"[" * 9 + b"]" * 9, ErrorId.JSON_DEPTH),
    (b"[" * 1_000_000, ErrorId.JSON_DEPTH),
    (b'{"a":' * 200_000, ErrorId.JSON_DEPTH),
    (b'["\\"",' * 9, ErrorId.JSON_DEPTH),
]


def loads(data: bytes) -> Any:
    return strict_json.loads(data, max_size=2_000_000)


@pytest.mark.parametrize(("data", "error_id"), REJECTED, ids=lambda value: repr(value)[:30])
def test_what_parsers_disagree_on_is_rejected(data: bytes, error_id: ErrorId) -> None:
    with pytest.raises(IntegrityFailure) as caught:
        loads(data)
    assert caught.value.ids == {error_id}


def test_size_is_looked_at_before_anything_else() -> None:
    assert strict_json.loads(b"[1]", max_size=3) == [1]
    with pytest.raises(IntegrityFailure, match="4 bytes, at most 3") as caught:
        strict_json.loads(b"\xff[1]", max_size=3)
    assert caught.value.ids == {ErrorId.JSON_SIZE}


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b" [] \n", []),
        (b"[" * 8 + b"]" * 8, [[[[[[[[]]]]]]]]),
        (str(LIMIT - 1).encode(), LIMIT - 1),
        (str(1 - LIMIT).encode(), 1 - LIMIT),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b'"' + b"[" * 50 + b'"', "[" * 50),
        (b'["[[[[[\\"[[[[[[","\\\\","[[[["]', ['[[[[["[[[[[[', "\\", "[[[["]),
        (b"[true,null,0]", [True, None, 0]),
    ],
)
def test_the_subset_is_read(data: bytes, value: Any) -> None:
    assert loads(data) == value


SCALARS = st.none() | st.booleans() | st.integers(1 - LIMIT, LIMIT - 1) | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text('[]{}"\\a', max_size=5), inner)
    ),
    max_leaves=8,
)


def deepest(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value
    if not isinstance(value, dict | list):
        return 0
    return 1 + max(map(deepest, inner), default=0)


@given(VALUES)
def test_reading_is_the_inverse_of_writing(value: Any) -> None:
    if deepest(value) <= strict_json.MAX_DEPTH:
        assert loads(strict_json.dumps(value)) == value


@given(VALUES, st.integers(0, 12))
def test_depth_is_counted_exactly(value: Any, wrapped: int) -> None:
    for _ in range(wrapped):
        value = [value]
    data = json.dumps(value).encode()
    if deepest(value) <= strict_json.MAX_DEPTH:
        assert loads(data) == value
    else:
        with pytest.raises(IntegrityFailure, match="json-depth"):
            loads(data)


@given(st.binary(max_size=40) | st.text('[]{}",:\\u0d8 1', max_size=40).map(str.encode))
def test_any_bytes_give_a_value_or_a_rejection(data: bytes) -> None:
    try:
        value = loads(data)
    except IntegrityFailure as error:
        assert len(error.problems) == 1
    else:
        assert json.loads(data) == value


def test_writing_is_canonical() -> None:
    assert strict_json.dumps({"b": 1, "a": ["ü", "/"]}) == '{"a":["ü","/"],"b":1}'.encode()
