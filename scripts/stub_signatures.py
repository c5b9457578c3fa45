"""Signatures of compiled classes and functions for the documentation: their stubs know the types, they do not."""

from __future__ import annotations

import ast
import copy
from functools import cache
from pathlib import Path


@cache
def _parsed(stub: Path) -> ast.Module:
    return ast.parse(stub.read_text("utf-8"))


def _functions(body: list[ast.stmt], *names: str) -> list[ast.FunctionDef]:
    return [node for node in body if isinstance(node, ast.FunctionDef) and node.name in names]


def _class_body(body: list[ast.stmt], name: str) -> list[ast.stmt]:
    return next((node.body for node in body if isinstance(node, ast.ClassDef) and node.name == name), [])


def _parameters(function: ast.FunctionDef) -> list[ast.arg]:
    arguments = function.args
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]


def _union(annotations: list[ast.expr | None]) -> ast.expr | None:
    texts = dict.fromkeys(ast.unparse(annotation) for annotation in annotations if annotation is not None)
    return ast.parse(" | ".join(texts), mode="eval").body if texts else None


def _merge(overloads: list[ast.FunctionDef]) -> ast.FunctionDef:
    """One function that takes and returns what any of the overloads does."""
    merged = copy.deepcopy(overloads[0])
    for same in zip(_parameters(merged), *map(_parameters, overloads), strict=True):
        same[0].annotation = _union([parameter.annotation for parameter in same[1:]])
    merged.returns = _union([overload.returns for overload in overloads])
    return merged


def stub_signature(stub: Path, qualname: str) -> tuple[str, str | None] | None:
    """Return the signature of a function, a method or a class, without its first parameter if that is bound.

    Args:
        stub: The stub of the module that has it.
        qualname: Its name in there, such as ``Codec.encode``.

    Returns:
        The parameters in parentheses and what is returned, or None where the stub has no such thing.
    """
    *classes, name = qualname.split(".")
    body = _parsed(stub).body
    for owner in classes:
        body = _class_body(body, owner)
    functions = _functions(body, name)
    makes = not functions
    if makes:
        functions = _functions(_class_body(body, name), "__new__", "__init__")
    if not functions:
        return None
    merged = _merge(functions)
    if makes or classes:
        del (merged.args.posonlyargs or merged.args.args)[0]
    rest = merged.args.vararg
    if rest is not None and rest.arg.startswith("_"):  # what nobody can give, as the class is not made by its name
        merged.args.vararg = None
    returns = ast.unparse(merged.returns) if merged.returns is not None and not makes else None
    return f"({ast.unparse(merged.args)})", returns
