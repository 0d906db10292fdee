"""Friendly hints about a preprocessor's source; never fatal, and silent where it cannot be sure."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

HANDLER = "preprocess_handler"
MANY_COLUMNS = 10  # up to here, counted names sort as text in their order

_FORMER = {
    "event_data": "endpoint_input.data (or endpoint_output.data)",
    "content_type": "observedContentType of a section",
    "observed_content_type": "observedContentType",
    "inference_id": 'event_dict["eventMetadata"]["inferenceId"]',
}
# Whatever of these a script does, the line end is gone.
_ENDS_LINE = (
    "strip(",
    "splitlines(",
    "loads(",
    "float(",
    "int(",
    "reader(",
    "read_csv(",
    "read_json(",
    ".split()",
)


@dataclass(frozen=True, slots=True)
class Hint:
    """One hint, about one line of the script."""

    line: int
    text: str


def lint(source: str, *, outputs_captured: bool = True, columns: int | None = None) -> list[Hint]:
    """Return hints about a script, by line; none if it does not parse (loading it says why).

    `outputs_captured` False says that the captures at hand hold requests only; `columns` is how many columns came
    of them, None if that is not known.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return []
    handler = next((n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == HANDLER), None)
    hints = [*_text_against_number(tree)]
    if columns is not None and columns > MANY_COLUMNS:
        hints += _unpadded_keys(tree)
    if handler is not None:
        record = _Record(handler)
        hints += [*_former_attributes(record), *_no_return(handler), *_trailing_newline(record, tree)]
        if not outputs_captured:
            hints += _output_unchecked(record, tree)
    return sorted(set(hints), key=lambda hint: (hint.line, hint.text))


class _Record:
    """The handler's record: its parameter, and the names that stand for it or for a part of it."""

    def __init__(self, handler: ast.FunctionDef) -> None:
        self.handler = handler
        parameters = [*handler.args.posonlyargs, *handler.args.args]
        self.names = {parameters[0].arg} if parameters else set()
        for node in ast.walk(handler):
            if isinstance(node, ast.Assign) and self.owns(node.value):
                self.names |= {target.id for target in node.targets if isinstance(target, ast.Name)}

    def owns(self, node: ast.AST) -> bool:
        """Whether an expression is the record or an attribute of an attribute … of it."""
        while isinstance(node, ast.Attribute):
            node = node.value
        return isinstance(node, ast.Name) and node.id in self.names

    def attributes(self, *names: str) -> Iterator[ast.Attribute]:
        """Yield the places where the handler reads one of some attributes of the record."""
        for node in ast.walk(self.handler):
            if isinstance(node, ast.Attribute) and node.attr in names and self.owns(node.value):
                yield node


def _former_attributes(record: _Record) -> Iterator[Hint]:
    for node in record.attributes(*_FORMER):
        yield Hint(node.lineno, f"records have no attribute {node.attr}; use {_FORMER[node.attr]}")


# ---------------------------------------------------------------- text compared with numbers


def _text_against_number(tree: ast.AST) -> Iterator[Hint]:
    """`x == -1` where x runs over, or is picked from, the pieces of a split text."""
    lists = _names_of_pieces(tree)
    for scope in ast.walk(tree):
        loops = [scope] if isinstance(scope, ast.For) else getattr(scope, "generators", [])
        pieces = {name for loop in loops for name in _piece_names(loop, lists)}
        for node in ast.walk(scope) if pieces or scope is tree else ():
            if isinstance(node, ast.Compare) and _is_vain(node, pieces, lists):
                yield Hint(
                    node.lineno,
                    "a piece of split text never equals a number; compare with a text ('-1'), or convert it first",
                )


def _is_vain(node: ast.Compare, pieces: set[str], lists: set[str]) -> bool:
    sides = (node.left, node.comparators[0])
    equality = isinstance(node.ops[0], ast.Eq | ast.NotEq)
    return equality and any(_is_piece(side, pieces, lists) for side in sides) and any(map(_is_number, sides))


