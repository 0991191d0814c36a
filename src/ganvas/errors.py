"""Everything ganvas raises on purpose. Each message says what was expected, what came and what to do.

GanvasError
├── UsageError            an argument or a setting that cannot work
│   └── UnknownName       no such recipe, net, game, source ...; names the nearest one
├── DataError             pictures, labels or metadata that cannot be used
│   └── NoPictures        nothing left to train on
├── RunError              a run folder that cannot be used
│   ├── RunNotFound       the folder is missing or is not a run
│   ├── RunMismatch       the folder holds a run with other settings
│   ├── RunBusy           another process is training into it
│   └── CheckpointError   a damaged or foreign checkpoint
├── StorageError          the disk is full, read-only or gone
└── TrainingError         the game broke down
    └── NonFiniteLoss     a loss or a weight became NaN or infinite
"""


class GanvasError(Exception):
    """Base of all errors that ganvas raises on purpose; `str(error)` is written for the user."""


class UsageError(GanvasError):
    """An argument or a setting that cannot work."""


class UnknownName(UsageError):
    """No such recipe, net, game, source ...; the message names the nearest one."""


class DataError(GanvasError):
    """Pictures, labels or metadata that cannot be used."""


class NoPictures(DataError):
    """Nothing is left to train on."""


class RunError(GanvasError):
    """A run folder that cannot be used."""


class RunNotFound(RunError):
    """The folder is missing or is not a run."""


class RunMismatch(RunError):
    """The folder holds a run with other settings."""


class RunBusy(RunError):
    """Another process is training into the folder."""


class CheckpointError(RunError):
    """A damaged or foreign checkpoint."""


class StorageError(GanvasError):
    """The disk is full, read-only or gone."""


class TrainingError(GanvasError):
    """The game broke down."""


class NonFiniteLoss(TrainingError):
    """A loss or a weight became NaN or infinite."""
