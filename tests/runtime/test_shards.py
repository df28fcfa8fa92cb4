"""Small pools are filled one after the other, and a call that is over makes room again."""

import threading

from gateway_config.runtime.sending.shards import EACH, MOST, Shard, Shards


def test_few_calls_at_a_time_use_one_pool() -> None:
    shards = Shards(object)
    for _ in range(10):
        shards.give_back(shards.take())
    assert len(shards.empty()) == 1


def test_a_pool_that_is_full_is_followed_by_another() -> None:
    shards = Shards(object)
    taken = [shards.take() for _ in range(EACH + 1)]
    assert len({id(shard) for shard in taken}) == 2
    shards.give_back(taken[0])
    assert shards.take() is taken[0]


def test_there_is_an_end_to_the_number_of_pools() -> None:
    shards = Shards(object)
    for _ in range(EACH * MOST + 10):
        shards.take()
    assert len(shards.empty()) == MOST


def test_a_stream_that_is_collected_in_the_midst_of_a_take_gives_its_shard_back() -> None:
    left: list[Shard[object]] = []

    def make() -> object:  # any step may collect garbage
        while left:
            shards.give_back(left.pop())
        return object()

    shards = Shards(make)
    first = [shards.take() for _ in range(EACH)]
    left.append(first[0])
    thread = threading.Thread(target=shards.take, daemon=True)
    thread.start()
    thread.join(5)
    assert not thread.is_alive()
    assert first[0].busy == EACH - 1
