"""Joining a Ray cluster, or starting one on this machine."""

from __future__ import annotations

import logging
import os
import socket
from dataclasses import dataclass

import ray

from .errors import UsageError
from .options import RunOptions
from .progress import Progress

# Seconds that a cluster's head may take to accept a connection.
ANSWER_SECONDS = 10.0


@dataclass(frozen=True)
class Connection:
    """Whether the process was connected to Ray here, and so is to be disconnected here."""

    own: bool

    def close(self) -> None:
        """Leave the cluster; one that was started here ends."""
        if self.own and ray.is_initialized():
            ray.shutdown()


def connect(options: RunOptions, progress: Progress) -> Connection:
    """Connect to the cluster that the options name, or start one.

    A process that is connected already, as a notebook may be, stays where it is.

    Raises:
        UsageError: There is no such cluster, or no machine in the one started here can hold an actor.

    """
    own = not ray.is_initialized()
    if own:
        _initialise(options)
    connection = Connection(own)
    if not _fits(options):
        wanted = f"{options.ray_cpus:g} CPU and {options.ray_gpus:g} GPU"
        if own and options.ray_address is None:
            there = ray.cluster_resources()
            connection.close()
            raise UsageError(
                f"an actor asks for {wanted}, and this machine gives Ray {there.get('CPU', 0):g} CPU and "
                f"{there.get('GPU', 0):g} GPU; lower --interp-ray-cpus or --interp-ray-gpus"
            )
        progress.say(f"no machine of the cluster has {wanted}; waiting for one to join")
    return connection


def _initialise(options: RunOptions) -> None:
    # Ray would report its use to its makers; whoever wants that sets the variable.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    local = options.ray_address is None
    if options.ray_address is not None:
        _check_there(options.ray_address)
    try:
        # "local" even where RAY_ADDRESS is set: a run joins a cluster only when it is asked to.
        ray.init(
            address="local" if local else options.ray_address,
            include_dashboard=False if local else None,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (Exception, SystemExit) as error:  # Ray leaves the process when the cluster does not answer
        if local:
            raise
        raise UsageError(
            f"--interp-ray-address {options.ray_address}: {type(error).__name__}: {error}. Start a cluster with "
            "'ray start --head', or leave the address out and Ray is started here."
        ) from error


def _check_there(address: str) -> None:
    """Refuse an address where nobody listens: Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdecimal():
        return  # such as "auto"
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER_SECONDS).close()
    except OSError as error:
        raise UsageError(
            f"--interp-ray-address {address}: nobody answers there ({error}). Give the address that 'ray start --head' "
            "printed, or leave it out and Ray is started here."
        ) from error


def _fits(options: RunOptions) -> bool:
    """Whether some machine of the cluster can hold an actor at all."""
    totals = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return any(total.get("CPU", 0) >= options.ray_cpus and total.get("GPU", 0) >= options.ray_gpus for total in totals)
