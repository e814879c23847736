"""Environments of models: what may be asked for, and how they are built."""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from modelyard.engines.local import environments, requirements
from modelyard.engines.local.interpreters import of_version
from modelyard.engines.local.trouble import Trouble
from tests.engines.support import House, all_children, ask, eventually, model

PLAIN = (
    "mlflow==3.17.2",
    "scikit-learn>=1.4,<2",
    "numpy",
    "pandas[performance,aws] ~= 2.1",
    'pywin32==306; sys_platform == "win32"',
    "torch==2.1.0+cpu",
    "x==1!2.0rc1.*",
    f"six==1.17.0 --hash=sha256:{'0' * 64}",
)
OPTION = "--{}index-url"
REFUSED = (
    f"{OPTION.format('')} https://evil.example/index",
    f"{OPTION.format('')}=https://evil.example/index",
    "-i https://evil.example/index",
    f"{OPTION.format('extra-')} https://evil.example/index",
    "--find-links https://evil.example",
    "-f ./wheels",
    "-r more.txt",
    "-c constraints.txt",
    "-e .",
    "--pre",
    "--no-binary :all:",
    "git+https://github.com/x/y",
    "y @ git+ssh://git@github.com/x/y",
    "y @ https://evil.example/y.whl",
    "y@file:///etc/passwd",
    "https://evil.example/y.whl",
    "./y.whl",
    "/etc/passwd",
    "code/y.tar.gz",
    "~/y",
    "${SECRET}",
    "a b",
    "numpy --config-settings=x=y",
    f"numpy; {OPTION.format('')} https://evil.example",
)


@pytest.mark.parametrize("line", PLAIN)
def test_packages_are_asked_for_by_name(line: str) -> None:
    assert requirements.checked([line], may_link=False) == (line,)


@pytest.mark.parametrize("line", REFUSED)
def test_anything_else_is_refused(line: str) -> None:
    with pytest.raises(Trouble, match="is refused"):
        requirements.checked(["numpy", line], may_link=False)


@pytest.mark.parametrize("line", REFUSED)
def test_the_operator_can_allow_links_but_no_paths(line: str) -> None:
    links = ("http", "ssh://")
    if any(link in line for link in links) and ";" not in line:
        assert requirements.checked([line], may_link=True) == (line,)
    else:
        with pytest.raises(Trouble):
            requirements.checked([line], may_link=True)


def test_a_refusal_shows_no_password() -> None:
    with pytest.raises(Trouble) as caught:
        requirements.checked(["-i https://ann:hunter2@index.example/"], may_link=False)
    assert "hunter2" not in caught.value.message


def _needs(folder: Path, **files: str) -> requirements.Needs:
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return requirements.of_model(folder, may_link=False)


def test_comments_order_and_broken_lines_make_no_difference(tmp_path: Path) -> None:
    needs = _needs(tmp_path, requirements__txt="# of the model\nnumpy==2  # new\n\nabc \\\n  ==1\nnumpy==2\n")
    assert needs.lines == ("abc ==1", "numpy==2")


def test_the_python_and_setuptools_of_a_model(tmp_path: Path) -> None:
    env = "python: 3.10.12\nbuild_dependencies: [pip==24, setuptools==69.5.1, wheel]"
    needs = _needs(tmp_path, requirements__txt="numpy", python_env__yaml=env)
    assert needs == requirements.Needs(("numpy", "setuptools==69.5.1"), "3.10")


def test_conda_is_read_for_its_section_of_pip(tmp_path: Path) -> None:
    conda = "dependencies:\n- python=3.11.4\n- pip<=24\n- pip:\n  - mlflow\n  - numpy==2\n"
    assert _needs(tmp_path, conda__yaml=conda) == requirements.Needs(("mlflow", "numpy==2"), "3.11")
    with pytest.raises(Trouble, match="from conda"):
        _needs(tmp_path, conda__yaml=conda + "- cudatoolkit=11\n")


def test_a_model_without_requirements_says_so(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match=r"no requirements\.txt"):
        _needs(tmp_path)


def test_a_python_that_is_not_here_is_replaced_and_the_log_says_so() -> None:
    ours, notes = of_version("3.4")
    assert ours.version == ".".join(map(str, sys.version_info[:3]))
    assert "3.4, which is not installed here" in notes[0]
    assert of_version(f"3.{sys.version_info[1]}")[1] == ()


@pytest.fixture
def links(tmp_path: Path) -> Path:
    """A folder with two small packages; the second one needs what nobody has."""
    folder = tmp_path / "links"
    folder.mkdir()
    for name, needs in (("tinyone", ""), ("tinytwo", "Requires-Dist: tinythree==9\n")):
        with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
            info = f"{name}-1.0.dist-info"
            wheel.writestr(f"{name}.py", f"ANSWER = '{name} is here'\n")
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")
    return folder


