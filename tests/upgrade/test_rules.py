"""Each rule by example: Python before and after."""

from __future__ import annotations

import pytest

from modelyard.upgrade import plan
from modelyard.upgrade.engine import Options
from tests.upgrade.support import PLAN, PROPOSING, PROSE, SCHEMA, becomes, blocks, code, pairs, rewritten, rules, run

CATALOG = plan.made(["fraud=prod.ml.fraud"], "", [], "https://catalog.example")

CASES = pairs(r'''
--- keyword
mlflow.sklearn.log_model(m, 'model', registered_model_name='fraud', signature=s)
→
mlflow.sklearn.log_model(m, 'model', registered_model_name='prod.ml.fraud', signature=s)
--- position
mlflow.sklearn.log_model(m, 'model', None, None, None, 'fraud')
→
mlflow.sklearn.log_model(m, 'model', None, None, None, 'prod.ml.fraud')
--- autolog
mlflow.xgboost.autolog(registered_model_name="fraud")
→
mlflow.xgboost.autolog(registered_model_name="prod.ml.fraud")
--- feature store
fs = FeatureStoreClient()
fs.log_model(m, 'x', registered_model_name='fraud')
→
fs = FeatureStoreClient()
fs.log_model(m, 'x', registered_model_name='prod.ml.fraud')
--- other import
import mlflow.sklearn as ms
ms.log_model(m, 'x', registered_model_name='fraud', signature=s)
→
import mlflow.sklearn as ms
ms.log_model(m, 'x', registered_model_name='prod.ml.fraud', signature=s)
--- register
mlflow.register_model('runs:/1/model', 'fraud')
→
mlflow.register_model('runs:/1/model', 'prod.ml.fraud')
--- register by name
mlflow.register_model(model_uri=u, name='fraud')
→
mlflow.register_model(model_uri=u, name='prod.ml.fraud')
--- register imported
from mlflow import register_model as reg, register_model
register_model(u, 'fraud')
→
from mlflow import register_model as reg, register_model
register_model(u, 'prod.ml.fraud')
--- create
client.create_registered_model('fraud')
→
client.create_registered_model('prod.ml.fraud')
--- version
client.create_model_version('fraud', 'runs:/1/m', '1')
→
client.create_model_version('prod.ml.fraud', 'runs:/1/m', '1')
--- describe
client.update_model_version(name='fraud', version=1, description='x')
→
client.update_model_version(name='prod.ml.fraud', version=1, description='x')
--- stage
mlflow.pyfunc.load_model('models:/fraud/Production')
→
mlflow.pyfunc.load_model('models:/prod.ml.fraud@champion')
--- lower stage
load('models:/fraud/staging')
→
load('models:/prod.ml.fraud@challenger')
--- spaces
load('models:/Iris LR Model/Production')
→
load('models:/prod.ml.iris@champion')
--- number
load('models:/fraud/3')
→
load('models:/prod.ml.fraud/3')
--- alias
load('models:/fraud@best')
→
load('models:/prod.ml.fraud@best')
--- raw
load(r'models:/fraud/Production')
→
load(r'models:/prod.ml.fraud@champion')
--- triple
load("""models:/fraud/Production""")
→
load("""models:/prod.ml.fraud@champion""")
--- f-string
N = 'fraud'
S = 'Production'
load(f'models:/{N}/{S}')
→
N = 'prod.ml.fraud'
S = 'champion'
load(f'models:/{N}@{S}')
--- known part
load(f'models:/fraud/{v.version}')
→
load(f'models:/prod.ml.fraud/{v.version}')
--- shared stage
S = 'Production'
open(S)
load(f'models:/fraud/{S}')
→
S = 'Production'
open(S)
load(f'models:/prod.ml.fraud@champion')
--- format
load('models:/{}/Production'.format('fraud'))
→
load('models:/{}@champion'.format('prod.ml.fraud'))
--- named format
load('models:/{n}/Production'.format(n='fraud'))
→
load('models:/{n}@champion'.format(n='prod.ml.fraud'))
--- percent
load('models:/%s/Production' % 'fraud')
→
load('models:/%s@champion' % 'prod.ml.fraud')
--- plus
N = 'fraud'
load('models:/' + N + '/Production')
→
N = 'prod.ml.fraud'
load('models:/' + N + '@champion')
--- plus stage
N = 'fraud'
S = 'Staging'
load('models:/' + N + '/' + S)
→
N = 'prod.ml.fraud'
S = 'challenger'
load('models:/' + N + '@' + S)
--- side by side
load('models:/'
     'fraud/Production')
→
load('models:/'
     'prod.ml.fraud@champion')
--- by stage
v = client.get_latest_versions('fraud', stages=['Production'])[0].version
→
v = client.get_model_version_by_alias('prod.ml.fraud', alias="champion").version
--- by stage, positions
v = client.get_latest_versions('fraud', ['Staging'])[-1]
→
v = client.get_model_version_by_alias('prod.ml.fraud', "challenger")
--- by stage, names
v = client.get_latest_versions(name='fraud', stages=['Production'])[0]
→
v = client.get_model_version_by_alias(name='prod.ml.fraud', alias="champion")
--- list
N = 'fraud'
vs = client.get_latest_versions(N, ['Production'])
if vs:
    use(vs[0])
→
N = 'prod.ml.fraud'
vs = [client.get_model_version(N, number) for alias, number in client.get_registered_model(N).aliases.items() if alias == "champion"]
if vs:
    use(vs[0])
--- newest
v = client.get_latest_versions('fraud', ['None'])[0]
→
v = max(client.search_model_versions("name='prod.ml.fraud'"), key=lambda version: int(version.version))
--- newest by name
N = 'fraud'
v = client.get_latest_versions(N, stages=['None'])
→
N = 'prod.ml.fraud'
v = sorted(client.search_model_versions(f"name='{N}'"), key=lambda version: int(version.version))[-1:]
--- promote
client.transition_model_version_stage('fraud', v, 'Production', archive_existing_versions=True)
→
client.set_registered_model_alias('prod.ml.fraud', version=v, alias="champion")
--- promote by names
client.transition_model_version_stage(
    name='fraud',
    version=v,
    stage='Production',
    archive_existing_versions=True,  # why
)
→
client.set_registered_model_alias(
    name='prod.ml.fraud',
    version=v,
    alias="champion",  # why
)
--- archive first
client.transition_model_version_stage('fraud', old, 'Archived')
client.transition_model_version_stage('fraud', new, 'Production')
→
client.set_model_version_tag('prod.ml.fraud', old, key="lifecycle", value="archived")
client.set_registered_model_alias('prod.ml.fraud', version=new, alias="champion")
--- archive alone
def f(v):
    client.transition_model_version_stage('fraud', v, stage='Archived')
→
def f(v):
    client.set_model_version_tag('prod.ml.fraud', v, key="lifecycle", value="archived")
    for alias in client.get_model_version('prod.ml.fraud', v).aliases:
        client.delete_registered_model_alias('prod.ml.fraud', alias)
--- map
MODEL_STAGE_FOR_ENV = {'dev': 'Staging', 'prod': 'Production'}
→
MODEL_STAGE_FOR_ENV = {'dev': 'challenger', 'prod': 'champion'}
--- map used
STAGES = {'dev': 'Staging', 'prod': 'Production'}
load(f'models:/fraud/{STAGES[env]}')
→
STAGES = {'dev': 'challenger', 'prod': 'champion'}
load(f'models:/prod.ml.fraud@{STAGES[env]}')
--- compare
mv = client.get_model_version(n, v)
ok = mv.current_stage == 'Production'
→
mv = client.get_model_version(n, v)
ok = "champion" in mv.aliases
--- compare searched
for mv in client.search_model_versions("name='fraud'"):
    if mv.current_stage == "Production":
        print(mv.current_stage)
→
for mv in client.search_model_versions("name='prod.ml.fraud'"):
    if "champion" in client.get_model_version(mv.name, mv.version).aliases:
        print(client.get_model_version(mv.name, mv.version).aliases)
--- compare not
mv = client.get_model_version(n, v)
ok = 'Staging' != mv.current_stage
→
mv = client.get_model_version(n, v)
ok = "challenger" not in mv.aliases
--- compare lower
mv = client.get_model_version(n, v)
ok = mv.current_stage.lower() == 'production'
→
mv = client.get_model_version(n, v)
ok = "champion" in mv.aliases
--- compare archived
mv = client.get_model_version(n, v)
ok = mv.current_stage == 'Archived'
→
mv = client.get_model_version(n, v)
ok = mv.tags.get("lifecycle") == "archived"
--- show
mv = client.get_model_version(n, v)
print(f'{mv.current_stage}')
→
mv = client.get_model_version(n, v)
print(f'{mv.aliases}')
--- filter
client.search_model_versions("name='fraud'")
→
client.search_model_versions("name='prod.ml.fraud'")
--- filter f-string
N = 'fraud'
client.search_model_versions(f"name='{N}'")
→
N = 'prod.ml.fraud'
client.search_model_versions(f"name='{N}'")
--- filter elsewhere
F = 'name = "fraud" and run_id = "1"'
client.search_model_versions(F)
→
F = 'name = "prod.ml.fraud" and run_id = "1"'
client.search_model_versions(F)
--- served
c = {'served_models': [{'model_name': 'fraud', 'model_version': '1', 'workload_size': 'Small'}]}
→
c = {'served_entities': [{'entity_name': 'prod.ml.fraud', 'entity_version': '1', 'workload_size': 'Small'}]}
--- environment
N = os.getenv('MODEL', 'fraud')
client.get_registered_model(N)
→
N = os.getenv('MODEL', 'prod.ml.fraud')
client.get_registered_model(N)
--- option
p.add_argument('--model-name', default='fraud')
a = p.parse_args()
client.get_registered_model(a.model_name)
→
p.add_argument('--model-name', default='prod.ml.fraud')
a = p.parse_args()
client.get_registered_model(a.model_name)
--- widget
dbutils.widgets.text('m', 'fraud')
client.get_registered_model(dbutils.widgets.get('m'))
→
dbutils.widgets.text('m', 'prod.ml.fraud')
client.get_registered_model(dbutils.widgets.get('m'))
--- dictionary
c = {'name': 'fraud', 'other': 'fraud'}
client.get_registered_model(c['name'])
→
c = {'name': 'prod.ml.fraud', 'other': 'fraud'}
client.get_registered_model(c['name'])
--- parameter
def f(name):
    client.get_registered_model(name)
f('fraud')
→
def f(name):
    client.get_registered_model(name)
f('prod.ml.fraud')
--- method
class A:
    def __init__(self, name):
        self.name = name
    def go(self):
        client.get_registered_model(self.name)
A('fraud').go()
→
class A:
    def __init__(self, name):
        self.name = name
    def go(self):
        client.get_registered_model(self.name)
A('prod.ml.fraud').go()
--- class attribute
class C:
    NAME = 'fraud'
client.get_registered_model(C.NAME)
→
class C:
    NAME = 'prod.ml.fraud'
client.get_registered_model(C.NAME)
--- answer
def name():
    return 'fraud'
client.get_registered_model(name())
→
def name():
    return 'prod.ml.fraud'
client.get_registered_model(name())
--- either
client.get_registered_model('fraud' if a else 'churn')
→
client.get_registered_model('prod.ml.fraud' if a else 'prod.ml.churn')
--- loop
for n in ['fraud', 'churn']:
    client.get_registered_model(n)
→
for n in ['prod.ml.fraud', 'prod.ml.churn']:
    client.get_registered_model(n)
--- experiment
N = 'fraud'
mlflow.set_experiment(N)
mlflow.register_model(u, N)
→
N = 'fraud'
mlflow.set_experiment(N)
mlflow.register_model(u, "prod.ml.fraud")
''')  # noqa: E501  a rewritten line is as long as it is


