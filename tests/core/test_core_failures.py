"""Failures of several platforms as one error: all of them, each said once."""

import pytest

from runtime_packager.errors import (
    BuildError,
    Failures,
    InputError,
    IntegrityError,
    NetworkError,
    PackagerError,
)


def collect(**errors: PackagerError) -> Failures:
    failures = Failures()
    for name, error in errors.items():
        with failures.of(name):
            raise error
    return failures


def raised(failures: Failures) -> PackagerError:
    with pytest.raises(PackagerError) as caught:
        failures.raise_any("cannot be assembled")
    return caught.value


def test_nothing_failed_nothing_raised() -> None:
    Failures().raise_any("cannot be assembled")


def test_one_is_raised_as_it_is() -> None:
    error = NetworkError("no network", "plug it in")
    assert raised(collect(win=error)) is error


def test_one_among_several_says_whose_it_is() -> None:
    failures = collect(win=NetworkError("no network", "plug it in"))
    with failures.of("linux"):
        pass
    error = raised(failures)
    assert (type(error), error.message, error.hint) == (
        NetworkError,
        "win: no network",
        "plug it in",
    )
    named = collect(win=BuildError("bad DLL for win"))
    with named.of("linux"):
        pass
    assert raised(named).message == "bad DLL for win"


def test_one_subject_may_have_several() -> None:
    failures = Failures()
    for error in (BuildError("bad in x64"), BuildError("bad in arm64")):
        with failures.of("universal"):
            raise error
    error = raised(failures)
    assert error.message == "universal cannot be assembled"
    assert error.details == ("universal: bad in x64", "universal: bad in arm64")


def test_several_are_listed_with_their_details_and_hints() -> None:
    error = raised(
        collect(
            win=BuildError("bad DLL", "choose another", details=["a.dll"]),
            mac=BuildError("bad dylib", "sign it"),
        )
    )
    assert type(error) is BuildError
    assert error.message == "win, mac cannot be assembled"
    assert error.details == ("win: bad DLL", "  a.dll", "mac: bad dylib")
    assert error.hint == "choose another; sign it"


def test_the_same_for_several_is_said_once() -> None:
    same = [InputError("no such script", "add it") for _ in range(3)]
    error = raised(collect(win=same[0], linux=same[1], mac=InputError("else")))
    assert error.details == ("win, linux: no such script", "mac: else")
    assert raised(collect(win=same[0], linux=same[1])).details == ("win, linux: no such script",)


def test_a_subjects_own_name_makes_no_difference() -> None:
    error = raised(
        collect(
            win=BuildError("2 things fail on win", details=["a for win", "source-win: gone"]),
            mac=BuildError("2 things fail on mac", details=["a for mac", "source-win: gone"]),
            tux=BuildError("1 thing fails on tux"),
        )
    )
    assert error.details == (
        "win, mac: 2 things fail on each",
        "  a for each",
        "  source-win: gone",
        "tux: 1 thing fails on tux",
    )


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ([NetworkError, NetworkError], NetworkError),
        ([NetworkError, InputError], BuildError),
        ([InputError, IntegrityError], IntegrityError),
    ],
)
def test_the_kind_is_the_common_or_the_gravest(kinds, expected) -> None:
    errors = {f"t{n}": kind(f"error {n}") for n, kind in enumerate(kinds)}
    assert type(raised(collect(**errors))) is expected


def test_a_bug_is_not_noted() -> None:
    with pytest.raises(ZeroDivisionError), Failures().of("win"):
        _ = 1 / 0
