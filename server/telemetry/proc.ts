/**
 * Readers of the texts of Linux's `/proc`: each gives the counters in them, in bytes, milliseconds or counts since boot. Called by
 * host.ts. Pure: text in, numbers out; a line that does not look as expected is left out, as kernels add columns and devices.
 */

/** Time spent by a core since boot, in ticks of whatever length: only shares of them are used. */
export interface CpuTimes {
  readonly core: string;
  readonly user: number;
  readonly system: number;
  readonly idle: number;
  readonly iowait: number;
  readonly steal: number;
}

export interface DiskCounters {
  readonly device: string;
  readonly reads: number;
  readonly readBytes: number;
  readonly writes: number;
  readonly writtenBytes: number;
  /** Milliseconds in which at least one request was under way. */
  readonly busyMs: number;
}

export interface NetworkCounters {
  readonly interface: string;
  readonly receivedBytes: number;
  readonly receivedPackets: number;
  readonly sentBytes: number;
  readonly sentPackets: number;
  readonly errors: number;
  readonly dropped: number;
}

/** The kernel counts sectors of 512 bytes whatever the device has. */
const SECTOR_BYTES = 512;
/** Devices that are parts of others or of memory: their work would be counted twice, or is none. */
const NOT_A_DISK = /^(loop|ram|zram|fd|sr|dm-)\d*|^(sd|hd|vd|xvd)[a-z]+\d+$|^(nvme\d+n\d+|mmcblk\d+)p\d+$/;

/** `/proc/stat`: `total` first, then the cores by number. */
export function parseCpuTimes(text: string): CpuTimes[] {
  const times: CpuTimes[] = [];
  for (const line of text.split('\n')) {
    const match = /^cpu(\d*)\s+([\d ]+)$/.exec(line);
    if (match === null) continue;
    const [user, nice, system, idle, iowait = 0, irq = 0, softirq = 0, steal = 0] = match[2]
      .trim()
      .split(/\s+/)
      .map(Number);
    const core = match[1] === '' ? 'total' : match[1];
    times.push({ core, user: user + nice, system: system + irq + softirq, idle, iowait, steal });
  }
  return times;
}

/** `/proc/meminfo`: name → bytes. */
export function parseMemory(text: string): Map<string, number> {
  const memory = new Map<string, number>();
  for (const match of text.matchAll(/^(\w+):\s+(\d+) kB$/gm)) memory.set(match[1], Number(match[2]) * 1024);
  return memory;
}

/** `/proc/diskstats`: whole disks that have done something since boot. */
export function parseDisks(text: string): DiskCounters[] {
  const disks: DiskCounters[] = [];
  for (const line of text.split('\n')) {
    const parts = line.trim().split(/\s+/);
    if (parts.length < 13 || NOT_A_DISK.test(parts[2])) continue;
    const [reads, , readSectors, , writes, , writtenSectors, , , busyMs] = parts.slice(3).map(Number);
    if (reads + writes === 0) continue;
    disks.push({
      device: parts[2],
      reads,
      readBytes: readSectors * SECTOR_BYTES,
      writes,
      writtenBytes: writtenSectors * SECTOR_BYTES,
      busyMs,
    });
  }
  return disks;
}

/** `/proc/net/dev`: interfaces that have carried something since boot. */
export function parseNetwork(text: string): NetworkCounters[] {
  const interfaces: NetworkCounters[] = [];
  for (const line of text.split('\n')) {
    const match = /^\s*([^\s:]+):\s*([\d\s]+)$/.exec(line);
    if (match === null) continue;
    const n = match[2].trim().split(/\s+/).map(Number);
    if (n.length < 12 || n[0] + n[8] === 0) continue;
    interfaces.push({
      interface: match[1],
      receivedBytes: n[0],
      receivedPackets: n[1],
      sentBytes: n[8],
      sentPackets: n[9],
      errors: n[2] + n[10],
      dropped: n[3] + n[11],
    });
  }
  return interfaces;
}
