"""A task metadata endpoint: answers as recorded, as given in files, or wrongly in the way that the first part of the path names."""

import http.server
import json
import pathlib
import time


def stats(scale):
    return {
        "read": "2026-11-02T10:00:01.5Z",
        "preread": "2026-11-02T10:00:00.5Z",
        "pids_stats": {"current": 12, "limit": 18446744073709551615},
        "blkio_stats": {
            "io_service_bytes_recursive": [
                {"major": 259, "minor": 0, "op": "read", "value": 1000 * scale},
                {"major": 259, "minor": 0, "op": "write", "value": 2000 * scale},
            ],
            "io_serviced_recursive": None,
        },
        "num_procs": 0,
        "storage_stats": {},
        "cpu_stats": {
            "cpu_usage": {
                "total_usage": 70000000 * scale,
                "percpu_usage": [40000000 * scale, 30000000 * scale],
                "usage_in_kernelmode": 10000000,
                "usage_in_usermode": 60000000,
            },
            "system_cpu_usage": 8000000000,
            "online_cpus": 2,
            "throttling_data": {"periods": 0, "throttled_periods": 0, "throttled_time": 0},
        },
        "precpu_stats": {"cpu_usage": {"total_usage": 60000000 * scale}, "system_cpu_usage": 7000000000},
        "memory_stats": {
            "usage": 123456789 * scale,
            "max_usage": 223456789,
            "stats": {"active_anon": 4096, "hierarchical_memory_limit": 9223372036854771712},
            "limit": 4134825984,
        },
        "name": "ecs-jupyterlab-1",
        "id": "d1",
        "networks": {"eth1": {"rx_bytes": 1564, "tx_bytes": 0}},
        "network_rate_stats": {"rx_bytes_per_sec": 1.25e-05, "tx_bytes_per_sec": 0},
    }


names = {
    "d1": "jupyterlab",
    "d2": "metrics",
    "d3": "s3sync",
    "d4": "aws-fargate-supervisor",
    "d5": "stopped",
    "d6": 'odd "name"\\with\nlines é',
}
task = {
    "Cluster": "default",
    "TaskARN": "arn:aws:ecs:eu-west-2:012345678910:task/9781c248",
    "Family": "jupyterlab",
    "DesiredStatus": "RUNNING",
    "KnownStatus": "RUNNING",
    "Containers": [{"DockerId": id, "Name": name, "DockerName": f"ecs-{id}", "Type": "NORMAL"} for id, name in names.items()],
}
all_stats = {id: None if id == "d5" else stats(int(id[1:])) for id in names}
recorded = {"/task": json.dumps(task).encode(), "/task/stats": json.dumps(all_stats).encode()}


class Endpoint(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        _, way, *rest = self.path.split("/")
        body = recorded.get("/" + "/".join(rest), b"")
        if way == "silent":
            time.sleep(30)
            return
        if way == "cut":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
            return
        if way == "drip":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            for _ in range(100):
                self.wfile.write(b" ")
                time.sleep(0.5)
            return
        if way == "huge":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            for _ in range(64):
                self.wfile.write(b" " * 1_000_000)
            return
        if way == "nonsense":
            body = b"<html>not JSON</html>"
        if way == "list":
            body = b"[1, 2]"
        if way == "strange":
            body = b'{"Containers": "none"}'
        if way == "given":
            body = pathlib.Path("/given", rest[-1]).read_bytes()
        if way == "half" and rest[-1] == "stats":
            body = b""
        self.send_response(503 if way == "refused" else 200 if body else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("", 8000), Endpoint).serve_forever()
