"""The entry of a .tflite that is run: which tensors of which subgraph go in and come out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.errors import ModelError
from bench.tflite import reader


@dataclass(frozen=True, eq=False)
class Entry:
    """One signature, or the main subgraph of a file without.

    Attributes:
        subgraph: that it runs.
        inputs, outputs: names to tensors, as the signature calls them.
    """

    subgraph: reader.Subgraph
    inputs: Mapping[str, int]
    outputs: Mapping[str, int]

    def outputs_in_order(self) -> tuple[str, ...]:
        """A name for each output of the subgraph, in its order: one may be there twice.

        Raises:
            ModelError: the signature leaves an output without a name.
        """
        names = {tensor: name for name, tensor in self.outputs.items()}
        unnamed = [tensor for tensor in self.subgraph.outputs if tensor not in names]
        if unnamed:
            raise ModelError(
                f"the signature has no name for {self.subgraph.tensors[unnamed[0]].name}",
                hint="convert the model with a signature of all its outputs",
            )
        return tuple(names[tensor] for tensor in self.subgraph.outputs)


def entry_of(path: Path, signature: str | None) -> Entry:
    """The entry that is run.

    Args:
        path: of a .tflite.
        signature: its key; None is the only one, or the main subgraph.

    Raises:
        ModelError: the file is not an intact .tflite.
    """
    graph = reader.load(path)
    chosen = next((s for s in graph.signatures if s.key == signature), None)
    if chosen is None and len(graph.signatures) == 1:
        chosen = graph.signatures[0]
    if chosen is not None:
        return Entry(graph.subgraphs[chosen.subgraph], chosen.inputs, chosen.outputs)
    main = graph.subgraphs[0]
    inputs, outputs = (
        {main.tensors[index].name: index for index in each if index >= 0}
        for each in (main.inputs, main.outputs)
    )
    return Entry(main, inputs, outputs)
