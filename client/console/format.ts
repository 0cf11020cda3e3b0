/** Numbers and times as people read them. Pure; always the reader's own time zone. */

export type Unit = 'percent' | 'bytes' | 'bytes/s' | 'ms' | 'rate' | 'number';

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
const COUNT_UNITS = ['', 'k', 'M', 'G', 'T'];

/** Value and unit apart, so that a tile can set the unit smaller. */
export function formatParts(value: number | null | undefined, unit: Unit): { text: string; unit: string } {
  if (value === null || value === undefined || !Number.isFinite(value)) return { text: '–', unit: '' };
  switch (unit) {
    case 'percent':
      return { text: value.toFixed(value !== 0 && Math.abs(value) < 10 ? 1 : 0), unit: '%' };
    case 'bytes':
      return scaled(value, 1024, BYTE_UNITS);
    case 'bytes/s': {
      const parts = scaled(value, 1024, BYTE_UNITS);
      return { text: parts.text, unit: `${parts.unit}/s` };
    }
    case 'ms':
      return Math.abs(value) < 1000 ? { text: digits(value), unit: 'ms' } : { text: digits(value / 1000), unit: 's' };
    case 'rate': {
      const parts = scaled(value, 1000, COUNT_UNITS);
      return { text: parts.text, unit: `${parts.unit}/s` };
    }
    case 'number':
      return Math.abs(value) >= 100_000 ? scaled(value, 1000, COUNT_UNITS) : { text: digits(value), unit: '' };
  }
}

export function formatValue(value: number | null | undefined, unit: Unit): string {
  const parts = formatParts(value, unit);
  if (parts.unit === '' || parts.unit === '%') return parts.text + parts.unit;
  return `${parts.text} ${parts.unit}`;
}

/** `14:03:07`, and with the day where it is not today. */
export function formatClock(ms: number, now: number): string {
  const date = new Date(ms);
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  const fraction = ms % 1000 === 0 ? '' : `.${String(Math.floor(((ms % 1000) + 1000) % 1000)).padStart(3, '0')}`;
  const sameDay = new Date(now).toDateString() === date.toDateString();
  return sameDay
    ? clock + fraction
    : `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clock}${fraction}`;
}

// private functions

function scaled(value: number, base: number, units: readonly string[]): { text: string; unit: string } {
  let step = 0;
  while (Math.abs(value) >= base && step < units.length - 1) {
    value /= base;
    step += 1;
  }
  return { text: step === 0 && base === 1024 ? String(Math.round(value)) : digits(value), unit: units[step] };
}

/** Three significant digits, no more than two behind the point. */
function digits(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && size < 0.01) return value.toExponential(0);
  if (Number.isInteger(value)) return String(value);
  return value.toFixed(size < 10 ? 2 : size < 100 ? 1 : 0);
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
