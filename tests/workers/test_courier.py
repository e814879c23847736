"""The courier brings what is in the outbox to receivers that answer, wait, fail, redirect, or are not there."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from modelyard.action import Ref
from modelyard.actions import deliveries, destinations, models, subscriptions, tagging
from modelyard.domain.deliveries import DELAYS, MAX_TRIES, SUBSCRIBABLE, Delivery, State, Try
from modelyard.domain.destinations import Body, config
from modelyard.domain.journal import Event
from modelyard.domain.models import Tag, TagChange
from modelyard.domain.pages import Window
from modelyard.domain.privileges import Privilege
from modelyard.store import outbox
from modelyard.store.tx import Context
from tests.house.world import World, containers
from tests.receivers import Receiver, receiving, until
from tests.support import in_process

DAY = 24 * 3600


class Home:
    """A world whose courier is at work, on a clock that can be put forward."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ahead = 0.0
        self.gate = world.inside.gate
        self.gate.clock = lambda: time.time() + self.ahead

    def pass_(self, seconds: float) -> None:
        """From now on the gate's clock is fast by so much more."""
        self.ahead += seconds

    def destination(self, url: str, **more: str) -> str:
        told = config({"generic_webhook": {"url": url, **more}})
        return self.world.do(destinations.CreateDestination(self.world.new_name("hook"), told)).id

    def send(self, destination: str) -> str:
        """Something for a destination, which is tried as often as anything; the delivery's id."""
        with self.gate.database.write() as tx:
            tx.enter(Context(None, {}, int(self.gate.clock() * 1000), None, "", 0, {}))  # pyright: ignore[reportArgumentType]  nobody calls
            begun = outbox.put(tx, [destination], "jobs.on_success", JOB)
        for ring in self.gate.posted:
            ring()
        return f"{begun}-{destination}"

    def look(self, delivery: str) -> Delivery:
        return self.world.do(deliveries.GetDelivery(delivery))[0]

    def tries(self, delivery: str) -> tuple[Try, ...]:
        return self.world.do(deliveries.GetDelivery(delivery))[1]

    def settled(self, delivery: str, tries: int = 1) -> Delivery:
        """The delivery, once so many tries are over."""
        until(lambda: len(self.tries(delivery)) >= tries or self.look(delivery).state is not State.WAITING)
        return self.look(delivery)

    def moved(self, model: Ref) -> int:
        """A new version at which the model's alias points."""
        number = self.world.ready(model)
        self.world.do(models.SetAlias(model, "champion", number), self.world.owner)
        return number

    def log(self, destination: str, state: State | None = None) -> list[Delivery]:
        return list(self.world.do(deliveries.ListDeliveries(destination, Window(100), state)).items)


JOB = '{"event_type":"jobs.on_success","workspace_id":1,"run":{"run_id":42},"job":{"job_id":7,"name":"train"}}'


def opened(data: Path, database: str) -> Iterator[Home]:
    with in_process(data, database, outbound_allowed=("127.0.0.1",)) as inside:  # pyright: ignore[reportArgumentType]
        inside.built.courier.start()
        yield Home(World(inside))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """One for all tests, on SQLite."""
    yield from opened(tmp_path_factory.mktemp("home") / "data", "")


@pytest.fixture(scope="module")
def homes(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest, home: Home
) -> Iterator[Callable[[str], Home]]:
    """The one on SQLite, or one on PostgreSQL."""
    made: dict[str, Iterator[Home]] = {}
    there: dict[str, Home] = {"sqlite": home}

    def get(kind: str) -> Home:
        if kind not in there:
            made[kind] = opened(tmp_path_factory.mktemp(kind) / "data", request.getfixturevalue("postgres").make())
            there[kind] = next(made[kind])
        return there[kind]

    yield get
    for each in made.values():
        next(each, None)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_subscriber_is_told_signed_and_with_its_password(homes: Callable[[str], Home], kind: str) -> None:
    home = homes(kind)
    model = home.world.model()
    with receiving() as receiver:
        hook = home.destination(receiver.url, username="ci", password="let me in")
        secret = home.world.do(destinations.RotateSigningSecret(hook)).secret
        wish = subscriptions.SubscribeToModel(model, hook, (Event.ALIAS_SET, Event.TAG_SET))
        home.world.do(wish, home.world.owner)
        number = home.moved(model)
        [heard] = receiver.await_(1)
        home.world.do(tagging.ChangeModelTags(model, TagChange(add=(Tag("team", "risk"),))), home.world.owner)
        [_, tagged] = receiver.await_(2)
        until(lambda: {each.state for each in home.log(hook)} == {State.DELIVERED})
    heard.verify(secret)
    assert heard.headers["authorization"] == "Basic Y2k6bGV0IG1lIGlu"
    assert heard.headers["content-type"] == "application/json"
    told = json.loads(heard.body)
    assert told["type"] == "alias.set"
    assert told["data"] == {
        "full_name": model.name,
        "alias": "champion",
        "version": number,
        "was": None,
        "by": home.world.owner.name,
    }
    assert json.loads(tagged.body)["data"]["key"] == "team"
    assert tagged.id != heard.id
    [delivery] = [each for each in home.log(hook) if each.event == "alias.set"]
    assert (delivery.id, delivery.tries, delivery.status) == (heard.id, 1, 200)


