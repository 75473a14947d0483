"""The app as a shiv, made so that the same files give the same bytes on every machine.

shiv's builder writes the archive; we then write it again with sorted members, one time, one mode
and no compression (deflate's output differs between zlib builds), and with a ``__main__`` that
runs the extracted copy beside it when there is one. Only a shiv that was taken out of its runtime
falls back to shiv's own start, which extracts to ``SHIV_ROOT``.
"""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path

from runtime_packager.io.files import FILE_TIME

SHEBANG = b"#!/usr/bin/env python3\n"

_MAIN = """\
import sys
from os.path import abspath, dirname, isfile, join

home = join(dirname(abspath(sys.argv[0])), "{directory}")
if isfile(join(home, "{stub}.py")):
    sys.path.insert(0, home)
    from {stub} import run
else:
    from _bootstrap import bootstrap as run
run()
"""


def make_shiv(site_packages: Path, target: Path, *, directory: str, stub: str) -> None:
    """Write the files below ``site_packages`` as a shiv to ``target``.

    :param directory: where, beside the shiv, the runtime has the same files extracted.
    :param stub: the module there, without ``.py``, whose ``run`` starts the app.
    """
    # shiv costs 0.1 s to import, which a run with nothing to do must not pay.
    from shiv import __version__
    from shiv.bootstrap.environment import Environment
    from shiv.builder import create_archive
    from shiv.constants import BUILD_AT_TIMESTAMP_FORMAT

    built_at = datetime.fromtimestamp(FILE_TIME, UTC).strftime(BUILD_AT_TIMESTAMP_FORMAT)
    environment = Environment(
        built_at=built_at,
        shiv_version=__version__,
        entry_point=f"{stub}:run",
        compile_pyc=False,
        reproducible=True,
    )
    create_archive(
        [site_packages],
        target=target,
        interpreter="/usr/bin/env python3",
        main="_bootstrap:bootstrap",
        env=environment,
        compressed=False,
    )
    main = _MAIN.format(directory=directory, stub=stub)
    target.write_bytes(SHEBANG + _normalised(target, {"__main__.py": main.encode()}))


def _normalised(archive: Path, replaced: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    # Read as a whole: zipfile takes a disk error for an archive that is none.
    whole = io.BytesIO(archive.read_bytes())
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in sorted(set(old.namelist()) | set(replaced)):
            member = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            member.create_system = 3
            member.external_attr = 0o100644 << 16
            new.writestr(member, replaced.get(name) or old.read(name))
    return buffer.getvalue()