@pytest.mark.parametrize("name", CASES)
def test_code_becomes(name: str) -> None:
    becomes(*CASES[name])


SAME = blocks(r'''
--- own function
def register_model(a, b): ...
register_model(u, 'fraud')
--- own method
class A:
    def get_latest_versions(self, n, s): ...
    def f(self):
        self.get_latest_versions('fraud', ['Production'])
--- volume
run('-v', './models:/app/models', 'models:/app/models')
--- lifecycle
if run.info.lifecycle_stage == 'active': pass
--- metrics
log({'stage': 'Production'})
stage = 'Staging'
print(stage)
--- table
spark.table('fraud')
spark.sql('select * from a.b')
--- moved
load('models:/prod.ml.fraud@champion')
client.get_registered_model('prod.ml.fraud')
--- logged model
load('models:/m-0123')
load('models:/fraud')
--- experiments
client.get_experiment_by_name('fraud')
--- given back
r = mlflow.register_model(u, n)
load(f'models:/{r.name}/{r.version}')
--- unknown name
load('models:/other/Production@')
--- task values
n = dbutils.jobs.taskValues.get('fraud', 'churn', debugValue='')
client.get_registered_model(n)
--- serving
requests.post(f'{host}/api/2.0/serving-endpoints')
--- docstring
def f():
    """models:/fraud/Production"""
--- comment
# models:/fraud/Production
--- version
V = '1'
load(f'models:/prod.ml.fraud/{V}')
--- ignored
load('models:/fraud/Production')  # upgrade: ignore[U09] asked for by the auditors
--- ignored above
# upgrade: ignore
load('models:/fraud/Production')
--- pipeline
if pipeline.current_stage == 'build': pass
''')


