/**
 * What the machine does: processor, memory, load, disks, file systems, network, as rows of the measurements `cpu`, `memory`,
 * `load`, `disk`, `filesystem` and `network`. Called once per interval by reporter.ts. On Linux it reads `/proc`; elsewhere
 * `node:os` gives processor, memory and load, and disks and network are absent. What cannot be read is left out, never an error.
 *
 * Rates and shares are those between two calls, so the first call has only what is true at a moment.
 *
 *     cpu         tag core ("total", "0", "1" …)   busy user system iowait steal            percent of that core
 *     memory                                       total used available cached swap_used     bytes;  used_percent
 *     load                                         load1 load5 load15
 *     disk        tag device                       reads_per_second writes_per_second read_bytes_per_second
 *                                                  written_bytes_per_second busy             percent of the time
 *     filesystem  tag path                         total used available                      bytes;  used_percent
 *     network     tag interface                    received_bytes_per_second received_packets_per_second
 *                                                  sent_bytes_per_second sent_packets_per_second
 *                                                  errors_per_second dropped_per_second
 */
import { readFileSync, statfsSync } from 'node:fs';
import * as os from 'node:os';
import type { Row } from './lines.ts';
import {
  type CpuTimes,
  type DiskCounters,
  type NetworkCounters,
  parseCpuTimes,
  parseDisks,
  parseMemory,
  parseNetwork,
} from './proc.ts';

/** Rows of one measurement; a machine with more cores, disks or interfaces reports the first ones. */
const ROWS_MAX = 256;

export interface HostOptions {
  /** Paths whose file systems are watched: where the data is. */
  readonly paths: readonly string[];
  /** Text of a file, null where there is none. Default: the real `/proc`. */
  readonly read?: (path: string) => string | null;
}

interface Reading {
  readonly atMs: number;
  readonly cpu: readonly CpuTimes[];
  readonly disks: readonly DiskCounters[];
  readonly network: readonly NetworkCounters[];
}

export class HostStats {
  readonly #paths: readonly string[];
  readonly #read: (path: string) => string | null;
  #before: Reading | null = null;

  constructor(options: HostOptions) {
    this.#paths = options.paths;
    this.#read = options.read ?? readOrNull;
  }

