"""Starts as root, prepares, drops to dw-user by itself and only then opens its port."""
import http.server
import os
import signal
import sys

os.chown("/home/dw-user", 4356, 4357)
os.setgroups([])
os.setresgid(4357, 4357, 4357)
os.setresuid(4356, 4356, 4356)
os.chdir("/home/dw-user")
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
http.server.ThreadingHTTPServer(("0.0.0.0", 8888), http.server.SimpleHTTPRequestHandler).serve_forever()
