"""YAML texts to Knowledge, with every mistake at its file, line and column; and Knowledge to JSON and back."""

from collections.abc import Iterable, Iterator, Mapping

from chalicelib.diagnosis.knowledge import ALREADY_CHECKED, CausesFile, Knowledge, Signature, SignaturesFile
from chalicelib.documents import Document, read_yaml
from chalicelib.errors import DocumentError, DocumentErrors
from chalicelib.models.mistakes import nearest
from chalicelib.models.shape import canonical_json

Read = tuple[Document, SignaturesFile]


def load_knowledge(causes: tuple[str, str | bytes], signatures: Mapping[str, str | bytes]) -> Knowledge:
    """`causes` is (file name, text), `signatures` file name to text. All mistakes at once."""
    document = read_yaml(causes[1], causes[0])
    known = document.build(CausesFile)
    mistakes = list(_mistakes_of_causes(document, known))
    read: list[Read] = []
    for name in sorted(signatures):
        try:
            each = read_yaml(signatures[name], name)
            read.append((each, each.build(SignaturesFile)))
        except DocumentErrors as errors:
            mistakes += errors.errors
        except DocumentError as error:
            mistakes.append(error)
    if not mistakes:  # references are checked when all that they may name was readable
        mistakes += _mistakes_of_signatures(read, known)
    if mistakes:
        raise DocumentErrors(mistakes)
    return Knowledge(
        vetoes=known.vetoes, causes=known.causes, signatures=tuple(s for _, file in read for s in file.signatures)
    )


def compile_signatures(knowledge: Knowledge) -> str:
    """For Lambda, which reads no YAML. The same knowledge gives the same text."""
    return canonical_json(knowledge.model_dump(mode="json", by_alias=True, exclude_defaults=True)) + "\n"


def load_compiled(text: str | bytes) -> Knowledge:
    """What `compile_signatures` wrote. Its patterns were checked then; checking them again would cost a cold start."""
    return Knowledge.model_validate_json(text, context=ALREADY_CHECKED)


def _mistakes_of_causes(document: Document, known: CausesFile) -> Iterator[DocumentError]:
    vetoes = {each.veto for each in known.vetoes}
    yield from _doubled(document, "causes", "cause", [each.cause for each in known.causes])
    yield from _doubled(document, "vetoes", "veto", [each.veto for each in known.vetoes])
    for at, cause in enumerate(known.causes):
        for n, name in enumerate(cause.harms):
            if name not in vetoes:
                yield document.mistake(("causes", at, "harms", n), _unknown("veto", name, vetoes))


def _mistakes_of_signatures(read: list[Read], known: CausesFile) -> Iterator[DocumentError]:
    causes = {each.cause for each in known.causes}
    plain = {each.id for _, file in read for each in file.signatures if not each.refers_to}
    every = [each.id for _, file in read for each in file.signatures]
    seen: set[str] = set()
    for document, file in read:
        yield from _doubled(document, "signatures", "id", [each.id for each in file.signatures], seen)
        for at, signature in enumerate(file.signatures):
            yield from _references(document, at, signature, causes, plain, set(every))


def _references(
    document: Document, at: int, signature: Signature, causes: set[str], plain: set[str], every: set[str]
) -> Iterator[DocumentError]:
    named = {"cause": [signature.cause] if signature.cause else [], "excludes": signature.excludes}
    for key, names in {**named, "cures": signature.cures}.items():
        for n, name in enumerate(names):
            if name not in causes:
                path = ("signatures", at, key) if key == "cause" else ("signatures", at, key, n)
                yield document.mistake(path, _unknown("cause", name, causes))
    for key, ids in {"near": signature.near, "with": signature.with_, "without": signature.without}.items():
        for n, name in enumerate(ids):
            if name not in every:
                yield document.mistake(("signatures", at, key, n), _unknown("signature", name, every))
            elif name not in plain:
                what = f"{name} itself depends on others; name one without near, with and without"
                yield document.mistake(("signatures", at, key, n), what)


def _doubled(
    document: Document, rows: str, key: str, names: list[str], seen: set[str] | None = None
) -> Iterator[DocumentError]:
    seen = set() if seen is None else seen
    for at, name in enumerate(names):
        if name in seen:
            yield document.mistake((rows, at, key), f"{name} is there twice")
        seen.add(name)


def _unknown(kind: str, name: str, known: Iterable[str]) -> str:
    guess = nearest(name, known)
    return f"no {kind} is named {name}" + (f"; did you mean {guess}?" if guess else "")
