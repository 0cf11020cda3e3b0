/**
 * Line protocol for any points: printed and decoded they are the same, the fast way reads as the book does, whatever bytes come
 * nothing throws; and numbers are the nearest doubles.
 */
import { expect } from 'chai';
import fc from 'fast-check';
import { readLong } from '../../server/ingest/decimal.ts';
import { Decoding, type Point } from '../unit/server/ingest/decoding.ts';

const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const parameters = { seed, numRuns: 300 };

/** Texts that need every escape; no backslashes, which have no escape of their own in names. */
const name = fc
  .string({
    unit: fc.constantFrom('a', 'b', ',', ' ', '=', '"', 'é', '漢', '𝄞', '#', "'", '0'),
    minLength: 1,
    maxLength: 6,
  })
  .filter((text) => text !== 'time' && !/^[#, ]/.test(text));
const text = fc.string({ unit: fc.constantFrom('a', '"', '\\', '\n', ',', ' ', '=', 'ü', '\r', 'n'), maxLength: 8 });
const value = fc.oneof(
  fc.record({ type: fc.constant('f' as const), value: fc.double({ noNaN: true, noDefaultInfinity: true }) }),
  fc.record({ type: fc.constant('i' as const), value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) }),
  fc.record({ type: fc.constant('u' as const), value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) }),
  fc.record({ type: fc.constant('b' as const), value: fc.boolean() }),
  fc.record({ type: fc.constant('s' as const), value: text }),
);
const time = fc.oneof(fc.bigInt({ min: -(10n ** 18n), max: 4n * 10n ** 18n }), fc.bigInt({ min: 0n, max: 10n ** 6n }));
const point = fc.record({
  measurement: name,
  tags: fc.dictionary(name, name, { maxKeys: 4 }),
  fields: fc.dictionary(name, value, { minKeys: 1, maxKeys: 5 }),
  time,
});
type Printable = typeof point extends fc.Arbitrary<infer T> ? T : never;

describe(`line protocol, any points (SEED=${seed})`, () => {
  it('decode(print(points)) = points, at first sight and when all is known', () => {
    fc.assert(
      fc.property(fc.array(point, { minLength: 1, maxLength: 12 }), fc.constantFrom('', '\n'), (points, end) => {
        const typed = withTypesByFirstUse(points);
        const body = typed.map(print).join('\n') + end;
        const decoding = new Decoding();
        for (let round = 0; round < 3; round++) {
          const decoded = decoding.decode(body);
          expect(decoded.text).equal('');
          expect(sorted(decoded.points)).deep.equal(sorted(typed.map(plain)));
        }
      }),
      parameters,
    );
  });

  it('known lines are read as unknown ones, mutated as they may be, and nothing throws', () => {
    const warm = new Decoding();
    const bytes = fc.constantFrom(...[...'\n\r\\", =#-.19eituTf"\0\t'].map((c) => c.charCodeAt(0)), 0xff, 0xc3);
    const mutation = fc.record({ at: fc.nat(), byte: bytes, remove: fc.nat({ max: 2 }) });
    fc.assert(
      fc.property(
        fc.array(point, { minLength: 1, maxLength: 4 }),
        fc.array(mutation, { maxLength: 4 }),
        (points, mutations) => {
          const typed = withTypesByFirstUse(points);
          const clean = new TextEncoder().encode(`${[...typed, ...typed].map(print).join('\n')}\n`);
          let mutated = [...clean];
          for (const { at, byte, remove } of mutations) {
            mutated = mutated.toSpliced(at % mutated.length, remove, byte);
          }
          const fieldTypes = new Decoding();
          fieldTypes.decode(clean);
          // The decoder that has seen everything against one that has seen nothing; both know the same types.
          const request = { fieldTypes: fieldTypes.fieldTypes };
          warm.decode(clean, request);
          const known = warm.decode(new Uint8Array(mutated), request);
          const fresh = new Decoding().decode(new Uint8Array(mutated), request);
          expect(sorted(known.points)).deep.equal(sorted(fresh.points));
          expect([known.text, known.lines, known.rows]).deep.equal([fresh.text, fresh.lines, fresh.rows]);
        },
      ),
      { ...parameters, numRuns: 1000 },
    );
  });

  it('any bytes at all', () => {
    const decoding = new Decoding();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (body) => {
        const { rows, unparsed, refused, lines } = decoding.decode(body);
        expect(rows + unparsed + refused).equal(lines);
      }),
      parameters,
    );
  });

  it('decimals are the nearest doubles', () => {
    const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(digits, digits, (whole, fraction) => {
        const written = `${whole}.${fraction}`;
        const count = (whole + fraction).replace(/^0+/, '').length;
        const bytes = new TextEncoder().encode(written);
        expect(readLong(bytes, 0, bytes.length, count, fraction.length)).equal(Number(written));
        const decoded = new Decoding().decode(`m v=1.5 1\nm v=${written} 2\n`);
        expect(decoded.points[1].fields['v']).equal(Number(written));
      }),
      { ...parameters, numRuns: 2000 },
    );
  });
});

// private functions

/** A field keeps the type of its first point; later values of other types are replaced by that one's value. */
function withTypesByFirstUse(points: readonly Printable[]): Printable[] {
  const first = new Map<string, Printable['fields'][string]>();
  return points.map((p) => ({
    ...p,
    fields: Object.fromEntries(
      Object.entries(p.fields).map(([field, v]) => {
        const key = `${p.measurement}\0${field}`;
        const known = first.get(key) ?? v;
        first.set(key, known);
        return [field, known.type === v.type ? v : known];
      }),
    ),
  }));
}

function print(p: Printable): string {
  const tags = Object.entries(p.tags).map(([k, v]) => `,${escapeName(k)}=${escapeName(v)}`);
  const fields = Object.entries(p.fields).map(([k, v]) => `${escapeName(k)}=${printValue(v)}`);
  return `${escapeName(p.measurement)}${tags.join('')} ${fields.join(',')} ${p.time}`;
}

function escapeName(raw: string): string {
  return raw.replace(/[, =]/g, '\\$&');
}

function printValue(v: Printable['fields'][string]): string {
  if (v.type === 's') return `"${v.value.replace(/["\\]/g, '\\$&')}"`;
  if (v.type === 'f') return Object.is(v.value, -0) ? '-0' : String(v.value);
  return `${v.value}${v.type === 'b' ? '' : v.type}`;
}

function plain(p: Printable): Point {
  const fields = Object.fromEntries(Object.entries(p.fields).map(([k, v]) => [k, v.value]));
  return { measurement: p.measurement, tags: { ...p.tags }, fields, time: p.time };
}

/** In an order of their own, integers as bigint everywhere: a column may hold either. */
function sorted(points: readonly Point[]): string[] {
  return points
    .map((p) =>
      JSON.stringify([
        p.measurement,
        Object.entries(p.tags).sort(),
        Object.entries(p.fields).map(printable).sort(),
        String(p.time),
      ]),
    )
    .sort();
}

function printable([field, v]: [string, unknown]): [string, string, string] {
  const whole = typeof v === 'bigint' || (typeof v === 'number' && Number.isInteger(v));
  return [field, whole ? 'number' : typeof v, whole ? String(BigInt(v as number)) : String(v)];
}
