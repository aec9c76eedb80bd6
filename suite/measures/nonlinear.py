"""Nonlinear accuracy: what a small network reads off the edited activations. For information, it judges no method.

An eraser that guards linearly promises nothing about it: two classes with equal means and different covariances are
told apart by any network. One hidden layer of rectified units on the coordinates that the linear adversaries see,
trained by Adam on `fit` and `probe`, the number of passes chosen on held-out entities. A function of rows and seed.
"""

from __future__ import annotations

import torch

from interpmark.reports.estimate import Estimate
from interpmark.reports.intervals import clustered_mean

from .estimates import Scored, estimate
from .inputs import EditedSplits, is_continuous, join, numbers, require_splits
from .threads import one_thread
from .training import training_set

NAME = "nonlinear_accuracy"
HIDDEN = 64
PASSES = 30
"""At most so many passes over the rows; the best on the held-out entities counts."""
BATCH = 64
STEP = 2e-3
DECAY = 1e-2


@one_thread()
def nonlinear_accuracy(splits: EditedSplits, seed: int = 0) -> Scored:
    """Score the network on the `test` split.

    Args:
        splits: `fit`, `probe` and `test`, after the edit.
        seed: Draws the network, the order of the rows, the held-out entities and the bootstrap.

    Returns:
        Estimate `nonlinear_accuracy`; the example `nonlinear_correct` `[n]` of 0 and 1.

    Raises:
        ValueError: A split is missing or malformed.

    """
    require_splits(splits)
    test = splits["test"]
    if is_continuous(test.z):
        return [Estimate.not_scored(NAME, "labels are continuous, and the network answers with a class")], {}
    rows = training_set(join(splits["fit"], splits["probe"]), seed)
    n_classes = 1 + max(int(rows.z.max()), int(test.z.max()))
    inputs, scale = rows.design[:, :-1], rows.moments[:-1].sqrt()
    network = _trained((inputs / scale).float(), rows.z, rows.held_out, n_classes, seed)
    with torch.no_grad():
        found = network((rows.coordinates(test.x)[:, :-1] / scale).float()).argmax(dim=1)
    correct = (found == test.z).int()
    interval = estimate(NAME, lambda: clustered_mean(numbers(correct), test.groups, seed, bounds=(0, 1)), len(test))
    return [interval], {"nonlinear_correct": correct.tolist()}


def _trained(
    x: torch.Tensor, z: torch.Tensor, held_out: torch.Tensor, n_classes: int, seed: int
) -> torch.nn.Sequential:
    """The network after that pass which the held-out rows like best."""
    generator = torch.Generator().manual_seed(seed)
    network = _network(x.shape[1], n_classes, generator)
    optimizer = torch.optim.AdamW(network.parameters(), lr=STEP, weight_decay=DECAY)
    own, own_z, other, other_z = x[~held_out], z[~held_out], x[held_out], z[held_out]
    best, state = torch.inf, network.state_dict()
    for _ in range(PASSES):
        for rows in torch.split(torch.randperm(len(own), generator=generator), BATCH):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(network(own[rows]), own_z[rows]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        if not len(other):
            continue
        with torch.no_grad():
            loss = float(torch.nn.functional.cross_entropy(network(other), other_z))
        if loss < best:
            best, state = loss, {name: values.clone() for name, values in network.state_dict().items()}
    if best < torch.inf:
        network.load_state_dict(state)
    return network


def _network(d: int, n_classes: int, generator: torch.Generator) -> torch.nn.Sequential:
    """Weights of the usual size, drawn from the generator and not from the global random state."""
    layers = [torch.nn.Linear(d, HIDDEN), torch.nn.Linear(HIDDEN, n_classes)]
    with torch.no_grad():
        for layer in layers:
            layer.weight.copy_(torch.randn(layer.weight.shape, generator=generator) / layer.in_features**0.5)
            layer.bias.zero_()
    return torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1])
