import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { extname } from 'node:path';
import { WebSocketServer } from 'ws';
import { FEELINGS } from '../../src/face/feelings';
import { FPS, SHAPES } from '../../src/face/names';

const STATIC = new URL('../../../src/emotalk/web/static/', import.meta.url);
const HEAD = new URL('../../../src/emotalk/head/head.glb', import.meta.url);
const KINDS: Record<string, string> = {
  '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.wav': 'audio/wav', '.glb': 'model/gltf-binary',
};

/** What a job answers: its frames in chunks, or a refusal. */
export interface Script { frames: number[][]; chunk: number; refusal?: object; queue?: number; hold?: Promise<void>; breakAfter?: number }

/** A gateway that speaks the real one's HTTP, server-sent events and WebSocket, and answers with frames that a test knows. */
export class Gateway {
  asked: { method: string; url: string; headers: IncomingMessage['headers'] }[] = [];
  script: Script = { frames: [], chunk: 30 };
  /** What came in over the live line. */
  live = { start: {} as Record<string, unknown>, bytes: 0, emotions: [] as unknown[] };
  private readonly server: Server;

  constructor() {
    this.server = createServer((request, response) => void this.answer(request, response));
    new WebSocketServer({ server: this.server, path: '/v1/stream' }).on('connection', (socket) => {
      const tell = (message: object): void => socket.send(JSON.stringify(message));
      let sent = 0;
      socket.on('message', (data: Buffer, binary) => {
        if (binary) {
          this.live.bytes += data.length;
          const due = Math.floor((this.live.bytes / 2 / Number(this.live.start.sample_rate)) * FPS) - 6;
          if (due > sent) socket.send(pack(sent, this.script.frames.slice(sent, due)));
          sent = Math.max(sent, due);
          return;
        }
        const message = JSON.parse(data.toString());
        if (message.type === 'start') this.live = { start: message, bytes: 0, emotions: [] }, tell({ type: 'started', request_id: 'take' });
        if (message.type === 'emotions') this.live.emotions.push(message.emotions);
        if (message.type === 'end') tell({ type: 'end', frames: sent });
      });
    });
  }

  async open(): Promise<string> {
    await new Promise<void>((done) => this.server.listen(0, '127.0.0.1', done));
    const { port } = this.server.address() as { port: number };
    return `http://127.0.0.1:${port}/`;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request, path = url.split('?')[0];
    for await (const _ of request);
    if (url.startsWith('/v1/')) this.asked.push({ method, url, headers });
    if (method === 'POST' && path === '/v1/jobs') return this.submit(response);
    if (path.endsWith('/events')) return this.events(headers, response);
    if (path.endsWith('/animation')) return void response.writeHead(200, { 'Content-Type': 'application/octet-stream' }).end('an animation');
    if (method === 'DELETE') return void response.writeHead(204).end();
    this.file(path === '/' ? 'index.html' : path.slice(1), response);
  }

  private submit(response: ServerResponse): void {
    const { refusal, queue = 1 } = this.script;
    if (refusal) json(response, 422, refusal, 'application/problem+json');
    else json(response, 202, { request_id: 'job', state: 'QUEUED', queue_position: queue });
  }

  private async events(headers: IncomingMessage['headers'], response: ServerResponse): Promise<void> {
    const { frames, chunk, queue = 1, hold, breakAfter } = this.script;
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    const tell = (event: string, data: object, id = ''): void => void response.write(`event: ${event}\n${id && `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`);
    tell('job', { request_id: 'job', state: 'QUEUED', queue_position: queue });
    await hold;
    for (let first = headers['last-event-id'] ? Number(headers['last-event-id']) + 1 : 0, n = 0; first < frames.length; first += chunk, n++) {
      if (breakAfter === n && !headers['last-event-id']) return void response.end();
      const rows = frames.slice(first, first + chunk);
      tell('chunk', { request_id: 'job', chunk_index: n, first_frame: first, frames: rows, feeling: felt(first, rows.length), is_final: first + chunk >= frames.length }, String(first + rows.length - 1));
    }
    tell('end', { request_id: 'job', frames: frames.length });
    response.end();
  }

  private file(name: string, response: ServerResponse): void {
    try {
      const body = readFileSync(name === 'head.glb' ? HEAD : new URL(name, STATIC));
      response.writeHead(200, { 'Content-Type': KINDS[extname(name)] ?? 'application/octet-stream' }).end(body);
    } catch {
      json(response, 404, { status: 404, detail: `path: ${name} is not here` }, 'application/problem+json');
    }
  }
}

function json(response: ServerResponse, status: number, body: object, kind = 'application/json'): void {
  response.writeHead(status, { 'Content-Type': kind }).end(JSON.stringify(body));
}

/** Joy in every step, and a voice that is half stirred. */
function felt(first: number, count: number): object {
  const first_step = Math.ceil(first / 3), steps = Array.from({ length: Math.ceil((first + count) / 3) - first_step });
  return { first_step, activation: steps.map(() => 0.5), drawn: steps.map(() => FEELINGS.map((name) => (name === 'joy' ? 0.8 : 0))) };
}

function pack(first: number, rows: number[][]): Buffer {
  const message = Buffer.alloc(8 + rows.length * SHAPES * 2);
  message.writeUInt32LE(first, 0);
  message.writeUInt32LE(rows.length, 4);
  rows.flat().forEach((weight, at) => message.writeUInt16LE(toHalf(weight), 8 + 2 * at));
  return message;
}

/** Enough of binary16 for weights in 0..1. */
function toHalf(value: number): number {
  if (value < 2 ** -14) return Math.round(value * 2 ** 24);
  const exponent = Math.floor(Math.log2(value));
  return ((exponent + 15) << 10) + Math.round((value / 2 ** exponent - 1) * 1024);
}
