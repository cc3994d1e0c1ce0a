"""How properties are tested: with fixed examples in `./test`, with fresh ones when asked.

    ./test --hypothesis-profile fresh tests/store/test_folding.py

A run that everybody relies on must not fail by a chance that its change has nothing to do with;
what a fresh run finds becomes an example of its own. No example has a deadline: machines are
shared.
"""

from hypothesis import settings

settings.register_profile("fixed", deadline=None, derandomize=True)
settings.register_profile("fresh", deadline=None)
settings.load_profile("fixed")
