"""The little XML that S3 speaks: written from nested elements, read without what makes XML dangerous."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NoReturn
from xml.etree import ElementTree
from xml.sax.saxutils import escape

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
Content = str | int | bool | Mapping[str, "Content | list[Content]"]

# A parser would change a carriage return and refuse the others; as references S3 sends them too.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff]")


class _Builder(ElementTree.TreeBuilder):
    def doctype(self, name: str, pubid: str | None, system: str | None) -> NoReturn:
        raise ElementTree.ParseError("a document type is not accepted")


def parse(data: bytes) -> ElementTree.Element:
    """Return the root of a document, names without their namespace; raises ElementTree.ParseError."""
    root = ElementTree.fromstring(data, ElementTree.XMLParser(target=_Builder()))  # noqa: S314 — see above
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def document(name: str, content: Content, *, namespace: str = NAMESPACE) -> bytes:
    """Return a document; a list in the content repeats its element."""
    opening = f' xmlns="{namespace}"' if namespace else ""
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<{name}{opening}>{_inner(content)}</{name}>'
    return text.encode()


def _inner(content: Content) -> str:
    if isinstance(content, bool):
        return str(content).lower()
    if not isinstance(content, Mapping):
        return _CONTROL.sub(lambda found: f"&#{ord(found[0])};", escape(str(content)))
    return "".join(_element(name, value) for name, value in content.items())


def _element(name: str, value: Content | list[Content]) -> str:
    values = value if isinstance(value, list) else [value]
    return "".join(f"<{name}>{_inner(one)}</{name}>" for one in values)
