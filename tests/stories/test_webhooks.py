"""Webhooks as people use them: destinations by databricks-sdk, signatures, killed servers, several ones, commands."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import psycopg
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound, PermissionDenied
from databricks.sdk.service.settings import (
    Config,
    DestinationType,
    EmailConfig,
    GenericWebhookConfig,
    SlackConfig,
)

from tests.receivers import Receiver, receiving, until
from tests.support import LEGACY, Server, clean_environment
from tests.surfaces.world import World

OURS = "/api/2.0/modelyard"
ALLOWED = {"outbound_allowed": "127.0.0.1"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("webhooks") / "data", settings=ALLOWED)
    yield made.start()
    made.stop()


def sdk(server: Server, token: str = "") -> WorkspaceClient:
    return WorkspaceClient(host=server.url, token=token or server.token, auth_type="pat")


def webhook(url: str) -> Config:
    return Config(generic_webhook=GenericWebhookConfig(url=url, username="ci", password="let me in"))


def hook(client: httpx.Client, url: str, name: str = "ci") -> tuple[str, str]:
    """A destination, and its signing secret."""
    told = {"display_name": name, "config": {"generic_webhook": {"url": url}}}
    id_ = client.post("/api/2.0/notification-destinations", json=told).raise_for_status().json()["id"]
    made = client.post(f"{OURS}/notification-destinations/{id_}/signing-secret", json={"keep_hours": 0})
    return id_, made.raise_for_status().json()["secret"]


def subscribe(client: httpx.Client, full_name: str, destination: str, *events: str) -> str:
    told = {"full_name": full_name, "destination_id": destination, "events": list(events)}
    return client.post(f"{OURS}/subscriptions", json=told).raise_for_status().json()["id"]


def point(client: httpx.Client, model: str, number: int, alias: str = "champion") -> None:
    told = {"name": model, "alias": alias, "version": str(number)}
    client.post(f"{LEGACY}/registered-models/alias", json=told).raise_for_status()


# Destinations by databricks-sdk


def test_an_admin_manages_destinations_with_the_sdk_and_no_secret_ever_comes_back(server: Server) -> None:
    api = sdk(server).notification_destinations
    made = api.create(display_name="ci", config=webhook("https://ci.example.com/hook?key=very-secret"))
    assert made.destination_type is DestinationType.WEBHOOK
    shown = GenericWebhookConfig(url_set=True, username_set=True, password_set=True)
    assert made.id is not None
    assert made.config == Config(generic_webhook=shown)
    assert api.get(made.id) == made
    assert made.id in [each.id for each in api.list()]
    renamed = api.update(made.id, display_name="new ci")
    assert (renamed.display_name, renamed.config) == ("new ci", made.config)
    unauthenticated = Config(generic_webhook=GenericWebhookConfig(username="", password=""))
    changed = api.update(made.id, config=unauthenticated)
    assert changed.config == Config(generic_webhook=GenericWebhookConfig(url_set=True))
    with pytest.raises(Exception, match="type of a destination cannot be changed"):
        api.update(made.id, config=Config(slack=SlackConfig(url="https://hooks.example.com/x")))
    api.delete(made.id)
    with pytest.raises(NotFound):
        api.get(made.id)
    assert "very-secret" not in (server.data / "log").read_text()
    assert b"very-secret" not in (server.data / "modelyard.db").read_bytes()


def test_mail_and_slack_are_kept_as_they_are_told(server: Server) -> None:
    api = sdk(server).notification_destinations
    mail = api.create(display_name="team", config=Config(email=EmailConfig(addresses=["team@example.com"])))
    assert mail.config == Config(email=EmailConfig(addresses=["team@example.com"]))
    slack = api.create(display_name="ops", config=Config(slack=SlackConfig(url="https://hooks.example.com/T0/B0")))
    assert slack.config == Config(slack=SlackConfig(url_set=True))
    with server.client() as admin:
        for id_, word in ((mail.id, "sends no mail"), (slack.id, "")):
            told = admin.get(f"{OURS}/notification-destinations/{id_}").json()
            assert word in told["hindrance"]
            assert told["delivers"] is (not word)


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"generic_webhook": {"url": "https://x.example.com"}, "slack": {"url": "https://y.example.com"}},
        {"generic_webhook": {"username": "nobody"}},
        {"generic_webhook": {"url": "ftp://x.example.com"}},
        {"generic_webhook": {"url": "https://user:word@x.example.com"}},
        {"generic_webhook": {"url": "https://x.example.com:99999"}},
        {"generic_webhook": {"url": ["https://x.example.com"]}},
        {"generic_webhook": {"url": "https://x.example.com", "username": "a:b"}},
        {"email": {"addresses": []}},
        {"email": {"addresses": ["nobody"]}},
        {"carrier_pigeon": {"url": "https://x.example.com"}},
    ],
)
def test_a_config_that_makes_no_sense_is_refused(server: Server, config: dict[str, Any]) -> None:
    with server.client() as admin:
        told = {"display_name": "it", "config": config}
        answer = admin.post("/api/2.0/notification-destinations", json=told)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_others_see_names_to_choose_from_and_nothing_else(server: Server) -> None:
    made = sdk(server).notification_destinations.create(display_name="shared", config=webhook("https://x.example.com"))
    assert made.id is not None
    other = sdk(server, server.make_user("bob@example.com")).notification_destinations
    found = other.get(made.id)
    assert (found.display_name, found.destination_type, found.config) == ("shared", DestinationType.WEBHOOK, None)
    assert made.id in [each.id for each in other.list(page_size=1)]
    for attempt in (
        lambda: other.create(display_name="mine", config=webhook("https://x.example.com")),
        lambda: other.update(made.id or "", display_name="mine"),
        lambda: other.delete(made.id or ""),
    ):
        with pytest.raises(PermissionDenied):
            attempt()


# The whole way


def test_an_alias_that_moves_reaches_its_receiver_within_a_fifth_of_a_second(server: Server) -> None:
    world = World(server)
    model = world.model()
    numbers = [world.ready(model), world.ready(model)]
    moved: list[float] = []
    with receiving() as receiver, server.client() as admin:
        destination, secret = hook(admin, receiver.url)
        subscribe(admin, model, destination, "alias.set")
        for turn in range(40):
            point(admin, model, numbers[turn % 2])
            moved.append(time.time())
            receiver.await_(turn + 1)
        for heard in receiver.heard:
            heard.verify(secret)
    late = sorted(heard.at - at for heard, at in zip(receiver.heard, moved, strict=True))
    print(f"delivered after its commit: median {statistics.median(late) * 1000:.1f} ms, slowest {late[-1] * 1000:.1f}")  # noqa: T201
    assert statistics.median(late) < 0.2
    world.close()


def test_who_may_not_see_a_model_cannot_subscribe_to_it_nor_see_others_subscriptions(server: Server) -> None:
    world = World(server)
    model = world.model()
    destination, _ = hook(world.admin, "https://ci.example.com/")
    id_ = subscribe(world.admin, model, destination)
    name, reader = world.user_of(model)
    told = {"full_name": model, "destination_id": destination}
    assert reader.post(f"{OURS}/subscriptions", json=told).status_code == 403
    server.grant("function", model, name, "EXECUTE")
    mine = reader.post(f"{OURS}/subscriptions", json=told).raise_for_status().json()
    assert "approval.decided" in mine["events"]
    asked = {"full_name": model}
    listed = reader.get(f"{OURS}/subscriptions", params=asked).json()["subscriptions"]
    assert [each["id"] for each in listed] == [mine["id"]]
    assert len(world.admin.get(f"{OURS}/subscriptions", params=asked).json()["subscriptions"]) == 2
    assert reader.delete(f"{OURS}/subscriptions/{id_}").status_code == 404
    assert reader.delete(f"{OURS}/subscriptions/{mine['id']}").status_code == 200
    told = {**told, "events": ["made.up"]}
    assert "cannot be subscribed to" in world.admin.post(f"{OURS}/subscriptions", json=told).json()["message"]
    world.close()


# Servers that are killed, and several of them


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_what_a_killed_server_had_in_hand_is_delivered_by_the_next_one(
    start_server: Callable[..., Server], request: pytest.FixtureRequest, kind: str
) -> None:
    url = "" if kind == "sqlite" else request.getfixturevalue("postgres").make()
    server = start_server(url, **ALLOWED)
    world = World(server)
    model = world.model()
    number = world.ready(model)
    with receiving(Receiver(wait=threading.Event())) as receiver:
        destination, secret = hook(world.admin, receiver.url)
        subscribe(world.admin, model, destination, "alias.set")
        for alias in ("first", "second", "third"):
            point(world.admin, model, number, alias)
        receiver.await_(1)  # one is under way, its receiver does not answer, and two wait
        server.kill()
        assert receiver.wait is not None
        receiver.wait.set()
        world.close()
        if url:  # on SQLite a server knows that it is alone; here the lease of the other one has to end
            with psycopg.connect(url, autocommit=True) as database:
                database.execute("UPDATE deliveries SET due_at = 0 WHERE in_hand = 1")
        server.start()
        until(lambda: len({each.id for each in receiver.heard}) == 3)
        with server.client() as admin:
            log = f"{OURS}/notification-destinations/{destination}/deliveries"
            until(lambda: {each["state"] for each in admin.get(log).json()["deliveries"]} == {"DELIVERED"})
        for heard in receiver.heard:
            heard.verify(secret)
        aliases = Counter(json.loads(each.body)["data"]["alias"] for each in receiver.heard)
        assert aliases.keys() == {"first", "second", "third"}
        assert sum(aliases.values()) == 4, "that which was under way comes twice, with one id"


def test_several_servers_deliver_everything_once(start_server: Callable[..., Server], postgres: Any) -> None:  # noqa: ANN401
    url = postgres.make()
    one = start_server(url, "one", **ALLOWED)
    other = start_server(url, "other", secret_key=(one.data / "keys" / "signing").read_text().strip(), **ALLOWED)
    world = World(one)
    model = world.model()
    number = world.ready(model)
    with receiving() as receiver, other.client(one.token) as elsewhere:
        hooks = [hook(world.admin, receiver.url, name)[0] for name in ("a", "b", "c")]
        for each in hooks:
            subscribe(world.admin, model, each, "alias.set")
        for turn in range(10):
            point(world.admin, model, number, f"here{turn}")
            point(elsewhere, model, number, f"there{turn}")
        receiver.await_(60)
        for each in hooks:
            log = f"{OURS}/notification-destinations/{each}/deliveries"
            until(lambda log=log: [told["tries"] for told in _log(elsewhere, log, "DELIVERED")] == [1] * 20)
        assert len({each.id for each in receiver.heard}) == len(receiver.heard) == 60
    world.close()


def _log(client: httpx.Client, path: str, state: str) -> list[dict[str, Any]]:
    return client.get(path, params={"state": state}).raise_for_status().json()["deliveries"]


# Commands


def command(server: Server, *words: str, told: str = "", token: str = "") -> subprocess.CompletedProcess[str]:
    environment = clean_environment(**server.environment(token))
    line = [sys.executable, "-m", "modelyard", *words]
    return subprocess.run(line, input=told, capture_output=True, text=True, env=environment, check=False, timeout=60)


def test_the_commands_make_test_and_watch_a_destination(server: Server) -> None:
    world = World(server)
    model = world.model()
    with receiving(Receiver([(200, {}), (404, {}), (200, {})])) as receiver:
        made = json.loads(command(server, "destinations", "create", "cli", "--json", told=f"{receiver.url}\n").stdout)
        assert made["secret"].startswith("whsec_")
        assert "DELIVERED" in command(server, "destinations", "test", "cli").stdout
        receiver.heard[0].verify(made["secret"])
        assert json.loads(receiver.heard[0].body)["type"] == "destination.test"
        command(server, "subscriptions", "create", model, "cli", "--event", "alias.set")
        assert model in command(server, "subscriptions", "list", "--on", model).stdout
        point(world.admin, model, world.ready(model))
        receiver.await_(2)
        log = f"{OURS}/notification-destinations/{made['id']}/deliveries"
        until(lambda: _log(world.admin, log, "DEAD"))
        assert "404" in command(server, "destinations", "deliveries", "cli", "--state", "dead").stdout
        assert "1 deliveries" in command(server, "destinations", "redeliver", "cli", "--dead").stderr
        receiver.await_(3)
        assert "config" in command(server, "destinations", "get", "cli").stdout
    failed = command(server, "destinations", "test", "cli")
    assert failed.returncode == 1
    assert "error:" in failed.stderr
    assert command(server, "destinations", "delete", "cli", "--yes").returncode == 0
    world.close()
