from dataclasses import replace

from prometheus_client.parser import text_string_to_metric_families

from acd.ids import CallId
from callrouter.web.models import Readiness
from tests.web.conftest import World
from tests.web.fakes import call_view


async def test_alive(world: World) -> None:
    async with world.client() as client:
        assert (await client.get("/healthz")).json() == {"status": "ok"}


async def test_ready_and_why_not(world: World) -> None:
    async with world.client() as client:
        good = await client.get("/readyz")
        world.engine.problems = ("no Asterisk is connected: see `callrouter tools status`",)
        bad = await client.get("/readyz")
    assert good.status_code == 200
    assert Readiness.model_validate(good.json()).ready
    assert bad.status_code == 503
    assert Readiness.model_validate(bad.json()).problems == list(world.engine.problems)


async def test_warnings_do_not_make_it_unready(world: World) -> None:
    world.settings = replace(world.settings, warnings=lambda: ("database is away, records wait on disk",))
    async with world.client() as client:
        found = await client.get("/readyz")
    assert found.status_code == 200
    assert Readiness.model_validate(found.json()).warnings == ["database is away, records wait on disk"]


async def test_metrics_are_valid_and_hold_no_call(world: World) -> None:
    world.engine.calls[CallId("secret-call")] = call_view("secret-call")
    async with world.client() as client:
        reply = await client.get("/metrics")
    assert reply.headers["content-type"].startswith("text/plain")
    assert "secret-call" not in reply.text
    assert "1381234" not in reply.text
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(reply.text)
        for sample in family.samples
    }
    assert samples["callrouter_seats", "logged_out"] == 3
    assert samples["callrouter_queue_waiting", "main"] == 2
    assert samples["callrouter_queue_longest_wait_seconds", "main"] == 7
    assert samples["callrouter_calls_live",] == 1
    assert samples["callrouter_calls_ended_total", "answered"] == 3
    assert samples["callrouter_loop_delay_seconds_bucket", "+Inf"] == 10
    assert samples["callrouter_loop_delay_seconds_count",] == 10
    assert samples["callrouter_link_up", "ami/n1"] == 0
    assert samples["callrouter_store_lag_seconds",] == 0.02
    assert samples["callrouter_answer_rate_24h",] == 0.95
    assert samples["callrouter_feed_outbox",] == 7
    assert samples["callrouter_ari_requests_total", "Answer", "n1"] == 4
    assert samples["callrouter_ari_requests_total", "Play", "n1"] == 2
    assert samples["callrouter_store_entries_total", "written"] == 9
