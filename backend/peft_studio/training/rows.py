"""Rows of a data set as tokens, with a label for each token that is to be learned."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from peft_studio.libraries.faults import Fault

_log = logging.getLogger(__name__)

IGNORED = -100
"""The label of a token that is read but not learned (PyTorch's ``ignore_index``)."""

Row = Mapping[str, Any]
Tokens = dict[str, list[int]]


def tokenised(data: Path, cache: Path, tokenizer: Any, max_length: int) -> Any:
    """The data set as a ``datasets.Dataset`` of ``input_ids`` and ``labels``.

    Rows of which nothing is left to learn, because the prompt alone fills ``max_length``, are
    left out.

    :param cache: where ``datasets`` keeps its files.
    :raises Fault: ``dataset_invalid`` when no row is left or a row does not fit the
        model's chat template.
    """
    import datasets

    rows = datasets.load_dataset(
        "json",
        data_files=str(data),
        split="train",
        cache_dir=str(cache),
        # Left to itself it takes a text that looks like a date for one.
        features=_features(data),
    )
    done = rows.map(
        lambda row: tokens(row, tokenizer, max_length),
        remove_columns=rows.column_names,
        # Not by the function's hash, which would have to reach into the tokenizer.
        new_fingerprint=f"tokens-{max_length}",
    ).filter(
        lambda row: any(label != IGNORED for label in row["labels"]),
        new_fingerprint=f"learned-{max_length}",
    )
    if len(done) < len(rows):
        _log.warning("%d of %d rows have nothing to learn", len(rows) - len(done), len(rows))
    if not len(done):
        raise Fault(
            "dataset_invalid",
            f"within {max_length} tokens no row has anything to learn",
            "raise max_length, or shorten the prompts",
        )
    return done


def _features(data: Path) -> Any:
    """What the columns are, by the first row; all rows have one form."""
    import datasets

    text = datasets.Value("string")
    with data.open(encoding="utf-8") as lines:
        first = json.loads(lines.readline())
    forms = dict.fromkeys(first, text)
    if "messages" in first:
        forms["messages"] = [{"role": text, "content": text}]
    return datasets.Features(forms)


def tokens(row: Row, tokenizer: Any, max_length: int) -> Tokens:
    """One row. Prompts, and what others than the assistant say, are read but not learned."""
    if row.get("messages") is not None:
        ids, labels = _talk(row["messages"], tokenizer)
    else:
        prompt = _ids(tokenizer, row.get("prompt") or "")
        answer = _ids(tokenizer, row["text"] if row.get("text") is not None else row["completion"])
        answer = [*answer, *_end(tokenizer)]
        ids, labels = prompt + answer, [IGNORED] * len(prompt) + answer
    return {"input_ids": ids[:max_length], "labels": labels[:max_length]}


def _talk(messages: Sequence[Row], tokenizer: Any) -> tuple[list[int], list[int]]:
    if not tokenizer.chat_template:
        return _plain_talk(messages, tokenizer)
    try:
        return _templated_talk(messages, tokenizer)
    except Exception as error:
        # The template is the model's own program: it refuses what it does not know as it likes.
        raise Fault(
            "dataset_invalid",
            "a conversation does not fit the model's chat template",
            "many models know no system role, or want user and assistant to take turns",
        ) from error


def _plain_talk(messages: Sequence[Row], tokenizer: Any) -> tuple[list[int], list[int]]:
    ids: list[int] = []
    labels: list[int] = []
    for message in messages:
        head = _ids(tokenizer, f"{message['role']}: ")
        body = [*_ids(tokenizer, f"{message['content']}\n"), *_end(tokenizer)]
        ids += head + body
        learned = message["role"] == "assistant"
        labels += [IGNORED] * len(head) + (body if learned else [IGNORED] * len(body))
    return ids, labels


def _templated_talk(messages: Sequence[Row], tokenizer: Any) -> tuple[list[int], list[int]]:
    """By the model's template, which only says how a whole conversation reads.

    What an assistant's turn adds to the conversation before it is what is learned.
    """
    ids = _templated(tokenizer, messages)
    labels = [IGNORED] * len(ids)
    for number, message in enumerate(messages):
        if message["role"] == "assistant":
            start = len(_templated(tokenizer, messages[:number], add_generation_prompt=True))
            end = len(_templated(tokenizer, messages[: number + 1]))
            labels[start:end] = ids[start:end]
    return ids, labels


def _templated(tokenizer: Any, messages: Sequence[Row], **how: bool) -> list[int]:
    text = tokenizer.apply_chat_template(list(messages), tokenize=False, **how) if messages else ""
    return _ids(tokenizer, text)


def _ids(tokenizer: Any, text: str) -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    return ids


def _end(tokenizer: Any) -> list[int]:
    return [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]


class Padded:
    """Makes a batch of rows: as long as its longest, in numpy.

    Arrays and not tensors: a DataLoader's workers hand tensors on through sockets in the temporary
    directory, whose path may be too long for one.

    :param filler: the token in the places that are padding.
    """

    def __init__(self, filler: int) -> None:
        self._filler = filler

    def __call__(self, rows: Sequence[Row]) -> dict[str, Any]:
        """``input_ids``, ``attention_mask`` and ``labels``, each (rows, longest), int64."""
        import numpy

        shape = (len(rows), max(len(row["input_ids"]) for row in rows))
        batch = {
            "input_ids": numpy.full(shape, self._filler, dtype="int64"),
            "attention_mask": numpy.zeros(shape, dtype="int64"),
            "labels": numpy.full(shape, IGNORED, dtype="int64"),
        }
        for number, row in enumerate(rows):
            length = len(row["input_ids"])
            batch["input_ids"][number, :length] = row["input_ids"]
            batch["attention_mask"][number, :length] = 1
            batch["labels"][number, :length] = row["labels"]
        return batch
