import { expect } from 'chai';
import { HostStats, ProcessStats } from '../../../../server/telemetry/index.ts';

const STAT = `cpu  100 10 50 800 20 5 5 10 0 0
cpu0 100 10 50 800 20 5 5 10 0 0
intr 1 2 3
`;
const STAT_LATER = `cpu  140 10 60 840 20 5 5 20 0 0
cpu0 140 10 60 840 20 5 5 20 0 0
cpu1 1 1 1 1 1 1 1 1 0 0
`;
const MEMINFO = `MemTotal:       1000 kB
MemFree:         100 kB
MemAvailable:    250 kB
Cached:           50 kB
SwapTotal:        20 kB
SwapFree:         15 kB
HugePages_Total:   0
`;
const DISKS = `   7       0 loop0 9 0 9 9 9 0 9 9 0 9 9 0 0 0 0 0 0
 254       0 vda 100 0 1000 10 50 0 400 10 0 200 20 0 0 0 0 0 0
 254       1 vda1 100 0 1000 10 50 0 400 10 0 200 20 0 0 0 0 0 0
 259       0 nvme0n1 1 0 1 1 1 0 1 1 0 1 1
 259       1 nvme0n1p1 1 0 1 1 1 0 1 1 0 1 1
 254      16 vdb 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
`;
const DISKS_LATER = DISKS.replace('100 0 1000 10 50 0 400 10 0 200', '110 0 1200 10 150 0 1400 10 0 1200');
const NETWORK = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:  1000      10    0    0    0     0          0         0     1000      10    0    0    0     0       0          0
  eth0:0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
`;
const NETWORK_LATER = NETWORK.replace('1000      10    0    0', '3000      30    1    2').replace(
  '1000      10    0    0',
  '5000      50    3    4',
);

/** The loop is blocked for so long, and asked every 50 ms whether it is late: what it says is less by up to that. */
const BLOCKED_MS = 200;
const NOTICED_MS = 100;

describe('host statistics', () => {
  it('takes shares and rates from what two readings of /proc differ by', () => {
    let later = false;
    const host = new HostStats({
      paths: [],
      read: (path) =>
        ({
          '/proc/stat': later ? STAT_LATER : STAT,
          '/proc/meminfo': MEMINFO,
          '/proc/diskstats': later ? DISKS_LATER : DISKS,
          '/proc/net/dev': later ? NETWORK_LATER : NETWORK,
        })[path] ?? null,
    });
    const first = host.rows(1000);
    expect(first.map(({ measurement }) => measurement)).to.deep.equal(['memory', 'load']);
    expect(first[0].fields).to.deep.equal({
      total: 1_024_000,
      available: 256_000,
      used: 768_000,
      cached: 51_200,
      swap_used: 5120,
      used_percent: 75,
    });
    later = true;
    const rows = host.rows(3000).slice(2);
    const busy = { busy: 60, user: 40, system: 10, iowait: 0, steal: 10 };
    expect(rows).to.deep.equal([
      { measurement: 'cpu', tags: { core: 'total' }, fields: busy },
      { measurement: 'cpu', tags: { core: '0' }, fields: busy },
      {
        measurement: 'disk',
        tags: { device: 'vda' },
        fields: {
          reads_per_second: 5,
          writes_per_second: 50,
          read_bytes_per_second: 51_200,
          written_bytes_per_second: 256_000,
          busy: 50,
        },
      },
      {
        measurement: 'disk',
        tags: { device: 'nvme0n1' },
        fields: {
          reads_per_second: 0,
          writes_per_second: 0,
          read_bytes_per_second: 0,
          written_bytes_per_second: 0,
          busy: 0,
        },
      },
      {
        measurement: 'network',
        tags: { interface: 'lo' },
        fields: {
          received_bytes_per_second: 1000,
          received_packets_per_second: 10,
          sent_bytes_per_second: 2000,
          sent_packets_per_second: 20,
          errors_per_second: 2,
          dropped_per_second: 3,
        },
      },
    ]);
  });

  it('says nothing negative when counters begin anew', () => {
    let text = STAT_LATER;
    const host = new HostStats({ paths: [], read: (path) => (path === '/proc/stat' ? text : '') });
    host.rows(0);
    text = STAT;
    for (const { fields } of host.rows(1000)) {
      for (const value of Object.values(fields)) expect(value ?? 0).to.be.at.least(0);
    }
  });

  it('has processor, memory and load where there is no /proc', () => {
    const host = new HostStats({ paths: ['/', '/no/such/path'], read: () => null });
    host.rows(0);
    const rows = host.rows(1000);
    expect(new Set(rows.map(({ measurement }) => measurement))).to.deep.equal(
      new Set(['memory', 'load', 'filesystem', 'cpu']),
    );
    const fileSystems = rows.filter(({ measurement }) => measurement === 'filesystem');
    expect(fileSystems.map(({ tags }) => tags)).to.deep.equal([{ path: '/' }]);
    expect(rows.find(({ measurement }) => measurement === 'memory')!.fields['total']).to.be.greaterThan(0);
  });
});

describe('process statistics', () => {
  it('notices a blocked event loop, and only once', async () => {
    const stats = new ProcessStats(performance.now());
    await block();
    expect(stats.takeLag().maxMs).to.be.greaterThan(NOTICED_MS);
    expect(stats.takeLag()).to.deep.equal({ p50Ms: 0, p99Ms: 0, maxMs: 0 });
    const { fields } = stats.row(performance.now());
    expect(fields['rss_bytes']).to.be.greaterThan(1e6);
    expect(fields['cpu']).to.be.greaterThan(0);
    stats.close();
  });

  it('asks nothing of the event loop while its delays are not watched', async () => {
    const stats = new ProcessStats(performance.now());
    stats.watchLag(false);
    await block();
    expect(stats.takeLag()).to.deep.equal({ p50Ms: 0, p99Ms: 0, maxMs: 0 });
    stats.watchLag(true);
    await block();
    expect(stats.takeLag().maxMs).to.be.greaterThan(NOTICED_MS);
    stats.close();
  });
});

// private functions

/** Questions are asked before and behind it. */
async function block(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 120));
  const until = performance.now() + BLOCKED_MS;
  while (performance.now() < until);
  await new Promise((resolve) => setTimeout(resolve, 120));
}
