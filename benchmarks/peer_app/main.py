"""The service that every peer packs: FastAPI at once, the heavy packages on first use."""

from __future__ import annotations

import argparse

import uvicorn
from fastapi import FastAPI

app = FastAPI()


@app.get("/api/health")
def health() -> dict[str, str]:
    return {"status": "healthy"}


@app.get("/api/use")
def use() -> dict[str, object]:
    import aiohttp
    import numpy
    import pandas
    import psutil
    import sqlalchemy
    from cryptography.fernet import Fernet

    frame = pandas.DataFrame({"x": numpy.arange(4)})
    engine = sqlalchemy.create_engine("sqlite://")
    with engine.connect() as connection:
        one = connection.execute(sqlalchemy.text("select 1")).scalar_one()
    return {
        "sum": int(frame.x.sum()),
        "one": one,
        "token": len(Fernet(Fernet.generate_key()).encrypt(b"x")),
        "aiohttp": aiohttp.__version__,
        "memory": psutil.virtual_memory().total,
    }


def serve() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    uvicorn.run(app, host="127.0.0.1", port=parser.parse_args().port, log_level="warning")


if __name__ == "__main__":
    serve()
