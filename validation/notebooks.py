"""Executes the notebooks and stores them with their outputs: `python validation/notebooks.py [NAME...]`.

What is stored holds no path, no time and no warning; `tests/test_notebooks.py` executes them again and compares.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "notebooks"
NAMES = sorted(path.name for path in FOLDER.glob("*.ipynb"))
LONGEST_CELL_SECONDS = 600
LONGEST_PLAIN = 3000
"""Characters: a table stays beside its HTML, a whole record does not."""
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def execute(name: str) -> NotebookNode:
    """The notebook as it comes out today, run in an empty folder: nothing may hang on where it lies."""
    notebook = nbformat.read(FOLDER / name, as_version=4)
    settings = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
        "COLUMNS": "100",
        # NumPyro's progress bars ask for widgets; without them a warning would stand in the page, with a path.
        "PYTHONWARNINGS": "ignore:IProgress not found",
    }
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(notebook, timeout=LONGEST_CELL_SECONDS, resources={"metadata": {"path": folder}})
        client.execute(env=os.environ | settings)
    return clean(notebook)


def clean(notebook: NotebookNode) -> NotebookNode:
    """Without times of execution and without the endless plain text of records that show themselves as a page."""
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({})
        _join_streams(cell)
        for output in cell.get("outputs", []):
            shown = output.get("data", {})
            if len(shown) > 1 and (len(shown.get("text/plain", "")) > LONGEST_PLAIN or not {"text/html"} & set(shown)):
                del shown["text/plain"]
            if "metadata" in output:
                output.metadata = nbformat.from_dict({})
    nbformat.validate(notebook)
    return notebook


def _join_streams(cell: NotebookNode) -> None:
    """One output per stream: where a stream was cut depends on how busy the machine was."""
    joined: list[NotebookNode] = []
    for output in cell.get("outputs", []):
        if joined and output.output_type == "stream" and joined[-1].get("name") == output.name:
            joined[-1].text += output.text
        else:
            joined.append(output)
    if joined:
        cell.outputs = joined


def store(name: str) -> None:
    nbformat.write(execute(name), FOLDER / name)
    print(f"{name}: {(FOLDER / name).stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    for given in sys.argv[1:] or NAMES:
        store(Path(given).name)
