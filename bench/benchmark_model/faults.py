"""Why a launch gave no figure: the tool's, the runtime's and the shell's words, as error classes.

One table. Its order is the order of trust: where a log holds several of these lines, the first row
of the table that matches names the cause, and the rows below it are its consequences.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from bench.benchmark_model.lines import Line
from bench.errors import LAUNCH_ERROR_CLASSES, LaunchError, StableLaunchError, TransientLaunchError


@dataclass(frozen=True)
class ToolFault:
    """A run that gave no figure to be believed.

    Attributes:
        error_class: of ``bench.errors.LAUNCH_ERROR_CLASSES``.
        message: what went wrong, in one line.
        hint: what to do about it.
        line: the tool's own words, empty where it said nothing.
    """

    error_class: str
    message: str
    hint: str
    line: str = ""

    def __post_init__(self) -> None:
        if self.error_class not in LAUNCH_ERROR_CLASSES:
            raise ValueError(f"no launch error class {self.error_class!r}")


PASSING = frozenset({"no_result", "crash", "timeout", "out_of_memory"})
"""Classes of faults that may pass when the same launch is tried again."""


def to_error(fault: ToolFault) -> LaunchError:
    """The fault as the error that a target raises; its type says whether to retry."""
    kind = TransientLaunchError if fault.error_class in PASSING else StableLaunchError
    return kind(fault.message, hint=fault.hint, error_class=fault.error_class)


_WRONG_ABI = (
    "use the benchmark_model built for this device's ABI "
    "(adb shell getprop ro.product.cpu.abilist); bench doctor names it"
)
_NOT_RUNNABLE = "push it to a folder that may execute files, such as /data/local/tmp, and chmod 755"
_GRAPH_TOOL = (
    "use the one from tensorflow/lite/tools/benchmark; "
    "the one from tensorflow/tools/benchmark takes graphs (.pb)"
)
_NEWER_TOOL = "use a newer benchmark_model (bench doctor --fetch)"
_OLDER_DENSE = (
    f"{_NEWER_TOOL}, or build the older form of dense layers with the recipe's option: "
    "quantize:dynamic,per_channel_dense=no"
)
_OLDER_CONVERTER = f"{_NEWER_TOOL}, or convert the model with an older TensorFlow"
_FLEX = (
    "use a benchmark_model with Flex (benchmark_model_plus_flex), or convert without SELECT_TF_OPS"
)
_CUSTOM = "use a benchmark_model that registers the op, or convert without allow_custom_ops"
_DELEGATE = "choose another --delegate, or none at all, or a benchmark_model built with this one"
_MODEL = "check that the file is a whole .tflite and that the device may read it"
_LIBRARY = (
    "push it with the tool: --set libraries=FILE,FILE; one that belongs to the phone's own system "
    "means that this phone lacks that hardware's driver: choose another --delegate"
)
_INPUT = "give the tensor's own name and every dimension: --input-shape name=1,224,224,3"
_FLAGS = "leave the flag away, or use a benchmark_model that knows it"
_MEMORY = "free memory on the device, or use a smaller model or batch"
_AGAIN = "run it again; if it stays, look at adb logcat"

# The name of a delegate's kernel, in messages about nodes.
_KERNEL = r"TfLite\w*Delegate\w*|LITERT_\w+|DispatchDelegate"

# A table is read by its rows.
# fmt: off
_ROWS: tuple[tuple[str, str, str, str, str], ...] = (
    # class, a word every such line holds, pattern, message, hint
    # -- the program itself
    ("wrong_binary", "ELF file", r"not executable: (?P<bits>\d+)-bit ELF file",
     "benchmark_model is a {bits}-bit program that this device cannot run", _WRONG_ABI),
    ("wrong_binary", "xec format error", r"[Ee]xec format error",
     "benchmark_model was built for another kind of processor", _WRONG_ABI),
    ("wrong_binary", "cannot execute", r"cannot execute(?: binary file|: required file not found)",
     "benchmark_model was built for another kind of processor or system", _WRONG_ABI),
    ("wrong_binary", "syntax error", r"(?:benchmark\S*|line \d+|\[\d+\]).*: syntax error: ",
     "the shell read benchmark_model as a script: it is built for another kind of processor",
     _WRONG_ABI),
    ("wrong_binary", "CANNOT LINK",
     r"CANNOT LINK EXECUTABLE.*library \"(?P<lib>[^\"]+)\" (?:not found|(?:needed or dlopened|"
     r"\(.*\) needed or dlopened) by)",
     "benchmark_model needs the library {lib}, which this device does not have", _LIBRARY),
    ("wrong_binary", "CANNOT LINK",
     r"CANNOT LINK EXECUTABLE.*cannot locate symbol \"(?P<name>[^\"]+)",
     "benchmark_model needs {name}, which this device's libraries do not have",
     "use the benchmark_model that the library was built with, or one for an older Android"),
    ("wrong_binary", "CANNOT LINK",
     r"CANNOT LINK EXECUTABLE.*\"(?P<lib>[^\"]+)\" (?:is \d+-bit instead|has unexpected e_machine)",
     "the library {lib} is built for another kind of processor than benchmark_model",
     "give the library's build for this device's ABI"),
    ("wrong_binary", "CANNOT LINK", r"CANNOT LINK EXECUTABLE",
     "benchmark_model cannot be linked on this device", _WRONG_ABI),
    ("wrong_binary", "loading shared librar",  # glibc's words, and musl's
     r"(?:error while loading shared libraries: |Error loading shared library )(?P<lib>[^:]+)",
     "benchmark_model needs {lib}, which this device does not have",
     "push the library beside the tool and set LD_LIBRARY_PATH, or use a static benchmark_model"),
    ("wrong_binary", "' not found", r"version `(?P<version>[^']+)' not found",
     "benchmark_model needs {version}, which this device does not have", _WRONG_ABI),
    ("wrong_binary", "position independent", r"only position independent executables",
     "benchmark_model is too old for this Android", _NEWER_TOOL),
    ("wrong_binary", "not found", r"benchmark\w*model\S*: (?:inaccessible or |command )?not found",
     "benchmark_model is not on the device", _WRONG_ABI),
    ("wrong_binary", "No such file", r"benchmark\S*model[^'\s]*: No such file or directory",
     "benchmark_model is not on the device, or its loader is not", _WRONG_ABI),
    ("wrong_binary", "ermission denied", r"benchmark\w*model\S*: .*[Pp]ermission denied",
     "benchmark_model may not be executed there", _NOT_RUNNABLE),
    ("wrong_binary", "detailed stat", r"Running benchmark for .* detailed stat logging",
     "this is TensorFlow's benchmark_model, not TensorFlow Lite's", _GRAPH_TOOL),
    ("wrong_binary", "TensorFlow", r"Could not create TensorFlow (?:Graph|Session)",
     "this is TensorFlow's benchmark_model, not TensorFlow Lite's", _GRAPH_TOOL),
    ("wrong_binary", "benchmark_model.cc:",
     r"tensorflow/tools/benchmark/benchmark_model\.cc"
     r"|benchmark_model\.cc:\d+\]? Loading TensorFlow",
     "this is TensorFlow's benchmark_model, not TensorFlow Lite's", _GRAPH_TOOL),
    ("wrong_binary", "--input_layer_type", r"--input_layer_type=",
     "this is TensorFlow's benchmark_model, not TensorFlow Lite's", _GRAPH_TOOL),
    # -- the device
    ("disk_full", "No space left", r"No space left on device", "the device's storage is full",
     "free some, or run bench clean"),
    ("out_of_memory", "bad_alloc", r"std::bad_alloc", "the tool ran out of memory", _MEMORY),
    ("out_of_memory", "ut of memory", r"\b[Oo]ut of memory\b", "the device ran out of memory",
     _MEMORY),
    ("out_of_memory", "allocate memory", r"Cannot allocate memory", "the device ran out of memory",
     _MEMORY),
    ("out_of_memory", "ill", r"^Kill(?:ing)? '?benchmark\S*",
     "Android's low memory killer ended the tool", _MEMORY),
    # -- the model
    ("missing_op", "builtin opcode", r"Didn't find op for builtin opcode '(?P<op>\w+)' version '1'",
     "the tool was built without the op {op}", "use a benchmark_model with all builtin ops"),
    ("op_too_new", "FULLY_CONNECTED",
     r"Didn't find op for builtin opcode '(?P<op>FULLY_CONNECTED)' version '(?P<version>\d+)'",
     "the op {op} in version {version} is too new for this tool", _OLDER_DENSE),
    ("op_too_new", "builtin opcode",
     r"Didn't find op for builtin opcode '(?P<op>\w+)' version '(?P<version>\d+)'",
     "the op {op} in version {version} is too new for this tool", _OLDER_CONVERTER),
    ("op_too_new", "builtin_code", r"Op builtin_code out of range: (?P<code>-?\d+)",
     "the op with builtin code {code} is newer than this tool", _OLDER_CONVERTER),
    ("missing_op", "custom op", r"Encountered unresolved custom op: (?P<op>[\w:./-]*\w)",
     "the tool does not have the custom op {op}", _CUSTOM),
    ("missing_op", "custom op", r"Encountered an unresolved custom op",
     "the tool does not have a custom op of the model", _CUSTOM),
    ("missing_op", "failed to prepare", r"Node number \d+ \(Flex(?P<op>\w+)\) failed to prepare",
     "the tool does not have TensorFlow's op {op} (Flex)", _FLEX),
    ("missing_op", "TensorFlow op",
     r"(?:Select TensorFlow op\(s\)|Regular TensorFlow ops).* not supported",
     "the model has ops of TensorFlow itself (Flex) that the tool does not have", _FLEX),
    ("model_unreadable", "Could not open", r"Could not open '(?P<path>.*)'",
     "the tool cannot open the model {path}", _MODEL),
    ("model_unreadable", "Mmap of", r"Mmap of .* failed", "the tool cannot map the model", _MODEL),
    ("model_unreadable", "Flatbuffer", r"not a valid Flatbuffer",
     "the file is not a TensorFlow Lite model, or not a whole one", _MODEL),
    ("model_unreadable", "model identifier",
     r"Model provided has model identifier '(?P<id>.{1,8}?)'",
     "the file is not a TensorFlow Lite model (it begins with {id})", _MODEL),
    ("model_unreadable", "schema version", r"Model provided is schema version (?P<version>\d+)",
     "the model has schema version {version}, which the tool cannot read", _NEWER_TOOL),
    ("model_unreadable", "Model provided must", r"Model provided must ",
     "the file is not a whole TensorFlow Lite model", _MODEL),
    ("model_unreadable", "model", r"Failed to (?:mmap|load) model",
     "the tool cannot load the model", _MODEL),
    ("model_unreadable", "model loader", r"Failed to initialize model loader",
     "the tool cannot load the model", _MODEL),
    ("model_unreadable", "input file with --graph", r"Please specify the name of your TF Lite",
     "the tool was given no model", "give --graph=FILE"),
    # -- the inputs
    ("bad_input", "dimensions",
     r"Input tensor #(?P<tensor>\d+) should have (?P<rank>\d+) dimensions",
     "the model's input has {rank} dimensions, and the shape asked for has not", _INPUT),
    ("bad_input", "Inputs mismatch", r"Inputs mismatch: .*",
     "the number of inputs given is not the model's", _INPUT),
    ("bad_input", "--input_layer_shape", r"number of items in --input_layer_shape",
     "names and shapes of the inputs do not go together", _INPUT),
    ("bad_input", "unknown sizes", r"Any unknown sizes in the shapes",
     "a dimension of an input is unknown", _INPUT),
    ("bad_input", "size string", r"Incorrect size string specified: (?P<shape>.*)",
     "{shape} is not a shape", _INPUT),
    ("bad_input", "input_layer name", r"Cannot find the corresponding input_layer name",
     "an input that was named does not exist", _INPUT),
    ("bad_input", "ignature", r"Signature (?:not specified or incorrect|key is specified, but)",
     "the model does not have the signature asked for, or has several", "name one: --signature"),
    ("bad_input", "input_layer_value_file", r"Failed to read the input_layer_value_file",
     "a file with input values cannot be read", "push it to the device first"),
    ("bad_input", "bytes. It should be", r"The size of .* bytes\. It should be",
     "a file with input values has the wrong size", "write it in the input's own type and shape"),
    ("bad_input", "BytesRequired", r"BytesRequired number of elements overflowed",
     "a tensor has no size: a dimension of an input was left open", _INPUT),
    ("bad_input", "fixed-size tensor", r"Attempting to resize a fixed-size tensor",
     "the input's shape is fixed", "leave --input-shape away"),
    # -- delegates
    ("delegate_not_applied", "failed to",
     rf"Node number \d+ \((?P<kernel>{_KERNEL})\) failed to (?P<verb>prepare|invoke)",
     "the delegate ({kernel}) failed to {verb}", _DELEGATE),
    ("delegate_not_applied", "Failed to apply",
     r"Failed to apply (?!the default)(?P<name>.+?) delegate",
     "the {name} delegate could not be applied", _DELEGATE),
    ("delegate_not_applied", "CPU fallback", r"Disallowed CPU fallback detected",
     "the delegate did not take the whole graph", _DELEGATE),
    ("delegate_not_applied", "elegate",
     r"Delegate kernel was not initialized|TfLiteGpuDelegate \w+: ",
     "the delegate could not be applied", _DELEGATE),
    # -- flags
    ("unknown_flag", "Unconsumed cmdline flags", r"Unconsumed cmdline flags: (?P<flags>.*)",
     "the tool does not know {flags} and ignored it", _FLAGS),
    ("unknown_flag", "to parse flag",
     r"Failed to parse flag '(?P<flag>[^']*)' against argv '(?P<argv>[^']*)'",
     "the tool cannot read {argv}", _FLAGS),
    ("unknown_flag", "flag not provided", r"Required flag not provided: (?P<flag>\S+)",
     "the tool wants --{flag}", "give it with --tool-arg"),
    ("unknown_flag", "usage: ", r"^usage: \S*benchmark",
     "the tool did not understand its arguments and printed its usage", _FLAGS),
    # -- what is left: consequences whose cause was not printed
    ("missing_op", "failed to prepare", r"Node number \d+ \((?P<op>\w+)\) failed to prepare",
     "the tool's runtime cannot prepare the op {op} as the model has it", _OLDER_CONVERTER),
    ("model_unreadable", "interpreter", r"Failed to (?:initialize|construct) (?:the )?interpreter",
     "the runtime cannot build an interpreter for the model", _OLDER_CONVERTER),
    ("missing_op", "allocate tensors", r"Failed to allocate tensors",
     "the runtime cannot allocate the model's tensors", _OLDER_CONVERTER),
    ("crash", "ailed to invoke", r"Node number \d+ \((?P<op>\w+)\) failed to invoke",
     "the op {op} failed while the model ran", _AGAIN),
    ("crash", "ailed to invoke", r"[Ff]ailed to invoke", "the model failed while it ran", _AGAIN),
    ("crash", "Fatal signal", r"^Fatal signal \d+ \((?P<name>SIG\w+)\)",
     "the tool was ended by {name}", _AGAIN),
    ("crash", "",
     # As sh, bash and mksh say it: the words alone would also match a foreign line.
     r"^(?:\S+: )?(?:line \d+: +)?(?:\d+ )?(?P<words>Segmentation fault|Illegal instruction|"
     r"Aborted|Bus error|Killed|Terminated)(?: *\(core dumped\))?(?:\s{2,}.*)?$",
     "the tool was ended: {words}", _AGAIN),
    ("crash", "terminate called", r"terminate called .*", "the tool ended with an exception",
     _AGAIN),
)
# fmt: on
# A failure to prepare is the input's fault where a shape was asked for.
_IGNORED = re.compile(r"Unconsumed cmdline flags: (.*)")
_PREPARE = re.compile(r"failed to prepare|Failed to allocate tensors")

_FAULTS = tuple(
    (error_class, key, re.compile(pattern), message, hint)
    for error_class, key, pattern, message, hint in _ROWS
)


@dataclass(frozen=True)
class Symptom:
    """A line that names a fault; ``rank`` is its row in the table, less is more trusted."""

    rank: int
    fault: ToolFault


def symptom(line: Line) -> Symptom | None:
    """The fault that a line names, or None."""
    text = line.text
    for rank, (error_class, key, pattern, message, hint) in enumerate(_FAULTS):
        if key not in text:
            continue
        match = pattern.search(text)
        if match is not None:
            words = {name: value for name, value in match.groupdict().items() if value is not None}
            return Symptom(rank, ToolFault(error_class, message.format(**words), hint, text))
    return None


def worst(
    symptoms: Iterable[Symptom],
    *,
    shapes_asked: bool = False,
    open_inputs: Sequence[str] = (),
) -> ToolFault | None:
    """The most trusted of the symptoms; of equals, the first.

    Args:
        symptoms: in the order they were printed.
        shapes_asked: whether the tool was told an input's shape, which is then the likeliest cause
            of a failure to prepare.
        open_inputs: names of inputs of which a dimension is open, and was not told.
    """
    best = min(symptoms, key=lambda one: one.rank, default=None)
    if best is None:
        return None
    fault = best.fault
    if fault.error_class != "missing_op" or "Flex" in fault.line:
        return fault
    if not _PREPARE.search(fault.line):
        return fault
    if open_inputs:
        names = ", ".join(open_inputs)
        message = f"the size of {names} was left open, and the model does not run so"
        return ToolFault("bad_input", f"{message} ({fault.line})", _INPUT, fault.line)
    if shapes_asked:
        message = "the model does not take the input shape asked for"
        return ToolFault("bad_input", f"{message} ({fault.line})", _INPUT, fault.line)
    return fault


def given_twice(fault: ToolFault, known: Set[str]) -> ToolFault:
    """An argument that was ignored though the tool knows it was given twice.

    Args:
        fault: of class ``unknown_flag``.
        known: names of flags that the tool is seen to know.
    """
    match = _IGNORED.search(fault.line)
    if match is None:
        return fault
    words = match[1].split()
    twice = [word for word in words if word.removeprefix("--").partition("=")[0] in known]
    unknown = [word for word in words if word not in twice]
    if not twice:
        return fault
    said = f"{' '.join(twice)} was given twice: the tool took the first and ignored this one"
    if unknown:
        said = f"the tool does not know {' '.join(unknown)}; and {said}"
    return ToolFault(fault.error_class, said, "give each argument once", fault.line)


_EXIT_CODES: Mapping[int, tuple[str, str, str]] = {
    124: (
        "timeout",
        "the launch took longer than its limit",
        "raise --timeout, or ask for fewer runs",
    ),
    126: ("wrong_binary", "benchmark_model could not be executed", _WRONG_ABI),
    127: ("wrong_binary", "benchmark_model was not found on the device", _WRONG_ABI),
}
_SIGNAL_HINTS = {
    "SIGILL": "the tool uses instructions that this processor lacks: use one built for its ABI",
    "SIGKILL": "something ended it, often for want of memory: close apps, or look at adb logcat",
    "SIGSEGV": "try another --delegate or a newer benchmark_model, and look at adb logcat",
}


def of_exit(code: int, line: str = "") -> ToolFault:
    """The fault that an exit code other than 0 stands for, where no line names a better one.

    Args:
        code: as a shell gives it (128 + signal) or as subprocess does (minus signal).
        line: the tool's last words, if any.
    """
    if code in _EXIT_CODES:
        error_class, message, hint = _EXIT_CODES[code]
        return ToolFault(error_class, message, hint, line)
    number = -code if code < 0 else code - 128
    try:
        name = signal.Signals(number).name
    except ValueError:
        return ToolFault("crash", f"the tool ended with exit code {code}", _AGAIN, line)
    hint = _SIGNAL_HINTS.get(name, _AGAIN)
    return ToolFault("crash", f"the tool was ended by {name} (exit code {code})", hint, line)
