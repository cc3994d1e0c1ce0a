"""What `explain` tells of an article's past: its copies, revisions, next visit and evidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from sqlmodel import Session

from crawler.shingles import likeness, shingles
from service.cli.diff import KINDS
from service.cli.output import counted, show_time
from service.json_objects import moment
from store.articles import Article
from store.listing import copies_of
from store.revisions import Evidence, Revision, Revisit, evidence_of, revisions_of


@dataclass(frozen=True, slots=True)
class History:
    """Everything stored of an article's past."""

    copies: Sequence[tuple[Article, float]]
    """The other articles of its story, with their likeness to it."""
    revisions: Sequence[Revision]
    evidence: Sequence[Evidence]
    revisit: Revisit | None

    def lines(self, zone: tzinfo) -> Iterator[str]:
        """As `explain` prints it."""
        for copy, like in self.copies:
            alike = f" ({round(100 * like)} % the same text)" if like else ""
            yield f"same story {copy.source_id}: {copy.url}{alike}"
        for revision in self.revisions[1:]:
            note = f": {revision.note}" if revision.note else ""
            kind = KINDS.get(revision.kind, revision.kind)
            yield f"revision {revision.number} {kind} {show_time(revision.at, zone)}{note}"
        if self.revisit is not None:
            looked = counted(self.revisit.checks, "look")
            again = show_time(self.revisit.next_at, zone) if self.revisit.next_at else "never"
            yield f"again      next look at {again}, after {looked}"
        for proof in self.evidence:
            kept = f", kept in {proof.warc}" if proof.warc else ""
            api = " of the site's API" if proof.of == "api" else ""
            yield (
                f"proof      revision {proof.revision}: {proof.status}{api} at "
                f"{show_time(proof.fetched_at, zone)}, sha256 {proof.page_sha256}{kept}"
            )

    def as_object(self) -> dict[str, Any]:
        """The same for programs, with all headers."""
        return {
            "same_story": [copy.url for copy, _ in self.copies],
            "revisions": [
                {
                    "number": revision.number,
                    "kind": revision.kind,
                    "at": moment(revision.at),
                    "note": revision.note,
                    "chain": revision.chain,
                }
                for revision in self.revisions
            ],
            "next_look": moment(self.revisit.next_at) if self.revisit else None,
            "evidence": [
                {
                    "revision": proof.revision,
                    "of": proof.of,
                    "url": proof.url,
                    "status": proof.status,
                    "fetched_at": moment(proof.fetched_at),
                    "page_sha256": proof.page_sha256,
                    "headers": proof.headers,
                    "warc": proof.warc,
                }
                for proof in self.evidence
            ],
        }


def history_of(session: Session, article: Article) -> History:
    """Reads it; copies with the most alike first."""
    own = shingles(article.title, article.body)
    copies = [
        (copy, likeness(own, shingles(copy.title, copy.body)))
        for copy in copies_of(session, article)
    ]
    number = article.id or 0
    return History(
        sorted(copies, key=lambda each: -each[1]),
        revisions_of(session, number),
        evidence_of(session, number),
        session.get(Revisit, number),
    )
