"""The second half of the demo: a champion serves, a challenger takes over, a broken version rolls back by itself."""

# MLflow comes without (whole) types:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportPrivateImportUsage=false

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from modelyard.errors import Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

_ENDPOINT: Final = "fraud-detection"
_AT: Final = f"/api/2.0/serving-endpoints/{_ENDPOINT}"
_OURS: Final = f"/api/2.0/modelyard/serving-endpoints/{_ENDPOINT}"
_REQUESTS: Final = 600
_WAIT_SECONDS: Final = 180
_ROLLOUT: Final = {
    "served_entity_name": "broken",
    "steps": [20, 100],
    "bake_seconds": 2,
    "min_requests": 20,
    "max_error_rate": 0.02,
}


class ServingStory:
    """The steps, each of which returns a plain sentence; `model` is the full name of the model in production.

    `sign_in` makes a client of who owns it, `another` registers a version of the model and returns its number.
    """

    def __init__(
        self, model: str, rows: Callable[[], Any], sign_in: Callable[[], httpx.Client], another: Callable[[str], str]
    ) -> None:
        self._model = model
        self._rows = rows
        self._sign_in = sign_in
        self._another = another
        self._entities: list[dict[str, object]] = []

    def steps(self) -> list[tuple[str, Callable[[], str]]]:
        """What is done, in order."""
        return [
            ("Serve the champion", self.serve),
            ("Send a tenth of the requests to a challenger", self.challenge),
            ("Send it all of them", self.take_over),
            ("Roll out a broken version", self.roll_out),
        ]

    def serve(self) -> str:
        """Serve by the alias."""
        began = time.monotonic()
        self._add("champion", "@Champion")
        config = {"served_entities": self._entities}
        with self._sign_in() as client:
            client.post("/api/2.0/serving-endpoints", json={"name": _ENDPOINT, "config": config}).raise_for_status()
            self._await(client)
            [(name, count)] = self._ask(client, 3).items()
        took = time.monotonic() - began
        return f"The endpoint {_ENDPOINT} was ready after {took:.1f} s, and answered {count} requests by its {name}."

    def challenge(self) -> str:
        """Share requests between two versions."""
        self._add("challenger", self._another("challenger"))
        with self._sign_in() as client:
            self._update(client, champion=90, challenger=10)
            return f"Of {_REQUESTS} requests {self._told(self._ask(client, _REQUESTS))}."

    def take_over(self) -> str:
        """Change the shares alone, which takes effect at once."""
        with self._sign_in() as client:
            routes = {"routes": _routes(champion=0, challenger=100)}
            client.put(f"{_AT}/config", json={"traffic_config": routes}).raise_for_status()
            return f"From the very next request on: {self._told(self._ask(client, _REQUESTS))}."

    def roll_out(self) -> str:
        """Roll out a version that does not work, and see it taken back."""
        self._add("broken", self._another("broken"))
        with self._sign_in() as client:
            self._update(client, champion=0, challenger=100, broken=0)
            client.post(f"{_OURS}/rollout", json=_ROLLOUT).raise_for_status()
            rollout = self._watch(client)
            asked = self._ask(client, _REQUESTS)
        return f"{rollout['reason'].rstrip('.')}: so it was rolled back. Now {self._told(asked)}."

    def _watch(self, client: httpx.Client) -> dict[str, Any]:
        """Ask for predictions until the roll-out has ended."""
        until = time.monotonic() + _WAIT_SECONDS
        while time.monotonic() < until:
            self._ask(client, 20)
            rollout: dict[str, Any] = client.get(f"{_OURS}/rollout").raise_for_status().json()
            if rollout["state"] == "ROLLED_BACK":
                return rollout
        raise Failure("the broken version was not rolled back")

    def _add(self, name: str, version: str) -> None:
        entity = {"name": name, "entity_name": self._model, "entity_version": version, "workload_size": "Small"}
        self._entities = [*self._entities, {**entity, "scale_to_zero_enabled": False}]

    def _update(self, client: httpx.Client, **shares: int) -> None:
        config = {"served_entities": self._entities, "traffic_config": {"routes": _routes(**shares)}}
        client.put(f"{_AT}/config", json=config).raise_for_status()
        self._await(client)

    def _await(self, client: httpx.Client) -> None:
        until = time.monotonic() + _WAIT_SECONDS
        while time.monotonic() < until:
            state = client.get(_AT).raise_for_status().json()["state"]
            if state["config_update"] == "UPDATE_FAILED":
                raise Failure(f"the endpoint could not be updated: {state['message']}")
            if state["config_update"] == "NOT_UPDATING" and state["ready"] == "READY":
                return
            time.sleep(0.2)
        raise Failure("the endpoint was not ready in time")

    def _ask(self, client: httpx.Client, times: int) -> Counter[str]:
        """How many requests each served entity answered."""
        rows = self._rows()
        body = {"dataframe_split": {"columns": list(rows.columns), "data": rows.to_numpy().tolist()}}
        answers = (client.post(f"/serving-endpoints/{_ENDPOINT}/invocations", json=body) for _ in range(times))
        return Counter(answer.headers.get("served-model-name", "nobody") for answer in answers)

    @staticmethod
    def _told(asked: Counter[str]) -> str:
        return " and ".join(f"{count} went to the {name}" for name, count in asked.most_common())


def _routes(**shares: int) -> list[dict[str, object]]:
    return [{"served_entity_name": name, "traffic_percentage": share} for name, share in shares.items()]
