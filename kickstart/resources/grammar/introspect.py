#!/usr/bin/env python3
"""Print kickstart/src/grammar/table.rs: the facts of pykickstart's option parsers as Rust data.

    python3 -m venv venv && venv/bin/pip install pykickstart==3.78
    venv/bin/python introspect.py            > ../../src/grammar/table.rs
    venv/bin/python introspect.py --check ../../src/grammar/table.rs

Only facts are read from the live objects (names, option strings, types, choices, required, deprecated,
removed, conflicting commands); no code and no text of pykickstart is carried over. The build needs
neither Python nor pykickstart: the output is checked in.
"""

import sys
import warnings

warnings.simplefilter("ignore")

import pykickstart  # noqa: E402
from pykickstart.base import DeprecatedCommand, RemovedCommand  # noqa: E402
from pykickstart.parser import KickstartParser  # noqa: E402
from pykickstart.sections import NullSection  # noqa: E402
from pykickstart.version import makeVersion  # noqa: E402

RELEASES = ["RHEL7", "RHEL8", "RHEL9", "RHEL10", "F40", "F41", "F42", "F43", "F44"]
PYKICKSTART = "3.78"

ACTIONS = {
    "_StoreAction": "Store",
    "_StoreTrueAction": "Flag",
    "_StoreFalseAction": "Clear",
    "_StoreConstAction": "Const",
    "_AppendConstAction": "AppendConst",
    "_AppendAction": "Append",
    "ExtendAction": "Extend",
    "ExtendConstAction": "ExtendConst",
}
# Given again, these add to what was said; the others replace it.
REPEATABLE = {"Append", "Extend", "AppendConst", "ExtendConst"}
# What an argument may be; the callbacks that look a word up in a table become `Keyword`.
TYPES = {
    "int": "Int",
    "ksboolean": "Bool",
    "commaSplit": "List",
    "mountpoint": "Text",
    "firewall_port_cb": "Text",
    "part_cb": "Text",
    "_teamslaves_cb": "Text",
    "_device_cb": "Text",
}
KEYWORDS = {"_type_cb": "typeMap", "_level_cb": "levelMap", "level_cb": "levelMap", "_when_cb": "whenMap"}


def quote(text):
    assert '"' not in text and "\\" not in text, text
    return '"%s"' % text


def string_list(items):
    return "&[%s]" % ", ".join(quote(i) for i in items)


def mask(bits):
    return "0x%03x" % bits


def fact_of(option, strings, owner):
    """The facts of one argparse action: (names, dest, action, type, nargs, choices, required).

    What it does with a value given again is read from its action."""
    kind = "Text"
    choices = [str(c) for c in option.choices] if option.choices else []
    if option.type is not None:
        name = option.type.__name__
        if name in KEYWORDS:
            kind = "Keyword"
            choices = sorted({k.lower() for k in getattr(owner, KEYWORDS[name])})
        else:
            kind = TYPES[name]
    nargs = {None: "One", 0: "Zero", 1: "One", "*": "Any", "?": "Maybe"}[option.nargs]
    required = bool(option.required) and (option in owner_actions(owner))
    return (tuple(strings), option.dest, ACTIONS[type(option).__name__], kind, nargs, tuple(choices), required)


def owner_actions(owner):
    return owner.op._actions


class Table:
    """Rows collected over all releases: name -> facts, each with the releases that have it."""

    def __init__(self):
        self.rows = {}

    def row(self, name):
        empty = {"releases": 0, "deprecated": 0, "removed": 0, "free": 0, "repeatable": 0,
                 "conflicts": {}, "options": {}, "positionals": {}, "object": None}
        return self.rows.setdefault(name, empty)

    def add_parser(self, name, owner, bit):
        row = self.row(name)
        by_action = {}
        for string, option in owner.op._option_string_actions.items():
            by_action.setdefault(id(option), (option, []))[1].append(string)
        for option, strings in by_action.values():
            fact = fact_of(option, strings, owner)
            entry = row["options"].setdefault(fact, [0, 0])
            entry[0] |= bit
            if option.deprecated:
                entry[1] |= bit
        for position, option in enumerate(a for a in owner.op._actions if not a.option_strings):
            fact = (position,) + fact_of(option, [], owner)
            row["positionals"].setdefault(fact, [0])[0] |= bit

    def add_command(self, name, command, first_name, bit):
        row = self.row(name)
        row["releases"] |= bit
        assert row["object"] in (None, first_name), name
        row["object"] = first_name
        if isinstance(command, RemovedCommand):
            row["removed"] |= bit
            return
        if isinstance(command, DeprecatedCommand):
            row["deprecated"] |= bit
            return
        # A command with a list adds to it with each line; one without keeps what the last line says.
        if command.dataList() is not None:
            row["repeatable"] |= bit
        if command.conflictingCommands:
            key = tuple(command.conflictingCommands)
            row["conflicts"][key] = row["conflicts"].get(key, 0) | bit
        if hasattr(command, "op"):
            self.add_parser(name, command, bit)
        else:
            row["free"] |= bit


