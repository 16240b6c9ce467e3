/** Notes what goes wrong while a page is open: in its scripts, on the way to the tool, and on any way elsewhere. */
import type { BrowserContext, ConsoleMessage, Request, Response, WebSocket } from 'playwright-core';
import type { PageProblem } from './evidence.ts';

/** A page that fails in a loop is not told in full. */
const mostProblems = 100;
const mostCharacters = 300;

export class PageWatch {
  requests = 0;
  readonly problems: PageProblem[] = [];
  readonly #host: string;
  #afterCut = false;

  constructor(context: BrowserContext, host: string) {
    this.#host = host;
    context.on('weberror', (thrown) => {
      const error = thrown.error();
      this.#note('script', `script error: ${error.message}${placeOf(error.stack)}`);
    });
    context.on('console', (message) => this.#console(message));
    context.on('request', (request) => this.#request(request));
    context.on('requestfailed', (request) => this.#failed(request));
    context.on('response', (response) => this.#response(response));
    context.on('page', (page) => {
      page.on('websocket', (socket) => this.#websocket(socket));
      page.on('crash', () => this.#note('crash', 'the page crashed'));
    });
  }

  /** From here on, problems are what the page made of cut connections. */
  cut(): void {
    this.#afterCut = true;
  }

  #note(kind: PageProblem['kind'], text: string): void {
    if (this.problems.length >= mostProblems) return;
    const line = text.replace(/\s+/g, ' ').trim().slice(0, mostCharacters);
    if (this.problems.some((known) => known.text === line)) return;
    this.problems.push({ kind, text: line, afterCut: this.#afterCut });
  }

  #console(message: ConsoleMessage): void {
    if (message.type() !== 'error') return;
    // What the browser itself says of requests and websockets is noted where they fail, with their addresses.
    const own = message.args().length === 0;
    if (own && /^(Failed to load resource|WebSocket connection to)/.test(message.text())) return;
    this.#note('console', `console error: ${message.text()}`);
  }

  #request(request: Request): void {
    const address = new URL(request.url());
    if (!/^(https?|wss?):$/.test(address.protocol)) return;
    if (address.hostname === this.#host) this.requests++;
    else this.#note('elsewhere', `asks ${address.host}: ${request.method()} ${request.url()}`);
  }

  #failed(request: Request): void {
    const reason = request.failure()?.errorText ?? 'failed';
    // A page may give up what it has asked for.
    if (!this.#isTool(request.url()) || reason === 'net::ERR_ABORTED') return;
    this.#note('request', `${request.method()} ${pathOf(request.url())} failed: ${reason}`);
  }

  #response(response: Response): void {
    if (response.status() < 400 || !this.#isTool(response.url())) return;
    const { method, url } = { method: response.request().method(), url: response.url() };
    this.#note('response', `${method} ${pathOf(url)} answered ${response.status()}`);
  }

  #websocket(socket: WebSocket): void {
    if (!this.#isTool(socket.url())) {
      this.#note('elsewhere', `asks ${new URL(socket.url()).host}: websocket ${socket.url()}`);
      return;
    }
    this.requests++;
    socket.on('socketerror', (reason) =>
      this.#note('websocket', `websocket ${pathOf(socket.url())} failed: ${reason}`),
    );
  }

  #isTool = (url: string): boolean => new URL(url).hostname === this.#host;
}

const pathOf = (url: string): string => new URL(url).pathname;

/** Where a script failed: the first place that its stack names. */
function placeOf(stack: string | undefined): string {
  const [, url, line] = /(https?:\/\/[^\s()]+?):(\d+):\d+/.exec(stack ?? '') ?? [];
  return url === undefined ? '' : ` (${pathOf(url)}:${line})`;
}