@pytest.mark.parametrize("name", SAME)
def test_look_alikes_stay(name: str) -> None:
    becomes(SAME[name], SAME[name])


TOLD = {
    "U02": ("mlflow.set_tracking_uri('http://old')", "D"),
    "U07": ("client.delete_registered_model('fraud')", "D"),
    "U08": ("client.create_model_version('prod.ml.fraud', 's3://bucket/model', '1')", "D"),
    "U09": ("load('models:/fraud/Archived')", "C"),
    "U10": ("load('models:/prod.ml.fraud/3')", "D"),
    "U11": ("load('models:/prod.ml.fraud/latest')", "C"),
    "U12": ("load(f'models:/prod.ml.fraud/{sys.argv[1]}')", "C"),
    "U14": ("expr(\"concat('models:/fraud ', c, '/Production')\")", "D"),
    "U15": ("_, name, version = model_uri.split('/')", "D"),
    "U17": ("client.get_latest_versions(get(), ['Production'])", "C"),
    "U18": ("client.get_latest_versions('prod.ml.fraud')[0]", "C"),
    "U19": ("client.get_latest_versions('prod.ml.fraud', ['None', 'Staging'])", "C"),
    "U20": ("client.get_registered_model('prod.ml.fraud').latest_versions[-1]", "C"),
    "U21": ("v = client.transition_model_version_stage('prod.ml.fraud', 1, 'Production')", "C"),
    "U23": ("client.transition_model_version_stage('prod.ml.fraud', 1, 'None')", "C"),
    "U24": ("client.transition_model_version_stage('prod.ml.fraud', 1, sys.argv[1])", "C"),
    "U25": ("stage = mv.current_stage", "C"),
    "U26": ("client.search_model_versions(\"name='prod.ml.fraud'\")[0]", "C"),
    "U27": ("client.set_model_version_tag('prod.ml.fraud', key='a', value='b', stage='Production')", "C"),
    "U29": ("mlflow.sklearn.log_model(m, 'm', registered_model_name='prod.ml.fraud')", "C"),
    "U32": ("http_request(endpoint='registry-webhooks/create')", "D"),
    "U33": ("requests.post(host + '/api/2.0/mlflow/model-versions/transition-stage')", "C"),
    "U36": ("ServedModelInput(model_name='prod.ml.fraud')", "C"),
    "U40": ("run(\"SELECT version FROM model_versions WHERE current_stage = 'Production'\")", "D"),
    "U41": ("mlflow.pyfunc.load_model(mv.source)", "C"),
    "U42": ("load('models:/fraud/Shadow')", "D"),
    "U43": ("# models:/fraud/Production", "D"),
}  # fmt: skip


