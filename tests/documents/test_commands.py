"""Every ``partsight`` command and option that the pages show exists."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import click
import pytest
from tests.documents.pages import PAGES, code_blocks, without_code

from partsight.cli.main import main

# ARCHITECTURE.md and the changelog also name commands of the past and of the future.
CHECKED = {name: text for name, text in PAGES.items() if name not in {"CHANGELOG.md"}}
# The left column of this page lists the options of other tools.
OTHER_TOOLS = "docs/migration.md"
COMMON_OPTIONS = {"--help", "--help-all"}


def shell_commands(text: str) -> Iterator[list[str]]:
    """The ``partsight`` commands in a page's shell blocks, as lists of words."""
    for block in code_blocks(text, "sh") + code_blocks(text, "console"):
        for line in block.replace("\\\n", " ").splitlines():
            lexer = shlex.shlex(line.removeprefix("$ "), posix=True, punctuation_chars="|&;<>")
            lexer.whitespace_split = True
            try:
                words = list(lexer)
            except ValueError:  # output of a console block
                continue
            yield from split_commands(words)


def split_commands(words: list[str]) -> Iterator[list[str]]:
    """The ``partsight`` commands among the words of a line."""
    current: list[str] | None = None
    for word in [*words, ";"]:
        if word and set(word) <= set("|&;<>"):
            if current is not None:
                yield current
            current = None
        elif current is not None:
            current.append(word)
        elif word == "partsight" or word.endswith("bin/partsight"):
            current = []


def inline_commands(text: str) -> Iterator[list[str]]:
    """The commands in a page's text, such as ``partsight model list``."""
    for span in re.findall(r"`partsight ([a-z][^`]*)`", without_code(text)):
        yield shlex.split(span)


def find_command(words: list[str]) -> tuple[click.Command, click.Context, list[str]]:
    """The click command that a list of words calls, and the words after its name."""
    command: click.Command = main
    context = click.Context(command, info_name="partsight")
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name, *words = words
        found = command.get_command(context, name)
        assert found is not None, f"no command {name!r} in {context.command_path!r}"
        assert not found.hidden, f"{context.command_path} {name} is an old spelling"
        command, context = found, click.Context(found, parent=context, info_name=name)
    return command, context, words


def options_of(command: click.Command) -> Iterator[str]:
    """The options of a command and its subcommands, without their former spellings."""
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            former = getattr(parameter, "former", ())
            yield from (o for o in parameter.opts + parameter.secondary_opts if o not in former)
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from options_of(found)


@pytest.mark.parametrize("name", CHECKED)
def test_shell_commands_parse(name: str) -> None:
    for words in shell_commands(CHECKED[name]):
        command, context, arguments = find_command(list(words))
        if isinstance(command, click.Group):
            continue
        named = {word.partition("=")[0] for word in arguments if word.startswith("--")}
        assert named <= {*options_of(command), *COMMON_OPTIONS}, words
        values, *_ = command.make_parser(context).parse_args(args=list(arguments))
        for parameter in command.params:
            given = values.get(parameter.name or "")
            missing = parameter.required and given in (None, (), click.core.UNSET)
            assert not missing or "--help" in arguments, f"{words} lacks {parameter.name}"
            if isinstance(parameter.type, click.Choice) and given not in (None, click.core.UNSET):
                for value in given if isinstance(given, (list, tuple)) else [given]:
                    parameter.type.convert(value, parameter, context)


@pytest.mark.parametrize("name", CHECKED)
def test_commands_in_the_text_exist(name: str) -> None:
    for words in inline_commands(CHECKED[name]):
        command, _, arguments = find_command(words)
        known = {*options_of(command), *COMMON_OPTIONS}
        assert {word for word in arguments if word.startswith("--")} <= known, words


def test_options_in_the_text_exist() -> None:
    known = {*options_of(main), *COMMON_OPTIONS}
    for name, text in CHECKED.items():
        if name.startswith("docs/") and name != OTHER_TOOLS:
            spans = re.findall(r"`([^`\n]*)`", without_code(text))
            named = {word for span in spans for word in re.findall(r"(?<!\S)--[a-z][a-z-]+", span)}
            assert named <= known, f"{name}: {named - known}"
