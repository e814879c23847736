"""Old code on a flat registry and rewritten code on full names do the same: both run with MLflow's own client."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

import pytest
from mlflow import MlflowClient

from modelyard.upgrade import plan
from tests.upgrade.support import WITHOUT_COMMENTS, rewritten

HEAD = "import mlflow\nfrom mlflow import MlflowClient\nclient = MlflowClient()\n"
STAGES = {"Production": "champion", "Staging": "challenger"}


@dataclass
class Registry:
    """One real registry, in which each test has a model of its own under its old name and under its new one."""

    client: MlflowClient
    address: str

    def model(self, flat: str, stages: dict[int, str], versions: int = 3) -> None:
        """Versions under both names: under the flat one in stages, under the full one with their aliases."""
        for name in (flat, f"prod.ml.{flat}"):
            self.client.create_registered_model(name)
            for number in range(1, versions + 1):
                self.client.create_model_version(name, f"file:///nowhere/{number}", None)
        for number, stage in stages.items():
            self.client.transition_model_version_stage(flat, str(number), stage)
            self.client.set_registered_model_alias(f"prod.ml.{flat}", STAGES[stage], str(number))

    def both(self, flat: str, body: str) -> tuple[object, object]:
        """What a snippet leaves in `answer`, as it is and as it is rewritten."""
        text = HEAD + textwrap.dedent(body).replace("MODEL", flat)
        made = plan.made([f"{flat}=prod.ml.{flat}"], "", [], "")
        after = rewritten(text, with_plan=made, options=WITHOUT_COMMENTS)
        assert after != text
        return self._answer(text), self._answer(after)

    def _answer(self, text: str) -> object:
        names: dict[str, object] = {}
        bound = text.replace("MlflowClient()", f"MlflowClient({self.address!r}, {self.address!r})")
        exec(compile(bound, "snippet", "exec"), names)  # noqa: S102  our own snippet, as it was rewritten
        return names["answer"]

    def aliases(self, flat: str) -> dict[str, str]:
        found = self.client.get_registered_model(f"prod.ml.{flat}").aliases
        return {alias: str(number) for alias, number in found.items()}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    address = f"sqlite:///{tmp_path_factory.mktemp('registry') / 'mlflow.db'}"
    return Registry(MlflowClient(address, address), address)


pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")  # the old code is warned that stages are deprecated


def test_looking_up(registry: Registry) -> None:
    registry.model("looked", {2: "Production", 1: "Staging"})
    for body, expected in (
        ("answer = client.get_latest_versions('MODEL', ['Production'])[0].version", "2"),
        ("answer = client.get_latest_versions(name='MODEL', stages=['staging'])[-1].version", "1"),
        ("answer = [int(v.version) for v in client.get_latest_versions('MODEL', ['Production'])]", [2]),
        ("answer = client.get_latest_versions('MODEL', ['None'])[0].version", "3"),
        ("answer = len(client.get_latest_versions('MODEL', stages=['None']))", 1),
        ("""
         answer = None
         for mv in client.search_model_versions("name='MODEL'"):
             if mv.current_stage == "Production":
                 answer = int(mv.version)
         """, 2),
        ("""
         found = client.search_model_versions("name='MODEL'")
         answer = sorted(int(v.version) for v in found if v.current_stage.lower() != "staging")
         """, [2, 3]),
        ("answer = client.get_model_version('MODEL', '2').current_stage == 'Production'", True),
    ):  # fmt: skip
        old, new = registry.both("looked", body)
        assert (str(old), str(new)) == (str(expected), str(expected)), body


def test_nothing_in_a_stage_stays_an_empty_list(registry: Registry) -> None:
    registry.model("empty", {})
    body = "found = client.get_latest_versions('MODEL', ['Production'])\nanswer = 'yes' if found else 'no'"
    assert registry.both("empty", body) == ("no", "no")


def test_promoting_and_archiving(registry: Registry) -> None:
    registry.model("promoted", {1: "Production", 2: "Staging"})
    body = """
        old = client.get_latest_versions("MODEL", ["Production"])
        new = client.get_latest_versions("MODEL", ["Staging"])[0]
        if old:
            client.transition_model_version_stage("MODEL", old[0].version, "Archived")
        client.transition_model_version_stage(
            name="MODEL",
            version=new.version,
            stage="Production",
        )
        answer = str(client.get_latest_versions("MODEL", ["Production"])[0].version)
        """
    assert registry.both("promoted", body) == ("2", "2")
    assert registry.aliases("promoted") == {"champion": "2", "challenger": "2"}
    assert registry.client.get_model_version("prod.ml.promoted", "1").tags == {"lifecycle": "archived"}


def test_retiring_takes_the_aliases_off(registry: Registry) -> None:
    registry.model("retired", {3: "Production"})
    body = """
        def retire(version):
            client.transition_model_version_stage("MODEL", version, "Archived")
        retire(3)
        answer = len(client.get_latest_versions("MODEL", ["Production"]))
        """
    assert registry.both("retired", body) == (0, 0)
    assert registry.aliases("retired") == {}
