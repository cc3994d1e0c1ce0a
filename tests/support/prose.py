"""Articles of any length that no two tests share: English words in a random order."""

import random

_TEXT = """
after again along amber apple arrive autumn baker basket before begin bench between bird blanket
board boat bread bridge bring broom bucket build candle carry cellar chair chalk child clock cloud
coat corner count cousin cross dance dinner door early evening farmer father fence ferry field fire
floor follow forest friend garden gather gentle glass grain grass green hammer harbour harvest heavy
hill honey horse house island kitchen ladder lamp land large later leave letter light listen little
market meadow mend merchant mill morning mother mountain narrow neighbour never night north oven
paper path people pepper plain plant plough pocket pond potter quiet rain reach road roof rope sack
salt school season shallow sheep shelter shoulder silver slow small smoke south spring stone storm
street summer table teacher thread tower train travel valley village voice wagon wait walk wall warm
water weaver wheel window winter wood wool work yard yellow young
"""


_WORDS = _TEXT.split()


def sentence(chance: random.Random) -> str:
    """Eight to sixteen words."""
    words = chance.choices(_WORDS, k=chance.randint(8, 16))
    return f"{' '.join(words).capitalize()}."


def headline(chance: random.Random) -> str:
    """Five to eight words."""
    return " ".join(chance.choices(_WORDS, k=chance.randint(5, 8))).capitalize()


def paragraphs(chance: random.Random, names: str = "", count: int = 4) -> list[str]:
    """Paragraphs of four sentences; one of them names what is to be found, if anything is."""
    texts = [" ".join(sentence(chance) for _ in range(4)) for _ in range(count)]
    if names:
        place = chance.randrange(count)
        texts[place] += f" They spoke of the {names} until the lamp went out."
    return texts
