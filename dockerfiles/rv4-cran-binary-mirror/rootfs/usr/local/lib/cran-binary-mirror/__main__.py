"""
cran-binary-mirror: compiles a chosen part of CRAN, and keeps it in the bucket as a repository that R on Linux installs from
without compiling. Only what has changed since the last run is compiled.
"""

import os
import shutil
import signal
import sys
import tempfile

import settings
from bucket import Bucket
from choice import choose
from compiler import Compiler
from installation import look, rds
from processors import Processors
from repository import Repository
from run import Run
from source import Source
from speech import Trouble, say
from summary import summary


def main():
    wanted = settings.read(os.environ)
    installation = look()
    folder = wanted.prefix + installation.folder
    try:
        work = tempfile.mkdtemp(prefix="cran-binary-mirror-")
    except OSError as error:
        raise Trouble(f"there is nowhere to work: {error}") from error
    compiler = None

    def end(number, _frame):
        if compiler:
            compiler.stop()
        say("it is stopped: what it has uploaded is not compiled again by the next run")
        shutil.rmtree(work, ignore_errors=True)
        os._exit(128 + number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    try:
        repository = Repository(Bucket(wanted.bucket, folder, wanted.region), lambda index: rds(index, work))
        url = wanted.source or installation.cran
        source = Source(url)
        chosen = choose(wanted.packages, source.index(installation.version), installation.provided)
        say(f"{len(chosen.wanted)} packages from {url} to s3://{wanted.bucket}/{folder}, {wanted.jobs} at once")
        compiler = Compiler(work, Processors(wanted.jobs, f"{work}/processors"))
        run = Run(chosen, source, compiler, repository, installation)
        run.work(wanted.jobs)
        lost, removed = [], 0
        try:
            lost = publish(run, chosen, repository)
            removed = repository.tidy()
        except Trouble as trouble:
            run.trouble = run.trouble or trouble
        print(summary(run.outcomes, chosen, lost, removed), flush=True)
        if run.trouble:
            raise run.trouble
        return 0 if not lost and all(outcome.build for outcome in run.outcomes.values()) and not chosen.impossible else 1
    finally:
        shutil.rmtree(work, ignore_errors=True)


def publish(run, chosen, repository):
    made = {name: outcome for name, outcome in run.outcomes.items() if outcome.build and outcome.action != "kept"}
    return repository.publish({name: outcome.build.entry(chosen.wanted[name]) for name, outcome in made.items()})


try:
    sys.exit(main())
except Trouble as trouble:
    say(str(trouble))
    sys.exit(trouble.status)
