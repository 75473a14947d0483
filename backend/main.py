"""PEFT Studio's backend: start this file as a script.

::

    python backend/main.py --port 8123

Imports up here are quick ones only, so that a taken port is noticed at once; FastAPI is imported
once the port is ours. The guard at the end lets multiprocessing's children import this file again
without starting a second server.
"""

from __future__ import annotations

import gc
import os
import sys
import traceback
from collections.abc import MutableMapping, Sequence
from socket import socket

from peft_studio import logs
from peft_studio.listener import listen
from peft_studio.settings import TOKEN_VARIABLE, Settings, read_settings
from peft_studio.shutdown import Shutdown
from peft_studio.start_error import MissingPackageError, StartError


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until told to stop.

    :param argv: the arguments after the program's name; the process's own by default.
    :returns: the exit code: 0 stopped when asked to, 2 usage, 96 the data directory cannot be
        had, 97 a package is missing, 98 the port cannot be had.
    """
    try:
        return _run(sys.argv[1:] if argv is None else argv, os.environ)
    except StartError as error:
        logs.say(f"peft_engine: {error}")
        return error.exit_code


def _run(argv: Sequence[str], environ: MutableMapping[str, str]) -> int:
    settings = read_settings(argv, environ, packaged=bool(sys.flags.isolated))
    # Processes we start have no business with the secret.
    environ.pop(TOKEN_VARIABLE, None)
    logs.configure(settings.log_level)
    shutdown = Shutdown()
    shutdown.on_signals()
    if settings.exit_on_stdin_eof:
        shutdown.on_stdin_eof()
    with listen(settings.host, settings.port) as listener:
        return _serve(settings.at_port(listener.getsockname()[1]), listener, shutdown)


def _serve(settings: Settings, listener: socket, shutdown: Shutdown) -> int:
    # Importing makes many long-lived objects and no garbage: collecting meanwhile costs a tenth.
    gc.disable()
    try:
        from peft_studio.app import create_app
        from peft_studio.data_dir import DataDir, claim
        from peft_studio.server import serve
        from peft_studio.storage.database import refuse_newer
    except ModuleNotFoundError as error:
        traceback.print_exception(error)
        raise MissingPackageError(error.name) from error
    with claim(settings.data_dir):
        refuse_newer(DataDir(settings.data_dir).database)
        app = create_app(settings)
        gc.freeze()
        gc.enable()
        serve(app, settings, listener, shutdown)
    return 0


if __name__ == "__main__":
    sys.exit(main())
