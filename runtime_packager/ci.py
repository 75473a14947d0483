"""The workflow that assembles all platforms on one Linux runner and tries each where it runs.

The text is made from the configuration and a few choices, so a test can hold it to GitHub's own
schema. Artifacts keep neither modes nor links, so trees travel as tar archives. A development key
made for the run signs what is assembled: that step runs other people's code (builds of source
archives, the modules it tries). The signing key, if there is one among the secrets (not so in pull
requests from forks), is there in the next step alone, which starts none.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runtime_packager import __version__
from runtime_packager.config import Config
from runtime_packager.errors import InputError
from runtime_packager.io.files import write_atomic
from runtime_packager.platforms import Target

MARK = "# Written by `runtime-packager ci github`; run it again rather than edit this."
WORKFLOW = Path(".github/workflows/runtimes.yml")
"""In the repository's root: GitHub reads workflows nowhere else."""

ASSEMBLES_ON = "ubuntu-24.04"
RUNNERS = {
    "linux-x64": "ubuntu-24.04",
    "linux-arm64": "ubuntu-24.04-arm",
    "win-x64": "windows-2025",
    "win-arm64": "windows-11-arm",
    "mac-x64": "macos-15-intel",
    "mac-arm64": "macos-15",
    "mac-universal": "macos-15",
}
"""Where each platform is tried: labels of GitHub's hosted runners. musl has none."""

_CACHED = "runtime-cache"


@dataclass(frozen=True, slots=True)
class Choices:
    """What the workflow depends on beside the configuration.

    :param install: the argument of ``pip install`` that brings this tool.
    :param arguments: for the app when it is tried.
    :param health_url: answers with success once the app is up; ``None`` to run the app to its end.
    """

    install: str = f"runtime-packager=={__version__}"
    arguments: Sequence[str] = ()
    health_url: str | None = None


def repository_of(config: Config) -> Path:
    """The root of the git repository that holds the project; the project's own without one."""
    above = (config.root, *config.root.parents)
    return next((place for place in above if (place / ".git").exists()), config.root)


def workflow_file(config: Config) -> Path:
    """Where GitHub looks for the workflow: each profile has one of its own."""
    file = repository_of(config) / WORKFLOW
    return file.with_stem(_title(config))


def _title(config: Config) -> str:
    return WORKFLOW.stem if config.profile.is_base else f"{WORKFLOW.stem}-{config.profile.name}"


def write_workflow(config: Config, targets: Sequence[Target], choices: Choices, file: Path) -> None:
    """Write the workflow to ``file``.

    :raises InputError: when a file of somebody else is there.
    """
    if file.exists() and not file.read_text(encoding="utf-8").startswith(MARK):
        raise InputError(
            f"{file} exists and was not written by this command",
            "choose another file with --output, or move it away",
        )
    write_atomic(file, workflow(config, targets, choices).encode())


def workflow(config: Config, targets: Sequence[Target], choices: Choices) -> str:
    """The workflow as YAML.

    :raises InputError: when no runner could try any of ``targets``.
    """
    tried = [target for target in targets if target.name in RUNNERS]
    if not tried:
        raise InputError(
            f"GitHub has no runner that tries {', '.join(target.name for target in targets)}",
            f"add one of {', '.join(RUNNERS)}",
        )
    return _TEMPLATE.format(
        mark=MARK,
        title=_title(config),
        profile=config.profile.option,
        assembles_on=ASSEMBLES_ON,
        cached=_CACHED,
        folder=json.dumps(config.root.relative_to(repository_of(config)).as_posix()),
        locks=f"{_in_repository(config, config.locks)}/*.toml",
        pins=_in_repository(config, config.pins),
        packed=_in_repository(config, config.root / "packed"),
        here=_in_repository(config, config.root),
        install=shlex.quote(choices.install),
        platforms=" ".join(f"--platform {target.name}" for target in targets),
        output=shlex.quote(_inside(config, config.output)),
        names=" ".join(target.name for target in targets),
        matrix="\n".join(_row(config, target) for target in tried),
        start=_start(choices),
    )


def _inside(config: Config, path: Path) -> str:
    try:
        return path.relative_to(config.root).as_posix()
    except ValueError as error:
        raise InputError(f"{path} is outside the project, where no runner has it") from error


def _in_repository(config: Config, path: Path) -> str:
    _inside(config, path)
    return path.relative_to(repository_of(config)).as_posix()


def _row(config: Config, target: Target) -> str:
    engine = f"{target.name}/{config.launcher}{target.executable_suffix}"
    fields = {"platform": target.name, "runner": RUNNERS[target.name], "engine": engine}
    return f"          - {json.dumps(fields)}"


