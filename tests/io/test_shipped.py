import pytest

from bases import write_base
from evidence.domain.errors import BadInput
from evidence.io import shipped


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A root with one base, one bridge and one model, in the place of the checkout."""
    package = tmp_path / "src" / "evidence"
    package.mkdir(parents=True)
    write_base(tmp_path / "data" / "tiny")
    write_base(tmp_path / "data" / "bridges" / "span")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "default.toml").write_text("")
    monkeypatch.setattr(shipped, "_PACKAGE", package)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_bases_bridges_and_models_are_listed_by_name(checkout):
    found = shipped.list_shipped()
    assert (list(found.bases), list(found.bridges), list(found.models)) == (["tiny"], ["span"], ["default"])


def test_names_are_found_in_a_checkout(checkout):
    assert shipped.find_base("tiny") == checkout / "data" / "tiny"
    assert shipped.find_base("span") == checkout / "data" / "bridges" / "span"
    assert shipped.find_model("default") == checkout / "models" / "default.toml"


def test_names_are_found_in_an_installed_package(checkout):
    packed = checkout / "src" / "evidence" / "_shipped"
    write_base(packed / "data" / "wheel")
    assert list(shipped.list_shipped().bases) == ["wheel"]


def test_a_path_that_exists_wins_over_a_name(checkout):
    own = write_base(checkout / "tiny")
    assert shipped.find_base("tiny").resolve() == own
    (checkout / "default").write_text("")
    assert shipped.find_model("default").name == "default"


@pytest.mark.parametrize(
    ("find", "name", "says"),
    [
        (shipped.find_base, "tinny", "one of span, tiny (did you mean 'tiny'?)"),
        (shipped.find_model, "defualt", "one of default (did you mean 'default'?)"),
    ],
)
def test_an_unknown_name_is_refused_with_the_known_ones(checkout, find, name, says):
    with pytest.raises(BadInput) as caught:
        find(name)
    assert str(caught.value).startswith(f"{name}: found no such path and nothing shipped")
    assert says in str(caught.value)
