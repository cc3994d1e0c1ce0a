"""What an article with 100,000 and one with 200,000 places costs: it must stay in proportion.

    python -m bench.many_places

Matching, excerpts, whole sentences and the reason of `explain` together, in processor time.
"""

from tests.support.many_places import CASES, seconds


def main() -> None:
    """One line a case."""
    for case, (query, unit) in CASES.items():
        once, _ = seconds(query, unit, 100_000)
        twice, spans = seconds(query, unit, 200_000)
        print(f"{case:>24} {once:6.2f} s {twice:6.2f} s  {twice / once:4.1f} times  "
              f"{twice / 200_000 * 1e6:5.1f} µs a place, {spans} marked")  # fmt: skip


if __name__ == "__main__":
    main()
