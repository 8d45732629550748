import pytest

from simulators.sip_load.emodel import call_quality, delay_impairment, loss_impairment, mean_opinion, rating
from simulators.softphone import RtpStats


def test_a_clean_line_has_the_default_rating() -> None:
    assert rating(20, 0.0) == pytest.approx(93.2)
    assert mean_opinion(93.2) == pytest.approx(4.41, abs=0.005)


@pytest.mark.parametrize(
    ("delay", "impairment"), [(100, 0), (150, 0.2), (200, 3.0), (300, 14.0), (400, 23.9)]
)
def test_delay_hurts_as_in_g107(delay: float, impairment: float) -> None:
    # Read off figure 1 of G.107's tutorial curves (Idd alone).
    assert delay_impairment(delay) == pytest.approx(impairment, abs=2.0)


def test_loss_hurts_and_bursts_hurt_more() -> None:
    # G.113: G.711 with concealment, 5 % random loss: 95 × 5 / (5 + 25.1).
    assert loss_impairment(0.05) == pytest.approx(15.78, abs=0.01)
    assert loss_impairment(0.05, burst_ratio=2) > loss_impairment(0.05)
    assert loss_impairment(0.0) == 0


@pytest.mark.parametrize(
    ("r", "mos"), [(-5, 1.0), (0, 1.0), (50, 2.58), (70, 3.60), (80, 4.03), (90, 4.34), (100, 4.5)]
)
def test_ratings_become_opinions_as_in_annex_b(r: float, mos: float) -> None:
    assert mean_opinion(r) == pytest.approx(mos, abs=0.01)


def test_a_call_is_rated_by_what_was_received() -> None:
    assert call_quality(RtpStats()) == 1.0
    good = call_quality(RtpStats(received=500, jitter_buffer_ms=40, rtt_ms=2))
    lossy = call_quality(RtpStats(received=450, lost=50, loss_period_ms=20, jitter_buffer_ms=40, rtt_ms=2))
    assert good > 4.3
    assert 2.5 < lossy < 3.9
