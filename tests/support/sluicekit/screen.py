"""What the demos print: headings, commands and remarks; in colour on a terminal only."""

import os
import sys
import textwrap


class Screen:
    def __init__(self):
        self._colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")

    def _style(self, code, text):
        return f"\033[{code}m{text}\033[0m" if self._colour else text

    def heading(self, text):
        print(f"\n{self._style('1;36', text)}\n{self._style('36', '-' * len(text))}", flush=True)

    def command(self, words):
        print(self._style("1", "$ " + words), flush=True)

    def say(self, text=""):
        print(text, flush=True)

    def tell(self, text):
        """A paragraph, wrapped, with an empty line after it."""
        print(textwrap.fill(text, 100, break_on_hyphens=False) + "\n", flush=True)

    def good(self, text):
        print(self._style("32", text), flush=True)
