"""Owners who make a root on the command line, one after the other, and what it then protects."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from manifest_examples import example_key, sealed_tree
from root_examples import ANNA, BEN, CARL, DORA, EVE, ids

from runtime_packager.cli import main
from runtime_packager.manifest import save_key, seal
from runtime_packager.manifest.keyfile import seal_key
from runtime_packager.manifest.trusted import key_row

OWNERS = {"anna": ANNA, "ben": BEN, "carl": CARL, "dora": DORA, "eve": EVE}
DEVELOPMENT = example_key("development", 2)
HELD, NEXT = "manifests/root.dsse.json", "manifests/root.next.dsse.json"

Run = Callable[..., Any]


def command(*words: object) -> int:
    with pytest.raises(SystemExit) as caught:
        main([str(word) for word in words])
    return int(caught.value.code or 0)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose owners' keys lie in it, quickly opened, and a runtime that Carl signed."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app/main.py").write_text("")
    (tmp_path / "pyproject.toml").write_text(
        '[tool.runtime-packager]\nname = "x"\nversion = "1"\napp = "app"\npython = "3.12.14"\n'
    )
    for name, key in OWNERS.items():
        file = tmp_path / f"{name}.json"
        file.write_bytes(seal_key(key, b"secret", scrypt_n=2**10))
        file.chmod(0o600)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNTIME_PACKAGER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("RUNTIME_PACKAGER_PASSPHRASE", "secret")
    monkeypatch.delenv("RUNTIME_PACKAGER_KEY", raising=False)
    sealed = sealed_tree(tmp_path / "runtime")
    seal(sealed.root, sealed.entries, sealed.facts, CARL)
    return tmp_path


@pytest.fixture
def run(project: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command and return its JSON, or the error's kind and text when it fails."""

    def run(*words: object) -> Any:
        capsys.readouterr()
        code = command(*words, "--json")
        answer = json.loads(capsys.readouterr().out)
        assert answer["ok"] is (code == 0)
        return answer if code == 0 else (code, f"{answer['error']['message']}")

    return run


def begun(run: Run) -> None:
    """Anna and Ben make roots together; Carl or Dora signs releases."""
    words = ["--add", "root", "anna.json", "--add", "root", "ben.json", "--threshold", "root", "2"]
    words += ["--add", "release", "carl.json", "--add", "release", DORA.public.text]
    made = run("keys", "root", "init", *words)
    assert (made["version"], made["holds"]) == (1, False)


def signed(run: Run, *owners: str) -> Any:
    answers = [run("keys", "root", "sign", "--key", f"{owner}.json") for owner in owners]
    return answers[-1]


def held(run: Run) -> None:
    begun(run)
    assert signed(run, "anna", "ben")["holds"]


def test_a_root_holds_once_the_last_owner_has_signed(project: Path, run: Run) -> None:
    begun(run)
    assert not (project / HELD).exists()
    first = signed(run, "anna")
    assert first["wanted"] == [{"count": 1, "keyids": [BEN.public.keyid]}]
    assert not (project / HELD).exists()
    assert signed(run, "anna")["wanted"] == first["wanted"]  # Twice is once.
    assert signed(run, "ben")["holds"]
    assert not (project / NEXT).exists()
    assert (project / HELD).read_bytes() == (project / "manifests/root.1.dsse.json").read_bytes()
    assert run("keys", "root", "show")["root"]["version"] == 1