def test_schemas_and_catalogs_can_be_subscribed_to_and_only_chosen_events_come(home: Home) -> None:
    schema = home.world.schema()
    model = home.world.model(schema)
    with receiving() as receiver:
        hook = home.destination(receiver.url)
        for on in containers(model):
            wish = subscriptions.SubscribeInside(on, hook, (Event.MODEL_VERSION_READY,))
            home.world.do(wish, home.world.owner)
        home.world.ready(home.world.model())  # in another catalog
        number = home.world.ready(model)
        heard = receiver.await_(2)
        assert len({each.id for each in heard}) == 2
        told = [json.loads(each.body) for each in heard]
        assert [(each["type"], each["data"]["version"]) for each in told] == [("model_version.ready", number)] * 2
        assert len(home.log(hook)) == 2


def test_a_job_s_body_arrives_byte_for_byte_and_extended_only_where_that_is_wanted(home: Home) -> None:
    with receiving() as receiver:
        hook = home.destination(receiver.url)
        home.settled(home.send(hook))
        assert receiver.heard[0].body == JOB.encode()
        home.world.do(destinations.UpdateDestination(hook, body=Body.EXTENDED))
        with home.gate.database.write() as tx:
            tx.enter(Context(None, {}, int(home.gate.clock() * 1000), None, "", 0, {}))  # pyright: ignore[reportArgumentType]
            outbox.put(tx, [hook], "jobs.on_success", JOB, extension='{"result_state":"SUCCESS"}')
        told = json.loads(receiver.await_(2)[1].body)
        assert told.pop("extension") == {"result_state": "SUCCESS"}
        assert told == json.loads(JOB)


def test_while_a_secret_is_exchanged_both_of_them_verify_and_later_only_the_new_one(home: Home) -> None:
    with receiving() as receiver:
        hook = home.destination(receiver.url)
        old = home.world.do(destinations.RotateSigningSecret(hook, keep_hours=0)).secret
        new = home.world.do(destinations.RotateSigningSecret(hook, keep_hours=1)).secret
        home.settled(home.send(hook))
        for secret in (old, new):
            receiver.heard[0].verify(secret)
        home.pass_(3601)
        home.settled(home.send(hook))
        receiver.heard[1].verify(new)
        with pytest.raises(Exception, match="No matching signature"):
            receiver.heard[1].verify(old)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("slack", {"text": "Job train has succeeded (job 7, run 42)."}),
        ("microsoft_teams", "Job train has succeeded (job 7, run 42)."),
    ],
)
def test_slack_and_teams_get_words_for_people(home: Home, kind: str, text: Any) -> None:  # noqa: ANN401
    with receiving() as receiver:
        made = destinations.CreateDestination("ops", config({kind: {"url": receiver.url}}))
        hook = home.world.do(made).id
        home.settled(home.send(hook))
        told = json.loads(receiver.heard[0].body)
    if kind == "slack":
        assert told == text
    else:
        [card] = told["attachments"]
        assert card["contentType"] == "application/vnd.microsoft.card.adaptive"
        assert card["content"]["body"] == [{"type": "TextBlock", "text": text, "wrap": True}]
    assert "webhook-signature" not in receiver.heard[0].headers


def test_what_is_not_delivered_by_this_server_says_so(home: Home) -> None:
    told = config({"email": {"addresses": ["team@example.com"]}})
    hook = home.world.do(destinations.CreateDestination("mail", told)).id
    assert "sends no mail" in home.world.do(destinations.InspectDestination(hook)).hindrance
    found = home.settled(home.send(hook))
    assert (found.state, "sends no mail" in found.error) == (State.DEAD, True)


# Receivers that fail