def _names_of_pieces(tree: ast.AST) -> set[str]:
    """Return the names that hold the pieces of a split text and are never bound to anything else."""
    split: set[str] = set()
    other: set[str] = set()
    for node in ast.walk(tree):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr):
            targets = [node.target]
        for target in targets:
            if isinstance(target, ast.Name):
                value = node.value  # type: ignore[attr-defined]
                (split if value is not None and _splits(value) else other).add(target.id)
    return split - other


def _splits(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _splits(node.left) and _splits(node.right)
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "split"


def _piece_names(loop: ast.For | ast.comprehension, lists: set[str]) -> Iterator[str]:
    iterated, target = loop.iter, loop.target
    if _calls_name(iterated, "enumerate") and isinstance(target, ast.Tuple) and len(target.elts) == 2:
        assert isinstance(iterated, ast.Call)  # noqa: S101
        iterated, target = iterated.args[0] if iterated.args else iterated, target.elts[1]
    if isinstance(target, ast.Name) and (_splits(iterated) or _is_name(iterated, lists)):
        yield target.id


def _is_piece(node: ast.expr, pieces: set[str], lists: set[str]) -> bool:
    if isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Slice):
        return _splits(node.value) or _is_name(node.value, lists)
    return _is_name(node, pieces)


def _is_name(node: ast.AST, names: set[str]) -> bool:
    return isinstance(node, ast.Name) and node.id in names


def _is_number(node: ast.AST) -> bool:
    if isinstance(node, ast.UnaryOp):
        node = node.operand
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


def _calls_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


# ---------------------------------------------------------------- what comes back


def _no_return(handler: ast.FunctionDef) -> Iterator[Hint]:
    yields = any(isinstance(n, ast.Yield | ast.YieldFrom) for n in ast.walk(handler))
    if not yields and not _always_returns(handler.body):
        yield Hint(handler.lineno, "a path through the handler returns nothing; return [] to drop a record")


def _always_returns(body: list[ast.stmt]) -> bool:
    if not body:
        return False
    last = body[-1]
    if isinstance(last, ast.Return | ast.Raise):
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


def _unpadded_keys(tree: ast.AST) -> Iterator[Hint]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.DictComp):
            continue
        counters = {
            name.id
            for loop in node.generators
            if _calls_name(loop.iter, "enumerate") and isinstance(loop.target, ast.Tuple)
            for name in loop.target.elts[:1]
            if isinstance(name, ast.Name)
        }
        key = ast.unparse(node.key)
        counted = any(_is_name(inner, counters) for inner in ast.walk(node.key))
        if counted and not any(word in key for word in ("zfill", "rjust", ":0", "%0", "[")):
            yield Hint(
                node.lineno,
                "keys that count up without padding sort as text in SageMaker (1, 10, 11, 2); "
                "str(i).zfill(20) keeps the order of more than 10 columns there too",
            )


# ---------------------------------------------------------------- the captured output


def _trailing_newline(record: _Record, tree: ast.AST) -> Iterator[Hint]:
    # The whole script counts: a function that the handler calls may do it.
    if any(word in ast.unparse(tree) for word in _ENDS_LINE):
        return
    for node in record.attributes("data"):
        if "output" in ast.unparse(node.value):
            text = "the captured output often ends in a newline; strip it (.rstrip('\\n')) before joining"
            yield Hint(node.lineno, text)
            return


def _output_unchecked(record: _Record, tree: ast.AST) -> Iterator[Hint]:
    if _tests_for(tree, "endpoint_output"):
        return
    for node in record.attributes("data"):
        held = node.value
        if isinstance(held, ast.Attribute) and held.attr == "endpoint_output":
            yield Hint(node.lineno, "these captures hold no output: endpoint_output is None; test it first")
            return


def _tests_for(tree: ast.AST, name: str) -> bool:
    """Whether a condition anywhere mentions a name, or something may be caught."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Try):
            return True
        conditions: list[ast.expr] = []
        if isinstance(node, ast.If | ast.IfExp | ast.While | ast.Assert):
            conditions = [node.test]
        elif isinstance(node, ast.BoolOp):
            conditions = node.values
        elif isinstance(node, ast.comprehension):
            conditions = node.ifs
        if any(name in ast.unparse(condition) for condition in conditions):
            return True
    return False
