import pytest


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little to learn from: directions out of few works, an encoder from which optimisation goes on."""
    monkeypatch.setattr("ganvas.explore.directions.SAMPLES", 100)
    monkeypatch.setattr("ganvas.explore.reading.EACH", 10)
    monkeypatch.setattr("ganvas.metrics.classifier.PICTURES_SEEN", 500)
    monkeypatch.setattr("ganvas.explore.invert.learn.__defaults__", (1000, lambda *told: None))
    monkeypatch.setattr("ganvas.explore.inverter.HELD_OUT", 24)
    monkeypatch.setattr("ganvas.explore.invert.enter.__defaults__", (30, lambda *told: None))
