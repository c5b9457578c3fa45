"""How `make docs` builds the documentation. Its sources are the checkout, whose links are so followed as they are."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "scripts")]

from stub_signatures import stub_signature  # noqa: E402

project = "safecodec"
author = "The safecodec maintainers"
release = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
root_doc = "docs/index"
include_patterns = ["*.md", "bench/README.md", "changelog.d/README.md", "docs/**"]
exclude_patterns = [".*", "build", "dist", "src", "tests"]

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 4
default_role = "py:obj"
nitpick_ignore_regex = [
    # Of others, whose documentation would have to be fetched.
    ("py:obj", r"(gc|msgspec|redis|sys)\..*|statement_timeout"),
    ("py:class", r"Buffer|(os\.)?PathLike|SchemaSource|(safecodec\.(avro|cache)\.\w+\.)?_?[PTU]"),
    ("py:class", r"Clock|Random|Callable\[\[\]|collections\.abc\.Sequence"),  # Clock: what tests give
    ("py:class", r"TypeForm|UnionType|builtins\.type"),
    ("py:class", "LoopRules|Versions"),  # what a Reader is made of, by its codec
    ("py:(class|obj)", "Stamp"),  # of safecodec, where errors and safecodec.frame name it
]
napoleon_use_rtype = False
autodoc_member_order = "bysource"
python_use_unqualified_type_names = True
maximum_signature_line_length = 100

html_theme = "furo"
html_title = f"{project} {release}"
html_copy_source = False


def sign(_app: Any, _what: str, _name: str, documented: Any, *_: Any) -> tuple[str, str | None] | None:
    """What is compiled has its stub's signature.

    Sphinx 9.0 fails here for a class that shows it none at all, so the page gives compiled classes empty parentheses.
    """
    module = sys.modules.get(getattr(documented, "__module__", None) or "")
    file = Path(getattr(module, "__file__", None) or "none.py")
    stub = file.with_name(f"{file.name.partition('.')[0]}.pyi")
    return stub_signature(stub, documented.__qualname__) if file.suffix != ".py" and stub.exists() else None


def find_anywhere(app: Any, env: Any, node: Any, shown: Any) -> Any:
    """A docstring names what is in other modules as its reader does, without them."""
    if node.get("refdomain") != "py" or node.get("refspecific"):
        return None
    node["refspecific"] = True
    domain = env.get_domain("py")
    return domain.resolve_xref(env, node["refdoc"], app.builder, node["reftype"], node["reftarget"], node, shown)


def show_public_bases(_app: Any, _name: str, _documented: Any, _options: Any, bases: list[Any]) -> None:
    """A base class that is nobody's to name is shown as its own base."""
    bases[:] = [base.__base__ if base.__name__.startswith("_") else base for base in bases]


def lead_in(app: Any, error: Exception | None) -> None:
    """Who opens the directory finds the documentation, which is one level down, as in the sources."""
    if error is None:
        page = '<!doctype html><meta http-equiv="refresh" content="0; url=docs/index.html"><title>safecodec</title>\n'
        Path(app.outdir, "index.html").write_text(page, "utf-8")


def setup(app: Any) -> None:
    """What Sphinx calls first."""
    app.connect("autodoc-process-signature", sign)
    app.connect("autodoc-process-bases", show_public_bases)
    app.connect("missing-reference", find_anywhere)
    app.connect("build-finished", lead_in)
