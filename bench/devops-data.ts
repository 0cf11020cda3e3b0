/** The CPU lines of the TSBS devops case: hosts with ten tags, ten integer fields that walk between 0 and 100. The same in every run. */

export const CPU_FIELDS: readonly string[] = [
  'usage_user',
  'usage_system',
  'usage_idle',
  'usage_nice',
  'usage_iowait',
  'usage_irq',
  'usage_softirq',
  'usage_steal',
  'usage_guest',
  'usage_guest_nice',
];

export interface DevopsCase {
  readonly hosts: number;
  /** Points of each host. */
  readonly points: number;
  /** ns. */
  readonly start: bigint;
  readonly step: bigint;
  readonly linesPerBody: number;
}

/** Bodies of line protocol by time, all hosts at each. */
export function* devopsBodies({ hosts, points, start, step, linesPerBody }: DevopsCase): Generator<Buffer> {
  const random = seeded(1);
  const heads = Array.from({ length: hosts }, (_, h) => headOf(h));
  const walks = Array.from({ length: hosts * CPU_FIELDS.length }, () => Math.floor(random() * 100));
  let lines: string[] = [];
  for (let p = 0; p < points; p++) {
    const time = start + BigInt(p) * step;
    for (let h = 0; h < hosts; h++) {
      const fields = CPU_FIELDS.map((name, f) => {
        const i = h * CPU_FIELDS.length + f;
        walks[i] = Math.min(100, Math.max(0, walks[i] + Math.floor(random() * 5) - 2));
        return `${name}=${walks[i]}i`;
      });
      lines.push(`${heads[h]} ${fields.join(',')} ${time}`);
      if (lines.length < linesPerBody) continue;
      yield Buffer.from(`${lines.join('\n')}\n`);
      lines = [];
    }
  }
  if (lines.length > 0) yield Buffer.from(`${lines.join('\n')}\n`);
}

/** Mulberry32. */
export function seeded(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

// private functions

function headOf(h: number): string {
  const region = ['us-east-1', 'us-west-1', 'eu-west-1', 'eu-central-1', 'ap-southeast-2'][h % 5];
  const tags = [
    `hostname=host_${h}`,
    `region=${region}`,
    `datacenter=${region}${'abc'[h % 3]}`,
    `rack=${h % 100}`,
    'os=Ubuntu16.04LTS',
    'arch=x64',
    `team=${['SF', 'NYC', 'LON', 'CHI'][h % 4]}`,
    `service=${h % 20}`,
    `service_version=${h % 2}`,
    `service_environment=${['production', 'staging', 'test'][h % 3]}`,
  ];
  return `cpu,${tags.join(',')}`;
}
