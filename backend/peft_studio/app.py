"""Building the service from its settings."""

from __future__ import annotations

import time

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from peft_studio import __version__, errors
from peft_studio.body_limit import BodyLimit
from peft_studio.routers import (
    datasets,
    dependencies,
    events,
    generate,
    hardware,
    health,
    methods,
    models,
    notices,
    runs,
    version,
)
from peft_studio.security import LoopbackGuard, TokenGuard
from peft_studio.settings import Settings
from peft_studio.studio import Studio


def create_app(settings: Settings) -> FastAPI:
    """The service, ready to be served; its clock starts now.

    :param settings: with the port that is really listened on, which requests must name.
    """
    studio = Studio(settings)
    app = FastAPI(
        lifespan=studio.lifespan,
        title="PEFT Studio",
        version=__version__,
        openapi_url="/api/openapi.json",
        # Their pages fetch scripts from the net, and nobody reads them in a desktop app.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses=errors.responses(*errors.ANYWHERE),
    )
    errors.install(app)
    app.include_router(health.create_router(time.monotonic(), settings.token))
    app.include_router(version.router)
    app.include_router(dependencies.create_router())
    app.include_router(datasets.create_router(studio))
    app.include_router(hardware.create_router(studio))
    app.include_router(models.create_router(studio))
    app.include_router(notices.create_router(studio))
    app.include_router(methods.create_router())
    app.include_router(runs.create_router(studio))
    app.include_router(events.create_router(studio))
    app.include_router(generate.create_router(studio))
    _guard(app, settings)
    return app


def _guard(app: FastAPI, settings: Settings) -> None:
    """Put the checks around the app, the innermost first.

    The token is asked for inside CORS, so that the window can read the refusal, and because a
    browser's preflight request cannot carry it.
    """
    app.add_middleware(BodyLimit, streamed=frozenset({datasets.PATH}))
    if settings.token is not None or settings.locked:
        app.add_middleware(TokenGuard, token=settings.token, public=frozenset({health.PATH}))
    if settings.origin is not None:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=[settings.origin],
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "X-PEFT-Token"],
        )
    app.add_middleware(LoopbackGuard, port=settings.port, origin=settings.origin)
