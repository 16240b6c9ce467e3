"""Compiles packages with R's own installer, each in a process of its own that sees no credentials."""

import errno
import io
import os
import re
import shutil
import signal
import subprocess
import tarfile
import threading
from dataclasses import dataclass

import dcf
from speech import Refused, Trouble

longest = 4 * 3600  # seconds that one package may take
least_space = 16 * 1024**2  # bytes; with less, whatever fails does so for that
lines_of_log = 15
# The libraries that there are where only R is; those that came with the compiler's are not in it.
libraries_of_tools = "/usr/local/share/dw/rv4-libraries"


class NotCompiled(Refused):
    def __init__(self, reason, log):
        super().__init__(reason)
        self.log = log


@dataclass(frozen=True)
class Binary:
    content: bytes
    # R's own words on what built it.
    built: str
    # What it is built from keeps more than a name of the packages that it imports: their classes are a part of it.
    has_classes: bool
    # Shared libraries that it asks for and tools may not have.
    libraries: tuple


class Compiler:
    def __init__(self, work, processors):
        self._work = work
        self._processors = processors
        self._library = f"{work}/library"
        os.mkdir(self._library)
        self._lock = threading.Lock()
        self._running = set()
        self._stopped = False
        with open(libraries_of_tools, encoding="utf-8") as file:
            self._known = frozenset(file.read().split())

    def has(self, name):
        return os.path.isdir(f"{self._library}/{name}")

    def unpack(self, name, content):
        """Puts a binary where packages that need it find it."""
        folder = f"{self._work}/_{name}.unpacked"
        try:
            with tarfile.open(fileobj=io.BytesIO(content)) as tar:
                tar.extractall(folder, filter="data")
            self._into_library(name, folder)
        except (OSError, EOFError, tarfile.TarError) as error:
            self.check_space()
            raise Refused(f"the binary of {name} cannot be unpacked: {error}") from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def compile(self, name, fetch):
        """Has `fetch` bring the source; answers the binary, which then is there for others that need it."""
        # No package is called so.
        folder = f"{self._work}/_{name}"
        try:
            os.makedirs(f"{folder}/library")
            os.mkdir(f"{folder}/tmp")
            fetch(f"{folder}/{name}.tar.gz")
            log = self._install(name, folder)
            files = [file for file in os.listdir(folder) if file.startswith(f"{name}_") and file.endswith(".tar.gz")]
            if len(files) != 1:
                raise NotCompiled("R says that it has made a binary, and there is none", log)
            with open(f"{folder}/{files[0]}", "rb") as file:
                content = file.read()
            binary = self._look(f"{folder}/library/{name}", content)
            self._into_library(name, f"{folder}/library")
            return binary
        except OSError as error:
            self.check_space()
            raise Refused(f"it cannot be compiled: {error}") from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _install(self, name, folder):
        """R's installer, with all processors that are free; answers its log."""
        status, said = self._try(name, folder, self._processors.makeflags)
        if status and self._processors.makeflags and not self._is_full(said):
            # Not all makefiles are made for that.
            status, said = self._try(name, folder, "")
        if status == 0:
            return said
        self.check_space()
        if self._stopped:
            raise Refused("the run was stopped while it was compiled")
        if status is None:
            raise NotCompiled(f"it took more than {longest // 3600} h", tail(said))
        reason = f"the disk is full: {self._work} has no room for it" if self._is_full(said) else _first_error(said, status)
        raise NotCompiled(reason, tail(said))

    def _try(self, name, folder, makeflags):
        """The status and the log; no status where it took too long."""
        words = ["R", "CMD", "INSTALL", "--build", "--strip", f"--library={folder}/library", f"{name}.tar.gz"]
        environment = {key: os.environ[key] for key in ("PATH", "LANG", "SSL_CERT_FILE") if key in os.environ}
        environment |= {
            "HOME": folder, "TMPDIR": f"{folder}/tmp", "R_LIBS": self._library, "R_LIBS_USER": f"{folder}/library",
            "MAKEFLAGS": makeflags, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
        }
        with self._processors.one(), open(f"{folder}/log", "w+b") as log:
            with self._lock:
                if self._stopped:
                    raise Refused("the run was stopped before")
                process = subprocess.Popen(
                    words, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
                )
                self._running.add(process)
            try:
                status = process.wait(longest)
            except subprocess.TimeoutExpired:
                status = None
            finally:
                # What it left in the background, too.
                _kill(process)
                with self._lock:
                    self._running.discard(process)
            log.seek(0)
            return status, log.read().decode("utf-8", "replace")

    @staticmethod
    def _is_full(said):
        """R cleans up when it fails, so that the disk itself no longer shows it."""
        return os.strerror(errno.ENOSPC) in said

    def _look(self, folder, content):
        with open(f"{folder}/DESCRIPTION", encoding="utf-8", errors="replace") as file:
            built = dcf.parse(file.read())[0].get("Built", "")
        namespace = f"{folder}/NAMESPACE"
        exports = ""
        if os.path.exists(namespace):
            with open(namespace, encoding="utf-8", errors="replace") as file:
                exports = file.read()
        has_classes = re.search(r"\b(export|import)(Classes|Methods|ClassPattern|ClassesFrom|MethodsFrom)\b", exports) is not None
        own, asked = set(), set()
        for parent, _, files in os.walk(folder):
            for file in files:
                if re.search(r"\.so(\.[0-9.]+)?$", file):
                    own.add(file)
                    asked |= _needed(f"{parent}/{file}")
        return Binary(content, built, has_classes, tuple(sorted(asked - own - self._known)))

    def _into_library(self, name, folder):
        with self._lock:
            if not self.has(name):
                os.rename(f"{folder}/{name}", f"{self._library}/{name}")

    def check_space(self):
        if shutil.disk_usage(self._work).free < least_space:
            raise Trouble(f"the disk is full: {self._work} has less than {least_space // 1024**2} MB left")

    def stop(self):
        """Ends what is being compiled, and lets nothing begin."""
        with self._lock:
            self._stopped = True
            for process in self._running:
                _kill(process)


def _kill(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _needed(path):
    lines = subprocess.run(["readelf", "--dynamic", path], capture_output=True, check=True).stdout.decode(errors="replace")
    return set(re.findall(r"\(NEEDED\).*\[(.+)\]", lines))


def _first_error(log, status):
    match = re.search(r"^(?:.*\berror: (.*)|ERROR: (.*)|Error (?:in .*: *)?(.*))$", log, re.MULTILINE)
    said = match and next((part for part in match.groups() if part), None)
    return f"it does not compile: {said}" if said else f"it does not compile: R ended with {status}"


def tail(log):
    return [line.rstrip() for line in log.rstrip().splitlines()[-lines_of_log:]]
