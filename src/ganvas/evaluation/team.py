"""Several processes that share an evaluation: they see different pictures, and one of them computes the scores."""

from collections.abc import Iterator
from typing import TypeVar

from accelerate import Accelerator
from accelerate.utils import broadcast_object_list

T = TypeVar("T")


class Team:
    """This process among the others, if `torch.distributed.run` started several."""

    def __init__(self, accelerator: Accelerator | None) -> None:
        """None: this process works alone, whatever others there are."""
        self._accelerator = accelerator
        self.rank, self.count = (
            (0, 1) if accelerator is None else (accelerator.process_index, accelerator.num_processes)
        )
        self.leads = self.rank == 0

    def wait(self) -> None:
        """Until all have come here."""
        if self._accelerator is not None:
            self._accelerator.wait_for_everyone()

    def share(self, value: T) -> T:
        """The leader's value, for all. The same in a team of one."""
        if self.count == 1:
            return value
        held = [value]
        broadcast_object_list(held)
        return held[0]

    def blocks(self, count: int, size: int) -> Iterator[tuple[int, int]]:
        """(start, stop) of this process's share of `count` things; the blocks do not depend on the number of processes.

        So every picture is seen in the same company, and scores agree to the last digit.
        """
        for start in range(self.rank * size, count, self.count * size):
            yield start, min(start + size, count)
