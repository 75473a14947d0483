"""A lock's files into the cache: from a wheelhouse, the lock's URLs or pip's indexes; by digest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from runtime_packager.errors import BuildError, IntegrityError, NetworkError, PackagerError
from runtime_packager.io.download import fetch as download
from runtime_packager.io.download import open_client
from runtime_packager.io.parallel import side_by_side
from runtime_packager.io.store import admit_blob
from runtime_packager.wheels.asking import ask
from runtime_packager.wheels.explain import Asked, failure, unread
from runtime_packager.wheels.job import Job
from runtime_packager.wheels.lock import LockedPackage

if TYPE_CHECKING:
    import httpx

PARALLEL = 8
"""Downloads at a time."""


@dataclass(frozen=True, slots=True)
class _Location:
    url: str
    authorization: str | None = None


def fetch(packages: Iterable[LockedPackage], job: Job) -> None:
    """Have every package's file among the cache's blobs.

    :raises NetworkError: when files could not be downloaded; names them all.
    :raises BuildError: when files are nowhere to be had.
    :raises IntegrityError: when a file found is not the locked one.
    """
    missing = _absent(packages, job)
    for package in missing:
        _admit_local(package, job)
    missing = _absent(missing, job)
    if missing and job.offline:
        raise _offline(missing)
    known = {p.filename: [_Location(p.url)] for p in missing if p.url and not _is_file(p.url)}
    # What the lock's URL could not give may still lie in an index, so its failure can wait.
    _download([p for p in missing if p.filename in known], known, job)
    missing = _absent(missing, job)
    if missing:
        found = _locate(missing, job)
        errors = _download(missing, found, job)
        _report(_absent(missing, job), found, errors)


def _offline(missing: Sequence[LockedPackage]) -> NetworkError:
    return NetworkError(
        f"{len(missing)} locked files are not in the cache, and --offline forbids to fetch them",
        "run once without --offline, or put them into the wheelhouse beside the lock",
        details=[package.filename for package in missing],
    )


def _absent(packages: Iterable[LockedPackage], job: Job) -> list[LockedPackage]:
    return [package for package in packages if job.cache.verified_blob(package.sha256) is None]


def _admit_local(package: LockedPackage, job: Job) -> None:
    places = [job.wheelhouse / package.filename] if job.wheelhouse else []
    if package.url and _is_file(package.url):
        places.append(_path(package.url))
    for place in places:
        if place.is_file():
            admit_blob(job.cache, place, package.sha256, title=str(place))
            return


def _is_file(url: str) -> bool:
    return urlsplit(url).scheme == "file"


def _path(url: str) -> Path:
    return Path(url2pathname(urlsplit(url).path))


def _locate(packages: Sequence[LockedPackage], job: Job) -> Mapping[str, list[_Location]]:
    """Where the indexes that pip is set up for have these very files."""
    wanted = [{"name": p.name, "filename": p.filename, "sha256": p.sha256} for p in packages]
    options = [word for file in job.requirements for word in ("-r", str(file))]
    with job.progress.task(f"looking up {len(wanted)} files"):
        answer, lines = ask("locate", job.target, job.python, options, wanted=wanted)
    if problem := answer.get("problem"):
        raise failure(problem, Asked(job.target, job.python, lines))
    found = {name: [_Location(**one) for one in all_] for name, all_ in answer["locations"].items()}
    if answer["unreachable"] and not all(found.values()):
        raise unread(answer["unreachable"])
    return found


def _download(
    packages: Sequence[LockedPackage], locations: Mapping[str, list[_Location]], job: Job
) -> list[PackagerError]:
    """Download side by side, largest first; return the failures instead of raising the first."""
    if not packages:
        return []
    largest_first = sorted(packages, key=lambda package: package.size or 0, reverse=True)
    with open_client() as client, side_by_side(PARALLEL, job.progress) as (pool, progress):
        watched = replace(job, progress=progress)

        def one(package: LockedPackage) -> list[PackagerError]:
            return _download_one(package, locations[package.filename], client, watched)

        return [error for errors in pool.map(one, largest_first) for error in errors]


def _download_one(
    package: LockedPackage, locations: Iterable[_Location], client: httpx.Client, job: Job
) -> list[PackagerError]:
    errors: list[PackagerError] = []
    for location in locations:
        try:
            _download_from(location, package, client, job)
        except (NetworkError, IntegrityError) as error:
            errors.append(error)
        else:
            return []
    return errors


def _download_from(
    location: _Location, package: LockedPackage, client: httpx.Client, job: Job
) -> None:
    title = package.filename
    if _is_file(location.url):
        admit_blob(job.cache, _path(location.url), package.sha256, title=title)
        return
    headers = {"Authorization": location.authorization} if location.authorization else None
    download(
        job.cache, location.url, package.sha256, title=title, client=client,
        progress=job.progress, size=package.size, headers=headers,
    )  # fmt: skip


def _report(
    missing: Sequence[LockedPackage],
    found: Mapping[str, list[_Location]],
    errors: Sequence[PackagerError],
) -> None:
    """:raises PackagerError: when files are still missing; damage before absence before network."""
    if not missing:
        return
    for kind in (IntegrityError, NetworkError):
        ours = [error for error in errors if isinstance(error, kind)]
        if len(ours) == 1 and len(missing) == 1:
            raise ours[0]
        if ours:
            details = [line for error in ours for line in str(error).splitlines()]
            raise kind(f"{len(ours)} downloads failed", ours[0].hint, details=details)
    gone = [package for package in missing if not found.get(package.filename)]
    raise BuildError(
        f"{len(gone)} locked files are neither in the wheelhouse nor in any index of pip's",
        "check pip's index settings (pip config list), or lock again",
        details=[f"{package.filename} (sha256 {package.sha256[:16]}...)" for package in gone],
    )
