"""XML from outside, taken with tongs: no document type, no entity, nothing fetched, no deep tree, and no more than a megabyte."""

from __future__ import annotations

from typing import Any

from lxml import etree  # type: ignore[import-untyped]  # lxml has no types

from drivers.errors import Garbled

# The longest answer in use, a camera's profiles, is 60 KB; a pull of 64 events is 100 KB.
LARGEST = 1 << 20
SOAP11, SOAP12 = b"http://schemas.xmlsoap.org/soap/envelope/", b"http://www.w3.org/2003/05/soap-envelope"


def parse(data: bytes) -> Any:  # noqa: ANN401  # an element of lxml, which has no types
    """The root element. Raises Garbled. Sloppy XML is read as far as it makes sense, since cameras send it."""
    if len(data) > LARGEST:
        raise Garbled("an answer longer than a megabyte")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False, recover=True, remove_comments=True
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.LxmlError, ValueError) as error:
        raise Garbled("an answer that is no XML") from error
    if root is None:
        raise Garbled("an answer that is no XML")
    if root.getroottree().docinfo.doctype:
        raise Garbled("an answer with a document type")
    return root


def local(element: Any) -> str:  # noqa: ANN401  # see parse
    """The element's name without its namespace; empty for what is no element (a processing instruction)."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def first(root: Any, name: str) -> Any:  # noqa: ANN401  # see parse
    """The first element below `root` of this name, whatever its namespace, or None."""
    return next((element for element in root.iter() if local(element) == name), None)


def text(root: Any, name: str) -> str:  # noqa: ANN401  # see parse
    """The text of the first element of this name; empty where there is none."""
    found = first(root, name)
    return (found.text or "").strip() if found is not None else ""


def texts(root: Any, name: str) -> list[str]:  # noqa: ANN401  # see parse
    """The texts of all elements of this name."""
    return [(element.text or "").strip() for element in root.iter() if local(element) == name]


def is_fault(envelope: Any) -> bool:  # noqa: ANN401  # see parse
    """Whether an envelope's body is a fault."""
    body = first(envelope, "Body")
    return body is not None and any(local(element) == "Fault" for element in body)
