"""How long governance takes: one decision, and lists filtered for one caller, in a large catalog.

In process and on one thread, so that what is timed is Modelyard and its database and neither HTTP nor a client.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.governed import Governed, Size, fill
from benchmarks.report import Table
from modelyard import app
from modelyard.action import Action, Ref
from modelyard.actions.catalogs import ListSchemas
from modelyard.actions.models import GetModel, SearchModels
from modelyard.actions.tokens import CreateTokenFor
from modelyard.actions.versions import SearchVersions
from modelyard.config import Settings
from modelyard.domain.access import Bearer, Caller
from modelyard.domain.filters import VersionFilter
from modelyard.domain.journal import Origin
from modelyard.domain.pages import Window
from modelyard.domain.privileges import Kind, Privilege, Question, decide
from modelyard.gate import Gate
from modelyard.store import access, installation

_PAGE = 100


@dataclass(frozen=True)
class Timing:
    """One question: seconds at the median and at the 95th percentile, and the goal (which of the two, seconds)."""

    name: str
    p50: float
    p95: float
    goal: tuple[str, float] | None = None

    def cells(self) -> tuple[str, ...]:
        """A row of the table."""
        if self.goal is None:
            return (self.name, _told(self.p50), _told(self.p95), "-")
        which, most = self.goal
        met = "met" if getattr(self, which) < most else "missed"
        return (self.name, _told(self.p50), _told(self.p95), f"{which} < {_told(most)} {met}")


def _told(seconds: float) -> str:
    return f"{seconds * 1e6:,.1f} us" if seconds < 1e-3 else f"{seconds * 1e3:,.2f} ms"  # noqa: PLR2004  a millisecond


def measure(folder: Path, database: str, size: Size, tell: Callable[[str], None]) -> Table:
    """Fill a fresh database, and ask it many times."""
    settings = Settings(data=folder, database=database)
    if database:
        app.migrate_database(settings)
    built = app.build(settings)
    try:
        tell(f"filling {'PostgreSQL' if database else 'SQLite'} with {size.grants:,} grants")
        with built.database.look() as tx:
            there = installation.get(tx)
        if there is None:
            raise RuntimeError("the first start makes an installation")
        with built.database.engine.begin() as connection:
            made = fill(connection, size, there.metastore_id)
        if database:  # its own daemon would do so within minutes; nobody does on SQLite
            with built.database.engine.connect() as connection:
                connection.exec_driver_sql("ANALYZE")
                connection.commit()
        tell("asking")
        timings = _Questions(built.gate, made, Bearer((folder / "admin-token").read_text().strip())).all()
    finally:
        built.close()
    title = f"{'PostgreSQL' if database else 'SQLite'}: {size.models:,} models, {size.versions:,} versions, "
    title += f"{size.principals:,} principals, {size.grants:,} grants"
    return Table(title, ("question", "p50", "p95", "goal"), tuple(timing.cells() for timing in timings))


class _Questions:
    """What is asked of one filled database, each time about another model and by another caller."""

    def __init__(self, gate: Gate, made: Governed, admin: Bearer) -> None:
        self._gate = gate
        self._made = made
        self._admin = admin
        self._viewer = Bearer(self._token(made.viewer))

    def _token(self, principal_id: str) -> str:
        with self._gate.database.look() as tx:
            principal = access.principal_by_id(tx, principal_id)
        if principal is None:
            raise RuntimeError("the benchmark made everybody whom it asks about")
        return self._gate.do(CreateTokenFor(principal.name), self._admin, Origin("benchmark")).secret

    def all(self) -> list[Timing]:
        """Everything that has a goal, and what helps to understand it."""
        model = self._made.models[len(self._made.models) // 2]
        found = self._gate.do(SearchVersions(VersionFilter(model=model), Window(1)), self._admin, Origin("benchmark"))
        run = found.items[0].run_id
        page = Window(_PAGE)
        return [
            self._decisions(),
            self._through_store(),
            self._timed("get a model, through the gate", GetModel(Ref(Kind.MODEL, model))),
            self._timed("the 100 visible models of 100,000", SearchModels(page), ("p50", 10e-3), viewer=True),
            self._timed("a page of models, as an admin", SearchModels(page), ("p95", 50e-3)),
            self._timed("a later page of models", SearchModels(Window(_PAGE, model)), ("p95", 50e-3)),
            self._timed("a page inside one schema", SearchModels(page, model.rpartition(".")[0]), ("p95", 50e-3)),
            self._timed("versions of a model", SearchVersions(VersionFilter(model=model), page), ("p95", 50e-3)),
            self._timed("versions of a run", SearchVersions(VersionFilter(run_id=run), page), ("p95", 50e-3)),
            self._timed("schemas of a catalog", ListSchemas(model.partition(".")[0], page), ("p95", 50e-3)),
            self._timed("the same, as the viewer", ListSchemas(model.partition(".")[0], page), viewer=True),
        ]

    def _decisions(self) -> Timing:
        with self._gate.database.look() as tx:
            caller = access.caller_by_id(tx, self._made.users[7])
            chain = access.chain(tx, _known(caller), Ref(Kind.MODEL, self._made.models[7]))
        question = Question(Privilege.EXECUTE)
        return _timing("a decision, in process", lambda _: decide(question, chain), 20_000, ("p50", 100e-6))

    def _through_store(self) -> Timing:
        """Groups of a caller, grants on the chain, and the decision: what the gate does for each action."""
        users, models, question = self._made.users, self._made.models, Question(Privilege.EXECUTE)

        def ask(number: int) -> None:
            with self._gate.database.look() as tx:
                caller = _known(access.caller_by_id(tx, users[number * 31 % len(users)]))
                decide(question, access.chain(tx, caller, Ref(Kind.MODEL, models[number * 977 % len(models)])))

        return _timing("a decision, through the store", ask, 3_000, ("p50", 1e-3))

    def _timed(
        self, name: str, action: Action[Any, Any], goal: tuple[str, float] | None = None, *, viewer: bool = False
    ) -> Timing:
        shown = self._viewer if viewer else self._admin
        return _timing(name, lambda _: self._gate.do(action, shown, Origin("benchmark")), 100, goal)


def _known(caller: Caller | None) -> Caller:
    if caller is None:
        raise RuntimeError("the benchmark made everybody whom it asks about")
    return caller


def _timing(name: str, ask: Callable[[int], object], times: int, goal: tuple[str, float] | None = None) -> Timing:
    for number in range(max(3, times // 20)):
        ask(number)
    taken: list[float] = []
    for number in range(times):
        began = time.perf_counter()
        ask(number)
        taken.append(time.perf_counter() - began)
    return Timing(name, statistics.median(taken), statistics.quantiles(taken, n=20)[-1], goal)
