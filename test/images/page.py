"""A tool with one page, which the variable PAGE names: right ones, and each way to be wrong."""

import asyncio
import os

import uvicorn
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute

page = os.environ["PAGE"]
neighbour = os.environ.get("NEIGHBOUR", "")


def socket(path):
    return f"""
      const main = document.querySelector('main');
      const open = () => {{
        const socket = new WebSocket(location.href.replace(/^http/, 'ws').replace(/[^/]*$/, '{path}'));
        socket.onopen = () => socket.send('hello');
        socket.onmessage = ({{data}}) => {{ main.textContent = data; }};
        socket.onclose = () => {{ main.append(', gone'); closed(); }};
      }};
      open();"""


pages = {
    "right": f"""<title>Right</title><link rel=icon href="data:,"><main>Loading</main><script src="main.js"></script>
        <img src="data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=">
        <script>
          const closed = () => setTimeout(open, 500);
          {socket("ws")}
          new Worker(URL.createObjectURL(new Blob(['postMessage(1)'])));
          const giveUp = new AbortController();
          fetch('slow', {{signal: giveUp.signal}}).catch(() => 0);
          setTimeout(() => giveUp.abort(), 300);
          if (!crypto.subtle) throw new Error('not as behind https');
        </script>""",
    "script-error": """<title>Oh</title><h1>Ready</h1>
        <script>setTimeout(() => { undefined.boom }, 200)</script>
        <script>console.error('no \\x1b[31mdata', 42)</script>""",
    "missing-script": '<title>Oh</title><h1>Ready</h1><script src="missing.js"></script>',
    "allowed": '<title>Oh</title><h1>Ready</h1><script src="missing.js"></script>',
    "elsewhere": f"""<h1>Ready</h1><img src="https://example.com/pixel.png?x=1">
        <script>fetch('http://127.0.0.1:{neighbour}/spy', {{mode: 'no-cors'}}).catch(() => 0)</script>
        <script>new WebSocket('ws://127.0.0.1:{neighbour}/spy')</script>""",
    "never": '<title>Not yet</title><h1>Loading</h1><h1 style="display:none">Ready</h1>',
    "covered": '<h1>Ready</h1><div style="position: fixed; inset: 0; background: white">Loading</div>',
    "refused-socket": f"<main>Ready</main><script>const closed = () => 0; {socket('refused')}</script>",
    "cut-socket": f"<main></main><script>const closed = () => {{ throw new Error('lost') }}; {socket('ws')}</script>",
    "left-socket": f"<main></main><script>const closed = () => {{ main.textContent = 'Sorry' }}; {socket('ws')}</script>",
    "prefix-blind": '<h1>Ready</h1><script src="/main.js"></script>',
    "slow": "<h1>Ready</h1>",
    "too-slow": "<h1>Ready</h1>",
    "blank": "<title>White</title><div></div>",
    "frame": "<title>Frame</title><iframe srcdoc='<canvas id=desk></canvas>'></iframe>",
}


async def document(request):
    if page == "slow":
        await asyncio.sleep(2)
    if page == "too-slow":
        await asyncio.sleep(60)
    return HTMLResponse(f'<!doctype html><meta charset="utf-8">{pages[page]}')


async def slow(request):
    await asyncio.sleep(5)
    return Response()


async def echo(websocket):
    await websocket.accept()
    async for text in websocket.iter_text():
        forwarded = {k: v for k, v in websocket.headers.items() if k.startswith("x-forwarded") and k != "x-forwarded-for"}
        await websocket.send_text(f"echo {text} {websocket.headers['host']} {forwarded}")


async def refused(websocket):
    await websocket.close()


routes = [
    Route("/", document),
    Route("/health", lambda _: JSONResponse("well")),
    Route("/main.js", lambda _: Response("// nothing to do", media_type="text/javascript")),
    Route("/slow", slow),
    WebSocketRoute("/ws", echo),
    WebSocketRoute("/refused", refused),
]
base = os.environ.get("BASE", "")
app = Starlette(routes=[Mount(base, routes=routes), *routes] if base else routes)
uvicorn.run(app, host="0.0.0.0", port=8888, timeout_graceful_shutdown=1)
