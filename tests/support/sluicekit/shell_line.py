"""One line for a shell, taken apart as a POSIX shell does: words, quotes, variables, comments, `&&` and `||`, and
output that goes into a file. Everything else of a shell (pipes, globs, substitutions) is refused aloud instead of being
taken for a word."""

import dataclasses

_BLANK = " \t\n"
_REFUSED = {";": "a list of commands", "<": "a redirection", "(": "a subshell", ")": "a subshell",
            "`": "a command substitution", "*": "a glob", "?": "a glob", "[": "a glob", "{": "a brace expansion"}


class NoSimpleLine(ValueError):
    """The line is no list of simple commands; a real shell would do something else with it, or refuse it."""


@dataclasses.dataclass
class Command:
    """`when`: "" for the first one, else "&&" or "||". `into`: the file that takes the output, or None."""

    when: str
    words: list
    into: str | None = None


def commands(line, variables=None):
    """The commands of a line. `variables` are those of the shell; one that is not set is refused."""
    return _Reader(line, variables or {}).read()


def run_list(parsed, run):
    """Runs commands as a shell does its and-or list: `run(command)` gives an exit code; gives the last one."""
    code = 0
    for command in parsed:
        if command.when == "&&" and code != 0 or command.when == "||" and code == 0:
            continue
        code = run(command)
    return code


class _Reader:
    def __init__(self, line, variables):
        self.line, self.variables = line, variables
        self.at = 0
        self.word = None  # of the word at hand; None between words
        self.file = False  # whether the next word is the file of a redirection
        self.found = [Command("", [])]

    def read(self):
        while self.at < len(self.line):
            self._step(self.line[self.at])
        self._end_word()
        self._check_end()
        return self.found

    def _step(self, letter):
        if letter == "\n":
            raise NoSimpleLine(f"more than one line: {self.line!r}")
        if letter in _BLANK:
            self._end_word()
            self.at += 1
        elif letter == "#" and self.word is None:
            self.at = len(self.line)
        elif letter in "&|":
            self._operator(letter)
        elif letter == ">":
            self._redirection()
        elif letter in _REFUSED or letter == "~" and self.word is None:
            raise NoSimpleLine(f"{_REFUSED.get(letter, 'a home folder')} at {self.at} of {self.line!r}")
        elif letter == "'":
            self._add(self._until("'"))
        elif letter == '"':
            self._double()
        elif letter == "\\":
            if self.at + 1 == len(self.line):
                raise NoSimpleLine(f"the line goes on behind its end: {self.line!r}")
            self._add(self.line[self.at + 1])
            self.at += 2
        elif letter == "$":
            self._unquoted_variable()
        else:
            self._add(letter)
            self.at += 1

    def _add(self, text):
        self.word = (self.word or "") + text

    def _end_word(self):
        if self.word is not None and self.file:
            self.found[-1].into, self.file = self.word, False
        elif self.word is not None:
            self.found[-1].words.append(self.word)
        self.word = None

    def _check_end(self):
        if not self.found[-1].words or self.file:
            raise NoSimpleLine(f"nothing to run, or no file, before {self.at} of {self.line!r}")

    def _redirection(self):
        # "2>" is another one, and so are ">>" and ">&".
        number = self.word is not None and self.word.isdigit()
        if number or self.line[self.at + 1:self.at + 2] in (">", "&", "|") or self.file or self.found[-1].into:
            raise NoSimpleLine(f"a redirection at {self.at} of {self.line!r}")
        self._end_word()
        self.file = True
        self.at += 1

    def _operator(self, letter):
        if self.line[self.at:self.at + 2] != letter * 2:
            raise NoSimpleLine(f"{letter!r} at {self.at} of {self.line!r}")
        self._end_word()
        self._check_end()
        self.found.append(Command(letter * 2, []))
        self.at += 2

    def _until(self, quote):
        end = self.line.find(quote, self.at + 1)
        if end < 0:
            raise NoSimpleLine(f"a quote that does not end: {self.line!r}")
        text = self.line[self.at + 1:end]
        self.at = end + 1
        return text

    def _double(self):
        self._add("")
        self.at += 1
        while self.at < len(self.line):
            letter = self.line[self.at]
            if letter == '"':
                self.at += 1
                return
            if letter == "`":
                raise NoSimpleLine(f"a command substitution in {self.line!r}")
            if letter == "$":
                self._add(self._variable())
            elif letter == "\\" and self.line[self.at + 1:self.at + 2] in ("$", "`", '"', "\\"):
                self._add(self.line[self.at + 1])
                self.at += 2
            else:
                self._add(letter)
                self.at += 1
        raise NoSimpleLine(f"a quote that does not end: {self.line!r}")

    def _unquoted_variable(self):
        value = self._variable()
        if not value or any(letter in _BLANK or letter in "*?[" for letter in value):
            raise NoSimpleLine(f"the value of a variable that stands in no quotes is split: {self.line!r}")
        self._add(value)

    def _variable(self):
        rest = self.line[self.at + 1:]
        braced = rest.startswith("{")
        letters = rest[1:] if braced else rest
        length = 0
        while length < len(letters) and (letters[length].isalnum() or letters[length] == "_"):
            length += 1
        name = letters[:length]
        if not name or name[0].isdigit() or braced and not letters[length:].startswith("}"):
            raise NoSimpleLine(f"a substitution at {self.at} of {self.line!r}")
        if name not in self.variables:
            raise NoSimpleLine(f"the variable {name} is not set: {self.line!r}")
        self.at += 1 + length + (2 if braced else 0)
        return self.variables[name]
