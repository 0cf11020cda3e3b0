/**
 * Run by `npm test` before the tests: sees to the programs that they start beside Node. On Debian as root a missing one is installed
 * with apt-get; elsewhere one line names what is missing, and the tests that need it fail and say so.
 */
import { spawnSync } from 'node:child_process';

const PROGRAMS = [
  { program: 'nats-server', debian: 'nats-server', purpose: 'the JetStream broker in the conformance suite' },
  { program: 'influxd', debian: 'influxdb', purpose: 'the reference of the differential tests' },
  { program: 'influx', debian: 'influxdb-client', purpose: 'the shell that must work unmodified' },
  { program: 'chromium', debian: 'chromium', purpose: 'the console and the browser build of the SDK' },
];

const missing = PROGRAMS.filter(({ program }) => !present(program));
if (missing.length > 0) install(missing.map((m) => m.debian));
for (const { program, purpose } of missing) {
  if (!present(program)) console.error(`missing: ${program} (${purpose}); install it and run npm test again`);
}

// private functions

function present(program: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
}

function install(packages: string[]): void {
  if (!present('apt-get') || process.getuid?.() !== 0) return;
  console.error(`installing for the tests: ${packages.join(', ')}`);
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const run = (args: string[]): void => {
    const { status, stderr } = spawnSync('apt-get', args, { env: environment, encoding: 'utf8' });
    if (status !== 0) console.error(stderr.trim().split('\n').slice(-3).join('\n'));
  };
  run(['update', '-qq']);
  run(['install', '-y', '-qq', '--no-install-recommends', ...packages]);
}
