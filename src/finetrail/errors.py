"""Every exception that finetrail raises on purpose.

FinetrailError
├── ConfigError         params.yaml says something that is not allowed           (exit 2)
├── DataError           the data cannot be used                                   (exit 3)
│   ├── SourceError     a source is missing, unreadable or has no such column
│   ├── ImageError      bytes that are not a whole image
│   ├── IntegrityError  bytes that differ from the pinned ones
│   ├── ValidationError a rule of policy `fail` found rows, or no row is left
│   └── SplitError      the rows cannot be divided as asked
├── ModelError          a backbone or a saved model cannot be built or loaded     (exit 4)
│   └── RoundTripError  a model does not answer elsewhere as it did in the pipeline
├── TrainingError       training cannot continue                                  (exit 5)
│   └── NonFiniteError  the loss or a gradient is NaN or infinite
├── TrackingError       the MLflow server or database does not answer             (exit 6)
├── WorkspaceError      a file of an earlier stage is missing, or a disk is full  (exit 7)
├── UnreachableError    the network does not answer                               (exit 8)
├── RefusedError        the gate or the ledger refuses to move an alias           (exit 9)
│   └── ConflictError   somebody else moved it first
├── LedgerError         the ledger is not what it was: an entry is gone or altered (exit 10)
└── LineageError        a link between a version and its data does not hold       (exit 11)
    └── ReproductionError   a version that was built again differs

A message is one line: the value, the rule it broke, and the remedy. Every other exception is a bug of finetrail.
"""


class FinetrailError(Exception):
    """Base of all errors that a user can act on; `exit_code` is what the command line returns."""

    exit_code = 1


class ConfigError(FinetrailError):
    """params.yaml says something that is not allowed."""

    exit_code = 2


class DataError(FinetrailError):
    """The data cannot be used."""

    exit_code = 3


class SourceError(DataError):
    """A source is missing, unreadable or has no such column."""


class ImageError(DataError):
    """Bytes are not a whole image that can be decoded."""


class IntegrityError(DataError):
    """Bytes differ from the pinned ones."""


class ValidationError(DataError):
    """A rule of policy `fail` found rows, or no row is left."""


class SplitError(DataError):
    """The rows cannot be divided as asked."""


class ModelError(FinetrailError):
    """A backbone or a saved model cannot be built or loaded."""

    exit_code = 4


class RoundTripError(ModelError):
    """A model that was merged, saved, packed or exported does not answer as it did in the pipeline."""


class TrainingError(FinetrailError):
    """Training cannot continue."""

    exit_code = 5


class NonFiniteError(TrainingError):
    """The loss or a gradient is NaN or infinite."""


class TrackingError(FinetrailError):
    """The MLflow server or database does not answer."""

    exit_code = 6


class WorkspaceError(FinetrailError):
    """A file of an earlier stage is missing, or a disk is full."""

    exit_code = 7


class UnreachableError(FinetrailError):
    """The network does not answer; it may later."""

    exit_code = 8


class RefusedError(FinetrailError):
    """The gate refuses a promotion, or there is nothing to roll back to."""

    exit_code = 9


class ConflictError(RefusedError):
    """Somebody else changed the registry first: run again."""


class LedgerError(FinetrailError):
    """The ledger is not what it was: an entry is missing or altered."""

    exit_code = 10


class LineageError(FinetrailError):
    """A link between a registered version and its data does not hold or, if the caller insists, cannot be checked."""

    exit_code = 11


class ReproductionError(LineageError):
    """A version that was built again from its commit and data differs."""
