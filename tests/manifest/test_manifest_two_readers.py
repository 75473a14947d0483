"""The desktop app's reader of programs, in JavaScript, says what ours says: also of wild ones."""

from __future__ import annotations

import base64
import json
import random
import subprocess
from pathlib import Path

from program_vectors import program_vectors

from runtime_packager.manifest.codesign import OddError, Source
from runtime_packager.manifest.codesign.bare import bare

READER = Path(__file__).parents[2] / "electron/src/manifest/codesign"
JUDGE = """
const { OddError, bare } = require('./bare.js');
const { Source } = require('./source.js');
const judge = (data) => {
  try {
    const read = (offset, length) => data.subarray(offset, offset + length);
    const found = bare(new Source(read, data.length));
    return [found.sha256, found.signed];
  } catch (error) {
    if (error instanceof OddError) return null;
    throw error;
  }
};
const input = JSON.parse(require('fs').readFileSync(0));
console.log(JSON.stringify(input.map((text) => judge(Buffer.from(text, 'base64')))));
"""
MUTANTS = 3000
NUMBERS = (0, 1, 4, 8, 15, 16, 63, 0x4000, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def ours(data: bytes) -> list[object] | None:
    try:
        found = bare(Source.of(data))
    except OddError:
        return None
    return [found.sha256, found.signed]


def mutant(data: bytes, chance: random.Random) -> bytes:
    """Some fields of the headers set, moved a little or taken from elsewhere; sometimes cut."""
    made = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        place = 4 * chance.randrange(max(1, min(len(made), 440) // 4))
        order = chance.choice(("little", "big"))
        value = int.from_bytes(made[place : place + 4], order)
        other = 4 * chance.randrange(max(1, min(len(made), 440) // 4))
        taken = int.from_bytes(made[other : other + 4], order)
        step = chance.choice((-16, -8, -1, 1, 8, 16))
        value = chance.choice((chance.choice(NUMBERS), value + step, taken)) & 0xFFFFFFFF
        made[place : place + 4] = value.to_bytes(4, order)
    end = chance.choice((len(made), len(made), chance.randrange(len(made) + 1)))
    return bytes(made[:end]) + bytes(chance.choice((0, 0, 0, 1, 16)))


def test_both_readers_agree() -> None:
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    programs = [base64.b64decode(row["data"]) for row in json.loads(program_vectors())]
    tried = [*programs, *(mutant(chance.choice(programs), chance) for _ in range(MUTANTS))]
    done = subprocess.run(
        ["node", "-e", JUDGE],
        input=json.dumps([base64.b64encode(data).decode() for data in tried]),
        capture_output=True,
        text=True,
        cwd=READER,
    )
    assert done.returncode == 0, done.stderr
    for data, theirs in zip(tried, json.loads(done.stdout), strict=True):
        assert ours(data) == theirs, (seed, base64.b64encode(data).decode())
    assert {None, True, False} <= {verdict and verdict[1] for verdict in map(ours, tried)}