def _start(choices: Choices) -> str:
    command = " ".join(['"./$ENGINE"', *map(shlex.quote, choices.arguments)])
    if choices.health_url is None:
        return f"          {command}"
    url = shlex.quote(choices.health_url)
    lines = [
        f"{command} &",
        "engine=$!",
        "trap 'kill \"$engine\" 2>/dev/null || true' EXIT",
        f'until curl --fail --silent {url}; do kill -0 "$engine"; sleep 1; done',
        'kill "$engine"',
    ]
    return "\n".join(f"          {line}" for line in lines)


_TEMPLATE = """\
{mark}
name: {title}

on:
  push:
    branches: [main]
    tags: ["v*"]
  pull_request:
  workflow_dispatch:

permissions:
  contents: read

concurrency:
  group: {title}-${{{{ github.ref }}}}
  cancel-in-progress: true

defaults:
  run:
    # On Windows too: PowerShell does not wait for a program without a console.
    shell: bash
    working-directory: {folder}

env:
  RUNTIME_PACKAGER_CACHE: ${{{{ github.workspace }}}}/{cached}

jobs:
  assemble:
    runs-on: {assembles_on}
    timeout-minutes: 60
    steps:
      - uses: actions/checkout@v4
        with:
          persist-credentials: false
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - uses: actions/cache@v4
        with:
          path: {cached}
          key: {title}-${{{{ hashFiles('{locks}', '{pins}') }}}}
          restore-keys: {title}-
      - run: python -m pip install {install}
      - name: Assemble
        env:
          GITHUB_TOKEN: ${{{{ github.token }}}}
        run: |
          key="$RUNNER_TEMP/development-key.json"
          runtime-packager keys generate --purpose development --quiet "$key" > /dev/null
          mkdir packed
          runtime-packager keys show "$key" > packed/trusted-keys.json
          runtime-packager assemble{profile} --key "$key" --locked {platforms}
      - name: Sign
        env:
          SIGNING_KEY: ${{{{ secrets.RUNTIME_PACKAGER_SIGNING_KEY }}}}
          RUNTIME_PACKAGER_PASSPHRASE: ${{{{ secrets.RUNTIME_PACKAGER_PASSPHRASE }}}}
        run: |
          if [ -z "$SIGNING_KEY" ]; then
            echo "::notice::no secret RUNTIME_PACKAGER_SIGNING_KEY: a development key signs"
            exit 0
          fi
          key="$RUNNER_TEMP/signing-key.json"
          (umask 077; printf '%s' "$SIGNING_KEY" > "$key")
          for platform in {names}; do
            runtime-packager verify --platform "$platform" --trusted packed/trusted-keys.json \\
              {output}/"$platform"
            runtime-packager sign --key "$key" {output}/"$platform"
          done
          runtime-packager keys show "$key" > packed/trusted-keys.json
          rm "$key"
      - name: Pack
        run: |
          for platform in {names}; do
            tar -czf "packed/$platform.tar.gz" -C {output} "$platform"
          done
      - uses: actions/upload-artifact@v4
        with:
          name: runtimes
          path: {packed}
          if-no-files-found: error
          compression-level: 0

  try:
    name: try ${{{{ matrix.platform }}}}
    needs: assemble
    strategy:
      fail-fast: false
      matrix:
        include:
{matrix}
    runs-on: ${{{{ matrix.runner }}}}
    timeout-minutes: 20
    env:
      PLATFORM: ${{{{ matrix.platform }}}}
      ENGINE: ${{{{ matrix.engine }}}}
    steps:
      - uses: actions/checkout@v4
        with:
          persist-credentials: false
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - run: python -m pip install {install}
      - uses: actions/download-artifact@v4
        with:
          name: runtimes
          path: {here}
      - run: tar -xzf "$PLATFORM.tar.gz"
      - name: Verify
        run: runtime-packager verify "$PLATFORM" --platform "$PLATFORM" --trusted trusted-keys.json
      - name: What it would start
        run: '"./$ENGINE" --runtime-info'
      - name: Signatures that macOS needs
        if: startsWith(matrix.platform, 'mac-')
        run: |
          find "$PLATFORM" -type f \\( -name '*.so' -o -name '*.dylib' -o -perm -u+x \\) -print0 |
            while IFS= read -r -d '' file; do
              if file -b "$file" | grep -q Mach-O; then codesign --verify --verbose=2 "$file"; fi
            done
      - name: Import every module of every requirement
        run: |
          "./$ENGINE" --runtime-python -c '
          import importlib, importlib.metadata, sys
          names = sorted(n for n in importlib.metadata.packages_distributions() if n.isidentifier())
          for name in names:
              importlib.import_module(name)
          print(len(names), "modules of requirements imported by", sys.version)
          '
      - name: Start the app
        timeout-minutes: 2
        run: |
{start}
      - name: Verify that it wrote nothing into itself
        run: runtime-packager verify "$PLATFORM" --platform "$PLATFORM" --trusted trusted-keys.json
"""
