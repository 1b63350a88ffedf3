"""Reads and checks a policy pack with its ancestors."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from policies_kb.clauses import Document, Reference, load_documents
from policies_kb.errors import DataFileError, Problem
from policies_kb.near import near
from policies_kb.pack import (
    Check,
    Condition,
    Fact,
    Form,
    NextWords,
    Note,
    Pack,
    PackFile,
    Parameter,
    Place,
    Quantity,
    Scheme,
    SchemeFile,
    Source,
    Workflow,
)
from policies_kb.yamlfile import line_of, load_model, plain, problems_of, read_yaml

PACKS_DIR = Path(__file__).parent / "packs"
# Folder of a pack in which ingested documents wait for a person's word.
DRAFTS = "drafts"
# Folder of a pack's worked cases (policies_kb.rules.cases).
CASES = "cases"
# Folders that say nothing to residents: changing them leaves the pack the same.
NOT_IN_FORCE = frozenset({DRAFTS, CASES})
ModelT = TypeVar("ModelT", bound=BaseModel)


class UnknownPack(DataFileError):
    """No pack of this name; the message names those there are."""


def pack_names(packs_dir: Path | None = None) -> tuple[str, ...]:
    """Names of the packs that can be loaded."""
    return tuple(sorted(path.parent.name for path in (packs_dir or PACKS_DIR).glob("*/pack.yml")))


def pack_titles(packs_dir: Path | None = None) -> dict[str, str]:
    """Titles of the packs by name, read from pack.yml alone; a pack whose pack.yml is wrong is left out."""
    found = {}
    for name in pack_names(packs_dir):
        with contextlib.suppress(DataFileError):
            found[name] = load_model((packs_dir or PACKS_DIR) / name / "pack.yml", PackFile).title
    return found


def load_pack(name: str, packs_dir: Path | None = None) -> Pack:
    """Load a pack and everything it inherits.

    `packs_dir` holds the packs; an ancestor that is not in it is taken from the shipped ones.

    Raises:
        UnknownPack: there is no such pack.
        DataFileError: something in its files, or an ancestor's, is wrong; names every fault with file and line.
    """
    return _opened(name, packs_dir).finish()


def pack_folders(name: str, packs_dir: Path | None = None) -> tuple[Path, ...]:
    """Folders of a pack and its ancestors, its own first. Reads pack.yml files only, so other files may be faulty.

    Raises:
        UnknownPack: there is no such pack.
        DataFileError: a pack.yml is wrong.
    """
    return tuple(folder for folder, _ in _opened(name, packs_dir).layers)


def _opened(name: str, packs_dir: Path | None) -> _Load:
    root = packs_dir or PACKS_DIR
    if name not in pack_names(root):
        known = ", ".join(pack_names(root)) or "none"
        what = f"there is no pack {name!r}"
        raise UnknownPack([Problem(root / name / "pack.yml", None, "", what, f"choose one of: {known}")])
    load = _Load(root)
    load.read(name)
    return load


def pack_version(name: str, packs_dir: Path | None = None) -> str:
    """The version `load_pack` would give, without loading: to see whether a pack's files have changed.

    Raises:
        DataFileError: pack.yml of the pack or of an ancestor is wrong or missing.
    """
    load = _Load(packs_dir or PACKS_DIR)
    load.read(name)
    return load.version()


@dataclass
class _Load:
    """One run of the loader: layers from the named pack to its oldest ancestor, and the faults found."""

    root: Path
    problems: list[Problem] = field(default_factory=list)
    layers: list[tuple[Path, PackFile]] = field(default_factory=list)
    places: dict[tuple[str, str], Place] = field(default_factory=dict)

    def read(self, name: str) -> None:
        """Read pack.yml of `name` and of its ancestors."""
        wanted: str | None = name
        while wanted is not None:
            path = self.root / wanted / "pack.yml"
            if self.layers and not path.is_file() and (shipped := PACKS_DIR / wanted / "pack.yml").is_file():
                path = shipped
            if self.layers and not path.is_file():
                folder, child = self.layers[-1]
                known = ", ".join(sorted({*pack_names(self.root), *pack_names()} - {child.name}))
                self.problems.append(
                    Problem(
                        folder / "pack.yml", self.places[("parent", child.name)].line, "parent",
                        f"there is no pack {wanted!r}", f"choose one of: {known}",
                    )
                )  # fmt: skip
                break
            if any(layer.name == wanted for _, layer in self.layers):
                self.problems.append(Problem(path, 1, "parent", "packs inherit in a circle", "drop a parent"))
                break
            read = self.model(path, PackFile)
            if read is None:
                break
            head, data = read
            if head.name != wanted:
                self.problem(
                    path, data, ("name",), f"is {head.name!r} in folder {wanted!r}", "make them the same"
                )
            self.layers.append((path.parent, head))
            for key in flatten(head.texts):
                self.places.setdefault(
                    ("text", key), Place(head.name, path, line_of(data, ("texts", *key.split("."))))
                )
            self.places[("parent", head.name)] = Place(head.name, path, line_of(data, ("parent",)))
            wanted = head.parent
        if self.problems:
            raise DataFileError(self.problems)

    def finish(self) -> Pack:
        """Read every other file, overlay, cross-check.

        Raises:
            DataFileError: with every fault found.
        """
        # Imported here: the checker reads Pack, whose module must not depend on the rules.
        from policies_kb.rules.check import check_pack

        texts: dict[str, str] = {}
        for _, head in reversed(self.layers):
            texts.update(flatten(head.texts))
        head = self.layers[0][1]
        documents = self.documents()
        parameters = self.table("parameters.yml", "parameters", Parameter, "parameter")
        facts = self.table("facts.yml", "facts", Fact, "fact")
        quantities = self.table("facts.yml", "quantities", Quantity, "quantity")
        checks = self.table("facts.yml", "checks", Check, "check")
        schemes = self.schemes()
        forms = self.forms()
        workflow = self.workflow()
        if self.problems or workflow is None:
            raise DataFileError(self.problems)
        pack = Pack(
            name=head.name, title=head.title, level=head.level, parent=head.parent, version=self.version(),
            folders=tuple(folder for folder, _ in self.layers), documents=documents, parameters=parameters,
            facts=facts, quantities=quantities, checks=checks, schemes=schemes, workflow=workflow, forms=forms, texts=texts,
            places=self.places,
        )  # fmt: skip
        found = [*check_pack(pack), *check_references(pack)]
        if found:
            raise DataFileError(found)
        return pack

    def version(self) -> str:
        """First 16 hex digits of a SHA-256 over the name and bytes of every file of the pack and its ancestors.

        Drafts are not in force, worked cases only test; neither counts.
        """
        digest = hashlib.sha256()
        for folder, head in self.layers:
            for path in sorted(folder.rglob("*")):
                live = path.relative_to(folder).parts[0] not in NOT_IN_FORCE
                if live and path.is_file() and path.suffix in {".yml", ".md"}:
                    digest.update(f"{head.name}/{path.relative_to(folder).as_posix()}\0".encode())
                    digest.update(path.read_bytes())
        return digest.hexdigest()[:16]

    def documents(self) -> tuple[Document, ...]:
        """Own documents first, then the ancestors'; a child's document of the same id replaces its parent's."""
        found: dict[str, Document] = {}
        for folder, _ in self.layers:
            try:
                for document in load_documents(folder / "documents"):
                    found.setdefault(document.id, document)
            except DataFileError as error:
                self.problems.extend(error.problems)
        return tuple(found.values())

    def table(self, name: str, section: str, model: type[ModelT], kind: str) -> dict[str, ModelT]:
        """A mapping id -> model under `section` of the file `name`, overlaid id by id.

        A child's entry replaces its parent's; the fields a model lists as `inherited` it keeps where it is silent.
        """
        found: dict[str, ModelT] = {}
        for folder, head in reversed(self.layers):
            path = folder / name
            if not path.is_file():
                continue
            data = self.yaml(path)
            if data is None:
                continue
            items = plain(data).get(section, {}) if isinstance(plain(data), dict) else None
            if not isinstance(items, dict):
                self.problems.append(
                    Problem(path, 1, section, "is not a mapping of names", "write 'name:' entries")
                )
                continue
            for key, item in items.items():
                try:
                    found[key] = self.silent_on(model.model_validate(item), found.get(key))
                except ValidationError as error:
                    self.problems.extend(problems_of(error, path, data, (section, key)))
                self.places[kind, key] = Place(head.name, path, line_of(data, (section, key)))
        return found

    @staticmethod
    def silent_on(own: ModelT, parent: ModelT | None) -> ModelT:
        """A child's entry with the parent's values of the fields it does not write itself."""
        kept = [name for name in getattr(own, "inherited", ()) if name not in own.model_fields_set]
        if parent is None or not kept:
            return own
        return own.model_copy(update={name: getattr(parent, name) for name in kept})

    def schemes(self) -> dict[str, Scheme]:
        """Every scheme of the pack and its ancestors, overlaid, in the order results are shown."""
        written: dict[str, list[SchemeFile]] = {}
        for folder, head in reversed(self.layers):
            for path in sorted((folder / "schemes").glob("*.yml")):
                read = self.model(path, SchemeFile)
                if read is None:
                    continue
                file, data = read
                if file.id != path.stem:
                    self.problem(path, data, ("id",), f"is {file.id!r} in {path.name}", "make them the same")
                self.places["scheme", file.id] = Place(head.name, path, 1)
                ids = {"condition": [c.id for c in file.conditions], "note": [note.id for note in file.notes]}
                for kind, names in ids.items():
                    for at, name in enumerate(names):
                        place = Place(head.name, path, line_of(data, (f"{kind}s", at)))
                        self.places[kind, f"{file.id}.{name}"] = place
                written.setdefault(file.id, []).append(file)
        schemes = [scheme for files in written.values() if (scheme := self.overlay(files)) is not None]
        return {scheme.id: scheme for scheme in sorted(schemes, key=lambda scheme: (scheme.order, scheme.id))}

    def overlay(self, files: list[SchemeFile]) -> Scheme | None:
        """One scheme from its files, oldest ancestor's first."""
        values: dict[str, Any] = {"order": 100, "summary": "", "next": NextWords()}
        values |= {"urgent": False, "service": False}
        conditions: dict[str, Condition] = {}
        notes: dict[str, Note] = {}
        for file in files:
            place = self.places["scheme", file.id]
            for gone in file.without:
                if conditions.pop(gone, None) is None and notes.pop(gone, None) is None:
                    self.problems.append(
                        Problem(place.file, 1, "without", f"the parent has no {gone!r}", "correct the id")
                    )
            conditions.update({item.id: item for item in file.conditions})
            notes.update({item.id: item for item in file.notes})
            for key in SchemeFile.model_fields:
                value = getattr(file, key)
                if key not in {"conditions", "notes", "without"} and value not in (None, ()):
                    values[key] = value
        missing = [key for key in ("name", "per") if key not in values]
        if not conditions:
            missing.append("conditions")
        place = self.places["scheme", files[-1].id]
        self.problems.extend(Problem(place.file, 1, key, "is missing", f"add '{key}:'") for key in missing)
        if missing:
            return None
        optional = ("effective_from", "effective_to", "amount_month", "amount_once", "borderline")
        lists = ("documents_needed", "how_to_apply", "where", "deadline", "leads_to")
        return Scheme(
            **{key: None for key in optional if key not in values},
            **{key: () for key in lists if key not in values},
            **values,
            conditions=tuple(conditions.values()),
            notes=tuple(notes.values()),
        )

    def workflow(self) -> Workflow | None:
        """The nearest workflow.yml; a child's replaces its parent's whole."""
        for folder, head in self.layers:
            path = folder / "workflow.yml"
            if not path.is_file():
                continue
            read = self.model(path, Workflow)
            if read is None:
                return None
            workflow, data = read
            for at, step in enumerate(workflow.steps):
                self.places["step", step.id] = Place(head.name, path, line_of(data, ("steps", at)))
            return workflow
        self.problems.append(
            Problem(
                self.layers[-1][0] / "workflow.yml",
                None,
                "",
                "no workflow in this pack or its ancestors",
                "add it",
            )
        )
        return None

    def forms(self) -> dict[str, Form]:
        """Forms by id; a child's form of the same id replaces its parent's."""
        found: dict[str, Form] = {}
        for folder, head in reversed(self.layers):
            for path in sorted((folder / "forms").glob("*.yml")):
                read = self.model(path, Form)
                if read is None:
                    continue
                form, data = read
                if form.id != path.stem:
                    self.problem(path, data, ("id",), f"is {form.id!r} in {path.name}", "make them the same")
                found[form.id] = form
                self.places["form", form.id] = Place(head.name, path, 1)
        return found

    def yaml(self, path: Path) -> Any:
        """The file's round-trip data, or None with the problem noted."""
        try:
            return read_yaml(path)
        except DataFileError as error:
            self.problems.extend(error.problems)
            return None

    def model(self, path: Path, model: type[ModelT]) -> tuple[ModelT, Any] | None:
        """The file as `model` with its round-trip data, or None with the problems noted."""
        data = self.yaml(path)
        if data is None:
            return None
        try:
            return model.model_validate(plain(data)), data
        except ValidationError as error:
            self.problems.extend(problems_of(error, path, data))
            return None

    def problem(self, path: Path, data: Any, where: tuple[str | int, ...], what: str, cure: str) -> None:
        """Note one problem at `where`."""
        name = ".".join(str(part) for part in where)
        self.problems.append(Problem(path, line_of(data, where), name, what, cure))


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested texts as dotted keys: {"office": {"name": x}} is {"office.name": x}."""
    flat: dict[str, str] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = str(value).strip()
    return flat


def sources(pack: Pack) -> Iterator[tuple[str, str, Source]]:
    """Every source named by the rules of a pack, as (kind, id, source); kind and id are keys of `pack.places`."""
    for key, parameter in pack.parameters.items():
        yield from (("parameter", key, value.source) for value in parameter.values)
    for scheme in pack.schemes.values():
        yield from (("condition", f"{scheme.id}.{item.id}", item.source) for item in scheme.conditions)
        yield from (("note", f"{scheme.id}.{item.id}", item.source) for item in scheme.notes)
        amounts = (item.source for item in (scheme.amount_month, scheme.amount_once) if item is not None)
        lines = (line.source for line in scheme.lines)
        yield from (("scheme", scheme.id, source) for source in (*amounts, *lines))
    yield from (("step", step.id, step.source) for step in pack.workflow.steps)
    yield from (("form", form.id, form.source) for form in pack.forms.values())


def check_references(pack: Pack) -> Iterable[Problem]:
    """A problem for every clause the rules name that no document of the pack has."""
    for kind, key, source in sources(pack):
        if not isinstance(source, Reference):
            continue
        place = pack.places[kind, key]
        document = pack.document(source.document)
        if document is None:
            yield Problem(
                place.file, place.line, key, f"cites document {source.document!r}, which the pack has not",
                f"add documents/{source.document}.md or correct the id"
                + near(source.document, (one.id for one in pack.documents)),
            )  # fmt: skip
        elif not document.find(source.clause):
            yield Problem(
                place.file, place.line, key, f"cites clause {source.clause} of {source.document!r}, which is not there",
                "correct the clause or add it to the document"
                + near(source.clause, (clause.number for clause in document.clauses)),
            )  # fmt: skip
