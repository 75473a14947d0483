"""A language model small enough to train in a test, and data for it, made without any ML library.

A Llama of about 170,000 parameters with a byte-level tokenizer. The weights are random but always
the same, so that what is trained on them can be compared.
"""

from __future__ import annotations

import array
import json
import random
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HIDDEN, LAYERS, HEADS, INNER = 64, 2, 4, 256
SPECIAL = ("<pad>", "<s>", "</s>")
VOCABULARY = 256 + len(SPECIAL)

CONFIG: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": HIDDEN,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "num_key_value_heads": HEADS,
    "intermediate_size": INNER,
    "vocab_size": VOCABULARY,
    "max_position_embeddings": 512,
    "rms_norm_eps": 1e-5,
    "hidden_act": "silu",
    "tie_word_embeddings": False,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "torch_dtype": "float32",
}

PROVERBS = (
    "the early bird catches the worm",
    "a stitch in time saves nine",
    "still waters run deep",
    "many hands make light work",
)


def make_model(folder: Path, *, seed: int = 7, **changes: Any) -> Path:
    """Write the model into ``folder``, which is made; ``changes`` go into its config.json."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(CONFIG | changes))
    (folder / "model.safetensors").write_bytes(_safetensors(random.Random(seed)))
    make_tokenizer(folder)
    return folder


def make_tokenizer(folder: Path) -> None:
    """Write a tokenizer whose tokens are bytes: nothing it is given is unknown to it."""
    special = [
        {"id": number, "content": token, "special": True, "normalized": False}
        | {"single_word": False, "lstrip": False, "rstrip": False}
        for number, token in enumerate(SPECIAL)
    ]
    vocabulary = {token: number for number, token in enumerate(SPECIAL)}
    vocabulary |= {letter: len(SPECIAL) + byte for byte, letter in enumerate(_letters())}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False}
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": special,
        "normalizer": None,
        "pre_tokenizer": byte_level | {"use_regex": False},
        "post_processor": None,
        "decoder": byte_level,
        "model": {"type": "BPE", "vocab": vocabulary, "merges": [], "unk_token": None},
    }
    words = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>"}
    words |= {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    (folder / "tokenizer_config.json").write_text(json.dumps(words))


def texts(count: int = 32) -> list[dict[str, Any]]:
    """Rows of running text."""
    return [{"text": PROVERBS[number % len(PROVERBS)]} for number in range(count)]


def pairs(count: int = 32) -> list[dict[str, Any]]:
    """Rows of a prompt and what should follow."""
    rows = (PROVERBS[number % len(PROVERBS)].rpartition(" ") for number in range(count))
    return [{"prompt": start + gap, "completion": end} for start, gap, end in rows]


def talks(count: int = 32) -> list[dict[str, Any]]:
    """Rows of a conversation."""
    return [
        {
            "messages": [
                {"role": "user", "content": row["prompt"]},
                {"role": "assistant", "content": row["completion"]},
            ]
        }
        for row in pairs(count)
    ]


def jsonl(rows: list[dict[str, Any]]) -> bytes:
    """The rows as an upload."""
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def _letters() -> list[str]:
    """The letter that stands for each byte in a byte-level vocabulary, as GPT-2 has it.

    Printable bytes stand for themselves, the others for the letters from U+0100 on.
    """
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = (byte for byte in range(256) if byte not in printable)
    moved = {byte: 0x100 + number for number, byte in enumerate(others)}
    return [chr(moved.get(byte, byte)) for byte in range(256)]


def _shapes() -> Iterator[tuple[str, tuple[int, ...]]]:
    yield "lm_head.weight", (VOCABULARY, HIDDEN)
    yield "model.embed_tokens.weight", (VOCABULARY, HIDDEN)
    for layer in range(LAYERS):
        name = f"model.layers.{layer}"
        yield f"{name}.input_layernorm.weight", (HIDDEN,)
        yield f"{name}.post_attention_layernorm.weight", (HIDDEN,)
        for part in "qkvo":
            yield f"{name}.self_attn.{part}_proj.weight", (HIDDEN, HIDDEN)
        yield f"{name}.mlp.gate_proj.weight", (INNER, HIDDEN)
        yield f"{name}.mlp.up_proj.weight", (INNER, HIDDEN)
        yield f"{name}.mlp.down_proj.weight", (HIDDEN, INNER)
    yield "model.norm.weight", (HIDDEN,)


def _safetensors(source: random.Random) -> bytes:
    """The weights: the header's length, the header, the numbers one tensor after the other."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    numbers = array.array("f")
    for name, shape in _shapes():
        start = len(numbers) * 4
        if len(shape) == 1:
            numbers.extend([1.0] * shape[0])
        else:
            spread = shape[1] ** -0.5
            numbers.extend(source.gauss(0, spread) for _ in range(shape[0] * shape[1]))
        header[name] = {
            "dtype": "F32",
            "shape": list(shape),
            "data_offsets": [start, len(numbers) * 4],
        }
    if sys.byteorder == "big":
        numbers.byteswap()
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + numbers.tobytes()
