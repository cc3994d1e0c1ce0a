"""A query that cannot be read, and where."""

import unicodedata


class QueryError(ValueError):
    """What is wrong with a query, with a picture of the place and, where known, the remedy."""

    def __init__(
        self,
        problem: str,
        query: str = "",
        position: int = 0,
        suggestion: str = "",
        where: str = "",
    ) -> None:
        """`position` counts code points of `query`; `where` names the part of the configuration."""
        super().__init__(problem)
        self.problem = problem
        self.query = query
        self.position = position
        self.suggestion = suggestion
        self.where = where

    def within(self, where: str) -> "QueryError":
        """The same error, with the name of the place that holds the query: `any[2]`."""
        place = f"{where}: {self.where}" if self.where else where
        return QueryError(self.problem, self.query, self.position, self.suggestion, place)

    def __str__(self) -> str:
        """The problem, the query with a caret under the place, and the suggestion."""
        lines = [f"{self.where}: {self.problem}" if self.where else self.problem]
        if self.query:
            lines += _picture(self.query, self.position)
        if self.suggestion:
            lines.append(self.suggestion)
        return "\n".join(lines)


def _picture(query: str, position: int) -> list[str]:
    """The line of the query that holds the place, and a caret under it."""
    start = query.rfind("\n", 0, position) + 1
    line = query[start:].split("\n", 1)[0].replace("\t", " ")
    return [f"  {line}", "  " + " " * _columns(line[: position - start]) + "^"]


def _columns(text: str) -> int:
    """How many columns a terminal needs for it: wide letters two, marks none."""
    return sum(
        0
        if unicodedata.category(char) in ("Mn", "Me", "Cf")
        else 1 + (unicodedata.east_asian_width(char) in "WF")
        for char in text
    )
