"""`python -m ganvas`, for `python -m torch.distributed.run --nproc-per-node 2 -m ganvas train ...`."""

from .cli import main

main()
