"""Whatever stands in a file: problems or a config, soon, and never an exception (`scripts/fuzz` tries many more)."""

from pathlib import Path

import pytest

from tests.fuzzing import CORPUS, Files, answer, mutated, samples

TEXTS = 500


@pytest.fixture(scope="module")
def sources() -> list[Files]:
    return samples()


@pytest.mark.parametrize("first", range(0, TEXTS, 50))
def test_mutated_texts_are_answered(first: int, sources: list[Files]) -> None:
    for seed in range(first, first + 50):
        try:
            answer(mutated(seed, sources))
        except Exception as error:
            raise AssertionError(f"seed {seed}: {error!r}") from error


@pytest.mark.parametrize("case", sorted(path.name for path in CORPUS.iterdir()))
def test_what_was_once_found_is_answered(case: str) -> None:
    answer({path.name: path.read_bytes() for path in sorted((CORPUS / case).iterdir())})


def test_the_samples_themselves_compile(sources: list[Files]) -> None:
    assert {answer(files) for files in sources} == {"compiled"}


def test_a_text_is_made_by_its_seed_alone(sources: list[Files]) -> None:
    assert [mutated(seed, sources) for seed in range(20)] == [mutated(seed, samples()) for seed in range(20)]


def test_the_fuzzer_finds_what_it_looks_for(sources: list[Files], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fuzzing.examined", lambda files: (None, []))
    with pytest.raises(AssertionError, match="neither a config nor a problem"):
        answer(sources[0])


def test_the_corpus_holds_only_files_of_a_config() -> None:
    assert all(Path(path).suffix == ".yaml" for path in CORPUS.rglob("*.*"))
