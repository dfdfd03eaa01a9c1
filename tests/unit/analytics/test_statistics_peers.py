"""Our own statistics against scipy and statsmodels; only the tests need these."""

from __future__ import annotations

from typing import Any

import pytest

from crmctl.analytics import bootstrap
from crmctl.analytics import chisquare
from crmctl.analytics import multiplicity
from crmctl.analytics import permutation
from crmctl.analytics import proportions

CASES = [(60, 500, 40, 500), (9, 10, 3, 10), (3, 1000, 0, 900), (120, 2000, 61, 450), (1, 30, 29, 31)]


@pytest.fixture
def stats() -> Any:
    return pytest.importorskip("scipy.stats", reason="scipy is not installed, so nothing is compared with it")


@pytest.fixture
def peer() -> Any:
    return pytest.importorskip(
        "statsmodels.stats.api", reason="statsmodels is not installed, so nothing is compared with it"
    )


@pytest.mark.parametrize("numbers", CASES)
def test_intervals(peer: Any, numbers: tuple[int, int, int, int]) -> None:
    count, n, other, m = numbers
    assert proportions.wilson(count, n) == pytest.approx(peer.proportion_confint(count, n, method="wilson"))
    wanted = peer.confint_proportions_2indep(count, n, other, m, method="newcomb", compare="diff")
    assert proportions.newcombe(*numbers) == pytest.approx(wanted)
    if count and other:
        low, high = peer.confint_proportions_2indep(count, n, other, m, method="log", compare="ratio")
        found = proportions.lift(*numbers)
        assert found is not None
        assert found[1] == pytest.approx((low - 1, high - 1))


@pytest.mark.parametrize("numbers", CASES)
def test_tests(stats: Any, numbers: tuple[int, int, int, int]) -> None:
    count, n, other, m = numbers
    table = [[count, n - count], [other, m - other]]
    assert proportions.fisher(*numbers) == pytest.approx(stats.fisher_exact(table)[1], rel=1e-6)
    if min(stats.contingency.expected_freq(table).ravel()) >= 5:
        wanted = stats.chi2_contingency(table, correction=False)[1]
        assert proportions.p_value(*numbers) == pytest.approx(wanted)


@pytest.mark.parametrize("degrees", range(1, 9))
@pytest.mark.parametrize("square", [0.01, 1, 4, 30, 200])
def test_chi_square(stats: Any, square: float, degrees: int) -> None:
    assert chisquare.tail(square, degrees) == pytest.approx(stats.chi2.sf(square, degrees), rel=1e-9)


def test_sample_ratio(stats: Any) -> None:
    wanted = stats.chisquare([480, 420, 100], [450, 450, 100])[1]
    assert chisquare.sample_ratio([480, 420, 100], [0.45, 0.45, 0.1]) == pytest.approx(wanted)


@pytest.mark.parametrize(("rate", "n", "m"), [(0.05, 300, 300), (0.2, 100, 1000)])
def test_smallest_difference(peer: Any, rate: float, n: int, m: int) -> None:
    size = peer.zt_ind_solve_power(nobs1=n, ratio=m / n, alpha=0.05, power=0.8)
    assert proportions.detectable(rate, n, m) == pytest.approx(size * (rate * (1 - rate)) ** 0.5, rel=1e-3)


def test_holm(peer: Any) -> None:
    chances = [0.04, 0.001, 0.03, 0.5, 0.0105]
    multipletests = pytest.importorskip("statsmodels.stats.multitest").multipletests
    assert multiplicity.holm(chances) == pytest.approx(list(multipletests(chances, method="holm")[1]))


def test_bootstrap(stats: Any) -> None:
    np = pytest.importorskip("numpy")
    one = [0] * 150 + [990, 1990, 500, 12000, 300, 450, 700, 2500, 3100, 80] * 5
    other = [0] * 170 + [990, 1500, 500, 8000, 300] * 6

    def difference(x: Any, y: Any, axis: int = -1) -> Any:
        return np.mean(x, axis=axis) - np.mean(y, axis=axis)

    wanted = stats.bootstrap(
        (one, other), difference, n_resamples=9999, method="BCa", rng=np.random.default_rng(1), vectorized=True
    ).confidence_interval
    samples = [bootstrap.sample(one, len(one), "a", 9999), bootstrap.sample(other, len(other), "b", 9999)]
    found = bootstrap.combined(samples, [1, -1]).interval
    width = wanted.high - wanted.low
    assert found == pytest.approx((wanted.low, wanted.high), abs=0.06 * width)
    alone = stats.bootstrap((one,), np.mean, n_resamples=9999, method="BCa", rng=np.random.default_rng(1))
    low, high = alone.confidence_interval
    mine = bootstrap.combined(samples[:1], [1]).interval
    assert mine == pytest.approx((low, high), abs=0.06 * (high - low))


def test_dealing_anew(stats: Any) -> None:
    np = pytest.importorskip("numpy")
    one, other = [0] * 30 + [990, 1990, 500, 4000, 300, 450], [0] * 30 + [990, 1500]

    def difference(x: Any, y: Any, axis: int = -1) -> Any:
        return np.mean(x, axis=axis) - np.mean(y, axis=axis)

    wanted = stats.permutation_test(
        (one, other),
        lambda x, y, axis=-1: abs(difference(x, y, axis)),
        n_resamples=9999,
        alternative="greater",
        rng=np.random.default_rng(1),
        vectorized=True,
    ).pvalue
    assert permutation.chance(one[30:], 36, other[30:], 32, "seed", 9999) == pytest.approx(wanted, abs=0.02)
