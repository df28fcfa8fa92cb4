"""Small pools are filled one after the other, and a call that is over makes room again."""

from gateway_config.runtime.sending.shards import EACH, MOST, Shards


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