def test_an_owner_is_named_by_what_keys_show_prints(
    project: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    held(run)
    capsys.readouterr()
    assert command("keys", "show", "eve.json", "--comment", "Eve's token") == 0
    shown = json.loads(capsys.readouterr().out)
    (project / "eve.pub.json").write_text(json.dumps(shown))
    draft = run("keys", "root", "change", "--add", "release", "eve.pub.json")
    assert {"keyid": EVE.public.keyid, "comment": "Eve's token"} in draft["keys"]
    for comment in ("two\nlines", "x" * 1025):
        assert run("keys", "show", "eve.json", "--comment", comment)[0] == 2
    shown["keys"].append(shown["keys"][0] | {"public": "00" * 32})
    for text, words in ((json.dumps(shown), "no private key"), ("{}", "no private key")):
        (project / "eve.pub.json").write_text(text)
        (project / "eve.pub.json").chmod(0o600)
        code, message = run("keys", "root", "change", "--add", "release", "eve.pub.json")
        assert code == 2
        assert words in message
    assert "small order" in run("keys", "root", "change", "--add", "release", "00" * 32)[1]
    assert "cannot be read" in run("keys", "root", "change", "--add", "release", "nowhere")[1]


def test_only_the_roots_own_keys_sign_it(project: Path, run: Run) -> None:
    begun(run)
    before = (project / NEXT).read_bytes()
    for owner in ("carl", "eve"):
        code, message = run("keys", "root", "sign", "--key", f"{owner}.json")
        assert code == 2
        assert "makes no roots" in message
    assert (project / NEXT).read_bytes() == before


def test_verify_believes_what_the_root_says(project: Path, run: Run) -> None:
    held(run)
    found = run("verify", "runtime")
    assert found["signed_by"]["keyids"] == [CARL.public.keyid]
    run("sign", "runtime", "--key", "eve.json")
    code, message = run("verify", "runtime")
    assert code == 5
    assert "key-untrusted" in message
    run("sign", "runtime", "--key", "anna.json")  # Who makes roots signs no releases.
    assert run("verify", "runtime")[0] == 5


def test_rotating_a_key(project: Path, run: Run) -> None:
    held(run)
    run("keys", "rotate", CARL.public.keyid[:8], "eve.json")
    assert run("verify", "runtime")["ok"]  # Until the owners have signed.
    made = signed(run, "anna", "ben")
    assert made["version"] == 2
    assert [key["keyid"] for key in made["keys"]] == list(ids(ANNA, BEN, DORA, EVE))
    assert run("verify", "runtime")[0] == 5
    assert run("sign", "runtime", "--key", "eve.json")
    assert run("verify", "runtime")["signed_by"]["keyid"] == EVE.public.keyid


def test_rotating_an_owner_takes_the_old_and_the_new_threshold(project: Path, run: Run) -> None:
    held(run)
    draft = run("keys", "rotate", BEN.public.keyid, "eve.json")
    assert [one["count"] for one in draft["wanted"]] == [2, 2]
    assert not signed(run, "anna", "ben")["holds"]
    assert signed(run, "eve")["holds"]
    run("keys", "root", "change", "--expires", "2099-01-01")
    assert run("keys", "root", "sign", "--key", "ben.json")[0] == 2
    assert signed(run, "anna", "eve")["version"] == 3


def test_revoking_a_key(project: Path, run: Run) -> None:
    held(run)
    run("keys", "revoke", CARL.public.keyid)
    assert signed(run, "anna", "ben")["revoked"] == [CARL.public.keyid]
    code, message = run("verify", "runtime")
    assert code == 5
    assert "key-revoked" in message
    code, message = run("keys", "root", "change", "--add", "release", "carl.json")
    assert code == 2
    assert "revoked" in message
    # The root before is followed to this one, and does not vouch for Carl either.
    roots = ("--root", "manifests/root.1.dsse.json", "--root", HELD)
    assert run("verify", "runtime", *roots)[0] == 5
    assert run("verify", "runtime", *roots[:2])["ok"]


def test_taking_a_key_out_of_a_role(project: Path, run: Run) -> None:
    held(run)
    run("keys", "root", "change", "--remove", "release", CARL.public.keyid[:12])
    made = signed(run, "anna", "ben")
    assert made["roles"]["release"]["keyids"] == list(ids(DORA))
    assert made["revoked"] == []
    assert "key-untrusted" in run("verify", "runtime")[1]
    code, message = run("keys", "root", "change", "--remove", "root", DORA.public.keyid)
    assert code == 2
    assert "has not the role root" in message


def test_a_role_keeps_enough_keys(project: Path, run: Run) -> None:
    held(run)
    code, message = run("keys", "revoke", ANNA.public.keyid)
    assert code == 2
    assert "a threshold of 2 and 1 keys" in message
    assert not (project / NEXT).exists()
    draft = run("keys", "revoke", ANNA.public.keyid, "--new", "eve.json")
    assert draft["revoked"] == [ANNA.public.keyid]
    assert sorted(draft["roles"]["root"]["keyids"]) == sorted(ids(BEN, EVE))


def test_a_root_names_64_keys_at_most(project: Path, run: Run) -> None:
    held(run)
    more = [example_key(seed=number).public.text for number in range(100, 161)]
    words = [word for key in more for word in ("--add", "release", key)]
    code, message = run("keys", "root", "change", *words)
    assert code == 2
    assert "at most 64 keys expected, 65 found" in message
    assert not (project / NEXT).exists()
    assert len(run("keys", "root", "change", *words[3:])["roles"]["release"]["keyids"]) == 62
    assert signed(run, "anna", "ben")["holds"]


def test_changes_come_together_in_one_version(project: Path, run: Run) -> None:
    held(run)
    run("keys", "revoke", CARL.public.keyid)
    signed(run, "anna")
    run("keys", "root", "change", "--add", "release", "eve.json", "--threshold", "release", 2)
    draft = run("keys", "root", "show")["next"]
    assert draft["version"] == 2
    assert draft["roles"]["release"]["keyids"] == list(ids(DORA, EVE))
    assert draft["wanted"] == [{"count": 2, "keyids": list(ids(ANNA, BEN))}]  # Anna signs anew.


def test_a_release_that_two_sign(project: Path, run: Run) -> None:
    held(run)
    run("keys", "root", "change", "--threshold", "release", 2)
    signed(run, "anna", "ben")
    code, message = run("verify", "runtime")
    assert code == 5
    assert "[threshold]" in message
    run("sign", "runtime", "--add", "--key", "dora.json")
    assert run("verify", "runtime")["signed_by"]["keyids"] == [
        CARL.public.keyid,
        DORA.public.keyid,
    ]
    run("sign", "runtime", "--key", "dora.json")
    assert run("verify", "runtime")[0] == 5


def test_the_development_key_is_believed_of_what_it_signed_alone(project: Path, run: Run) -> None:
    save_key(DEVELOPMENT, project / "cache/keys/development.json")
    held(run)
    run("keys", "root", "change", "--threshold", "release", 2)
    signed(run, "anna", "ben")
    development = ("--key", "cache/keys/development.json", "--allow-unofficial-interpreter")
    run("sign", "runtime", "--add", *development)
    # It does not make up for the second release key, and --root does not know it.
    found = run("verify", "runtime")
    assert found["signed_by"] == {
        "keyid": DEVELOPMENT.public.keyid,
        "keyids": [DEVELOPMENT.public.keyid],
        "purpose": "development",
    }
    assert run("verify", "runtime", "--root", HELD)[0] == 5
    run("sign", "runtime", "--add", "--key", "dora.json")
    assert run("verify", "runtime")["signed_by"]["purpose"] == "release"


def test_no_root_names_a_development_key(project: Path, run: Run) -> None:
    save_key(DEVELOPMENT, project / "development.json")
    words = ("--add", "root", "anna.json", "--add", "release", "development.json")
    code, message = run("keys", "root", "init", *words)
    assert code == 2
    assert "is a development key" in message


def test_an_expired_root_verifies_but_no_update(project: Path, run: Run) -> None:
    held(run)
    run("keys", "root", "change", "--expires", "2020-02-29")
    signed(run, "anna", "ben")
    assert run("verify", "runtime")["ok"]
    code, message = run("verify", "runtime", "--unexpired")
    assert code == 5
    assert "expired" in message
    run("keys", "root", "change", "--expires", "never")
    signed(run, "anna", "ben")
    assert run("verify", "runtime", "--unexpired")["ok"]


def test_only_a_root_can_be_asked_whether_it_expired(project: Path, run: Run) -> None:
    (project / "manifests").mkdir()
    asked = ("verify", "runtime", "--unexpired")
    assert "only a root document expires" in run(*asked)[1]
    shown = project / "manifests/trusted-keys.json"
    shown.write_text(json.dumps({"schema": 1, "keys": [key_row(CARL.public)]}))
    assert run("verify", "runtime")["ok"]
    assert "only a root document expires" in run(*asked)[1]
    assert run(*asked, "--trusted", shown)[0] == 2


@pytest.mark.parametrize("day", ["2030-2-3", "tomorrow", "2030-02-30"])
def test_a_day_that_is_none(project: Path, run: Run, day: str) -> None:
    held(run)
    assert run("keys", "root", "change", "--expires", day)[0] == 2


def test_an_older_root_is_not_taken_again(project: Path, run: Run) -> None:
    held(run)
    for number in (2, 3):
        run("keys", "root", "change", "--expires", f"209{number}-01-01")
        signed(run, "anna", "ben")
    one, two, three = (f"manifests/root.{number}.dsse.json" for number in (1, 2, 3))
    assert run("keys", "root", "show", one, two, three)["root"]["version"] == 3
    for chain in ((three, two), (one, three), (two, one), (two, two)):
        code, message = run("keys", "root", "show", *chain)
        assert code == 5
        assert "root-version" in message


def test_a_root_that_was_changed_by_hand_is_not_believed(project: Path, run: Run) -> None:
    held(run)
    forged = json.loads((project / HELD).read_bytes())
    forged["signatures"] = forged["signatures"][:1]
    (project / HELD).write_text(json.dumps(forged))
    for words in (("verify", "runtime"), ("keys", "root", "show"), ("keys", "revoke", "00" * 32)):
        code, message = run(*words)
        assert code == 5
        assert "root-threshold" in message
        assert "root.dsse.json" in message


def test_a_draft_that_does_not_follow_is_named(project: Path, run: Run) -> None:
    begun(run)
    stale = (project / NEXT).read_bytes()
    signed(run, "anna", "ben")
    (project / NEXT).write_bytes(stale)
    code, message = run("keys", "root", "sign", "--key", "anna.json")
    assert code == 2
    assert "version 1, 2 expected" in message
    shutil.copy(project / HELD, project / NEXT)  # As after a crash behind the last step but one.
    assert run("keys", "root", "change", "--expires", "2099-01-01")["version"] == 2


def test_a_signed_draft_holds_after_a_crash_before_it_did(project: Path, run: Run) -> None:
    held(run)
    run("keys", "root", "change", "--expires", "2099-01-01")
    signed(run, "anna", "ben")
    shutil.copy(project / HELD, project / NEXT)
    shutil.copy(project / "manifests/root.1.dsse.json", project / HELD)
    assert signed(run, "anna")["holds"]
    assert run("keys", "root", "show") == {
        "ok": True,
        "root": run("keys", "root", "show", HELD)["root"],
        "next": None,
    }
    assert run("keys", "root", "show")["root"]["version"] == 2


def test_a_change_that_changes_nothing_keeps_the_signatures(project: Path, run: Run) -> None:
    held(run)
    run("keys", "root", "change", "--expires", "2099-01-01")
    signed(run, "anna")
    before = (project / NEXT).read_bytes()
    for words in ((), ("--expires", "2099-01-01"), ("--threshold", "root", 2)):
        assert run("keys", "root", "change", *words) == (2, "nothing changes")
    assert (project / NEXT).read_bytes() == before


def test_there_is_one_first_root(project: Path, run: Run) -> None:
    held(run)
    code, message = run("keys", "root", "init", "--add", "root", "eve.json")
    assert code == 2
    assert "exists already" in message
    assert run("keys", "root", "change")[1] == "nothing changes"


def test_without_a_root_there_is_nothing_to_change(project: Path, run: Run) -> None:
    assert "does not exist" in run("keys", "revoke", "00" * 32)[1]
    assert "does not exist" in run("keys", "root", "sign", "--key", "anna.json")[1]
    assert "does not exist" in run("keys", "root", "show")[1]


def test_a_key_is_named_by_an_unmistakable_prefix(project: Path, run: Run) -> None:
    held(run)
    for text in (ANNA.public.keyid[:7], "0" * 8, "anna"):
        code, message = run("keys", "rotate", text, "eve.json")
        assert code == 2
        assert "does not name one key" in message
    code, message = run("keys", "rotate", EVE.public.keyid, "carl.json")
    assert "has no role" in message


def lying(project: Path) -> str:
    program = project / "sign.py"
    program.write_text("import sys; sys.stdin.buffer.read(); sys.stdout.buffer.write(bytes(64))")
    return f"{sys.executable} {program}"


@pytest.mark.parametrize("words", [("sign", "runtime"), ("keys", "root", "sign")])
def test_a_command_that_signs_wrongly_changes_nothing(
    project: Path, run: Run, words: tuple[str, ...]
) -> None:
    begun(run)
    files = [project / NEXT, project / "runtime/manifest/release.dsse.json"]
    before = [file.read_bytes() for file in files]
    code, message = run(*words, "--key", f"cmd:{ANNA.public.text}:{lying(project)}")
    assert code == 4
    assert "does not verify" in message
    assert [file.read_bytes() for file in files] == before


def test_people_are_told_who_has_to_sign(
    project: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    begun(run)
    assert command("keys", "root", "sign", "--key", "anna.json") == 0
    shown = capsys.readouterr().err
    assert f"1 more of these have to sign: {BEN.public.keyid[:16]}" in shown
    assert command("keys", "root", "show") == 0
    shown = capsys.readouterr().out
    assert all(key.public.keyid in shown for key in (ANNA, BEN, CARL, DORA))


def test_who_is_asked_to_sign_sees_every_change(
    project: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    held(run)
    run("keys", "revoke", CARL.public.keyid)
    posing = {"schema": 1, "keys": [key_row(EVE.public) | {"comment": "An\u202ena"}]}
    (project / "eve.pub.json").write_text(json.dumps(posing))
    run("keys", "root", "change", "--add", "root", "eve.pub.json", "--threshold", "root", 1)
    capsys.readouterr()
    assert command("keys", "root", "show") == 0
    shown = capsys.readouterr().out.splitlines()
    assert [line for line in shown if line.startswith(("+", "-"))] == [
        "- version 1, expires never",
        "+ version 2, expires never",
        "- 2 of 2 keys have to sign as root",
        "+ 1 of 3 keys have to sign as root",
        f"+   root    {EVE.public.keyid} An\\u202ena",
        "- 1 of 2 keys have to sign as release",
        "+ 1 of 1 keys have to sign as release",
        f"-   release {CARL.public.keyid}",
        f"+   revoked {CARL.public.keyid}",
    ]
