"""The live job with a sampler in its workers: an entry point beside `jobs.live`, for `bench.breakdown`."""

import os
from functools import partial
from pathlib import Path

from pyflink.datastream import RuntimeContext

from bench.sampler import FOLDER_VARIABLE, watch
from jobs.live import configured
from jobs.pipeline import build, environment
from operators.features import FeaturesFunction, FeaturesOptions


class ProfiledFeatures(FeaturesFunction):
    """The job's own function; the first to open starts the sampler of its process."""

    def __init__(self, options: FeaturesOptions, folder: Path) -> None:
        """Keep where the samples go."""
        super().__init__(options)
        self._folder = folder

    def open(self, runtime_context: RuntimeContext) -> None:
        """Open, and watch."""
        super().open(runtime_context)
        watch(self._folder)


def main() -> None:
    """Submit the job."""
    config = configured()
    env = environment(config)
    build(env, config, partial(ProfiledFeatures, folder=Path(os.environ[FOLDER_VARIABLE])))
    env.execute_async(config.job_name)


if __name__ == "__main__":
    main()
