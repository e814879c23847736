"""`modelyard demo`: the main job, from an empty folder to a promoted, aliased, served model, with unmodified MLflow."""

# MLflow and scikit-learn come without (whole) types:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportPrivateImportUsage=false

from __future__ import annotations

import contextlib
import io
import os
import shlex
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from modelyard.cli.client import SCIM, UNITY, read
from modelyard.cli.output import out
from modelyard.cli.serving_demo import ServingStory
from modelyard.cli.workflow_demo import WorkflowStory
from modelyard.errors import Failure, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    import httpx

SOURCE: Final = "staging.ml_team.fraud_detection"
TARGET: Final = "prod.ml_team.fraud_detection"
_START_SECONDS: Final = 20
_BROKEN: Final = """\
import mlflow


class Broken(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        raise ValueError("this version is broken")


mlflow.models.set_model(Broken())
"""
"""A model that loads, and does not work."""
_SETTINGS: Final = {
    "MODELYARD_SERVING_ENV": "local",
    "MODELYARD_JOBS_ENV": "local",
    "MODELYARD_SHARED_USER": "true",
    "MODELYARD_OUTBOUND_ALLOWED": "127.0.0.1",
}
"""Models and code are all of this demo: they may run in its own environment and as its own user, and tell it of it."""
_GRANTS: Final = (
    ("catalog", "staging", "USE_CATALOG"),
    ("schema", "staging.ml_team", "USE_SCHEMA"),
    ("function", SOURCE, "EXECUTE"),
    ("catalog", "prod", "USE_CATALOG"),
    ("schema", "prod.ml_team", "USE_SCHEMA"),
    ("schema", "prod.ml_team", "CREATE_MODEL"),
)


def demo(
    data: Annotated[
        Path | None,
        typer.Option(help="An empty folder to keep the data in [default: one that is removed at the end]."),
    ] = None,
) -> None:
    """Run the main job end to end in a fresh data folder, and say what happens.

    A server on SQLite and local disk, two catalogs, a classifier that unmodified MLflow trains, registers, promotes
    from staging to production, points an alias at and loads back. Then an endpoint serves it, shares requests with
    a challenger, and takes a broken version back by itself. Then a job trains the next version, CI hears of it, a
    person approves it, and its alias starts a batch job. It takes about a minute, asks nothing of the network, and
    needs the extra `modelyard[demo]`.

    Examples: `modelyard demo` · `modelyard demo --data try-it`
    """
    with contextlib.ExitStack() as stack:
        kept = data.absolute() if data else None
        folder = kept or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="modelyard-demo-")))
        if kept and kept.exists() and any(kept.iterdir()):
            raise Failure(f"{data} is not empty; the demo starts from nothing. Name another folder.")
        stack.enter_context(_quiet_mlflow(folder))
        story = _Story(folder, stack)
        _tell(story.steps())
    out.print(
        "\n[bold green]Done.[/] A model went from training to production, serves, and has made way for the next one."
    )
    _suggest(kept)


def _suggest(kept: Path | None) -> None:
    """What to try next: to look around in what the demo has made, if it was kept."""
    out.print("\n[bold]What to try next[/]")
    if kept is None:
        lines = {
            "modelyard demo --data try-it": "the same, and what it has made is kept to look around in",
            "modelyard serve": "a server of your own; the README goes on from there",
        }
    else:
        settings = " ".join(f"{name}={value}" for name, value in _SETTINGS.items())
        here = f"--data {shlex.quote(str(kept / 'data'))}"
        lines = {
            f"{settings} modelyard serve {here}": "start this server again, and in another terminal:",
            f"modelyard jobs runs {here}": "what has run, and why",
            f"modelyard approvals list --all {here}": "who has approved what",
            f"modelyard aliases history {TARGET} {here}": "who has moved Champion, and when",
            f"modelyard lineage {TARGET} 4 {here}": "which job and run the champion comes from, and what uses it",
            f"modelyard audit list {here}": "everything that was done and refused",
        }
    for command, told in lines.items():
        out.print(f"  [cyan]{escape(command)}[/]\n     {told}", soft_wrap=True)
    out.print(
        "  [cyan]examples/[/]\n     the same workflows at full length, to be deployed to a server", soft_wrap=True
    )


def _tell(steps: list[tuple[str, Callable[[], str]]]) -> None:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    bars = Console(file=sys.stderr, highlight=False)  # it goes on while what libraries say is kept back
    with Progress(*columns, console=bars, transient=True) as progress:
        bar = progress.add_task("", total=len(steps))
        for number, (title, step) in enumerate(steps, start=1):
            progress.update(bar, description=title)
            with _hushed():
                said = step()
            out.print(f"[bold cyan]{number:>2}[/] [bold]{title}[/]\n   {said}", soft_wrap=True)
            progress.advance(bar)


