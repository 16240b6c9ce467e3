"""
An S3 server, moto's, that lets nobody in who does not sign as AWS wants it, with credentials that are valid now; and the
endpoint that gives a task those credentials, at the task's own address for what shares this container's network. Who does not
sign may read the bucket called mirrors, as tools do. Paths under /-/ are the test's own way to steer it.
"""

import datetime
import fcntl
import hashlib
import hmac
import io
import json
import socket
import struct
import threading
import time
import urllib.parse
import uuid

from moto.backends import get_backend
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

moto = DomainDispatcherApplication(create_backend_app)
current = {}
requests = {"role": 0}
lock = threading.Lock()
server = None
away = 0


def rotate():
    current.update(key="AKIA" + uuid.uuid4().hex[:16].upper(), secret=uuid.uuid4().hex, token=uuid.uuid4().hex)


def role():
    requests["role"] += 1
    end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 6 * 3600))
    return {"AccessKeyId": current["key"], "SecretAccessKey": current["secret"], "Token": current["token"], "Expiration": end}


def signature(environ, authorization):
    """As the signature's specification has it, from what came over the wire."""
    path, _, query = environ["RAW_URI"].partition("?")
    quoted = lambda text: urllib.parse.quote(text, safe="~")
    pairs = sorted((quoted(name), quoted(value)) for name, value in urllib.parse.parse_qsl(query, keep_blank_values=True))
    names = authorization["SignedHeaders"].split(";")
    header = lambda name: environ.get("HTTP_" + name.upper().replace("-", "_"), environ.get(name.upper().replace("-", "_"), ""))
    content = environ["HTTP_X_AMZ_CONTENT_SHA256"]
    canonical = "\n".join([
        environ["REQUEST_METHOD"],
        urllib.parse.quote(urllib.parse.unquote(path), safe="/~"),
        "&".join("=".join(pair) for pair in pairs),
        *(f"{name}:{' '.join(header(name).split())}" for name in names),
        "", authorization["SignedHeaders"], content,
    ])
    _, *scope = authorization["Credential"].split("/")
    key = ("AWS4" + current["secret"]).encode()
    for part in scope:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    text = "\n".join(["AWS4-HMAC-SHA256", environ["HTTP_X_AMZ_DATE"], "/".join(scope), hashlib.sha256(canonical.encode()).hexdigest()])
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def refusal(environ):
    if environ.get("HTTP_X_TEST"):
        return None
    if environ["PATH_INFO"].startswith("/mirrors") and environ["REQUEST_METHOD"] in ("GET", "HEAD") and "HTTP_AUTHORIZATION" not in environ:
        # Signed for show, for moto.
        environ["HTTP_AUTHORIZATION"] = "AWS4-HMAC-SHA256 Credential=anyone/20260101/eu-west-2/s3/aws4_request"
        return None
    if environ["PATH_INFO"].startswith("/refusing/"):
        return "AccessDenied"
    try:
        parts = environ["HTTP_AUTHORIZATION"].removeprefix("AWS4-HMAC-SHA256 ").split(", ")
        authorization = dict(part.split("=", 1) for part in parts)
    except (KeyError, ValueError):
        return "AccessDenied"
    if environ.get("HTTP_X_AMZ_SECURITY_TOKEN") != current["token"]:
        return "ExpiredToken"
    if authorization["Credential"].split("/")[0] != current["key"]:
        return "InvalidAccessKeyId"
    if authorization["Signature"] != signature(environ, authorization):
        return "SignatureDoesNotMatch"
    return None


def application(environ, start_response):
    global away
    path = environ["PATH_INFO"]
    answer = lambda status, kind, body: (start_response(status, [("Content-Type", kind)]), [body.encode()])[1]
    if path == "/role":
        return answer("200 OK", "application/json", json.dumps(role()))
    if path == "/-/rotate":
        rotate()
        return answer("200 OK", "application/json", json.dumps(requests))
    if path == "/-/age":
        age(**dict(urllib.parse.parse_qsl(environ["QUERY_STRING"])))
        return answer("200 OK", "text/plain", "")
    if path == "/-/away":
        away = float(environ["QUERY_STRING"])
        threading.Thread(target=server.shutdown).start()
        return answer("200 OK", "text/plain", "")
    if away:
        raise ConnectionAbortedError
    code = refusal(environ)
    if code:
        body = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>no</Message></Error>"
        return answer("403 Forbidden", "application/xml", "" if environ["REQUEST_METHOD"] == "HEAD" else body)
    return one_at_a_time(environ, start_response)


def age(bucket, prefix, days):
    """Makes objects older."""
    with lock:
        for account in get_backend("s3").values():
            for key, item in (account["aws"].buckets[bucket].keys.items() if bucket in account["aws"].buckets else ()):
                if key.startswith(prefix):
                    item.last_modified -= datetime.timedelta(days=float(days))


def one_at_a_time(environ, start_response):
    """moto computes sums of objects when they are asked for, and wrongly if that is by two at once."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(length))
    with lock:
        return [b"".join(moto(environ, start_response))]


class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, *_):
        pass


def give_role():
    """Answers at the address at which a task finds its credentials. It takes the right to set one."""
    address = socket.inet_aton("169.254.170.2")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        try:
            fcntl.ioctl(any_socket, 0x8916, struct.pack("16sH2x4s8x", b"lo:1", socket.AF_INET, address))  # SIOCSIFADDR
        except PermissionError:
            return
    role_server = make_server("169.254.170.2", 80, application, threaded=True, request_handler=Quiet)
    threading.Thread(target=role_server.serve_forever, daemon=True).start()


rotate()
give_role()
while True:
    server = make_server("0.0.0.0", 9000, application, threaded=True, request_handler=Quiet)
    server.daemon_threads = True
    print("listening", flush=True)
    server.serve_forever()
    server.server_close()
    time.sleep(away)
    away = 0
