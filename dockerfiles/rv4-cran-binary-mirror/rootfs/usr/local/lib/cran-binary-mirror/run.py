"""One run: every package in its turn, as many at once as there are jobs, and none before what it needs."""

import graphlib
import random
import threading
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass

import choice
import dcf
from build import Build
from compiler import NotCompiled
from speech import Refused, Trouble, say


@dataclass(frozen=True)
class Outcome:
    name: str
    version: str
    # kept, compiled, adopted, failed, skipped
    action: str
    detail: str = ""
    seconds: float = 0.0
    build: Build | None = None
    log: tuple = ()


class Run:
    def __init__(self, chosen, source, compiler, repository, installation):
        self._chosen = chosen
        self._source = source
        self._compiler = compiler
        self._repository = repository
        self._installation = installation
        self._ids = {name: version for name, version in installation.provided.items() if name not in installation.base}
        self._unpacking = {name: threading.Lock() for name in chosen.wanted}
        self.outcomes = {}
        # What ended the run before its time.
        self.trouble = None

    def work(self, jobs):
        """Goes through all of them. What it could not do is in the outcomes; what no package would get over is `trouble`."""
        order = graphlib.TopologicalSorter(self._chosen.needs)
        try:
            order.prepare()
        except graphlib.CycleError as error:
            raise Trouble(f"the source's packages need each other in a circle: {' → '.join(error.args[1])}") from error
        with ThreadPoolExecutor(jobs) as pool:
            running = set()
            while True:
                if not self.trouble:
                    ready = list(order.get_ready())
                    # Of two runs at once each finds what the other has uploaded: the more, the less their ways are the same.
                    random.shuffle(ready)
                    running |= {pool.submit(self._turn, name) for name in ready}
                if not running:
                    break
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    try:
                        outcome = future.result()
                    except Trouble as trouble:
                        self._give_up(trouble, pool)
                        continue
                    except Exception as error:
                        self._give_up(error, pool)
                        continue
                    if outcome:
                        self.outcomes[outcome.name] = outcome
                        order.done(outcome.name)

    def _give_up(self, trouble, pool):
        self.trouble = self.trouble or trouble
        self._compiler.stop()
        pool.shutdown(wait=False, cancel_futures=True)

    def _turn(self, name):
        if self.trouble:
            return None
        record = self._chosen.wanted[name]
        version = record["Version"]
        for action, find in (("kept", self._repository.build), ("adopted", self._repository.left)):
            build = find(name, version)
            if build and build.is_made_of(record, self._ids):
                return self._done(name, action, build)
        if name in self._chosen.impossible:
            return self._failed(name, version, self._chosen.impossible[name])
        needs = choice.all_needs(name, self._chosen.needs)
        missing = [other for other in needs if self.outcomes[other].build is None]
        if missing:
            return Outcome(name, version, "skipped", f"it needs {', '.join(sorted(missing))}")
        begun = time.monotonic()
        try:
            for other in needs:
                self._bring(other)
            binary = self._compiler.compile(name, lambda path: self._source.fetch(record, path))
        except NotCompiled as error:
            return self._failed(name, version, str(error), error.log)
        except Refused as error:
            return self._failed(name, version, str(error))
        build = Build(version, record.get("MD5sum", ""), self._parts(record, binary.has_classes), binary.built)
        build = self._repository.upload(name, build, binary.content)
        seconds = time.monotonic() - begun
        say(f"{name} {version} is compiled ({seconds:.0f} s)")
        detail = f"asks for {', '.join(binary.libraries)}, which rv4 does not have" if binary.libraries else ""
        return self._done(name, "compiled", build, detail, seconds)

    def _done(self, name, action, build, detail="", seconds=0.0):
        self._ids[name] = build.id
        return Outcome(name, build.version, action, detail, seconds, build)

    def _failed(self, name, version, reason, log=()):
        say(f"{name} {version} failed: {reason}")
        return Outcome(name, version, "failed", reason, log=tuple(log))

    def _parts(self, record, has_classes):
        """Headers that it is compiled with; and, where it has classes, whatever they may be made of."""
        fields = ("LinkingTo", "Depends", "Imports") if has_classes else ("LinkingTo",)
        return {name: self._ids[name] for name, _, _ in dcf.dependencies(record, fields) if name in self._ids}

    def _bring(self, name):
        """A package that is in the bucket, to where those find it that are compiled."""
        with self._unpacking[name]:
            if self._compiler.has(name):
                return
            version = self._chosen.wanted[name]["Version"]
            content = self._repository.fetch(name, version)
            if content is None:
                raise Refused(f"it needs {name} {version}, which was removed from the bucket meanwhile")
            self._compiler.unpack(name, content)