@contextlib.contextmanager
def _hushed() -> Generator[None]:
    """What libraries say on the side is said only if something fails."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            yield
    except BaseException:
        sys.stderr.write(said.getvalue())
        raise


class _Story:
    """The steps of the main job, each of which returns a plain sentence about what has happened."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._robot = ""
        self._robot_token = ""
        self._model: Any = None
        self._sample: Any = None
        self._copied = ""

    def steps(self) -> list[tuple[str, Callable[[], str]]]:
        """What is done, in order."""
        return [
            ("Start the server", self.start),
            ("Create catalogs and schemas", self.make_containers),
            ("Train a classifier", self.train),
            ("Register it with MLflow", self.register),
            ("Try to promote it without privileges", self.be_refused),
            ("Grant what promotion needs", self.grant),
            ("Promote it to production", self.promote),
            ("Point the alias Champion at it", self.set_alias),
            ("Load it by its alias, and predict", self.predict),
            ("Let `deployer` run code", self.entitle),
            *ServingStory(TARGET, lambda: self._sample.head(1), self._deployer, self.another).steps(),
            *self._workflows().steps(),
        ]

    def _workflows(self) -> WorkflowStory:
        def robot() -> tuple[str, str]:
            return self._robot, self._robot_token  # known only when the story comes to it

        return WorkflowStory(TARGET, lambda: self._sample, self._client, self._admin, robot, self._stack)

    def start(self) -> str:
        began = time.monotonic()
        command = [
            sys.executable,
            "-m",
            "modelyard",
            "serve",
            "--data",
            str(self._folder / "data"),
            "--port",
            "0",
        ]
        log = self._stack.enter_context((self._folder / "server.log").open("wb"))
        server = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **_SETTINGS})  # noqa: S603  our own command
        self._stack.callback(_stop, server)
        address = self._await(server)
        os.environ["DATABRICKS_HOST"] = address
        self._become_admin()
        return f"It took {time.monotonic() - began:.1f} s, on SQLite and local disk; it listens on {address}."

    def _await(self, server: subprocess.Popen[bytes]) -> str:
        import httpx  # noqa: PLC0415  with the rest of what only the demo needs

        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until and server.poll() is None:
            address = read(self._folder / "data" / "address")
            with contextlib.suppress(httpx.HTTPError):
                if address and httpx.get(f"{address}/ready", trust_env=False).is_success:
                    return address
            time.sleep(0.05)
        raise Unavailable("the server did not start:\n" + read(self._folder / "server.log"))

    def _become_admin(self) -> None:
        os.environ["DATABRICKS_TOKEN"] = read(self._folder / "data" / "admin-token")

    def _admin(self) -> httpx.Client:
        return self._client(read(self._folder / "data" / "admin-token"))

    def _deployer(self) -> httpx.Client:
        return self._client(self._robot_token)

    def _client(self, token: str) -> httpx.Client:
        import httpx  # noqa: PLC0415  as above

        return httpx.Client(
            base_url=os.environ["DATABRICKS_HOST"],
            headers={"Authorization": f"Bearer {token}"},
            trust_env=False,
        )

    def make_containers(self) -> str:
        with self._admin() as admin:
            for catalog in ("staging", "prod"):
                admin.post(f"{UNITY}/catalogs", json={"name": catalog}).raise_for_status()
                schema = {"name": "ml_team", "catalog_name": catalog}
                admin.post(f"{UNITY}/schemas", json=schema).raise_for_status()
        return "staging.ml_team is where models are tried out, prod.ml_team where they work."

    def train(self) -> str:
        from sklearn.datasets import load_breast_cancer  # noqa: PLC0415  the demo's own extra
        from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  likewise
        from sklearn.model_selection import train_test_split  # noqa: PLC0415  likewise
        from sklearn.pipeline import make_pipeline  # noqa: PLC0415  likewise
        from sklearn.preprocessing import StandardScaler  # noqa: PLC0415  likewise

        table, target = load_breast_cancer(return_X_y=True, as_frame=True)
        train, self._sample, train_target, test_target = train_test_split(table, target, random_state=7)
        self._model = make_pipeline(StandardScaler(), LogisticRegression()).fit(train, train_target)
        score = self._model.score(self._sample, test_target)
        return f"A logistic regression learned from {len(train)} real cases; it is right on {score:.0%} of the others."

    def register(self) -> str:
        import mlflow  # noqa: PLC0415  the demo's own extra
        import sklearn  # noqa: PLC0415  likewise

        mlflow.set_tracking_uri(f"sqlite:///{self._folder / 'tracking.db'}")
        mlflow.set_registry_uri("databricks-uc")
        mlflow.set_experiment("demo")
        with mlflow.start_run():
            info = mlflow.sklearn.log_model(
                self._model,
                name="model",
                input_example=self._sample.head(3),
                pip_requirements=[f"scikit-learn=={sklearn.__version__}"],  # finding them out takes long
                registered_model_name=SOURCE,
            )
        return f"{SOURCE}, version {info.registered_model_version}, with its files, by unmodified MLflow."

    def be_refused(self) -> str:
        with self._admin() as admin:
            made = admin.post(f"{SCIM}/ServicePrincipals", json={"displayName": "deployer"}).raise_for_status().json()
            self._robot = made["applicationId"]
            said = {"application_id": self._robot, "comment": "demo"}
            token = admin.post("/api/2.0/token-management/on-behalf-of/tokens", json=said).raise_for_status().json()
        self._robot_token = token["token_value"]
        os.environ["DATABRICKS_TOKEN"] = self._robot_token
        from mlflow.exceptions import MlflowException  # noqa: PLC0415  as above

        try:
            self._copy()
        except MlflowException as refusal:
            if "PERMISSION_DENIED" not in str(refusal):
                raise
            reason = str(refusal).partition("PERMISSION_DENIED: ")[2].partition(" Config:")[0]
            return f"The service principal `deployer` is refused: [yellow]{escape(reason)}[/]"
        raise Failure("a principal without privileges was not refused")

    def grant(self) -> str:
        with self._admin() as admin:
            for kind, name, privilege in _GRANTS:
                change = {"changes": [{"principal": self._robot, "add": [privilege]}]}
                admin.patch(f"{UNITY}/permissions/{kind}/{name}", json=change).raise_for_status()
        return "USE CATALOG and USE SCHEMA on both sides, EXECUTE on the source, CREATE MODEL on prod.ml_team."

    def _copy(self) -> str:
        from mlflow.tracking import MlflowClient  # noqa: PLC0415  as above

        return str(MlflowClient().copy_model_version(f"models:/{SOURCE}/1", TARGET).version)

    def promote(self) -> str:
        self._copied = self._copy()
        return f"copy_model_version made {TARGET}, version {self._copied}; `deployer` made it, so `deployer` owns it."

    def set_alias(self) -> str:
        from mlflow.tracking import MlflowClient  # noqa: PLC0415  as above

        MlflowClient().set_registered_model_alias(name=TARGET, alias="Champion", version=self._copied)
        return f"models:/{TARGET}@Champion is version {self._copied}."

    def predict(self) -> str:
        import mlflow  # noqa: PLC0415  as above

        loaded = mlflow.pyfunc.load_model(f"models:/{TARGET}@Champion")
        same = (loaded.predict(self._sample) == self._model.predict(self._sample)).all()
        if not same:
            raise Failure("the model in production predicts otherwise than the one that was trained")
        return f"All {len(self._sample)} predictions equal those of the model that was trained."

    def entitle(self) -> str:
        """Serving a model runs its code, which takes more than privileges on the model."""
        operation = {"op": "add", "path": "entitlements", "value": [{"value": "allow-cluster-create"}]}
        with self._admin() as admin:
            there = f"{SCIM}/ServicePrincipals"
            found = admin.get(there, params={"filter": f'applicationId eq "{self._robot}"'}).raise_for_status().json()
            one = f"{there}/{found['Resources'][0]['id']}"
            admin.patch(one, json={"Operations": [operation]}).raise_for_status()
        return "Serving a model runs its code: the admin gives the entitlement allow-cluster-create."

    def another(self, kind: str) -> str:
        """Register another version of the model in production: a challenger, or one that is broken."""
        import mlflow  # noqa: PLC0415  as above

        signature = mlflow.models.infer_signature(self._sample, self._model.predict(self._sample))
        logged: dict[str, Any] = {"name": "model", "registered_model_name": TARGET, "signature": signature}
        with mlflow.start_run():
            if kind == "challenger":
                info = mlflow.sklearn.log_model(self._model, pip_requirements=["scikit-learn"], **logged)
            else:
                code = self._folder / "broken.py"
                code.write_text(_BROKEN)
                info = mlflow.pyfunc.log_model(python_model=code, pip_requirements=["mlflow"], **logged)
        return str(info.registered_model_version)


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        server.wait(10)
    server.kill()


@contextlib.contextmanager
def _quiet_mlflow(folder: Path) -> Generator[None]:
    """MLflow works in the demo's folder, says only what matters, and takes no settings of whoever runs the demo."""
    before = dict(os.environ)
    foreign = [name for name in os.environ if name.startswith(("DATABRICKS_", "MLFLOW_", "MODELYARD_"))]
    for name in foreign:
        del os.environ[name]
    os.environ |= {
        "MLFLOW_LOGGING_LEVEL": "ERROR",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "GIT_PYTHON_REFRESH": "quiet",
    }
    here = Path.cwd()
    os.chdir(_made(folder))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        os.chdir(here)
        os.environ.clear()
        os.environ |= before


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
