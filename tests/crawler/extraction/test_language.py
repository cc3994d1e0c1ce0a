"""The language model with its tables on disk."""

import tracemalloc

import numpy as np
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from crawler.extraction import language_model


def test_the_tables_on_disk_judge_as_those_in_memory() -> None:
    texts = [
        "Der Zug hielt am Abend vor dem Tunnel.",
        "Le train s'est arrêté devant le tunnel.",
        "Поезд остановился перед тоннелем вечером.",
        "शाम को ट्रेन सुरंग के सामने रुक गई।",
        "THE TRAIN STOPPED BEFORE THE TUNNEL",
        "",
        "?",
    ]
    on_disk, in_memory = language_model.load(), LanguageIdentifier.from_model_file(MODEL_FILE)
    assert isinstance(in_memory.nb_ptc, np.ndarray)
    assert not isinstance(on_disk.nb_ptc, np.ndarray)
    assert [on_disk.classify(text) for text in texts] == [in_memory.classify(t) for t in texts]


def test_reading_the_model_takes_little_memory() -> None:
    tracemalloc.start()
    try:
        language_model.load()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 15 * 2**20
