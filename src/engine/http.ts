/**
 * node's HTTP. An `import` of it reads each of its exports, of which some load a whole WebSocket client: 25 ms at every
 * start, against 3 ms this way.
 */
import type * as Http from 'node:http';

const http: typeof Http = process.getBuiltinModule('node:http');

export const { Agent, IncomingMessage, request } = http;
export type Agent = Http.Agent;
export type IncomingMessage = Http.IncomingMessage;