@pytest.fixture
def builder(make: Callable[..., House], links: Path, tmp_path: Path) -> House:
    """An engine that builds environments from a folder and from nowhere else."""
    index = tmp_path / "index"
    index.mkdir()
    return make(serving_env="isolated", package_find_links=str(links), package_index=index.as_uri())


def _asking(lines: str) -> dict[str, bytes]:
    return model({"requirements.txt": lines.encode()})


def test_an_environment_is_built_once_and_shared(builder: House, folder: Path) -> None:
    builder.keep(builder.served(_asking("tinyone==1.0")), builder.served(_asking("# same\ntinyone==1.0\n"), "two"))
    for name in ("one", "two"):
        [address] = builder.ready(name, seconds=60).addresses
        assert ask(address, "__import__('tinyone').ANSWER") == "tinyone is here"
        assert "The environment is built." in builder.engine.build_logs(name)
    assert builder.follower.build_logs("one") == builder.engine.build_logs("two")
    assert builder.engine.build_logs("one").count("The environment is built.") == 1
    [mark] = (folder / "run" / "envs").glob("*.json")
    environment = mark.with_suffix("")
    assert all(each.lstat().st_uid == os.getuid() for each in environment.rglob("*"))
    assert not [each for each in environment.rglob("*") if not each.is_symlink() and each.stat().st_mode & 0o022]
    assert list(environment.rglob("tinyone*.pyc")), "the process cannot keep what it compiles"


def test_an_environment_that_cannot_be_built_is_told_with_its_log(builder: House, folder: Path) -> None:
    builder.keep(builder.served(_asking("tinytwo")))
    standing = builder.failed(seconds=60)
    assert "environment could not be built" in standing.message
    assert "tinythree" in builder.engine.build_logs("one")
    assert not list((folder / "run" / "envs").iterdir())
    assert not all_children(folder)


def test_a_failed_build_is_not_repeated_at_once(builder: House) -> None:
    builder.keep(builder.served(_asking("tinytwo")))
    builder.failed(seconds=60)
    before = builder.engine.build_logs("one")
    builder.keep(builder.served(_asking("tinytwo"), "again"))
    assert "environment could not be built" in builder.failed("again").message
    assert builder.engine.build_logs("again") == before


def test_lines_that_are_refused_start_nothing(builder: House, folder: Path) -> None:
    builder.keep(builder.served(_asking(f"tinyone\n{OPTION.format('')} https://evil.example/index")))
    assert f"{OPTION.format('')} https://evil.example/index" in builder.failed().message
    assert not list((folder / "run" / "envs").iterdir())


def test_closing_ends_a_build_and_what_is_half_done_goes(
    make: Callable[..., House], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environments, "_ALWAYS", ("--no-config",))
    house = make(serving_env="isolated", package_index="http://192.0.2.1/index")
    house.keep(house.served(_asking("tinyone")))
    eventually(lambda: list((folder / "run" / "envs").glob("*/pyvenv.cfg")), 30)
    house.close()
    assert not all_children(folder)
    assert not list((folder / "run" / "envs").iterdir())


def test_what_a_killed_server_left_half_done_goes(make: Callable[..., House], folder: Path) -> None:
    half = folder / "run" / "envs" / "half"
    half.mkdir(parents=True)
    house = make()
    house.keep(house.served())
    house.ready()
    assert not half.exists()


def test_passwords_of_the_index_are_not_in_the_log(make: Callable[..., House], folder: Path) -> None:
    house = make(serving_env="isolated", package_index="http://ann:hunter2hunter@127.0.0.1:9/index")
    house.keep(house.served(_asking("tinyone")))
    standing = house.wait(lambda standing: "could not be built" in standing.message, seconds=60)
    house.close()
    told = [standing.message, *(each.read_text() for each in (folder / "run" / "logs").iterdir())]
    assert not [each for each in told if "hunter2hunter" in each]


@pytest.mark.full
def test_real_packages_of_the_index(make: Callable[..., House]) -> None:
    house = make(serving_env="isolated")
    house.keep(house.served(_asking("numpy\npyyaml==6.0.2")))
    [address] = house.ready(seconds=200).addresses
    assert ask(address, "__import__('yaml').safe_load('[1, 2]')") == [1, 2]
    assert ask(address, "float(__import__('numpy').arange(3).sum())") == 3
    with pytest.raises(AssertionError, match="ModuleNotFoundError"):
        ask(address, "__import__('msgspec')")
