"""How long an epoch of a model takes here, from a few steps of the optimizer."""

from __future__ import annotations

import time

import numpy as np

from bench.techniques import Context, Work, _model
from bench.techniques._lesson import model_inputs, predict, training_splits

STEPS = 12
"""That are timed, after as many that are not: the first ones build the graph."""


def epoch_seconds(work: Work, context: Context, batch: int) -> float:
    """Seconds that one pass over the training samples takes.

    A copy is taught its own answers, which takes as long as any lesson.

    Raises:
        BuildError: the model cannot be trained.
        DataError: there are no training samples.
    """
    import tf_keras

    model = _model.trainable(work, context)
    train, _ = training_splits(context)
    some = train.take(np.arange(batch * STEPS) % len(train))
    answers = list(predict(model, some).values())
    model.compile(optimizer=tf_keras.optimizers.Adam(1e-6), loss="mse")
    taken = 0.0
    for _ in range(2):
        begin = time.perf_counter()
        model.fit(
            model_inputs(model, some),
            answers if len(answers) > 1 else answers[0],
            batch_size=batch,
            shuffle=False,
            verbose=0,
        )
        taken = time.perf_counter() - begin
    return taken / STEPS * -(-len(train) // batch)
