"""How the site is built by `make docs`: pages where they lie in the repository, the reference from docstrings.

The source is the root of the repository, so that links between docs/, data/ and validation/ are the same in a checkout
and on the site. Nothing is fetched, neither while building nor by a reader's browser.
"""

from importlib.metadata import version as version_of
from typing import Any

project = "evidence"
author = "The evidence authors"
project_copyright = "The evidence authors"
version = release = version_of("evidence")

extensions = ["myst_nb", "sphinx.ext.autodoc"]
root_doc = "docs/index"
include_patterns = ["*.md", "docs/*.md", "data/README.md", "data/**/README.md", "validation/README.md", "notebooks/*"]
exclude_patterns = [".venv", ".git", ".pytest_cache", ".ruff_cache", "build", "dist", "src", "tests", "models"]

# Notebooks are shown as stored: the tests execute them and compare.
nb_execution_mode = "off"
# Pygments knows neither cells of shell in a notebook nor CSV.
suppress_warnings = ["misc.highlighting_failure"]

# Anchors are those that a forge gives to headings, so `page.md#heading` works in both places.
myst_heading_anchors = 4

# Docstrings write `code` as the pages do.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_class_signature = "separated"
autodoc_default_options = {"exclude-members": "model_config, __init__, __new__"}
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 90
add_module_names = False

html_theme = "furo"
html_title = f"evidence {release}"
html_extra_path = ["_site/root"]
html_static_path = ["_site/static"]
html_css_files = ["tables.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": False}


def _as_written(_app: Any, _what: str, _name: str, _obj: Any, _options: Any, lines: list[str]) -> None:
    """Docstrings are plain text with `code`: a bar is a bar, and code may run over a line's end or start with a space."""
    parts = "\n".join(lines).split("`")
    text = "`".join(" ".join(p.split()) if i % 2 else p.replace("|", r"\|") for i, p in enumerate(parts))
    lines[:] = text.split("\n")


def setup(app: Any) -> dict[str, bool]:
    """Sphinx calls this."""
    app.connect("autodoc-process-docstring", _as_written)
    return {"parallel_read_safe": True}
