"""``pip install`` that answers instead of installing, and looks up files for locks."""

from __future__ import annotations

import copy
import logging
import os
import sys
import tempfile
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from runtime_packager.wheels.as_target.listening import Ear, Seen, Unlockable, problem_of
from runtime_packager.wheels.as_target.patching import Believed

_OVERRULED: dict[str, Any] = {
    "use_user_site": False,
    "target_dir": None,
    "root_path": None,
    "prefix_path": None,
    "platforms": None,
    "python_version": None,
    "abis": None,
    "implementation": None,
    "ignore_requires_python": False,
    "ignore_dependencies": False,
    "only_dependencies": False,
    "force_reinstall": False,
    "upgrade": False,
}
"""Options a person's pip configuration may set that mean nothing, or harm, here."""

_LINES = 20
"""How many of the last lines printed for a target go into its answer."""


def make_command(
    request: dict[str, Any], believed: Believed, ear: Ear, answers: list[dict[str, Any]]
) -> Any:
    """pip's ``install`` command, run once a target; what comes of each is put into ``answers``.

    One command for all: what it keeps (session, temporary files) is there for the next target.
    """
    from pip._internal.commands import install
    from pip._internal.models.installation_report import InstallationReport

    class Reduced(InstallationReport):
        """The report, without its megabytes of descriptions."""

        def to_dict(self) -> dict[str, Any]:
            chosen = super().to_dict()["install"]
            ear.seen.answer["packages"] = [_reduced(item, ear.sizes) for item in chosen]
            return {}

    class Command(install.InstallCommand):
        """``pip install`` for every target in turn, whose failures are kept for the answer."""

        def get_requirements(self, args: Any, options: Any, finder: Any, session: Any) -> Any:
            requirements = super().get_requirements(args, options, finder, session)
            unlockable = [str(item) for item in requirements if _names_no_file(item)]
            if unlockable:
                raise Unlockable(unlockable)
            return requirements

        def run(self, options: Any, args: Any) -> int:
            for name, value in _OVERRULED.items():
                setattr(options, name, value)
            options.features_enabled = []
            wanted = frozenset(item["filename"] for item in request.get("wanted", ()))
            for target in request["targets"]:
                believed.become(target)
                ear.seen = Seen(wanted)
                # A requirements file may set options: they are not the next target's.
                self._run_once(copy.deepcopy(options), args)
                answers.append(ear.seen.answer)
            return 0

        def _run_once(self, options: Any, args: Any) -> None:
            seen, lines = ear.seen, list[str]()
            with _overheard(lines):
                try:
                    if request["verb"] == "locate":
                        _locate(self, options, request["wanted"], seen)
                    else:
                        super().run(options, args)
                except Exception as error:
                    logging.getLogger("pip").critical("%s", error)
                    seen.answer["problem"] = problem_of(error, seen)
            seen.answer["lines"] = lines

    setattr(install, "InstallationReport", Reduced)  # noqa: B010 (mypy: pip's class)
    return Command("install", "Resolve as another platform.")


@contextmanager
def _overheard(lines: list[str]) -> Iterator[None]:
    """Put the last lines that pip and build backends print meanwhile into ``lines``."""
    with tempfile.TemporaryFile() as file:
        kept = os.dup(2)
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
        try:
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for stream in (1, 2):
                os.dup2(kept, stream)
            os.close(kept)
            file.seek(0)
            text = file.read().decode(errors="replace").strip()
            lines.extend(line for line in text.splitlines()[-_LINES:] if line.strip())


def _names_no_file(requirement: Any) -> bool:
    link = requirement.link
    if requirement.editable:
        return True
    return link is not None and (link.is_vcs or link.is_existing_dir())


def _reduced(item: dict[str, Any], sizes: dict[str, int]) -> dict[str, Any]:
    """One entry of pip's report, cut down to what a lock needs."""
    info, metadata = item["download_info"], item["metadata"]
    url = info["url"].partition("#")[0]
    parts = urlsplit(url)
    size = sizes.get(url)
    if parts.scheme == "file" and "archive_info" in info:
        size = Path(url2pathname(parts.path)).stat().st_size
    return {
        "name": metadata["name"],
        "version": metadata["version"],
        "url": url,
        "filename": unquote(parts.path.rpartition("/")[2]),
        "sha256": info.get("archive_info", {}).get("hashes", {}).get("sha256"),
        "size": size,
        "requires_python": metadata.get("requires_python"),
        "archive": "archive_info" in info,
        "requested": item["requested"],
    }


def _locate(command: Any, options: Any, wanted: list[dict[str, str]], seen: Seen) -> int:
    """Find where the files of a lock can be had now; any platform's, whatever pip thinks of it."""
    from pip._internal.utils.hashes import Hashes

    session = command.get_default_session(options)
    finder = command._build_package_finder(options=options, session=session)
    if options.requirements:
        command.get_requirements([], options, finder, session)
    for name in sorted({item["name"] for item in wanted}):
        finder.find_all_candidates(name)
    seen.answer["locations"] = {
        item["filename"]: [
            _location(link, session)
            for link in seen.links.get(item["filename"], ())
            if not link.has_hash or link.is_hash_allowed(Hashes({"sha256": [item["sha256"]]}))
        ]
        for item in wanted
    }
    seen.answer["unreachable"] = seen.unreachable
    return 0


def _location(link: Any, session: Any) -> dict[str, str | None]:
    """A file's URL and the ``Authorization`` header that pip's own configuration gives for it."""
    url, authorization = link.url_without_fragment, None
    credentials = getattr(session.auth, "_get_url_and_credentials", None)
    if credentials is not None and not link.is_file:
        url, user, password = credentials(url)
        if user is not None or password is not None:
            pair = f"{user or ''}:{password or ''}".encode()
            authorization = f"Basic {b64encode(pair).decode()}"
    return {"url": url, "authorization": authorization}
