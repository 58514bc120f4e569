"""The sizes that Fargate runs: which memory goes with which cpu. Pure.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html#task_size
"""

_MIB_BY_CPU = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4096 + 1, 1024)),
    1024: tuple(range(2048, 8192 + 1, 1024)),
    2048: tuple(range(4096, 16384 + 1, 1024)),
    4096: tuple(range(8192, 30720 + 1, 1024)),
    8192: tuple(range(16384, 61440 + 1, 4096)),
    16384: tuple(range(32768, 122880 + 1, 8192)),
}


def why_not_a_size(cpu: int, memory: int) -> str | None:
    if cpu not in _MIB_BY_CPU:
        return f"Fargate has no {cpu} cpu units; it has {', '.join(map(str, _MIB_BY_CPU))}"
    sizes = _MIB_BY_CPU[cpu]
    if memory not in sizes:
        return f"with {cpu} cpu units Fargate has {', '.join(map(str, sizes))} MiB, not {memory}"
    return None


def next_memory(cpu: int, memory: int) -> int | None:
    """The next larger one that goes with this cpu; None: there is none, more needs more cpu as well."""
    return next((size for size in _MIB_BY_CPU.get(cpu, ()) if size > memory), None)