class SectionOwner:
    def __init__(self, op):
        self.op = op


def collect():
    commands, sections = Table(), Table()
    for index, release in enumerate(RELEASES):
        bit = 1 << index
        handler = makeVersion(release)
        first = {}
        for name in sorted(handler.commands):
            first.setdefault(id(handler.commands[name]), name)
        for name in sorted(handler.commands):
            command = handler.commands[name]
            commands.add_command(name, command, first[id(command)], bit)
        for opener, section in KickstartParser(handler)._sections.items():
            row = sections.row(opener)
            row["releases"] |= bit
            row["object"] = opener
            # The sections of a handler collect; one that the handler only skips has nothing to collect.
            if not isinstance(section, NullSection):
                row["repeatable"] |= bit
            if hasattr(section, "_getParser"):
                sections.add_parser(opener, SectionOwner(section._getParser()), bit)
            else:
                row["free"] |= bit
    return commands, sections


def print_rows(out, constant, doc, table):
    out.append("")
    out.append("/// %s" % doc)
    out.append("pub(super) static %s: &[CommandRow] = &[" % constant)
    for name in sorted(table.rows):
        row = table.rows[name]
        out.append("    CommandRow {")
        out.append("        name: %s," % quote(name))
        out.append("        object: %s," % quote(row["object"]))
        out.append("        releases: Releases(%s)," % mask(row["releases"]))
        out.append("        deprecated: Releases(%s)," % mask(row["deprecated"]))
        out.append("        removed: Releases(%s)," % mask(row["removed"]))
        out.append("        free: Releases(%s)," % mask(row["free"]))
        out.append("        repeatable: Releases(%s)," % mask(row["repeatable"]))
        conflicts = ["(Releases(%s), %s)" % (mask(bits), string_list(names))
                     for names, bits in sorted(row["conflicts"].items())]
        out.append("        conflicts: &[%s]," % ", ".join(conflicts))
        for field in ("options", "positionals"):
            if not row[field]:
                out.append("        %s: &[]," % field)
                continue
            out.append("        %s: &[" % field)
            for fact, bits in sorted(row[field].items()):
                if field == "positionals":
                    fact, bits = fact[1:], [bits[0], 0]
                names, dest, action, kind, nargs, choices, required = fact
                out.append("            OptionRow { names: %s, dest: %s, kind: Kind::%s, "
                           "count: Count::%s, choices: %s, required: %s, repeatable: %s, releases: Releases(%s), "
                           "deprecated: Releases(%s) }," % (
                               string_list(names), quote(dest), kind, nargs, string_list(choices),
                               "true" if required else "false", "true" if action in REPEATABLE else "false", mask(bits[0]), mask(bits[1])))
            out.append("        ],")
        out.append("    },")
    out.append("];")


def render():
    assert pykickstart.__version__ == PYKICKSTART, "wanted pykickstart %s" % PYKICKSTART
    commands, sections = collect()
    out = [
        "// @generated by kickstart/resources/grammar/introspect.py from pykickstart %s; do not edit." % PYKICKSTART,
        "// Bits of `Releases`, lowest first: %s." % " ".join(r.lower() for r in RELEASES),
        "",
        "use super::{CommandRow, Count, Kind, OptionRow, Releases};",
    ]
    print_rows(out, "COMMANDS", "Every command of every release, sorted by name.", commands)
    print_rows(out, "SECTIONS", "Every section of every release, sorted by its opening word.", sections)
    return "\n".join(out) + "\n"


def main():
    text = render()
    if len(sys.argv) == 3 and sys.argv[1] == "--check":
        with open(sys.argv[2], encoding="utf-8") as handle:
            if handle.read() != text:
                sys.exit("%s is not what this script prints; write it again" % sys.argv[2])
        print("up to date")
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
