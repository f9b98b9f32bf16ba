"""All mutants of contracts/src in one source tree: each is switched on by a number that is read at run time.

The number is `block.basefee`, which no contract and no test of ours reads and which forge sets for each run; zero is
the unchanged contract. In the branch of one mutant everything beneath it is the original text, since no two are ever
on together. Where each stands is read from the compiler's syntax tree.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"
SWITCH = "block.basefee"
INSTEAD = {
    "<": (">=", "<="),
    "<=": (">", "<"),
    ">": ("<=", ">="),
    ">=": ("<", ">"),
    "==": ("!=",),
    "!=": ("==",),
    "&&": ("||",),
    "||": ("&&",),
    "+": ("-",),
    "-": ("+",),
    "+=": ("-=",),
    "-=": ("+=",),
    "++": ("--",),
    "--": ("++",),
    "!": ("",),
    "true": ("false",),
    "false": ("true",),
}
REMOVED = "removed"
STATEMENTS = {
    "EmitStatement",
    "ExpressionStatement",
    "ForStatement",
    "IfStatement",
    "Return",
    "RevertStatement",
    "VariableDeclarationStatement",
    "WhileStatement",
}

Tree = dict[str, Any]


@dataclass(frozen=True)
class Mutant:
    """`occurrence` counts, from one, the places in one function where the same change of the same text is possible."""

    number: int
    file: str
    line: int
    function: str
    original: str
    change: str
    occurrence: int

    @property
    def key(self) -> tuple[str, str, str, int]:
        return self.function, self.original, self.change, self.occurrence


def parse() -> tuple[dict[str, bytes], dict[str, Tree]]:
    """The texts and syntax trees of our sources and of the libraries that they import."""
    own = {f"src/{path.name}": path.read_text() for path in sorted(CONTRACTS.glob("src/*.sol"))}
    job = {
        "language": "Solidity",
        "sources": {name: {"content": text} for name, text in own.items()},
        "settings": {"evmVersion": "prague", "outputSelection": {"*": {"": ["ast"]}}},
    }
    done = subprocess.run([CONTRACTS / "solc"], input=json.dumps(job), capture_output=True, text=True, check=True)
    output = json.loads(done.stdout)
    trees = {name: source["ast"] for name, source in output["sources"].items()}
    library = {name: CONTRACTS / "node_modules" / name for name in trees if name not in own}
    return {name: text.encode() for name, text in own.items()} | {
        name: path.read_bytes() for name, path in library.items()
    }, trees


def nodes(value: Any) -> Iterator[Tree]:
    """The nearest nodes inside a value of the syntax tree."""
    if isinstance(value, dict) and "nodeType" in value and "src" in value:
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from nodes(inner)


def below(node: Tree) -> Iterator[Tree]:
    for value in node.values():
        for child in nodes(value):
            yield child
            yield from below(child)


class Schemata:
    """Renders every source with all its mutants in it; `mutants` holds them afterwards."""

    def __init__(self) -> None:
        self.mutants: list[Mutant] = []
        self._texts, self._trees = parse()
        self._own = [name for name in self._trees if name.startswith("src/")]
        if seen := [name for name in self._trees if SWITCH.encode() in self._texts[name]]:
            raise SystemExit(f"{seen} read {SWITCH}, which switches the mutants: choose another switch")
        self._seen: Counter[tuple[str, str, str]] = Counter()
        self._modifiers: dict[int, tuple[str, Tree]] = {}
        self._bodies: dict[int, str] = {}
        self._siblings: dict[int, list[int]] = {}
        self._unset: set[int] = set()
        self._file = self._function = ""
        for name, tree in self._trees.items():
            for node in below(tree):
                self._note(name, node)

    def render(self) -> dict[str, str]:
        """Path → text, of our sources and of those libraries whose modifiers got a switched sibling."""
        for number, (name, node) in self._modifiers.items():
            if name in self._own:
                self._enter(name, node)
                self._bodies[number] = self._text(node["body"])
            else:
                self._bodies[number] = self._slice(name, node["body"])
        rendered = {name: self._source(name) for name in self._own}
        changed = {self._modifiers[number][0] for number in self._siblings}
        rendered |= {name: self._source(name) for name in sorted(changed - set(self._own))}
        # A modifier's siblings are known only when all sources that use it have been rendered.
        for number, switches in self._siblings.items():
            name, node = self._modifiers[number]
            siblings = [self._sibling(node, self._bodies[number], switch) for switch in switches]
            rendered[name] = rendered[name].replace(f"/*siblings of {number}*/", "\n".join(siblings))
        self.mutants.sort(key=lambda mutant: (mutant.file, mutant.line, mutant.number))
        return rendered

    def _note(self, name: str, node: Tree) -> None:
        kind = node["nodeType"]
        if kind == "ModifierDefinition":
            self._modifiers[node["id"]] = (name, node)
        elif kind == "FunctionDefinition":
            self._unset |= {variable["id"] for variable in node["returnParameters"]["parameters"] if _points(variable)}
        elif kind == "VariableDeclarationStatement" and node.get("initialValue") is None:
            self._unset |= {variable["id"] for variable in node["declarations"] if variable and _points(variable)}

    def _source(self, name: str) -> str:
        self._file = name
        return self._text(self._trees[name], whole=name)

    def _enter(self, name: str, node: Tree) -> None:
        contract = next(
            (
                unit["name"]
                for unit in self._trees[name]["nodes"]
                if unit["nodeType"] == "ContractDefinition" and _within(node, unit)
            ),
            "",
        )
        title = node["name"] or node.get("kind", "")
        namesakes = [
            other
            for other in below(self._trees[name])
            if other["nodeType"] == "FunctionDefinition" and other["name"] == node["name"] and other.get("body")
        ]
        if len(namesakes) > 1 and node["nodeType"] == "FunctionDefinition":
            kinds = (_kind(variable) for variable in node["parameters"]["parameters"])
            title += f"({','.join(kinds)})"
        self._file, self._function = name, f"{contract}.{title}".lstrip(".")

    # --------------------------------------------------------------- text of a node

    def _slice(self, name: str, node: Tree) -> str:
        start, end = _span(node)
        return self._texts[name][start:end].decode()

    def _original(self, node: Tree) -> str:
        return self._slice(self._file, node)

    def _text(self, node: Tree, whole: str = "", put: dict[int, str] | None = None) -> str:
        """The node's text, its children rendered; `put` gives those that the caller has rendered himself."""
        text = self._texts[self._file]
        start, end = (0, len(text)) if whole else _span(node)
        parts: list[str] = []
        children = sorted((child for value in node.values() for child in nodes(value)), key=_span)
        for child in children:
            first, last = self._statement_span(child)
            rendered = (put or {}).get(child.get("id", 0)) or self._render(child)
            if last > _span(child)[1] and not rendered.endswith(("}", ";")):
                rendered += ";"
            parts += [text[start:first].decode(), rendered]
            start = last
        return "".join(parts) + text[start : max(start, end)].decode()

    def _statement_span(self, node: Tree) -> tuple[int, int]:
        """Statements with the semicolon that the syntax tree leaves out."""
        start, end = _span(node)
        text = self._texts[self._file]
        if node["nodeType"] in STATEMENTS and text[end - 1 : end] not in (b";", b"}"):
            match = re.compile(rb"\s*;").match(text, end)
            end = match.end() if match else end
        return start, end

    def _render(self, node: Tree) -> str:
        visit = getattr(self, f"_render_{_snake(node['nodeType'])}", None)
        if visit is not None:
            return str(visit(node))
        if node["nodeType"].startswith(("Yul", "Import", "Pragma", "Using", "Structured", "Inheritance")):
            return self._original(node)
        return self._text(node)

    # ------------------------------------------------------------------ definitions

    def _render_variable_declaration(self, node: Tree) -> str:
        return self._original(node)

    def _render_inline_assembly(self, node: Tree) -> str:
        return self._original(node)

    def _render_modifier_definition(self, node: Tree) -> str:
        start, _ = _span(node)
        head = self._texts[self._file][start : _span(node["body"])[0]].decode()
        return f"{head}{self._bodies[node['id']]} /*siblings of {node['id']}*/"

    def _render_function_definition(self, node: Tree) -> str:
        if self._file not in self._own:
            return self._original(node)
        self._enter(self._file, node)
        text, (start, end) = self._texts[self._file], _span(node)
        body = node.get("body")
        head_end = _span(body)[0] if body else end
        parts = []
        for invocation in sorted(node["modifiers"], key=_span):
            first, last = _span(invocation)
            parts += [text[start:first].decode(), self._modifier(invocation)]
            start = last
        head = "".join(parts) + text[start:head_end].decode()
        # What reads the switch is no longer pure.
        return re.sub(r"\bpure\b", "view", head) + (self._text(body) if body else "")

    def _modifier(self, node: Tree) -> str:
        declared = node["modifierName"]["referencedDeclaration"]
        text = self._original(node)
        if declared not in self._modifiers:
            return text
        switch = self._mutant(node, REMOVED)
        self._siblings.setdefault(declared, []).append(switch)
        return re.sub(r"^\w+", lambda name: f"{name[0]}_{switch}", text)

    def _sibling(self, node: Tree, body: str, switch: int) -> str:
        name = self._modifiers[node["id"]][0]
        parameters = self._slice(name, node["parameters"]) if node["parameters"]["parameters"] else "()"
        return f"modifier {node['name']}_{switch}{parameters} {{ if ({SWITCH} == {switch}) {{ _; }} else {body} }}"

    # ------------------------------------------------------------------- statements

    def _render_if_statement(self, node: Tree) -> str:
        if not _ends_in_revert(node["trueBody"]):
            return self._text(node)
        switch = self._mutant(node, REMOVED, shown=f"if ({self._original(node['condition'])}) revert")
        put = {node["condition"]["id"]: f"{SWITCH} != {switch} && ({self._render(node['condition'])})"}
        body = node["trueBody"]
        if body["nodeType"] == "RevertStatement" or len(body["statements"]) == 1:
            put[body["id"]] = self._original(body)
        return self._text(node, put=put)

    def _render_for_statement(self, node: Tree) -> str:
        # Without its step a loop never ends, which any test sees.
        heads = (node.get("initializationExpression"), node.get("loopExpression"))
        return self._text(node, put={head["id"]: self._original(head) for head in heads if head})

    def _render_expression_statement(self, node: Tree) -> str:
        expression = node["expression"]
        if expression["nodeType"] == "Assignment" and self._sets_a_pointer(expression["leftHandSide"]):
            return self._text(node)
        return self._removable(node)

    def _render_emit_statement(self, node: Tree) -> str:
        return self._removable(node)

    def _render_revert_statement(self, node: Tree) -> str:
        return self._removable(node)

    def _removable(self, node: Tree) -> str:
        switch = self._mutant(node, REMOVED)
        return f"{{ if ({SWITCH} != {switch}) {self._text(node)}; }}"

    def _sets_a_pointer(self, target: Tree) -> bool:
        """The compiler wants pointers to storage or calldata set on every path."""
        names = [target, *below(target)]
        return any(name["nodeType"] == "Identifier" and name["referencedDeclaration"] in self._unset for name in names)

    # ------------------------------------------------------------------ expressions

    def _render_binary_operation(self, node: Tree) -> str:
        operator = node["operator"]
        if operator not in INSTEAD or "_const " in node["typeDescriptions"]["typeString"]:
            return self._text(node)
        left, right = node["leftExpression"], node["rightExpression"]
        if operator in ("&&", "||"):
            plain = f"({self._original(left)})", f"({self._original(right)})"
        else:
            plain = self._original(left), self._original(right)
        return self._switched(node, [f"{plain[0]} {other} {plain[1]}" for other in INSTEAD[operator]])

    def _render_assignment(self, node: Tree) -> str:
        if node["operator"] not in INSTEAD:
            return self._text(node)
        [other] = INSTEAD[node["operator"]]
        left, right = self._original(node["leftHandSide"]), self._original(node["rightHandSide"])
        return self._switched(node, [f"{left} {other} {right}"])

    def _render_unary_operation(self, node: Tree) -> str:
        if node["operator"] not in ("!", "++", "--"):
            return self._text(node)
        [other] = INSTEAD[node["operator"]]
        operand = self._original(node["subExpression"])
        return self._switched(node, [f"{other}{operand}" if node["prefix"] else f"{operand}{other}"])

    def _render_literal(self, node: Tree) -> str:
        return (
            self._switched(node, list(INSTEAD.get(str(node.get("value")), ())))
            if node["kind"] == "bool"
            else (self._original(node))
        )

    def _switched(self, node: Tree, others: list[str]) -> str:
        switches = [self._mutant(node, other) for other in others]
        chosen = (f"{SWITCH} == {switch} ? ({other}) : " for switch, other in zip(switches, others, strict=True))
        return f"({''.join(chosen)}({self._text(node)}))"

    def _mutant(self, node: Tree, change: str, shown: str = "") -> int:
        original = " ".join((shown or self._original(node)).split())
        change = " ".join(change.split())
        self._seen[self._function, original, change] += 1
        line = self._texts[self._file][: _span(node)[0]].count(b"\n") + 1
        number = len(self.mutants) + 1
        occurrence = self._seen[self._function, original, change]
        self.mutants.append(Mutant(number, self._file, line, self._function, original, change, occurrence))
        return number


def _span(node: Tree) -> tuple[int, int]:
    start, length, _ = (int(part) for part in node["src"].split(":"))
    return start, start + length


def _within(node: Tree, outer: Tree) -> bool:
    (start, end), (first, last) = _span(node), _span(outer)
    return first <= start and end <= last


def _points(variable: Tree) -> bool:
    return variable["storageLocation"] in ("storage", "calldata")


def _kind(variable: Tree) -> str:
    return re.sub(
        r"^(struct|enum|contract) | (calldata|memory|storage)\b.*", "", variable["typeDescriptions"]["typeString"]
    )


def _ends_in_revert(body: Tree) -> bool:
    if body["nodeType"] == "Block":
        return bool(body["statements"]) and _ends_in_revert(body["statements"][-1])
    return bool(body["nodeType"] == "RevertStatement")


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