def test_a_receiver_that_fails_is_tried_again_later_and_later_and_then_no_more(home: Home) -> None:
    with receiving(Receiver([(503, {})])) as receiver:
        hook = home.destination(receiver.url)
        delivery = home.send(hook)
        for number in range(1, MAX_TRIES + 1):
            found = home.settled(delivery, number)
            assert (found.tries, found.status) == (number, 503)
            if number < MAX_TRIES:
                wait = found.due_at / 1000 - home.gate.clock()
                assert DELAYS[number - 1] * 0.85 - 5 < wait < DELAYS[number - 1] * 1.15
                home.pass_(wait)
        assert found.state is State.DEAD
        assert found.error == "the receiver answered 503."
        assert sum(DELAYS) > DAY
        assert {each.id for each in receiver.heard} == {delivery}
        assert [each.number for each in home.tries(delivery)] == list(range(1, 13))
        receiver.answers = [(200, {})]
        assert home.world.do(deliveries.RedeliverDead(hook)) == 1
        found = home.settled(delivery, 13)
        assert (found.state, found.tries, receiver.heard[-1].id) == (State.DELIVERED, 13, delivery)


def test_a_receiver_that_asks_for_time_gets_it(home: Home) -> None:
    with receiving(Receiver([(429, {"Retry-After": "900"}), (200, {})])) as receiver:
        delivery = home.send(home.destination(receiver.url))
        found = home.settled(delivery)
        assert 880 < found.due_at / 1000 - home.gate.clock() <= 900
        home.pass_(901)
        assert home.settled(delivery, 2).state is State.DELIVERED
        assert len(receiver.heard) == 2


def test_a_redirect_is_not_followed_and_ends_it(home: Home) -> None:
    with receiving() as target, receiving(Receiver([(307, {"Location": target.url})])) as receiver:
        found = home.settled(home.send(home.destination(receiver.url)))
        assert found.state is State.DEAD
        assert "redirects are not followed" in found.error
        assert target.heard == []


def test_a_receiver_that_says_no_is_not_asked_again_by_itself(home: Home) -> None:
    with receiving(Receiver([(404, {}), (200, {})])) as receiver:
        delivery = home.send(home.destination(receiver.url))
        assert home.settled(delivery).state is State.DEAD
        home.world.do(deliveries.Redeliver(delivery))
        assert home.settled(delivery, 2).state is State.DELIVERED
        assert {each.id for each in receiver.heard} == {delivery}


def test_an_address_that_is_not_public_is_not_connected_to_and_the_log_says_why(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    with receiving(host="127.0.0.2") as receiver, caplog.at_level(logging.INFO):
        delivery = home.send(home.destination(receiver.url))
        found = home.settled(delivery)
        assert (found.state, found.status) == (State.WAITING, None)
        assert "outbound_allowed" in found.error
        assert receiver.heard == []
    assert "hidden-in-the-url" not in caplog.text + found.error
    home.world.do(destinations.DeleteDestination(found.destination_id))


def test_slow_and_dead_receivers_delay_nobody_else(home: Home) -> None:
    gone = socket.socket()
    gone.bind(("127.0.0.1", 0))  # and nobody listens
    slow = Receiver(wait=threading.Event())
    with receiving(slow), receiving() as healthy:
        hooks = [home.destination(f"{slow.url}&number={number}") for number in range(6)]
        hooks += [home.destination(f"http://127.0.0.1:{gone.getsockname()[1]}/")]
        for hook in hooks:
            for _ in range(10):
                home.send(hook)
        slow.await_(6)
        began = time.monotonic()
        hook = home.destination(healthy.url)
        for _ in range(5):
            home.send(hook)
        healthy.await_(5)
        assert time.monotonic() - began < 5, "well before the slow ones have timed out"
        assert len(slow.heard) == 6, "each has one request under way"
        assert slow.wait is not None
        slow.wait.set()
        slow.await_(60)
        for each in hooks:
            home.world.do(destinations.DeleteDestination(each))
    gone.close()


# Who is told


def test_who_may_not_see_it_any_more_is_not_told(home: Home) -> None:
    model, person = home.world.model(), home.world.person()
    catalog, schema = containers(model)
    for privilege, on in ((Privilege.USE_CATALOG, catalog), (Privilege.USE_SCHEMA, schema), (Privilege.EXECUTE, model)):
        home.world.grant(on, person.name, privilege)
    with receiving() as receiver:
        hook = home.destination(receiver.url)
        home.world.do(subscriptions.SubscribeToModel(model, hook, SUBSCRIBABLE), person)
        number = home.world.register(model)
        receiver.await_(1)
        home.world.revoke(model, person.name, Privilege.EXECUTE)
        home.world.finish(model, number)
        until(lambda: home.log(hook, State.WITHHELD))
        [withheld] = home.log(hook, State.WITHHELD)
        assert withheld.event == "model_version.ready"
        home.world.grant(model, person.name, Privilege.EXECUTE)
        home.world.do(deliveries.Redeliver(withheld.id))
        assert receiver.await_(2)[1].id == withheld.id
