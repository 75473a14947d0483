"""The models that are found, and what keeps one from being used."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from backend_harness import Ask
from hypothesis import given
from hypothesis import strategies as st

from peft_studio.data_dir import DataDir
from peft_studio.errors import Problem, ProblemError
from peft_studio.models.library import Models
from peft_studio.models.look import look
from peft_studio.models.weights import WeightsError, parameters

TENSORS = {
    "__metadata__": {"format": "pt"},
    "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
    "b": {"dtype": "BF16", "shape": [4], "data_offsets": [24, 32]},
}


def weights(header: Any = TENSORS, size: int = 32) -> bytes:
    content = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(content)) + content + bytes(size)


def make(folder: Path) -> Path:
    """A model as far as one can see without loading it."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"architectures": ["LlamaForCausalLM"]}')
    (folder / "tokenizer.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(weights())
    return folder


def cached(data: DataDir, name: str, commit: str = "c0ffee0") -> Path:
    """A model as a hub's client keeps it: links to blobs."""
    repository = data.hub / "hub" / f"models--{name.replace('/', '--')}"
    snapshot = make(repository / "snapshots" / commit)
    (repository / "blobs").mkdir()
    (snapshot / "model.safetensors").rename(repository / "blobs" / "b10b")
    (snapshot / "model.safetensors").symlink_to("../../blobs/b10b")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    return snapshot


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    data = DataDir(tmp_path / "data")
    data.create()
    return data


def refused(data: DataDir, model: str) -> Problem:
    with pytest.raises(ProblemError) as caught:
        Models(data).resolve(model)
    return caught.value.problem


def test_local_models_and_those_of_a_hub_are_listed(ask: Ask, data: DataDir) -> None:
    assert ask("/api/models").json() == {"models": []}
    folder = make(data.models / "tiny-1.5")
    size = sum(path.stat().st_size for path in folder.iterdir())
    cached(data, "org/small")
    (data.models / "notes.txt").write_text("not a model")
    (data.hub / "hub" / "datasets--org--rows").mkdir()
    local = {
        "id": "local:tiny-1.5",
        "kind": "local",
        "name": "tiny-1.5",
        "architecture": "LlamaForCausalLM",
        "parameters": 10,
        "size": size,
        "problem": None,
    }
    hub = local | {"id": "hub:org/small", "kind": "hub", "name": "org/small"}
    assert ask("/api/models").json() == {"models": [local, hub]}


def test_what_an_id_stands_for(data: DataDir) -> None:
    folder = make(data.models / "tiny")
    models = Models(data)
    local = models.resolve("local:tiny")
    assert (local.source, local.revision, local.local) == (str(folder), None, True)
    hub = models.resolve("hub:org/not-there-yet@v1.0")
    assert (hub.source, hub.revision, hub.local) == ("org/not-there-yet", "v1.0", False)
    assert models.resolve("hub:gpt2").source == "gpt2"


def test_a_model_kept_elsewhere_may_be_linked_to(data: DataDir, tmp_path: Path) -> None:
    (data.models / "linked").symlink_to(make(tmp_path / "big disk" / "model"))
    assert Models(data).resolve("local:linked").local


WRONG = [
    "", "tiny", "local:", "local:none", "local:..", "local:../models/tiny", "local:tiny/",
    "local:.", "local:/etc", "local:a\0b", "hub:", "hub:a/b/c", "hub:../x", "hub:a..b",
    "hub:org/x@", "hub:org/x@../../y", "hub:/etc/passwd", "hub:org/x@a/b", "hub:a--b",
    "hub:x\n", "http://x/y", "hub:org/\u0665",
]  # fmt: skip


@pytest.mark.parametrize("model", WRONG)
def test_an_id_that_stands_for_nothing(data: DataDir, model: str) -> None:
    make(data.models / "tiny")
    problem = refused(data, model)
    assert (problem.status, problem.id) == (404, "model_not_found")


def without(name: str) -> Callable[[Path], Any]:
    return lambda folder: (folder / name).unlink()


def file(name: str, content: bytes) -> Callable[[Path], Any]:
    return lambda folder: (folder / name).write_bytes(content)


def pickles(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def link_out(folder: Path) -> None:
    (folder / "secret.json").symlink_to("/etc/hostname")


def link_loop(folder: Path) -> None:
    (folder / "loop").symlink_to("loop")


def pipe(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    os.mkfifo(folder / "model.safetensors")


def index(*shards: str) -> Callable[[Path], Any]:
    weight_map = {str(number): shard for number, shard in enumerate(shards)}
    content = json.dumps({"weight_map": weight_map}).encode()
    return file("model.safetensors.index.json", content)


SAFE = "model.safetensors"
FLAWS: list[tuple[Callable[[Path], Any], str, str]] = [
    (without("config.json"), "model_invalid", "has no config.json"),
    (file("config.json", b"{"), "model_invalid", "has a config.json that is not JSON"),
    (file("config.json", b"[" * 99999), "model_invalid", "has a config.json that is not JSON"),
    (file("config.json", b'{"architectures": [1]}'), "model_invalid", "names no architecture"),
    (file("config.json", b"\xff"), "model_invalid", "has a config.json that is not JSON"),
    (without("tokenizer.json"), "model_invalid", "has no tokenizer"),
    (without(SAFE), "model_invalid", "has no weights"),
    (pipe, "model_invalid", "has no weights"),
    (pickles, "model_unsafe", "has its weights only as pytorch_model.bin, which can run code"),
    (link_out, "model_unsafe", "has secret.json, a link out of its directory"),
    (index(SAFE, "model-2.safetensors"), "model_invalid", "lacks model-2.safetensors"),
    (index("../../x.safetensors"), "model_invalid", "lacks ../../x.safetensors"),
    (file(SAFE, b""), "model_invalid", f"has {SAFE}, which does not begin with the header"),
    (file(SAFE, b"\xff" * 99), "model_invalid", f"has {SAFE}, which does not begin with the"),
    (file(SAFE, weights(b"[" * 99999)), "model_invalid", "which has a header that is not JSON"),
    (file(SAFE, weights(b"[]")), "model_invalid", "which has a header that is no object"),
    (file(SAFE, weights(size=31)), "model_invalid", "which is not whole: 2"),
    (file(SAFE, weights({"a": 1})), "model_invalid", "which has a tensor without a place"),
    (file(SAFE, weights({"a": {"data_offsets": [0, 32], "shape": [9**99], "dtype": "?"}})),
     "model_invalid", "which has a tensor whose shape does not fit its place"),
    (file(SAFE, weights({"a": {"data_offsets": [0, 32], "shape": [9] * 99}})),
     "model_invalid", "which has a tensor without a shape"),
]  # fmt: skip


@pytest.mark.parametrize(("spoil", "kind", "message"), FLAWS)
def test_a_flaw_is_listed_and_keeps_the_model_from_being_used(
    ask: Ask, data: DataDir, spoil: Callable[[Path], Any], kind: str, message: str
) -> None:
    spoil(make(data.models / "tiny"))
    (listed,) = ask("/api/models").json()["models"]
    assert message in listed["problem"]
    problem = refused(data, "local:tiny")
    assert (problem.status, problem.id) == (422, kind)
    assert problem.message == f"the model local:tiny {listed['problem']}"


def test_a_link_that_leads_to_itself_is_no_file(ask: Ask, data: DataDir) -> None:
    link_loop(make(data.models / "tiny"))
    assert ask("/api/models").status_code == 200


def test_shards_are_counted_together(data: DataDir) -> None:
    folder = make(data.models / "tiny")
    (folder / "model-2.safetensors").write_bytes(weights())
    (folder / "left-over.safetensors").write_bytes(b"not of the model")
    index(SAFE, "model-2.safetensors")(folder)
    assert look(folder, folder).parameters == 20


@pytest.mark.parametrize("name", [b"two words", b"-dash", b"caf\xc3\xa9", b"not \xff unicode"])
def test_a_name_that_cannot_be_asked_for_is_listed_with_what_to_do(
    ask: Ask, data: DataDir, name: bytes
) -> None:
    make(data.models / os.fsdecode(name))
    (listed,) = ask("/api/models").json()["models"]
    assert listed["problem"].startswith("has a name with other characters")
    assert refused(data, listed["id"]).status in (404, 422)


def test_pickles_of_a_hub_are_refused(data: DataDir) -> None:
    pickles(cached(data, "org/old"))
    assert refused(data, "hub:org/old").id == "model_unsafe"


def test_the_one_revision_that_is_there_is_shown(ask: Ask, data: DataDir) -> None:
    snapshot = cached(data, "org/pinned")
    (snapshot.parents[1] / "refs" / "main").unlink()
    (listed,) = ask("/api/models").json()["models"]
    assert (listed["id"], listed["parameters"]) == ("hub:org/pinned", 10)


HEADERS = st.dictionaries(
    st.text(max_size=3),
    st.fixed_dictionaries(
        {},
        optional={
            "dtype": st.sampled_from(["F32", "BF16", "U8", "F4", "new", None]),
            "shape": st.lists(st.integers(-1, 5) | st.none() | st.floats(), max_size=4),
            "data_offsets": st.lists(st.integers(-1, 40), max_size=3),
        },
    )
    | st.none(),
    max_size=3,
).map(weights)


@given(content=st.binary(max_size=64) | HEADERS)
def test_whatever_the_weights_are_they_are_counted_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / SAFE
    path.write_bytes(content)
    try:
        assert 0 <= parameters(path) <= 8 * len(content)
    except WeightsError as error:
        assert str(error)
