"""A listener for tests, which keeps what it is told."""

from __future__ import annotations


class Ear:
    """`told` is what was published together, `texts` is all of it in a row."""

    def __init__(self) -> None:
        self.told: list[tuple[str, ...]] = []

    def hear(self, texts: tuple[str, ...]) -> None:
        """Keep them."""
        self.told.append(texts)

    @property
    def texts(self) -> list[str]:
        """All texts, in order."""
        return [text for texts in self.told for text in texts]
