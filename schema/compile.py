#!/usr/bin/env python3
"""Compiles schema/types/*.schema and schema/resources/*.schema into constant C tables.

The notation is described in schema/README.md. Whatever is wrong in a file ends the run with FILE:LINE: WHY.
Output files whose contents would not change are left alone, so that nothing is rebuilt without need.
"""
import argparse
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

SCALARS = {
    "string": "STRING", "int32": "INT32", "int64": "INT64", "bool": "BOOL", "double": "DOUBLE",
    "bytes": "BYTES", "Time": "TIME", "MicroTime": "MICRO_TIME", "Duration": "DURATION",
    "Quantity": "QUANTITY", "IntOrString": "INT_OR_STRING", "RawExtension": "RAW",
    "FieldsV1": "FIELDS_V1", "JSON": "JSON", "list<string>": "STRING_LIST",
}
FORMATS = {"INT32": "int32", "INT64": "int64", "BYTES": "byte", "DOUBLE": "double",
           "TIME": "date-time", "MICRO_TIME": "date-time"}
ZERO_DEFAULTS = {"STRING": '""', "INT32": "0", "INT64": "0", "BOOL": "false", "TIME": "{}",
                 "QUANTITY": "{}", "REF": "{}"}
VERBS = {"get": "GET", "list": "LIST", "watch": "WATCH", "create": "CREATE", "update": "UPDATE",
         "patch": "PATCH", "delete": "DELETE", "deletecollection": "DELETE_COLLECTION"}
VERB_SETS = {"all": ",".join(VERBS), "rw": "get,patch,update"}


class Bad(Exception):
    pass


@dataclass
class Field:
    name: str
    number: int
    kind: str
    card: str = "ONE"
    ref: str = ""
    words: dict = field(default_factory=dict)
    description: str = ""
    pointer: bool = False
    required: bool = False

    @property
    def omit_empty(self):
        return not self.required and "emit" not in self.words

    @property
    def is_wrapper(self):
        return any(w in self.words for w in ("embed", "unwrap", "union")) or "embed@" in str(self.words)


@dataclass
class Type:
    name: str
    words: list
    stem: str
    fields: list = field(default_factory=list)
    description: str = ""

    @property
    def plain(self):
        return [f for f in self.fields if not f.is_wrapper]

    @property
    def wrappers(self):
        return [f for f in self.fields if f.is_wrapper]

    def options(self, key):
        return [w.split("=", 1)[1] for w in self.words if w.startswith(key + "=")]


@dataclass
class Subresource:
    name: str
    words: dict


@dataclass
class Resource:
    group: "Group"
    plural: str
    kind: str
    words: dict
    selectable: list = field(default_factory=list)
    columns: list = field(default_factory=list)
    subresources: list = field(default_factory=list)


@dataclass
class Group:
    name: str
    version: str
    words: dict
    resources: list = field(default_factory=list)

    @property
    def api_version(self):
        return f"{self.name}/{self.version}" if self.name else self.version


# ---- reading ---------------------------------------------------------------------------------------------------


def tokens(text):
    """Splits at white space, but not inside [...] or "..."."""
    return re.findall(r'(?:\[[^\]]*\]|"[^"]*"|\S)+', text)


def parse_words(items):
    words = {}
    for item in items:
        bracket = re.fullmatch(r"(enum|known)\[(.*)\]", item)
        key, _, value = (bracket[1], "=", bracket[2]) if bracket else item.partition("=")
        words[key] = value
    return words


def parse_field(text, description):
    name, number, kind, *rest = tokens(text)
    made = Field(name, 0 if number == "-" else int(number), "", description=description,
                 words=parse_words(rest))
    if kind.endswith("!"):
        made.required, kind = True, kind[:-1]
    if kind.startswith("*"):
        made.pointer, kind = True, kind[1:]
    for mark, card in (("[]", "LIST"), ("{}", "MAP")):
        if kind.startswith(mark):
            made.card, kind = card, kind[2:]
    made.kind, made.ref = (SCALARS[kind], "") if kind in SCALARS else ("REF", kind)
    return made