  /** `atMs` is a monotonic time: only differences of it are used. */
  rows(atMs: number): Row[] {
    const reading = this.#reading(atMs);
    const before = this.#before;
    this.#before = reading;
    const rows = [...memoryRows(this.#read('/proc/meminfo')), ...loadRows(), ...fileSystemRows(this.#paths)];
    if (before === null || atMs <= before.atMs) return rows;
    const seconds = (atMs - before.atMs) / 1000;
    rows.push(...pairs(before.cpu, reading.cpu, 'core').map(([a, b]) => cpuRow(a, b)));
    rows.push(...pairs(before.disks, reading.disks, 'device').map(([a, b]) => diskRow(a, b, seconds)));
    rows.push(...pairs(before.network, reading.network, 'interface').map(([a, b]) => networkRow(a, b, seconds)));
    return rows;
  }

  // private functions

  #reading(atMs: number): Reading {
    const stat = this.#read('/proc/stat');
    return {
      atMs,
      cpu: stat === null ? cpuTimesOfOs() : parseCpuTimes(stat),
      disks: parseDisks(this.#read('/proc/diskstats') ?? ''),
      network: parseNetwork(this.#read('/proc/net/dev') ?? ''),
    };
  }
}

// private functions

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function memoryRows(meminfo: string | null): Row[] {
  const memory = parseMemory(meminfo ?? '');
  const total = memory.get('MemTotal') ?? os.totalmem();
  const available = memory.get('MemAvailable') ?? os.freemem();
  const used = total - available;
  const swapUsed = memory.has('SwapTotal') ? memory.get('SwapTotal')! - (memory.get('SwapFree') ?? 0) : null;
  const cached = memory.get('Cached') ?? null;
  const fields = { total, used, available, cached, swap_used: swapUsed, used_percent: percent(used, total) };
  return [{ measurement: 'memory', tags: {}, fields }];
}

function loadRows(): Row[] {
  const [load1, load5, load15] = os.loadavg();
  return [{ measurement: 'load', tags: {}, fields: { load1, load5, load15 } }];
}

function fileSystemRows(paths: readonly string[]): Row[] {
  const rows: Row[] = [];
  for (const path of paths.slice(0, ROWS_MAX)) {
    try {
      const { bsize, blocks, bfree, bavail } = statfsSync(path);
      const used = (blocks - bfree) * bsize;
      const available = bavail * bsize;
      const fields = { total: blocks * bsize, used, available, used_percent: percent(used, used + available) };
      rows.push({ measurement: 'filesystem', tags: { path }, fields });
    } catch {
      // not there yet, or not allowed: nothing to say about it
    }
  }
  return rows;
}

/** What is in both readings, by its name. */
function pairs<T, K extends keyof T>(before: readonly T[], after: readonly T[], name: K): [T, T][] {
  const earlier = new Map(before.map((item) => [item[name], item]));
  const found: [T, T][] = [];
  for (const item of after) {
    const old = earlier.get(item[name]);
    if (old !== undefined && found.length < ROWS_MAX) found.push([old, item]);
  }
  return found;
}

function cpuRow(a: CpuTimes, b: CpuTimes): Row {
  const user = grown(a.user, b.user);
  const system = grown(a.system, b.system);
  const iowait = grown(a.iowait, b.iowait);
  const steal = grown(a.steal, b.steal);
  const all = user + system + iowait + steal + grown(a.idle, b.idle);
  const fields = {
    busy: percent(user + system + steal, all),
    user: percent(user, all),
    system: percent(system, all),
    iowait: percent(iowait, all),
    steal: percent(steal, all),
  };
  return { measurement: 'cpu', tags: { core: b.core }, fields };
}

function diskRow(a: DiskCounters, b: DiskCounters, seconds: number): Row {
  const fields = {
    reads_per_second: grown(a.reads, b.reads) / seconds,
    writes_per_second: grown(a.writes, b.writes) / seconds,
    read_bytes_per_second: grown(a.readBytes, b.readBytes) / seconds,
    written_bytes_per_second: grown(a.writtenBytes, b.writtenBytes) / seconds,
    busy: Math.min(100, percent(grown(a.busyMs, b.busyMs), seconds * 1000)),
  };
  return { measurement: 'disk', tags: { device: b.device }, fields };
}

function networkRow(a: NetworkCounters, b: NetworkCounters, seconds: number): Row {
  const fields = {
    received_bytes_per_second: grown(a.receivedBytes, b.receivedBytes) / seconds,
    received_packets_per_second: grown(a.receivedPackets, b.receivedPackets) / seconds,
    sent_bytes_per_second: grown(a.sentBytes, b.sentBytes) / seconds,
    sent_packets_per_second: grown(a.sentPackets, b.sentPackets) / seconds,
    errors_per_second: grown(a.errors, b.errors) / seconds,
    dropped_per_second: grown(a.dropped, b.dropped) / seconds,
  };
  return { measurement: 'network', tags: { interface: b.interface }, fields };
}

/** A counter that went back (a device came anew, a counter wrapped) has grown by nothing we know of. */
function grown(before: number, after: number): number {
  return Math.max(0, after - before);
}

function percent(part: number, whole: number): number {
  return whole > 0 ? (100 * part) / whole : 0;
}

function cpuTimesOfOs(): CpuTimes[] {
  const cores = os.cpus().map(({ times }, i) => ({
    core: String(i),
    user: times.user + times.nice,
    system: times.sys + times.irq,
    idle: times.idle,
    iowait: 0,
    steal: 0,
  }));
  const total = { core: 'total', user: 0, system: 0, idle: 0, iowait: 0, steal: 0 };
  for (const core of cores) {
    total.user += core.user;
    total.system += core.system;
    total.idle += core.idle;
  }
  return [total, ...cores];
}
