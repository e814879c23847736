"""Notebooks, configuration, shells, Terraform and other languages, and files that see each other."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import pytest

from modelyard.upgrade import engine
from modelyard.upgrade.engine import Options
from modelyard.upgrade.walk import Files
from tests.upgrade.support import PLAN, PROPOSING, SCHEMA, rewritten, rules, run


def _text(text: str) -> str:
    return textwrap.dedent(text).lstrip("\n")


CASES = {
    "databricks.py": (
        """
        # Databricks notebook source
        %matplotlib inline
        import mlflow
        # COMMAND ----------
        # MAGIC %md loads models:/fraud/Production
        # COMMAND ----------
        NAME = "fraud"
        def broken(:
        # COMMAND ----------
        !pip install x
        model = mlflow.pyfunc.load_model(f"models:/{NAME}/Production")
        # COMMAND ----------
        # MAGIC %sh
        # MAGIC mlflow models serve -m models:/fraud/Staging
        """,
        """
        # Databricks notebook source
        %matplotlib inline
        import mlflow
        # COMMAND ----------
        # MAGIC %md loads models:/fraud/Production
        # COMMAND ----------
        NAME = "prod.ml.fraud"
        def broken(:
        # COMMAND ----------
        !pip install x
        model = mlflow.pyfunc.load_model(f"models:/{NAME}@champion")
        # COMMAND ----------
        # MAGIC %sh
        # MAGIC mlflow models serve -m models:/prod.ml.fraud@challenger
        """,
    ),
    "job.yml": (
        """
        # mlflow: loads models:/fraud/Production
        variables:
          model_name: {default: fraud}   # kept
          version:
            default: "3"
        resources:
          jobs:
            score:
              tasks:
                - notebook_task:
                    base_parameters: {model_uri: "models:/fraud/Production", other: 'models:/churn/2'}
                - spark_python_task:
                    parameters: [--uri, models:/fraud/staging]
                - notebook_task:
                    base_parameters:
                      uri: models:/${var.model_name}/${var.version}
        """,
        """
        # mlflow: loads models:/fraud/Production
        variables:
          model_name: {default: prod.ml.fraud}   # kept
          version:
            default: "3"
        resources:
          jobs:
            score:
              tasks:
                - notebook_task:
                    base_parameters: {model_uri: "models:/prod.ml.fraud@champion", other: 'models:/prod.ml.churn/2'}
                - spark_python_task:
                    parameters: [--uri, models:/prod.ml.fraud@challenger]
                - notebook_task:
                    base_parameters:
                      uri: models:/${var.model_name}/${var.version}
        """,
    ),
    "bundle.yml": (
        """
        resources:
          models:
            fraud:
              name: fraud
              description: registered_model
        """,
        """
        resources:
          registered_models:
            fraud:
              catalog_name: prod
              schema_name: ml
              name: fraud
              description: registered_model
        """,
    ),
    "endpoint.yaml": (
        """
        name: x
        config:
          served_models:
            - name: current
              model_name: fraud
              model_version: "1"
        """,
        """
        name: x
        config:
          served_entities:
            - name: current
              entity_name: prod.ml.fraud
              entity_version: "1"
        """,
    ),
    "endpoint.json": (
        '{"a": {"served_models": [{"model_name": "fraud", "model_version": 1}]},\r\n "x": "models:\\/a"}\n',
        '{"a": {"served_entities": [{"entity_name": "prod.ml.fraud", "entity_version": 1}]},\r\n "x": "models:\\/a"}\n',
    ),
    "docker-compose.yml": (
        """
        services:
          api:
            environment:
              MODEL_URI: models:/fraud/Production
              STAGE: Production
            volumes:
              - ./models:/app/models
              - models:/fraud/Production
        """,
        """
        services:
          api:
            environment:
              MODEL_URI: models:/prod.ml.fraud@champion
              STAGE: Production
            volumes:
              - ./models:/app/models
              - models:/fraud/Production
        """,
    ),
    "ci.yml": (
        """
        jobs:
          deploy:
            steps:
              - run: |
                  mlflow models serve -m "models:/fraud/Production" -p 80
                  docker run -v models:/app/models x
        """,
        """
        jobs:
          deploy:
            steps:
              - run: |
                  mlflow models serve -m "models:/prod.ml.fraud@champion" -p 80
                  docker run -v models:/app/models x
        """,
    ),
    "catalog.yml": (
        """
        model:
          type: kedro_mlflow.io.models.MlflowModelRegistryDataset
          model_name: fraud
          stage_or_version: production
        """,
        """
        model:
          type: kedro_mlflow.io.models.MlflowModelRegistryDataset
          model_name: prod.ml.fraud
          alias: champion
        """,
    ),
    "deploy.sh": (
        """
        # serves models:/fraud/1
        MODEL=fraud
        export STAGE="Staging"
        mlflow models serve -m "models:/$MODEL/${STAGE}" -p 80
        mlflow models predict -m models:/fraud/3
        mlflow models build-docker --model-uri=models:/churn/production
        docker run -v ./models:/models -v models:/fraud/data x
        """,
        """
        # serves models:/fraud/1
        MODEL=prod.ml.fraud
        export STAGE="Staging"
        mlflow models serve -m "models:/$MODEL@challenger" -p 80
        mlflow models predict -m models:/prod.ml.fraud/3
        mlflow models build-docker --model-uri=models:/prod.ml.churn@champion
        docker run -v ./models:/models -v models:/fraud/data x
        """,
    ),
    "Dockerfile": (
        "FROM mlflow\nENV MODEL_URI=models:/fraud/Production\nCOPY ./models:/app/models .\n",
        "FROM mlflow\nENV MODEL_URI=models:/prod.ml.fraud@champion\nCOPY ./models:/app/models .\n",
    ),
    "score.R": (
        'library(mlflow)\nm <- mlflow_load_model("models:/fraud/Production")\n',
        'library(mlflow)\nm <- mlflow_load_model("models:/prod.ml.fraud@champion")\n',
    ),
    "templated.yml": (
        "uri: models:/fraud/Production\n{% if a %}\nb: [\n",
        "uri: models:/prod.ml.fraud@champion\n{% if a %}\nb: [\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_files_become(name: str) -> None:
    before, after = map(_text, CASES[name])
    assert rewritten(before, name) == after


def test_terraform_is_told_and_proposed() -> None:
    before = _text("""
        resource "databricks_mlflow_model" "fraud" {
          name = "fraud"
        }
        resource "databricks_permissions" "p" {
          registered_model_id = databricks_mlflow_model.fraud.registered_model_id
        }
        resource "databricks_permissions" "job" {
          job_id = 1
        }
        """)
    assert rules(before, "main.tf") == [("U35", "C")]
    commented = rewritten(before, "main.tf", options=Options())
    assert commented.count("# TODO(upgrade U35)") == 2
    assert "".join(line for line in commented.splitlines(keepends=True) if "TODO" not in line) == before
    proposed = rewritten(before, "main.tf", options=PROPOSING)
    parts = 'catalog_name = "prod"\n  schema_name = "ml"\n  name = "fraud"\n'
    assert f'resource "databricks_registered_model" "fraud" {{\n  {parts}' in proposed


@pytest.mark.parametrize(
    ("name", "text", "rule"),
    [
        ("Model.java", "client.transitionModelVersionStage(n, v, stage);  // mlflow", "U39"),
        ("client.ts", "post('mlflow/model-versions/transition-stage')", "U39"),
        ("query.sql", "select version from model_versions where current_stage = 'Production'", "U40"),
        ("hooks.R", "post('mlflow/registry-webhooks/create')", "U32"),
        (".env", "MLFLOW_TRACKING_URI=databricks", "U01"),
        ("README.md", "Use models:/fraud/Production.", "U43"),
        ("ci.yml", "env:\n  MLFLOW_TRACKING_URI: databricks\n", "U01"),
        ("deploy.yml", "on:\n  workflow_dispatch:\n    inputs:\n      modelUri:\n        description: mlflow\n", "U37"),
        ("kedro.yml", "m:\n  stage_or_version: latest\n", "U38"),
    ],
)  # fmt: skip
def test_what_is_only_told(name: str, text: str, rule: str) -> None:
    assert rewritten(text, name) == text
    assert (rule, "D") in rules(text, name)


def test_bundles_with_permissions_are_left_to_a_person() -> None:
    before = "resources:\n  models:\n    registered_model:\n      name: fraud\n      permissions: [{level: CAN_READ}]\n"
    assert rules(before, "databricks.yml") == [("U34", "C")]
    after = rewritten(before, "databricks.yml", options=Options())
    assert after == before.replace("  models:", f"{after.splitlines()[1]}\n  models:", 1)


def _notebook(*sources: object, **more: object) -> str:
    cells = [
        {"cell_type": "code", "outputs": [{"text": "models:/fraud/Production"}], "source": source} for source in sources
    ]
    return json.dumps({"cells": cells, "nbformat": 4, "metadata": {}, **more}, indent=1)


def test_notebooks_change_in_their_sources_only() -> None:
    before = _notebook(
        ["import mlflow\n", 'N = "fraud"  # caf\u00e9 \\n\n'],
        "%%sql\nselect 'models:/fraud/Production'",
        ["%pip install x\n", "m = mlflow.pyfunc.load_model(\n", '    f"models:/{N}/Production")'],
    )  # fmt: skip
    after = rewritten(before, "a.ipynb")
    assert after == before.replace('N = \\"fraud\\"', 'N = \\"prod.ml.fraud\\"').replace(
        "{N}/Production", "{N}@champion"
    ).replace("select 'models:/fraud/Production'", "select 'models:/prod.ml.fraud@champion'")
    json.loads(after)


def test_a_statement_over_several_strings_of_a_notebook() -> None:
    before = _notebook(
        [
            "client = mlflow.MlflowClient()\n",
            "v = client.get_latest_versions(\n",
            "  'fraud', ['None']\n",
            ")[0]\n",
            "use(v)",
        ]
    )
    after = json.loads(rewritten(before, "a.ipynb"))
    text = "".join(after["cells"][0]["source"])
    assert text == (
        "client = mlflow.MlflowClient()\n"
        "v = max(client.search_model_versions(\"name='prod.ml.fraud'\"), key=lambda version: int(version.version))\n"
        "use(v)"
    )


def test_comments_in_notebooks_stand_in_the_cell() -> None:
    before = _notebook(["import mlflow\n", "client.get_latest_versions('prod.ml.fraud')"])
    after = json.loads(rewritten(before, "a.ipynb", options=Options()))
    lines = "".join(after["cells"][0]["source"]).splitlines()
    assert lines[1].startswith("# TODO(upgrade U18)")
    assert lines[2] == "client.get_latest_versions('prod.ml.fraud')"


def test_keys_that_come_twice_keep_both() -> None:
    sources = '"source":["load(\'models:/fraud/1\')"],"source":["load(\'models:/churn/2\')"]'
    before = f'{{"nbformat":4,"cells":[{{"cell_type":"code",{sources},"id":1,"id":2}}]}}'
    assert rewritten(before, "a.ipynb") == before.replace("fraud", "prod.ml.fraud").replace("churn", "prod.ml.churn")


def test_names_are_followed_through_imports_and_notebooks() -> None:
    files: dict[str, str | bytes] = {
        "src/names.py": "FRAUD = 'fraud'\n",
        "src/app.py": "import mlflow\nfrom names import FRAUD\nmlflow.register_model('runs:/1/m', FRAUD)\n",
        "nb/config.py": "# Databricks notebook source\nconfig = {}\nconfig['name'] = 'churn'\n",
        "nb/use.py": "# Databricks notebook source\n# MAGIC %run ./config\n# COMMAND ----------\nimport mlflow\n"
        "mlflow.pyfunc.load_model(f\"models:/{config['name']}/Production\")\n",
        "lib/train.py": "import mlflow\ndef train(name):\n    mlflow.register_model('runs:/1/m', name)\n",
        "lib/main.py": "from train import train\ntrain('fraud')\n",
    }
    outcome = run(files)
    after = {change.name: change.after.decode() for change in outcome.changes}
    assert after["src/names.py"] == "FRAUD = 'prod.ml.fraud'\n"
    assert after["nb/config.py"].endswith("config['name'] = 'prod.ml.churn'\n")
    assert after["nb/use.py"].endswith("{config['name']}@champion\")\n")
    assert after["lib/main.py"] == "from train import train\ntrain('prod.ml.fraud')\n"
    assert set(after) == {"src/names.py", "nb/config.py", "nb/use.py", "lib/main.py"}
    assert {each.finding.safety.value for each in outcome.references if each.finding.subject} == {"B"}


def test_another_repository_is_another_world() -> None:
    text = b"import mlflow\nfrom names import FRAUD\nmlflow.register_model('runs:/1/m', FRAUD)\n"
    files = Files(Path(), {"a/names.py": b"FRAUD = 'fraud'\n", "b/app.py": text}, repositories=["a", "b"])
    assert not engine.run(files, PLAN, Options()).changes


def test_configuration_that_gives_names_to_code_changes_with_it() -> None:
    files: dict[str, str | bytes] = {
        "nb.py": "import mlflow\nmlflow.register_model(u, dbutils.widgets.get('model'))\n",
        "app.py": "import os, mlflow\nmlflow.register_model('runs:/1/m', os.environ['MODEL'])\n",
        "job.yml": "tasks:\n  - base_parameters: {model: fraud, table: fraud}\n",
        ".env": "MODEL=churn\nTABLE=churn\n",
        "conf.py": "import mlflow\nmlflow.register_model(1, c['name'])\nmlflow.register_model(1, c['model_id'])\n",
        "conf.yml": "name: fraud\nmodel_id: fraud\n",
    }
    after = {change.name: change.after.decode() for change in run(files).changes}
    assert after == {
        "job.yml": "tasks:\n  - base_parameters: {model: prod.ml.fraud, table: fraud}\n",
        ".env": "MODEL=prod.ml.churn\nTABLE=churn\n",
        "conf.yml": "name: fraud\nmodel_id: prod.ml.fraud\n",
    }


def test_a_whole_schema_for_configuration() -> None:
    assert (
        rewritten("registered_model_name: My Model\n", "c.yml", SCHEMA) == "registered_model_name: prod.ml.my_model\n"
    )