def read_lines(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            text, _, description = line.partition("-- ")
            yield number, line.startswith(" "), text.strip(), description.strip()


def read_types(path, packages, types):
    stem = package = current = None
    for number, indented, text, description in read_lines(path):
        try:
            if not indented and text.startswith("package "):
                _, stem, _, package = text.split()
                packages[stem] = package
            elif not indented and text.startswith("type "):
                _, name, *words = text.split()
                current = Type(f"{package}.{name}", words, stem, description=description)
                if "typemeta" in words:
                    current.fields = [Field(n, 0, "STRING", words={"typemeta": ""})
                                      for n in ("kind", "apiVersion")]
                types[current.name] = current
            elif indented and current:
                current.fields.append(parse_field(text, description))
            else:
                raise Bad("neither a package, a type nor a field")
        except (ValueError, Bad) as why:
            sys.exit(f"{path}:{number}: {why}")


def read_resources(path, groups):
    resource = None
    for number, indented, text, _ in read_lines(path):
        try:
            word, *rest = text.split()
            if word == "group":
                name = "" if rest[0] == "core" else rest[0]
                groups.append(Group(name, rest[1], parse_words(rest[2:])))
            elif word == "resource":
                resource = Resource(groups[-1], rest[0], rest[1], parse_words(rest[2:]))
                groups[-1].resources.append(resource)
            elif word == "select":
                resource.selectable.append(rest[0])
            elif word == "sub":
                resource.subresources.append(Subresource(rest[0], parse_words(rest[1:])))
            elif word == "column":
                parts = re.fullmatch(r"column (\S+)\s+(\S+?)(?:/(\S+))?( wide)?\s+(.*)", text)
                resource.columns.append(parts.groups())
            else:
                raise Bad(f"unknown word {word}")
        except (ValueError, IndexError, AttributeError, Bad) as why:
            sys.exit(f"{path}:{number}: {why}")


def resolve(packages, types):
    """Turns the short names that fields use into full ones."""
    for made in types.values():
        package = made.name.rsplit(".", 1)[0]
        for member in made.fields:
            if member.kind != "REF":
                continue
            stem, _, last = member.ref.rpartition(".")
            member.ref = f"{packages.get(stem, stem) if stem else package}.{last}"
            if member.ref not in types:
                sys.exit(f"{made.name}.{member.name}: no type {member.ref}")


# ---- writing ---------------------------------------------------------------------------------------------------


def c_text(text):
    if text is None or text == "":
        return "NULL"
    return c_string(text)


def c_string(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def symbol(name):
    return "type_" + re.sub(r"\W", "_", name)


class Unit:
    """One .c file: text lists shared within it come first."""

    def __init__(self):
        self.lists, self.body = {}, []

    def texts(self, items):
        items = tuple(items)
        if not items:
            return "NULL"
        if items not in self.lists:
            self.lists[items] = f"texts_{len(self.lists)}"
        return self.lists[items]

    def render(self):
        head = ["/* Made by schema/compile.py: change schema/ instead. */", '#include "schema/tables.h"', ""]
        for items, name in self.lists.items():
            inside = ", ".join(c_string(i) for i in items)
            head.append(f"static const char *const {name}[] = {{{inside}, NULL}};")
        return "\n".join(head + self.body) + "\n"


def implied_default(made, member):
    if "unpublished" in made.words or member.is_wrapper or "typemeta" in member.words:
        return ""
    if member.card != "ONE" or member.pointer or (member.kind != "REF" and member.omit_empty):
        return ""
    return ZERO_DEFAULTS.get(member.kind, "")


def prints_zero(member):
    """Whether Go prints the field when nobody set it: unless it is left out when empty, which structs never are."""
    is_struct = member.card == "ONE" and not member.pointer and member.kind in (
        "REF", "TIME", "MICRO_TIME", "QUANTITY", "INT_OR_STRING", "DURATION", "RAW")
    return "typemeta" not in member.words and (is_struct or not member.omit_empty)


def field_flags(member, types):
    words, flags = member.words, []
    wrapper_type = member.kind == "REF" and types[member.ref]
    atomic = "atomic" in words and member.card != "LIST"
    if wrapper_type and "atomic" in wrapper_type.words and not member.is_wrapper and "granular" not in words:
        atomic = True
    for name, on in (("REQUIRED", member.required), ("OMIT_EMPTY", member.omit_empty),
                     ("POINTER", member.pointer), ("PATCH_MERGE", "merge" in words),
                     ("PATCH_RETAIN", "retainKeys" in words), ("STRUCT_ATOMIC", atomic),
                     ("ENUM_CLOSED", "enum" in words), ("TYPEMETA", "typemeta" in words),
                     ("OFF", "off" in words), ("VIA", "via" in words),
                     ("PATCH_REPLACE", "replace" in words), ("STRUCT_GRANULAR", "granular" in words),
                     ("DEFAULTED", words.get("default") not in (None, "none", '""', "{}", "0", "false"))):
        if on:
            flags.append("FIELD_" + name)
    return "|".join(flags) or "0"


def field_list_type(member):
    """Of lists; some that are none are marked, too, to be replaced as a whole."""
    if member.card == "MAP" or (member.card == "ONE" and "atomic" not in member.words):
        return "NONE"
    return next((n.upper() for n in ("atomic", "set", "map") if n in member.words), "NONE")


def field_inlined(member):
    for word in member.words:
        if word in ("unwrap", "union") or word.startswith("embed"):
            return word
    return member.words.get("via", "")


def write_field(unit, made, member, types):
    words = member.words
    default = words.get("default", implied_default(made, member))
    enum = words.get("enum", words.get("known"))
    parts = {
        "name": c_text(member.name), "name_len": str(len(member.name)), "proto_name": c_text(words.get("proto", member.name)),
        "format": c_text(FORMATS.get(member.kind)), "merge_key": c_text(words.get("merge")),
        "default_json": c_text("" if default == "none" else default),
        "enums": unit.texts(enum.split("|")) if enum is not None else "NULL",
        "map_keys": unit.texts(words["map"].split(",")) if "map" in words else "NULL",
        "ref": f"&{symbol(member.ref)}" if member.kind == "REF" else "NULL",
        "inlined": c_text(field_inlined(member)), "number": str(member.number),
        "flags": field_flags(member, types), "kind": "FIELD_" + member.kind, "card": "CARD_" + member.card,
        "list_type": "LIST_" + field_list_type(member), "description": c_text(member.description),
    }
    quiet = ("NULL", "0", "CARD_ONE", "LIST_NONE", "FIELD_STRING")
    return "    {" + ", ".join(f".{k} = {v}" for k, v in parts.items() if v not in quiet) + "},"


def type_flags(made):
    flags = []
    for name, on in (("ATOMIC", "atomic" in made.words), ("TYPEMETA", "typemeta" in made.words),
                     ("UNWRAPPED", any("unwrap" in f.words for f in made.fields)),
                     ("UNION", any("union" in f.words for f in made.fields)),
                     ("NO_PROTOBUF", "no-protobuf" in made.words),
                     ("PUBLISHED", "unpublished" not in made.words)):
        if on:
            flags.append("TYPE_" + name)
    return "|".join(flags) or "0"


def proto_slots(made):
    """The numbers of a message, level by level: rows of (number, index, first, count, is_wrapper)."""
    def path(wrapper):
        outer = next((w[6:] + "." for w in wrapper.words if w.startswith("embed@")), "")
        return outer + wrapper.name

    def level(inside):
        rows = [(m.number, i, None) for i, m in enumerate(made.plain)
                if m.number and m.words.get("via", "") == inside]
        rows += [(m.number, i, path(m)) for i, m in enumerate(made.wrappers)
                 if any(w.startswith("embed") for w in m.words) and path(m).rpartition(".")[0] == inside]
        return sorted(rows)

    slots = []

    def place(rows):
        at = len(slots)
        slots.extend([None] * len(rows))
        for offset, (number, index, inner) in enumerate(rows):
            first = count = 0
            if inner is not None:
                first, count = len(slots), len(level(inner))
                place(level(inner))
            slots[at + offset] = (number, index, first, count, "true" if inner is not None else "false")

    place(level(""))
    return slots, len(level(""))


def hash_key(name):
    """As field_key() in type.c: from the first and the last bytes, and the length."""
    text, size = name.encode(), len(name.encode())
    if size < 4:
        return text[0] | text[size // 2] << 8 | text[-1] << 16 | size << 56
    width = 8 if size >= 8 else 4
    first, last = (int.from_bytes(part, "little") for part in (text[:width], text[-width:]))
    return first ^ (last << 25 | last >> 39) & 0xFFFFFFFFFFFFFFFF ^ size << 56


def perfect_hash(names):
    """A multiplier and a shift that send each name to a place of its own; the places, 255 where nobody is."""
    keys = [hash_key(name) for name in names]
    if len(set(keys)) < len(keys):
        sys.exit(f"fields that hash_key() does not tell apart: {' '.join(names)}")
    multiplier = 0x9E3779B97F4A7C15
    for bits in range(max(1, (len(keys) - 1).bit_length()), 12):
        for _ in range(2000):
            multiplier = (multiplier * 6364136223846793005 + 1442695040888963407) & 0xFFFFFFFFFFFFFFFF | 1
            places = [(key * multiplier & 0xFFFFFFFFFFFFFFFF) >> (64 - bits) for key in keys]
            if len(set(places)) == len(places):
                table = [255] * (1 << bits)
                for index, place in enumerate(places):
                    table[place] = index
                return multiplier, 64 - bits, table
    sys.exit(f"no perfect hash for {' '.join(names)}")


def write_type(unit, made, types):
    name, out = symbol(made.name), unit.body
    plain, parts = made.plain, {"name": c_text(made.name)}
    for label, members in (("fields", plain), ("wrappers", made.wrappers)):
        if members:
            out.append(f"static const struct field {label}_of_{name}[] = {{")
            out.extend(write_field(unit, made, member, types) for member in members)
            out.append("};")
            parts[label] = f"{label}_of_{name}"
    zeroes = [i for i, m in enumerate(plain)
              if "off" not in m.words and (prints_zero(m) or "DEFAULTED" in field_flags(m, types))]
    if zeroes:
        out.append(f"static const uint16_t zeroes_of_{name}[] = {{{', '.join(map(str, zeroes))}}};")
        parts["zeroes"] = f"zeroes_of_{name}"
    if plain:
        multiplier, shift, table = perfect_hash([member.name for member in plain])
        out.append(f"static const uint8_t by_hash_of_{name}[] = {{{', '.join(map(str, table))}}};")
        parts.update(by_hash=f"by_hash_of_{name}", hash_multiplier=f"{multiplier}ULL", hash_shift=str(shift))
    slots, slot_count = proto_slots(made)
    if slots:
        rows = ", ".join(f"{{{', '.join(map(str, slot))}}}" for slot in slots)
        out.append(f"static const struct proto_slot slots_of_{name}[] = {{{rows}}};")
        parts["slots"] = f"slots_of_{name}"
    parts.update(slot_count=str(slot_count), field_count=str(len(plain)), wrapper_count=str(len(made.wrappers)),
                 zero_count=str(len(zeroes)), flags=type_flags(made), gvks=unit.texts(made.options("gvk")),
                 unions=unit.texts(made.options("union")), description=c_text(made.description))
    out.append(f"const struct type {name} = {{")
    out.extend(f"    .{k} = {v}," for k, v in parts.items() if v not in ("NULL", "0"))
    out.append("};")


def type_of_kind(types, group, version, kind):
    gvk = "/".join(p for p in (group, version, kind) if p)
    return next((t.name for t in types.values() if gvk in t.options("gvk")), None)


def verb_flags(text):
    return "|".join("VERB_" + VERBS[v] for v in VERB_SETS.get(text, text).split(",")) if text else "0"


def flag(words, name):
    return "true" if name in words else "false"


def write_subresources(unit, made, name, types):
    unit.body.append(f"static const struct subresource subs_of_{name}[] = {{")
    for sub in made.subresources:
        words = sub.words
        group, _, version = words.get("of", "").rpartition("/")
        kind = words.get("kind", made.kind)
        body = None
        if "connect" not in words and "no-body" not in words:
            body = type_of_kind(types, group if version else made.group.name,
                                version or made.group.version, kind)
            if not body:
                sys.exit(f"{made.plural}/{sub.name}: no type for {kind}")
        unit.body.append(
            f"    {{{c_string(sub.name)}, {c_string(kind)}, {c_string(group)}, {c_string(version)}, "
            f"{verb_flags(words.get('verbs'))}, {'&' + symbol(body) if body else 'NULL'}, "
            f"{flag(words, 'connect')}, {flag(words, 'path')}}},")
    unit.body.append("};")


def column_path(types, body, source):
    """The fields that the first path of a column's source goes through, as far as they have names of their own."""
    shown = source.partition("?")[2] or source  # behind a condition, what is shown when it holds or does not
    path, fields = re.search(r"\.[A-Za-z][\w.]*", shown), []
    for step in path[0].strip(".").split(".") if path else []:
        member = next((f for f in body.fields if f.name == step), None) if body else None
        if not member:
            break
        fields.append(member)
        body = types[member.ref] if member.kind == "REF" else None
    return fields


def describe_column(types, body, label, source):
    """In the words of the field that fills the column; those of spec and status themselves say nothing about it."""
    fields = column_path(types, body, source)
    told = [f.description for f in fields if f.description and f.name not in ("metadata", "spec", "status")]
    return told[-1] if told else f"{label.replace('_', ' ')} of the object."


def write_columns(unit, made, name, types, body):
    columns = made.columns or [("Name", "string", "name", None, ".metadata.name"),
                               ("Created_At", "date", None, None, "rfc3339(.metadata.creationTimestamp)")]
    unit.body.append(f"static const struct column columns_of_{name}[] = {{")
    for label, kind, layout, wide, source in columns:
        unit.body.append(f"    {{{c_string(label.replace('_', ' '))}, {c_string(kind)}, "
                         f"{c_string(layout or '')}, {c_string(describe_column(types, body, label, source))}, "
                         f"{c_string(source)}, {1 if wide else 0}}},")
    unit.body.append("};")
    return len(columns)


def write_resource(unit, made, types):
    group, words = made.group, made.words
    name = re.sub(r"\W", "_", f"{group.name or 'core'}_{group.version}_{made.plural}")
    if made.subresources:
        write_subresources(unit, made, name, types)
    body = type_of_kind(types, group.name, group.version, made.kind)
    if not body:
        sys.exit(f"{made.plural}: no type for {group.api_version} {made.kind}")
    column_count = write_columns(unit, made, name, types, types[body])
    listed = lambda key: unit.texts(words[key].split(",")) if words.get(key) else "NULL"
    key = words.get("storage") or (f"{made.plural}.{group.name}" if group.name else made.plural)
    parts = {
        "key": c_string(key), "group": c_string(group.name), "version": c_string(group.version),
        "plural": c_string(made.plural), "singular": c_string(words.get("singular", made.kind.lower())),
        "kind": c_string(made.kind), "list_kind": c_string(made.kind + "List"),
        "short_names": listed("short"), "categories": listed("categories"),
        "selectable": unit.texts(made.selectable), "storage_version_hash": c_string(words.get("hash", "")),
        "api_version": c_string(group.api_version),
        "type": "&" + symbol(body), "columns": f"columns_of_{name}", "column_count": str(column_count),
        "subresources": f"subs_of_{name}" if made.subresources else "NULL",
        "subresource_count": str(len(made.subresources)), "verbs": verb_flags(words.get("verbs")),
        "namespaced": flag(words, "namespaced"), "preferred": flag(group.words, "preferred"),
        "create_on_update": flag(words, "create-on-update"),
        "unconditional_update": flag(words, "unconditional-update"),
        "host_only": flag(group.words, "host-only"), "aggregated": flag(group.words, "aggregated"),
    }
    unit.body.append(f"static const struct resource resource_{name} = {{")
    unit.body.extend(f"    .{k} = {v}," for k, v in parts.items() if v not in ("NULL", "0", "false"))
    unit.body.append("};")
    return f"resource_{name}"


def write_resources(unit, groups, types):
    groups = sorted(groups, key=lambda g: int(g.words["order"]))
    names = [write_resource(unit, r, types) for g in groups for r in g.resources]
    out = unit.body
    out.append("const struct resource *const schema_resources[] = {")
    out.extend(f"    &{n}," for n in names)
    out.append(f"}};\nconst size_t schema_resource_count = {len(names)};")
    out.append("const struct group_version schema_group_versions[] = {")
    for group in groups:
        words = group.words
        group_priority, version_priority = words.get("priority", "0,0").split(",")
        out.append(f"    {{{c_string(group.name)}, {c_string(group.version)}, {flag(words, 'preferred')}, "
                   f"{flag(words, 'host-only')}, {flag(words, 'aggregated')}, "
                   f"{group_priority}, {version_priority}}},")
    out.append(f"}};\nconst size_t schema_group_version_count = {len(groups)};")
    out.append("const struct type *const schema_types[] = {")
    ordered = sorted(types, key=str.encode)
    out.extend(f"    &{symbol(n)}," for n in ordered)
    out.append(f"}};\nconst size_t schema_type_count = {len(types)};")


def header(types):
    lines = ["/* Made by schema/compile.py: change schema/ instead. */", "#pragma once",
             '#include "schema/resource.h"', '#include "schema/type.h"', ""]
    lines += [f"extern const struct type {symbol(n)};" for n in types]
    lines += ["extern const struct type *const schema_types[];", "extern const size_t schema_type_count;",
              "extern const struct resource *const schema_resources[];",
              "extern const size_t schema_resource_count;",
              "extern const struct group_version schema_group_versions[];",
              "extern const size_t schema_group_version_count;"]
    return "\n".join(lines) + "\n"


def write_if_changed(path, text):
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("files", type=Path, nargs="+")
    arguments = parser.parse_args()
    packages, types, groups = {}, {}, []
    for path in sorted(arguments.files):
        if path.parent.name == "types":
            read_types(path, packages, types)
        else:
            read_resources(path, groups)
    resolve(packages, types)
    units = {"core": Unit(), "meta": Unit(), "other": Unit(), "resources": Unit()}
    for made in types.values():
        stem = made.stem.split(".")[0]
        write_type(units[stem if stem in units else "other"], made, types)
    write_resources(units["resources"], groups, types)
    arguments.out.mkdir(parents=True, exist_ok=True)
    write_if_changed(arguments.out / "tables.h", header(types))
    for name, unit in units.items():
        write_if_changed(arguments.out / f"tables_{name}.c", unit.render())


if __name__ == "__main__":
    main()
