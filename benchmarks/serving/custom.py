"""The custom Python model of the benchmark: MLflow keeps this file in the model and runs it where that is loaded."""

# MLflow and scikit-learn come without (whole) types:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportPrivateImportUsage=false, reportOptionalMemberAccess=false
# pyright: reportMissingParameterType=false, reportUnknownParameterType=false

from __future__ import annotations

from typing import Any

import mlflow


class Custom(mlflow.pyfunc.PythonModel):
    """Predicts by a scikit-learn model that it carries, as a user would write it."""

    def load_context(self, context: Any) -> None:  # noqa: ANN401  MLflow's own, without a type
        """Load what it carries."""
        self.model = mlflow.sklearn.load_model(context.artifacts["model"])

    # MLflow takes annotations here for a schema of its own and warns that this is none.
    def predict(self, context, model_input, params=None):  # noqa: ANN001, ANN201, ARG002
        """One prediction per row."""
        return self.model.predict(model_input)


mlflow.models.set_model(Custom())
