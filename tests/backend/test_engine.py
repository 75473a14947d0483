"""The engine fixture itself: what it finds that a service left behind."""

from engine import Engine


def test_what_a_service_leaves_behind_is_found(engine: Engine) -> None:
    assert engine.ready["pid"] in engine.processes()
    assert engine.children() == []
    (engine.outside / "stray").write_text("")
    assert engine.written_outside() == ["stray"]
    (engine.outside / "stray").unlink()
    engine.kill()
    assert engine.processes() == []
    engine.start()
    assert engine.client.get("/health").status_code == 200
