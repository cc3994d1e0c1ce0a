"""What the search index is asked for a query: articles that may match, rather too many."""

from alerts.query import And, Filter, Near, Node, Not, Or, Pattern, Scoped, Term, Variants
from store.search_terms import EVERYTHING, Beginning, Sought, all_of, any_of, sought_words

_STAR = "*"


def to_sought(node: Node) -> Sought:
    """What every article holds that the query can match; fields and places are not looked at."""
    match node:
        case Term():
            return _sought_term(node)
        case Pattern() | Filter() | Not():
            return EVERYTHING
        case Or(items) | Variants(_, items):
            return any_of(map(to_sought, items))
        case And(items):
            return all_of(map(to_sought, items))
        case Near(left, right):
            return all_of((to_sought(left), to_sought(right)))
        case Scoped(_, item):
            return to_sought(item)


def _sought_term(term: Term) -> Sought:
    """The words before a star, between stars and after them stand side by side."""
    parts: list[Sought] = []
    whole: list[str] = []
    for word in term.words:
        if word.endswith(_STAR):
            parts += [sought_words(whole), Beginning(word.removesuffix(_STAR))]
            whole = []
        else:
            whole.append(word)
    return all_of([*parts, sought_words(whole)])
