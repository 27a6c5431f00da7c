"""The tree of errors: what went wrong, and what to do about it.

::

    BenchError
    ├── UsageError              the command cannot be carried out as given (exit 2)
    │   ├── ModelError          the model: missing, truncated, not TFLite, an op we cannot run
    │   ├── RecipeError         the recipe: misspelt, impossible order, value out of range
    │   ├── DataError           the data: wrong shape, NaN, labels out of range, keys missing
    │   ├── TargetError         the target: no such phone, unauthorized, no tool for its ABI
    │   └── StoreError          a report file: other schema, other model, unwritable, torn
    ├── BuildError              one variant could not be built; the others go on (exit 3)
    │   └── VerificationError   the variant was built, but what its recipe says is not in the file
    └── LaunchError             one launch failed
        ├── StableLaunchError   will fail again: do not retry
        └── TransientLaunchError  may pass: retry within the plan's bound

Whether to retry is a type, never a string. Every error carries a hint: what the user can do.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

LAUNCH_ERROR_CLASSES: Mapping[str, str] = MappingProxyType(
    {
        "no_result": "the tool ended well but printed no measured result",
        "crash": "the process was ended by a signal or ended with an unknown exit code",
        "timeout": "the launch took longer than its limit and was ended",
        "wrong_binary": "not the TFLite benchmark_model, or built for another ABI",
        "unknown_flag": "the tool does not know a flag it was given and ignored it",
        "model_unreadable": "the runtime could not read the model",
        "missing_op": "the model has an op that this runtime does not have",
        "op_too_new": "the model has an op in a version newer than this runtime knows",
        "bad_input": "the runtime refused the shape or type of an input",
        "delegate_not_applied": "the delegate asked for did not run the model",
        "out_of_memory": "the target has too little memory",
        "disk_full": "the target has too little storage",
        "device_lost": "the connection to the target broke and did not come back in time",
        "device_busy": "another process holds the target",
        "gate": "the target did not become cool, charged or idle within the bound",
    }
)
"""The classes of a failed launch, with their meanings. Targets of others may have more."""

LOST_CLASSES = ("device_lost", "device_busy", "gate")
"""After one of these, further launches on that target would only wait for the same bound again."""


def telling_line(fault: BaseException, *, last: bool = False) -> str:
    """The line of a foreign exception that says most, short enough to stand within one of ours.

    A line that says ``error:`` comes first: TensorFlow's converter puts a traceback before it.

    Args:
        fault: raised by a library or by the user's own code.
        last: else take the last line, where the first ones only say what was being done.
    """
    lines = [line.strip() for line in str(fault).splitlines() if line.strip()]
    telling = [line for line in lines if "error:" in line.lower()] or lines[-1 if last else 0 :]
    return (telling or [type(fault).__name__])[0][:200]


def root_of(fault: BaseException) -> BaseException:
    """The exception that began it all: Keras wraps it into long descriptions of configurations."""
    while cause := fault.__cause__ or fault.__context__:
        fault = cause
    return fault


class BenchError(Exception):
    """The root: one line that names the fault, and a hint that says what to do.

    Args:
        message: what went wrong, in one line, without a full stop.
        hint: what the user can do about it; may not be empty.
    """

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.hint = hint

    @property
    def message(self) -> str:
        """What went wrong, without the hint."""
        return str(self.args[0])

    def __reduce__(self) -> tuple[Any, ...]:
        # An exception is copied and pickled by its args alone, which lack what stands behind a *.
        return _restored, (type(self), self.args, self.__dict__)

    def __str__(self) -> str:
        return f"{self.message}: {self.hint}"


def _restored(kind: type[BenchError], args: tuple[Any, ...], state: dict[str, Any]) -> BenchError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class UsageError(BenchError):
    """The command cannot be carried out as it was given."""


class ModelError(UsageError):
    """The model cannot be used."""


class RecipeError(UsageError):
    """The recipe cannot be read or makes no sense."""


class DataError(UsageError):
    """The data do not fit the model or are broken."""


class TargetError(UsageError):
    """The target cannot be reached or used."""


class StoreError(UsageError):
    """A report file cannot be read, continued or written."""


class BuildError(BenchError):
    """One variant could not be built; the others go on."""


class VerificationError(BuildError):
    """A variant was built, but what its recipe says is not in the file."""


class LaunchError(BenchError):
    """One launch failed.

    Args:
        error_class: a key of :data:`LAUNCH_ERROR_CLASSES`.
    """

    def __init__(self, message: str, *, hint: str, error_class: str) -> None:
        super().__init__(message, hint=hint)
        self.error_class = error_class


class StableLaunchError(LaunchError):
    """The same launch would fail again: it is not retried."""


class TransientLaunchError(LaunchError):
    """The same launch may pass when tried again."""
