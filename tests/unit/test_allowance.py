"""What one client may have in the queue: counted for each, given back when it is answered, and never for ever."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotalk.errors import AudioTooLong, ClientLimit
from emotalk.queues.base import RESULTS_KEPT_SECONDS
from emotalk.server.guard.gate import address_of
from emotalk.server.guard.quota import Allowances, Quota
from tests.unit.stage import Clock

DAY = float(RESULTS_KEPT_SECONDS)


def test_a_client_has_as_many_requests_as_it_may_and_another_has_its_own() -> None:
    held = Allowances(Quota(requests=2))
    places = [held.take("studio") for _ in range(2)]
    with pytest.raises(ClientLimit, match="2 requests of studio") as caught:
        held.take("studio")
    assert caught.value.subject == "studio"
    held.take("game")
    held.leave(places[0])
    held.take("studio")


def test_seconds_are_counted_once_they_are_known() -> None:
    held = Allowances(Quota(seconds=60))
    first, second = held.take("studio"), held.take("studio")
    held.grow(first, 40)
    with pytest.raises(ClientLimit, match="40 s of studio") as caught:
        held.grow(second, 21)
    assert "60 s" in caught.value.problem
    held.grow(second, 20)
    held.leave(first)
    held.grow(held.take("studio"), 40)


def test_a_clip_that_would_never_fit_is_refused_as_too_long_not_as_too_much() -> None:
    held = Allowances(Quota(seconds=60))
    with pytest.raises(AudioTooLong, match=r"61\.0 s.*60 s"):
        held.grow(held.take("studio"), 61)


def test_leaving_twice_gives_back_once() -> None:
    held = Allowances(Quota(requests=2))
    first, _ = held.take("studio"), held.take("studio")
    held.leave(first)
    held.leave(first)
    held.take("studio")
    with pytest.raises(ClientLimit):
        held.take("studio")


def test_without_a_quota_everything_goes() -> None:
    held = Allowances()
    for _ in range(1_000):
        held.grow(held.take("studio"), 1e9)


def test_what_was_never_answered_is_forgotten_with_its_results() -> None:
    clock = Clock()
    held = Allowances(Quota(requests=1), clock)
    held.take("studio")
    clock.sleep(DAY - 1)
    with pytest.raises(ClientLimit):
        held.take("studio")
    clock.sleep(2)
    held.take("studio")


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0.1, 30), st.booleans()), max_size=40))
def test_nobody_ever_has_more_than_the_quota_and_nothing_is_left_when_all_have_gone(
    steps: list[tuple[str, float, bool]],
) -> None:
    held, quota = Allowances(Quota(3, 60)), Quota(3, 60)
    mine: list[Any] = []
    for client, seconds, leaves in steps:
        if leaves and mine:
            held.leave(mine.pop(0))
        try:
            place = held.take(client)
        except ClientLimit:
            assert sum(each.client == client for each in mine) == quota.requests
            continue
        try:
            held.grow(place, seconds)
            mine.append(place)
        except ClientLimit:
            held.leave(place)
        for each in "ab":
            assert sum(place.client == each for place in mine) <= quota.requests
            assert sum(place.seconds for place in mine if place.client == each) <= quota.seconds + 1e-6
    for place in mine:
        held.leave(place)
    assert held._held == {}


@pytest.mark.parametrize(
    ("peer", "client"),
    [
        ("ipv4:10.0.0.7:5123", "10.0.0.7"),
        ("ipv6:%5B::1%5D:5123", "::1"),
        ("ipv6:[2001:db8:1:2:3:4:5:6]:5123", "2001:db8:1:2::/64"),
        ("ipv6:%5B2001:db8:1:2:ffff::1%5D:99", "2001:db8:1:2::/64"),
        ("ipv6:[::ffff:10.0.0.7]:5123", "10.0.0.7"),
        ("ipv6:[fe80::1%25eth0]:5123", "fe80::/64"),
        ("unix:", "unix"),
        ("unix:/run/one.sock", "unix"),
    ],
)
def test_an_address_is_one_client_and_so_is_a_network_of_ipv6(peer: str, client: str) -> None:
    assert address_of(peer) == client