@pytest.mark.parametrize("rule", TOLD)
def test_what_a_person_decides_is_told(rule: str) -> None:
    text, safety = TOLD[rule]
    assert (rule, safety) in rules(code(text))


def test_a_missing_f_is_told_and_not_registered() -> None:
    text = code('mlflow.register_model(u, "{name}")\nload("models:/{name}/1")')
    assert rewritten(text) == text
    assert rules(text) == [("U42", "D"), ("U10", "D")]


def test_names_without_an_entry_are_told_with_the_option_that_gives_one() -> None:
    text = code("client.get_registered_model('other')")
    (found,) = run({"job.py": text}).references
    assert '--map "other=catalog.schema.model"' in found.finding.message
    assert found.finding.subject == "other"


@pytest.mark.parametrize(
    "line",
    [
        "mlflow.pyfunc.load_model('models:/other/Production')",
        "NAME = 'other'\nmlflow.pyfunc.load_model(f'models:/{NAME}/Production')",
        "mlflow.pyfunc.load_model('models:/' + 'other' + '/Production')",
        "client.get_latest_versions('other', stages=['Production'])[0]",
        "client.transition_model_version_stage('other', 1, 'Production', archive_existing_versions=True)",
        "[each for each in client.search_model_versions(\"name='other'\") if each.current_stage == 'Production']",
    ],
)
def test_stages_of_a_model_without_an_entry_stay(line: str) -> None:
    text = code(line)
    assert rewritten(text) == text
    assert {safety for _, safety in rules(text)} == {"D"}


