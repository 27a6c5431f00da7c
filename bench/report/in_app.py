"""How an app gets the setting that was measured: the tool's flags, and lines of Kotlin and of C++.

The lines are those of TensorFlow Lite's own interfaces: ``Interpreter.Options`` in Java and Kotlin,
``tflite::InterpreterBuilder`` in C++, and LiteRT's ``CompiledModel`` for what only that has (an
NPU). LiteRT 2's ``Interpreter.Options`` has lost ``addDelegate``: what stands for it is told
beside. An app whose delegate cannot be applied falls back to the CPU and says so in its log alone:
look there once.

The C++ lines of the interpreter compile against the headers of TensorFlow Lite 2.14; all others
were held against the published sources and pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bench.benchmark_model.argv import DELEGATES
from bench.values import Setting


@dataclass(frozen=True)
class InApp:
    """What gives a setting.

    Attributes:
        flags: of benchmark_model.
        kotlin, cpp: a few lines, one text with line ends.
    """

    flags: str
    kotlin: str
    cpp: str


_KOTLIN: Mapping[str | None, tuple[str, ...]] = MappingProxyType(
    {
        None: (),
        "none": ("options.setUseXNNPACK(false)",),
        "xnnpack": ("options.setUseXNNPACK(true)",),
        "gpu": (
            "options.addDelegate(GpuDelegate())  // tensorflow-lite-gpu, litert-gpu 1; in LiteRT 2",
            "// CompiledModel.create(file, CompiledModel.Options(Accelerator.GPU))",
        ),
        "nnapi": (
            "options.addDelegate(NnApiDelegate())  // deprecated from Android 15, not in LiteRT 2",
        ),
        "hexagon": ("options.addDelegate(HexagonDelegate(context))  // not in LiteRT 2",),
    }
)

_CPP: Mapping[str | None, tuple[str, ...]] = MappingProxyType(
    {
        None: (),
        "none": (),
        "xnnpack": (
            "TfLiteXNNPackDelegateOptions options = TfLiteXNNPackDelegateOptionsDefault();",
            "options.num_threads = {threads};",
            "TfLiteDelegate* delegate = TfLiteXNNPackDelegateCreate(&options);",
            "interpreter->ModifyGraphWithDelegate(delegate);",
            "// TfLiteXNNPackDelegateDelete(delegate) once the interpreter is gone",
        ),
        "gpu": (
            "TfLiteGpuDelegateOptionsV2 options = TfLiteGpuDelegateOptionsV2Default();",
            "options.is_precision_loss_allowed = 1;  // as benchmark_model runs it",
            "TfLiteDelegate* delegate = TfLiteGpuDelegateV2Create(&options);",
            "interpreter->ModifyGraphWithDelegate(delegate);",
            "// TfLiteGpuDelegateV2Delete(delegate) once the interpreter is gone",
        ),
        "nnapi": (
            "static tflite::StatefulNnApiDelegate delegate;  // deprecated from Android 15",
            "interpreter->ModifyGraphWithDelegate(&delegate);",
        ),
        "hexagon": (
            "TfLiteHexagonInit();",
            "TfLiteHexagonDelegateOptions options = TfLiteHexagonDelegateOptionsDefault();",
            "TfLiteDelegate* delegate = TfLiteHexagonDelegateCreate(&options);",
            "interpreter->ModifyGraphWithDelegate(delegate);",
            "// TfLiteHexagonDelegateDelete(delegate) once the interpreter is gone",
        ),
    }
)


def in_app(setting: Setting) -> InApp:
    """What an app and the tool are told to get a setting."""
    return InApp(_flags(setting), "\n".join(_kotlin(setting)), "\n".join(_cpp(setting)))


def _flags(setting: Setting) -> str:
    dialect = DELEGATES["litert" if setting.delegate == "npu" else "tflite"]
    words = [f"--num_threads={setting.threads}"]
    words += dialect[setting.delegate] if setting.delegate is not None else ()
    text = " ".join(words)
    return text if setting.affinity is None else f"{text} (under taskset, {_cpus(setting)})"


def _kotlin(setting: Setting) -> list[str]:
    if setting.delegate == "npu":
        lines = [
            "val environment = Environment.create(BuiltinNpuAcceleratorProvider(context))",
            "val options = CompiledModel.Options(Accelerator.NPU, Accelerator.CPU)",
            "val model = CompiledModel.create(path, options, environment)",
        ]
    else:
        lines = [f"val options = Interpreter.Options().setNumThreads({setting.threads})"]
        lines += _KOTLIN[setting.delegate]
        lines.append("val interpreter = Interpreter(file, options)")
    if setting.affinity is not None:
        lines.insert(
            0, f"// {_cpus(setting)}: sched_setaffinity of the NDK; Java has no call for it"
        )
    return lines


def _cpp(setting: Setting) -> list[str]:
    if setting.delegate == "npu":
        lines = [
            "// environment: litert::Environment with the folder of the NPU's dispatch library",
            "auto options = litert::Options::Create();",
            "options->SetHardwareAccelerators(",
            "    litert::HwAccelerators::kNpu | litert::HwAccelerators::kCpu);",
            "auto model = litert::CompiledModel::Create(environment, file, *options);",
        ]
    else:
        resolver = "BuiltinOpResolver"
        if setting.delegate in ("none", "xnnpack"):  # else XNNPACK is applied by itself
            resolver = "BuiltinOpResolverWithoutDefaultDelegates"
        lines = [
            f"tflite::ops::builtin::{resolver} resolver;",
            "tflite::InterpreterBuilder builder(*model, resolver);",
            f"builder.SetNumThreads({setting.threads});",
            "std::unique_ptr<tflite::Interpreter> interpreter;",
            "builder(&interpreter);",
            *(line.replace("{threads}", str(setting.threads)) for line in _CPP[setting.delegate]),
        ]
    if setting.affinity is not None:
        lines.insert(0, f"// {_cpus(setting)}: sched_setaffinity(0, …) before any thread is made")
    return lines


def _cpus(setting: Setting) -> str:
    if setting.affinity in ("big", "little"):
        return f"bound to the {setting.affinity} CPUs"
    return f"bound to CPUs {setting.affinity}"
