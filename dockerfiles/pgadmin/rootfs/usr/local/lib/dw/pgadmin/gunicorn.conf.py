"""One process, since pgAdmin keeps connections to databases in memory; many threads, since a query or a websocket holds one."""

import os

chdir = "/usr/local/lib/dw/pgadmin"
bind = "[::]:8888" if os.path.exists("/proc/net/if_inet6") else "0.0.0.0:8888"  # the former takes IPv4 too
workers = 1
worker_class = "gthread"
threads = 50
timeout = 120  # for a worker that hangs altogether; a query may take as long as it likes
worker_tmp_dir = "/dev/shm"
control_socket_disable = True  # it would be in the home
loglevel = "warning"

graceful_timeout = 6


def post_fork(server, worker):
    # Websockets never end by themselves. The worker gives up on them well before its master gives up on it and kills it.
    worker.cfg.set("graceful_timeout", 1)


def worker_exit(server, worker):
    # Python would wait for every thread, that of an open websocket or of a running query too.
    os._exit(0)