def test_a_schema_takes_every_name() -> None:
    becomes(
        "client.get_registered_model('Iris LR.Model/x')",
        "client.get_registered_model('prod.ml.iris_lr_model_x')",
        SCHEMA,
    )
    becomes(
        "mlflow.register_model(u, f'fashion_{kind}')", "mlflow.register_model(u, f'prod.ml.fashion_{kind}')", SCHEMA
    )
    becomes(
        "mlflow.register_model(u, kind + '_model')", "mlflow.register_model(u, \"prod.ml.\" + kind + '_model')", SCHEMA
    )
    becomes("load(f'models:/{a}_{b}/Production')", "load(f'models:/prod.ml.{a}_{b}@champion')", SCHEMA)


def test_addresses_of_registries() -> None:
    becomes("mlflow.set_registry_uri('databricks')", "mlflow.set_registry_uri('databricks-uc')")
    becomes("mlflow.set_registry_uri('http://old')", "mlflow.set_registry_uri('https://catalog.example')", CATALOG)
    becomes(
        "MlflowClient('http://old', 'http://old')", "MlflowClient('http://old', 'https://catalog.example')", CATALOG
    )
    becomes("os.environ['MLFLOW_REGISTRY_URI'] = 'databricks'", "os.environ['MLFLOW_REGISTRY_URI'] = 'databricks-uc'")


def test_other_aliases() -> None:
    kept = plan.made(["fraud=prod.ml.fraud"], "", ["Production=production", "Archived=old"], "")
    becomes("load('models:/fraud/Production')", "load('models:/prod.ml.fraud@production')", kept)
    becomes("load('models:/fraud/archived')", "load('models:/prod.ml.fraud@old')", kept)


def test_comments_stand_where_a_person_decides_once() -> None:
    before = code("if a:\n    vs = client.get_latest_versions('prod.ml.fraud')")
    after = rewritten(before, options=Options())
    comment, line = after.splitlines()[-2:]
    assert comment.startswith("    # TODO(upgrade U18): One version for each stage")
    assert line == "    vs = client.get_latest_versions('prod.ml.fraud')"


def test_code_that_has_moved_gets_no_comments() -> None:
    text = code("mlflow.set_registry_uri('databricks-uc')\nclient.get_latest_versions('prod.ml.fraud')")
    assert rewritten(text, options=Options()) == text


def test_proposals_are_made_where_they_are_asked_for() -> None:
    becomes(
        "v = client.search_model_versions(\"name='fraud'\")[0]",
        "v = max(client.search_model_versions(\"name='prod.ml.fraud'\"), key=lambda version: int(version.version))",
        PLAN,
        PROPOSING,
    )


def test_prose_is_rewritten_where_it_is_asked_for() -> None:
    becomes("# loads models:/fraud/Production", "# loads models:/prod.ml.fraud@champion", PLAN, PROSE)
