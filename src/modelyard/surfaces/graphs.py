"""GraphQL as MLflow's page speaks it: one question about runs or an experiment, whose words stand in one variable.

Everything else that the language knows is refused: several questions at once, arguments in the text, mutations. So what
a question touches is read from its variable, as from the body of any other request.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, cast

import msgspec

from modelyard.errors import Invalid
from modelyard.surfaces.tracking.said import Graph, Histories, OfExperiment, OfRun, SearchedRuns, Told

_QUESTIONS: Final[dict[str, type[Told]]] = {
    "mlflowGetRun": OfRun,
    "mlflowGetExperiment": OfExperiment,
    "mlflowGetMetricHistoryBulkInterval": Histories,
    "mlflowSearchRuns": SearchedRuns,
}
_MOST_TOKENS: Final = 2_000
_REFUSED: Final = (
    "this question is not answered: ask one of those that MLflow's page asks, with its words in a variable."
)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and the name of the variable that says it."""

    said: Told
    variable: str

    def variables(self, said: Told) -> dict[str, Any]:
        """The variable with what is said in the end."""
        told: dict[str, Any] = msgspec.to_builtins(said)
        return {self.variable: {_camel(name): value for name, value in told.items()}}


def question(graph: Graph) -> Question:
    """The one question of a request; `Invalid` for anything else."""
    from graphql import GraphQLError, parse  # noqa: PLC0415  it comes with MLflow, and few requests need it

    try:
        document = cast("Any", parse(graph.query, no_location=True, max_tokens=_MOST_TOKENS)).to_dict()
    except (GraphQLError, RecursionError):
        raise Invalid(_REFUSED) from None
    return _question(document, graph.variables or {})


def _question(document: dict[str, Any], variables: dict[str, Any]) -> Question:
    operations = [each for each in document["definitions"] if each["kind"] != "fragment_definition"]
    if len(operations) != 1 or operations[0]["kind"] != "operation_definition" or operations[0]["operation"] != "query":
        raise Invalid(_REFUSED)
    selections = operations[0]["selection_set"]["selections"]
    if len(selections) != 1 or selections[0]["kind"] != "field" or selections[0].get("directives"):
        raise Invalid(_REFUSED)
    kind = _QUESTIONS.get(selections[0]["name"]["value"])
    arguments = selections[0]["arguments"]
    if kind is None or len(arguments) != 1 or arguments[0]["value"]["kind"] != "variable":
        raise Invalid(_REFUSED)
    variable = arguments[0]["value"]["name"]["value"]
    if not isinstance(variables.get(variable), dict):
        raise Invalid(_REFUSED)
    words = cast("dict[str, Any]", variables[variable])
    try:
        return Question(msgspec.convert({_snake(name): word for name, word in words.items()}, kind), variable)
    except msgspec.ValidationError as error:
        raise Invalid(f"the question has a field of a wrong type: {error}") from None


def _snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda found: "_" + found[0].lower(), name)


def _camel(name: str) -> str:
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), name)
