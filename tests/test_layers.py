"""The house rules of ARCHITECTURE.md, checked on the syntax trees of the package.

The tables of that page are the rules: this file reads them, and holds no list of modules, layers or libraries.
"""

import ast
import graphlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "evidence"
PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")

FORBIDDEN_MODULES = {"pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "yaml"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "print", "breakpoint"}


def table(heading):
    """The rows of the table under a heading of the page, as {first cell: other cells}, back quotes kept."""
    section = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert section, f"ARCHITECTURE.md has no section {heading!r}"
    rows = [line.strip().strip("|").split("|") for line in section[1].splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in row] for row in rows[2:]]
    keys = [row[0] for row in cells]
    assert len(keys) == len(set(keys)), f"{heading}: a row stands there twice"
    return {row[0]: row[1:] for row in cells}


def quoted(text):
    """The words in back quotes."""
    return re.findall(r"`([^`]+)`", text)


def module_of(path):
    """Dotted name below `evidence`; a package's own file goes by the package's name, the root's by ''."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}
MODULES = {module_of(path): path for path in TREES}


def imports_of(path):
    """Dotted names that a file imports anywhere in it, lazily or for types included."""
    package = ["evidence", *path.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*start, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{source}.{alias.name}"
                yield inner if inner.removeprefix("evidence.") in MODULES else source


def inside(path):
    """Modules of this package that a file imports, without the leading `evidence.`."""
    return {
        name.removeprefix("evidence").removeprefix(".") for name in imports_of(path) if name.split(".")[0] == "evidence"
    }


def is_covered(module, places):
    return any(module == place or module.startswith(f"{place}.") for place in places)


def test_the_module_map_lists_every_module_once_with_a_line_and_nothing_else():
    listed = {quoted(key)[0]: cells[0] for key, cells in table("Module map").items()}
    # A package's own file counts where it holds code beside its docstring.
    actual = {
        path.relative_to(PACKAGE).as_posix() for path in TREES if path.stem != "__init__" or len(TREES[path].body) > 1
    }
    missing, gone = sorted(actual - set(listed)), sorted(set(listed) - actual)
    assert not missing, f"ARCHITECTURE.md, module map: add a row for {missing}"
    assert not gone, f"ARCHITECTURE.md, module map: remove the row of {gone}"
    assert all(listed.values()), "ARCHITECTURE.md, module map: a row says nothing"


def test_every_module_says_what_it_is_in_the_words_of_its_row():
    rows = {quoted(key)[0]: cells[0] for key, cells in table("Module map").items()}
    for path, tree in TREES.items():
        said = ast.get_docstring(tree)
        assert said, path
        assert said.splitlines()[0] == rows.get(path.relative_to(PACKAGE).as_posix(), said.splitlines()[0]), path


def test_every_package_is_a_declared_layer():
    declared = {quoted(key)[0] for key in table("Layers")}
    top = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in TREES} - {"__init__", "__main__"}
    assert top == declared


@pytest.mark.parametrize("layer", [quoted(key)[0] for key in table("Layers")])
def test_a_layer_imports_only_what_its_row_allows(layer):
    allowed = {layer, *quoted(table("Layers")[f"`{layer}`"][0])}
    broken = [
        f"{module} imports {name or 'evidence'}"
        for module, path in MODULES.items()
        if is_covered(module, [layer])
        for name in sorted(inside(path))
        if not is_covered(name, allowed)
    ]
    assert broken == []


def test_modules_do_not_import_each_other_in_a_circle():
    graph = {module: inside(path) - {module} for module, path in MODULES.items()}
    # A package's own file may gather its parts; importing a part is no import of the gathering.
    graphlib.TopologicalSorter(graph).prepare()


def test_a_layer_may_not_allow_what_may_import_it():
    rows = {quoted(key)[0]: {name.split(".")[0] for name in quoted(cells[0])} for key, cells in table("Layers").items()}
    graphlib.TopologicalSorter(rows).prepare()


def third_party_uses():
    """(library, module) of every third-party import."""
    for module, path in MODULES.items():
        for name in imports_of(path):
            library = name.split(".")[0]
            if library not in {"evidence", "__future__"} and library not in sys.stdlib_module_names:
                yield library, module


def test_a_third_party_library_is_imported_only_in_its_home():
    homes = {library: quoted(cells[0]) for key, cells in table("Third-party homes").items() for library in quoted(key)}
    strangers = sorted(
        f"{module} imports {library}"
        for library, module in third_party_uses()
        if not is_covered(module, homes.get(library, []))
    )
    assert strangers == []


def test_every_home_is_lived_in():
    used = set(third_party_uses())
    rows = table("Third-party homes").items()
    empty = {
        (library, home)
        for key, cells in rows
        for library in quoted(key)
        for home in quoted(cells[0])
        if not any(name == library and is_covered(module, [home]) for name, module in used)
    }
    assert empty == set()


def test_every_imported_library_is_a_dependency_of_the_package_or_of_an_extra_for_users():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [r for name, needed in project["optional-dependencies"].items() if name != "dev" for r in needed]
    declared = {
        re.match(r"[A-Za-z0-9_.-]+", r)[0].lower().replace("-", "_") for r in [*project["dependencies"], *extras]
    }
    assert {library for library, _ in third_party_uses()} - declared == set()


def loaded_by(statement):
    """Top-level names in sys.modules after a statement in a fresh interpreter."""
    code = f"{statement}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


@pytest.mark.parametrize("statement", ["import evidence", "import evidence.cli"])
def test_starting_loads_no_heavy_library(statement):
    heavy = {"pymc", "pytensor", "jax", "jaxlib", "pandas", "arviz", "xarray", "numba", "numpyro", "scipy"}
    assert loaded_by(statement) & heavy == set()


def test_the_effect_scale_loads_no_array_library():
    assert loaded_by("import evidence.model.effects") & {"numpy", "scipy", "jax", "pandas"} == set()


def forbidden_in(tree):
    """What runs text as code, reads objects that carry code, or hides output, as (line, what)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            yield from ((node.lineno, f"import {n}") for n in names if n.split(".")[0] in FORBIDDEN_MODULES)
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in FORBIDDEN_CALLS:
                yield node.lineno, f"{node.func.id}()"
            for keyword in node.keywords:
                on = not (isinstance(keyword.value, ast.Constant) and keyword.value.value is False)
                if on and (keyword.arg in {"shell", "allow_pickle"} or (keyword.arg or "").startswith("unsafe_allow_")):
                    yield node.lineno, f"{keyword.arg}="
        elif isinstance(node, ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) else ""
            if (owner, node.attr) in {("os", "system"), ("os", "popen"), ("builtins", "eval"), ("builtins", "exec")}:
                yield node.lineno, f"{owner}.{node.attr}"
        elif isinstance(node, ast.ExceptHandler) and node.type is None:
            yield node.lineno, "bare except"


def test_s10_the_package_runs_no_text_as_code_and_reads_no_pickled_object():
    found = [f"{path.name}:{line}: {what}" for path, tree in TREES.items() for line, what in forbidden_in(tree)]
    assert found == []


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from yaml import load",
        "import yaml; yaml.load(x)",
        "import joblib.numpy_pickle",
        "eval('1')",
        "exec(text)",
        "subprocess.run(x, shell=True)",
        "subprocess.run(x, shell=flag)",
        "np.load(x, allow_pickle=True)",
        "st.markdown(x, unsafe_allow_html=True)",
        "os.system('ls')",
        "try:\n    f()\nexcept:\n    pass",
    ],
)
def test_s10_the_search_for_forbidden_code_finds_it(code):
    assert list(forbidden_in(ast.parse(code)))


@pytest.mark.parametrize(
    "code", ["model.eval()", "subprocess.run(x, shell=False)", "re.compile('a')", "import tomllib"]
)
def test_the_search_for_forbidden_code_lets_the_harmless_pass(code):
    assert not list(forbidden_in(ast.parse(code)))
