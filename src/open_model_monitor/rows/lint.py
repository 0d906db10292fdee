"""Friendly hints about a preprocessor's source; never fatal, and silent where it cannot be sure."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

_FORMER = {
    "event_data": "endpoint_input.data (or endpoint_output.data)",
    "content_type": "endpoint_input.observedContentType",
    "observed_content_type": "observedContentType",
    "inference_id": 'event_dict["eventMetadata"]["inferenceId"]',
}


@dataclass(frozen=True, slots=True)
class Hint:
    """One hint, about one line of the script."""

    line: int
    text: str


def lint(source: str, *, outputs_captured: bool = True) -> list[Hint]:
    """Return hints about a script, by line; none if it does not parse (loading it says why).

    `outputs_captured` False says that the captures at hand hold requests only.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return []
    handler = next(
        (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == "preprocess_handler"), None
    )
    hints = [*_former_attributes(tree), *_text_against_number(tree)]
    if handler is not None:
        hints += [*_no_return(handler), *_trailing_newline(handler), *_unpadded_keys(handler)]
        if not outputs_captured:
            hints += _output_unchecked(handler)
    return sorted(set(hints), key=lambda hint: (hint.line, hint.text))


def _former_attributes(tree: ast.AST) -> Iterator[Hint]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in _FORMER:
            yield Hint(node.lineno, f"records have no attribute {node.attr}; use {_FORMER[node.attr]}")


def _text_against_number(tree: ast.AST) -> Iterator[Hint]:
    """`x == -1` where x runs over the pieces of a split text."""
    for node in ast.walk(tree):
        if not isinstance(node, (ast.DictComp, ast.ListComp, ast.GeneratorExp, ast.For)):
            continue
        loops = [node] if isinstance(node, ast.For) else node.generators
        if not any(_calls(loop.iter, "split") or _named_like_pieces(loop.iter) for loop in loops):
            continue
        names = {n.id for loop in loops for n in ast.walk(loop.target) if isinstance(n, ast.Name)}
        for inner in ast.walk(node):
            if isinstance(inner, ast.Compare) and _compares(inner, names):
                yield Hint(
                    inner.lineno,
                    "a piece of split text never equals a number; compare with a text ('-1'), or convert it first",
                )


def _calls(node: ast.AST, method: str) -> bool:
    return any(
        isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and n.func.attr == method
        for n in ast.walk(node)
    )


def _named_like_pieces(node: ast.AST) -> bool:
    words = ("split", "flattened", "fields", "features", "parts", "columns")
    return any(isinstance(n, ast.Name) and any(w in n.id.lower() for w in words) for n in ast.walk(node))


def _compares(node: ast.Compare, names: set[str]) -> bool:
    if not isinstance(node.ops[0], (ast.Eq, ast.NotEq)):
        return False
    sides = (node.left, node.comparators[0])
    is_piece = any(isinstance(side, ast.Name) and side.id in names for side in sides)
    return is_piece and any(_is_number(side) for side in sides)


def _is_number(node: ast.AST) -> bool:
    if isinstance(node, ast.UnaryOp):
        node = node.operand
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


def _no_return(handler: ast.FunctionDef) -> Iterator[Hint]:
    if not _always_returns(handler.body) and not any(isinstance(n, ast.Yield) for n in ast.walk(handler)):
        yield Hint(handler.lineno, "a path through the handler returns nothing; return [] to drop a record")


def _always_returns(body: list[ast.stmt]) -> bool:
    if not body:
        return False
    last = body[-1]
    if isinstance(last, (ast.Return, ast.Raise)):
        return True
    if isinstance(last, ast.If):
        return _always_returns(last.body) and _always_returns(last.orelse)
    if isinstance(last, ast.With):
        return _always_returns(last.body)
    if isinstance(last, ast.Try):
        ends = [last.orelse or last.body, *(h.body for h in last.handlers)]
        return _always_returns(last.finalbody) or all(map(_always_returns, ends))
    if isinstance(last, ast.Match):
        return all(_always_returns(case.body) for case in last.cases) and any(
            isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None for case in last.cases
        )
    return isinstance(last, ast.While) and isinstance(last.test, ast.Constant) and bool(last.test.value)


def _trailing_newline(handler: ast.FunctionDef) -> Iterator[Hint]:
    source = ast.unparse(handler)
    if "endpoint_output.data" in source and not any(
        w in source for w in ("strip(", "splitlines(", "json.loads")
    ):
        line = next(
            (
                n.lineno
                for n in ast.walk(handler)
                if isinstance(n, ast.Attribute) and n.attr == "endpoint_output"
            ),
            handler.lineno,
        )
        yield Hint(
            line, "the captured output often ends in a newline; strip it (.rstrip('\\n')) before joining"
        )


def _unpadded_keys(handler: ast.FunctionDef) -> Iterator[Hint]:
    source = ast.unparse(handler)
    padded = any(w in source for w in ("zfill", "rjust", ":0"))
    for node in ast.walk(handler):
        if isinstance(node, ast.DictComp) and _calls_name(node, "enumerate") and not padded:
            yield Hint(
                node.lineno,
                "keys that count up without padding sort as text in SageMaker (1, 10, 11, 2); "
                "str(i).zfill(20) keeps the order of more than 10 columns there too",
            )


def _calls_name(node: ast.AST, name: str) -> bool:
    return any(
        isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == name for n in ast.walk(node)
    )


def _output_unchecked(handler: ast.FunctionDef) -> Iterator[Hint]:
    source = ast.unparse(handler)
    if (
        "endpoint_output." in source
        and "endpoint_output is" not in source
        and "if inference_record" not in source
    ):
        yield Hint(handler.lineno, "these captures hold no output: endpoint_output is None; test it first")
