"""Works with a JupyterLab server as its page does: runs a cell, and a command in a terminal; prints what each of them said."""

import json
import sys
import time
import uuid

import requests
import websocket

server, cell, command = sys.argv[1:]
session = requests.Session()
session.get(f"{server}/lab").raise_for_status()
session.headers["X-XSRFToken"] = session.cookies["_xsrf"]
cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies)


def post(path):
    answer = session.post(f"{server}/{path}", json={})
    answer.raise_for_status()
    return answer.json()


def connect(path):
    return websocket.create_connection(f"{server.replace('http', 'ws', 1)}/{path}", cookie=cookies, timeout=30)


kernel = connect(f"api/kernels/{post('api/kernels')['id']}/channels")
header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "username": "", "session": uuid.uuid4().hex, "version": "5.3"}
content = {"code": cell, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False}
kernel.send(json.dumps({"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}))
said = ""
while True:
    message = json.loads(kernel.recv())
    if message["parent_header"].get("msg_id") != header["msg_id"]:
        continue
    if message["msg_type"] == "stream":
        said += message["content"]["text"]
    if message["msg_type"] == "error":
        said += "\n".join(message["content"]["traceback"])
    if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
        break

terminal = connect(f"terminals/websocket/{post('api/terminals')['name']}")
terminal.send(json.dumps(["stdin", f"{command}; echo EN''D\r"]))
shown = ""
until = time.time() + 20
while "END" not in shown and time.time() < until:
    kind, *data = json.loads(terminal.recv())
    if kind == "stdout":
        shown += data[0]
print(json.dumps({"cell": said, "terminal": shown}))
