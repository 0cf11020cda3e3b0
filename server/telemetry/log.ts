/**
 * The log: one JSON object a line, to stderr. Made once per thread by the composition root and passed to whoever has something to
 * say; there is no global. A line has `time`, `level`, `message`, then the fields. It never throws: a value that cannot be written
 * as JSON is written as text. It does not rotate, buffer or send anything anywhere.
 */

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';
export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  /** A logger whose lines also have these fields. */
  with(fields: LogFields): Logger;
}

export interface LogOptions {
  readonly level: LogLevel;
  /** Takes one line with its line end. Default: stderr. */
  readonly write?: (line: string) => void;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

export const LOG_LEVELS: readonly LogLevel[] = ['error', 'warn', 'info', 'debug'];

/** A line may not be longer, 16 KiB: a stack trace fits, a body that somebody logs by mistake does not. */
const LINE_LENGTH_MAX = 16 * 1024;

export function openLog(options: LogOptions): Logger {
  const { level, write = writeStderr, now = Date.now } = options;
  return makeLogger(LOG_LEVELS.indexOf(level), write, now, {});
}

// private functions

function makeLogger(max: number, write: (line: string) => void, now: () => number, common: LogFields): Logger {
  function at(level: LogLevel): (message: string, fields?: LogFields) => void {
    if (LOG_LEVELS.indexOf(level) > max) return ignore;
    return (message, fields) => write(lineOf(now(), level, message, { ...common, ...fields }));
  }
  return {
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
    with: (fields) => makeLogger(max, write, now, { ...common, ...fields }),
  };
}

function lineOf(time: number, level: LogLevel, message: string, fields: LogFields): string {
  const head = { time: new Date(time).toISOString(), level, message };
  let line: string;
  try {
    line = JSON.stringify({ ...head, ...rest(head, fields) }, plain);
  } catch (error) {
    line = JSON.stringify({ ...head, fields: `not writable as json: ${error}` });
  }
  if (line.length > LINE_LENGTH_MAX) {
    line = JSON.stringify({ ...head, message: message.slice(0, LINE_LENGTH_MAX / 4), truncated: line.length });
  }
  return line + '\n';
}

/** `time`, `level` and `message` first, whatever the fields are called. */
function rest(head: Record<string, unknown>, fields: LogFields): LogFields {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !Object.hasOwn(head, name)));
}

function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (!(value instanceof Error)) return value;
  const { name, message, stack, cause } = value;
  const code = (value as { code?: unknown }).code;
  return { name, message, code, stack, cause };
}

function writeStderr(line: string): void {
  process.stderr.write(line);
}

function ignore(): void {}
