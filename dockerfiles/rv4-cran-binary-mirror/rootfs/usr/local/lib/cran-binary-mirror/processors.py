"""The processors that there are, shared by the packages that are compiled at once and, through make, by the files of each."""

import os
import threading
from contextlib import contextmanager


class Processors:
    """A jobserver as GNU make knows it: who takes a byte out of the pipe may have one more process, until it is put back."""

    def __init__(self, count, path):
        os.mkfifo(path)
        self._pipe = os.open(path, os.O_RDWR)
        # Of its own, as those who wait at the other must.
        self._emptying = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self._count = count
        self._asking = 0
        self._lock = threading.Lock()
        os.write(self._pipe, b"+" * count)
        self.makeflags = f" -j{count} --jobserver-auth=fifo:{path}" if count > 1 else ""

    @contextmanager
    def one(self):
        with self._lock:
            self._asking += 1
        os.read(self._pipe, 1)
        try:
            yield
        finally:
            with self._lock:
                self._asking -= 1
                if self._asking:
                    os.write(self._pipe, b"+")
                else:
                    self._empty()
                    os.write(self._pipe, b"+" * self._count)

    def _empty(self):
        """A make that is killed puts nothing back, so all are counted anew when nobody wants one."""
        try:
            while os.read(self._emptying, self._count):
                pass
        except BlockingIOError:
            pass
