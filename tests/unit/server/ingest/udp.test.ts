/** The UDP door, with real sockets on loopback. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { expect } from 'chai';
import { openUdpDoor, type UdpDoor, type UdpDoorOptions } from '../../../../server/ingest/index.ts';

describe('udp door', () => {
  let door: UdpDoor;
  let sender: Socket;
  let bodies: { text: string; datagrams: number }[];
  let counts: Record<string, number>;

  beforeEach(() => {
    sender = createSocket('udp4');
    bodies = [];
    counts = {};
  });

  afterEach(async () => {
    sender.close();
    await door.close();
  });

  async function open(options: Partial<UdpDoorOptions> = {}): Promise<void> {
    door = await openUdpDoor({
      host: '127.0.0.1',
      port: 0,
      submit: async (lines, datagrams) => {
        bodies.push({ text: new TextDecoder().decode(lines), datagrams });
        return { malformed: 0 };
      },
      count: (reason, n) => {
        counts[reason] = (counts[reason] ?? 0) + n;
      },
      ...options,
    });
  }

  function send(...datagrams: string[]): Promise<unknown> {
    return Promise.all(
      datagrams.map(
        (text) =>
          new Promise<void>((resolve, reject) =>
            sender.send(text, door.address.port, '127.0.0.1', (error) => (error ? reject(error) : resolve())),
          ),
      ),
    );
  }

  async function until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
  }

  it('gathers datagrams to bodies of whole lines', async () => {
    await open();
    await send('m v=1', 'm v=2\nm v=3', 'm v=4\n');
    await until(() => counts['received'] === 3);
    await door.close();
    expect(bodies.map((b) => b.datagrams).reduce((a, b) => a + b)).equal(3);
    const lines = bodies.flatMap((b) => b.text.split('\n').filter((line) => line !== ''));
    expect(lines.sort()).deep.equal(['m v=1', 'm v=2', 'm v=3', 'm v=4']);
  });

  it('submits a datagram alone that would swallow the next', async () => {
    await open();
    const odd = ['m s="open', 'm v=1\\', 'm,a=" s="x'];
    await send('m v=1', ...odd, 'm s="closed \\" x"', 'm v=2');
    await until(() => counts['received'] === 6);
    await door.close();
    for (const text of odd) expect(bodies).deep.include({ text: `${text}\n`, datagrams: 1 });
    expect(bodies.map((b) => b.datagrams).reduce((a, b) => a + b)).equal(6);
  });

  it('drops and counts beyond its queue while writes hang, and goes on afterwards', async () => {
    let release: () => void = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    await open({
      queueBytesMax: 1000,
      bodiesInFlightMax: 1,
      submit: async (lines, datagrams) => {
        await held;
        bodies.push({ text: new TextDecoder().decode(lines), datagrams });
        return { malformed: 2 };
      },
    });
    for (let i = 0; i < 40; i++) {
      await send(`m v=${i}`);
      await until(() => counts['received'] === i + 1);
    }
    await until(() => (counts['queue_full'] ?? 0) > 0);
    release();
    await door.close();
    const kept = bodies.reduce((sum, b) => sum + b.datagrams, 0);
    expect(kept > 0 && kept + counts['queue_full'] === 40).equal(true);
    expect(counts['malformed']).equal(2 * bodies.length);
  });

  it('counts datagrams that are too long, and those whose write failed', async () => {
    await open({
      datagramBytesMax: 10,
      submit: async () => {
        throw new Error('no such database');
      },
    });
    await send('m v=1', 'm v=123456789');
    await until(() => counts['received'] === 2);
    await door.close();
    expect(counts).deep.equal({ received: 2, oversized: 1, failed: 1 });
  });

  it('counts what the kernel drops', async function () {
    if (process.platform !== 'linux') this.skip();
    await open({ recvBufferBytes: 4096 });
    const text = `m v="${'x'.repeat(1000)}"`;
    const sent = 300;
    for (let i = 0; i < sent; i++) sender.send(text, door.address.port, '127.0.0.1');
    // The first look that finds drops may come a moment after them.
    await until(() => (counts['received'] ?? 0) + (counts['kernel'] ?? 0) >= sent);
    expect(counts['received'] + (counts['kernel'] ?? 0)).equal(sent);
  });

  it('closes twice, and cannot be opened where somebody else listens', async () => {
    await open();
    const other = createSocket('udp4');
    other.bind(0, '127.0.0.1');
    await once(other, 'listening');
    const refused = await openUdpDoor({
      host: '127.0.0.1',
      port: other.address().port,
      submit: async () => ({ malformed: 0 }),
      count: () => {},
    }).catch((error: NodeJS.ErrnoException) => error.code);
    expect(refused).equal('EADDRINUSE');
    other.close();
    await Promise.all([door.close(), door.close()]);
  });
});
