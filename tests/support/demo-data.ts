/**
 * Made-up telemetry for the fake server: answers the console's queries over `_internal` and pushes a row per series every second, so
 * that the console can be looked at and tested without a server. Smooth waves from the query's own text; nothing is stored.
 */
import type { FrameSeries, RowsFrame } from '../../client/protocol/index.ts';
import type { Asked, FakeAnswer, FakeOptions, FakeSession } from './fake-server.ts';

const CORES = 8;
const GIB = 2 ** 30;

interface Shape {
  readonly tags: readonly (Record<string, string> | undefined)[];
  readonly columns: readonly string[];
  readonly value: (at: number, series: number, column: number) => number | null;
}

const SHAPES: Readonly<Record<string, Shape>> = {
  cpu: {
    tags: [{ core: 'total' }, ...Array.from({ length: CORES }, (_, i) => ({ core: String(i) }))],
    columns: ['busy'],
    value: (at, s) => wave(at, s, 34, s === 0 ? 8 : 22),
  },
  points: {
    tags: [{ door: 'http' }, { door: 'udp' }, { door: 'internal' }],
    columns: ['points'],
    value: (at, s) => wave(at, s, [42_000, 9_000, 40][s], [12_000, 2_500, 3][s]),
  },
  write: {
    tags: [undefined],
    columns: ['write', 'fsync', 'push', 'query'],
    value: (at, _, c) => (c === 3 && at % 7 > 2 ? null : wave(at, c, [4, 1.6, 2.4, 18][c], [1.8, 0.5, 1.1, 9][c])),
  },
  memory: {
    tags: [undefined],
    columns: ['used', 'cached', 'total'],
    value: (at, _, c) => (c === 2 ? 16 * GIB : wave(at / 9, c, [6.1, 4][c] * GIB, 0.3 * GIB)),
  },
  load: {
    tags: [undefined],
    columns: ['1 min', '5 min', '15 min'],
    value: (at, _, c) => wave(at / (4 + 20 * c), c, 1.8, 0.8 / (c + 1)),
  },
  network: {
    tags: [{ interface: 'eth0' }, { interface: 'lo' }],
    columns: ['in', 'out'],
    value: (at, s, c) => wave(at, s * 2 + c, 3e6 / (s + 1) / (c + 1), 1e6),
  },
  disk: {
    tags: [{ device: 'vda' }],
    columns: ['read', 'written'],
    value: (at, _, c) => wave(at, c, [2e5, 8e6][c], [1e5, 3e6][c]),
  },
  clients: {
    tags: [undefined],
    columns: ['sessions', 'subscriptions', 'live queries'],
    value: (_, __, c) => [12, 118, 31][c],
  },
  process: {
    tags: [undefined],
    columns: ['resident', 'heap', 'buffers'],
    value: (at, _, c) => wave(at / 5, c, [410, 120, 64][c] * 2 ** 20, [12, 30, 4][c] * 2 ** 20),
  },
  filesystem: { tags: [{ path: '/var/lib/millrace' }], columns: ['used'], value: (at) => wave(at / 60, 1, 61, 1) },
  loop: { tags: [undefined], columns: ['p99', 'max'], value: (at, _, c) => wave(at, c, [1.2, 6][c], [0.5, 4][c]) },
};

/** What to pass to `startFakeServer`; `close` ends the pushing. */
export function demoOptions(): { options: FakeOptions; close(): void } {
  const timers = new Map<string, ReturnType<typeof setInterval>>();
  let sessions = 0;
  const names = new Map<FakeSession, number>();
  return {
    options: {
      query: demoQuery,
      live(session, frame) {
        if (!names.has(session)) names.set(session, sessions++);
        if (frame.op === 'unsubscribe') clearInterval(timers.get(`${names.get(session)} ${frame.id}`));
        if (frame.op !== 'subscribe') return;
        const shape = shapeOf(frame.q);
        if (shape === null) {
          session.send({
            op: 'error',
            id: frame.id,
            code: 'parse',
            message: 'error parsing query: found FORM, expected FROM at line 1, char 19',
            at: 18,
          });
          return;
        }
        session.send({ op: 'subscribed', id: frame.id, query: frame.q });
        const now = Math.floor(Date.now() / 1000);
        const span = frame.since === undefined ? 300 : 0;
        session.send(rows(frame.id, shape, now - span, now, 'snapshot'));
        const timer = setInterval(() => {
          const at = Math.floor(Date.now() / 1000);
          try {
            session.send(rows(frame.id, shape, at - 1, at, 'live'));
          } catch {
            clearInterval(timer);
          }
        }, 1000);
        timers.set(`${names.get(session)} ${frame.id}`, timer);
      },
    },
    close() {
      for (const timer of timers.values()) clearInterval(timer);
    },
  };
}

// private functions

function demoQuery({ q }: Asked): FakeAnswer {
  if (q.includes('TAG VALUES')) return table('load', ['key', 'value'], [['host', 'mill-01']]);
  if (q === 'SHOW DATABASES') return table('databases', ['name'], [['_internal'], ['sensors'], ['udp']]);
  if (q === 'SHOW MEASUREMENTS') {
    return table(
      'measurements',
      ['name'],
      ['cpu', 'disk', 'filesystem', 'load', 'memory', 'millrace', 'network', 'process'].map((n) => [n]),
    );
  }
  const shape = shapeOf(q);
  if (shape === null) {
    return { status: 400, body: { error: 'error parsing query: found FORM, expected FROM at line 1, char 19' } };
  }
  const now = Math.floor(Date.now() / 1000);
  return { status: 200, body: { results: [{ statement_id: 0, series: seriesOf(shape, now - 300, now) }] } };
}

function table(name: string, columns: string[], values: unknown[][]): FakeAnswer {
  return { status: 200, body: { results: [{ statement_id: 0, series: [{ name, columns, values }] }] } };
}

function shapeOf(q: string): Shape | null {
  const from = /\bFROM\s+"?(\w+)"?/i.exec(q)?.[1];
  if (from === undefined) return null;
  if (from === 'millrace')
    return SHAPES[q.includes('points_in') ? 'points' : q.includes('write_ms') ? 'write' : 'clients'];
  if (from === 'process') return SHAPES[q.includes('event_loop') ? 'loop' : 'process'];
  return SHAPES[from] ?? { tags: [], columns: [], value: () => null };
}

function rows(id: string, shape: Shape, from: number, to: number, phase: RowsFrame['phase']): RowsFrame {
  return { op: 'rows', id, phase, final: true, rev: 0, series: seriesOf(shape, from, to), cursor: `c${to}` };
}

function seriesOf(shape: Shape, from: number, to: number): FrameSeries[] {
  return shape.tags.map((tags, s) => {
    const values: (number | null)[][] = [];
    for (let at = from; at < to; at++) values.push([at * 1000, ...shape.columns.map((_, c) => shape.value(at, s, c))]);
    return { name: 'demo', ...(tags === undefined ? {} : { tags }), columns: ['time', ...shape.columns], values };
  });
}

function wave(at: number, seed: number, mean: number, swing: number): number {
  const noise = Math.sin(at * 12.9898 + seed * 78.233) * 43758.5453;
  const jitter = noise - Math.floor(noise) - 0.5;
  return Math.max(
    0,
    mean + swing * (0.7 * Math.sin(at / 23 + seed * 1.3) + 0.4 * Math.sin(at / 7 + seed) + 0.5 * jitter),
  );
}
