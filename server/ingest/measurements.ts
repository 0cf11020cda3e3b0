/**
 * What a decoder remembers of a measurement: its fields as numbered slots, the order in which lines bring them, and the batches
 * being built of it. Slots last as long as the decoder's memory; their types are taken anew from `FieldTypes` in every body.
 */
import { FIELD_TYPES, shardSeed } from '../../model/index.ts';
import type { BatchBuilder, BatchOwner } from './batch-builder.ts';
import type { FieldTypes, KnownFields } from './field-types.ts';
import { grown } from './known-series.ts';

export const UNKNOWN_KIND = -1;
const SLOTS_MIN = 16;

export class MeasurementMemory implements BatchOwner {
  readonly id: number;
  readonly database: string;
  readonly retentionPolicy: string;
  readonly name: string;
  readonly seed: number;
  readonly #bytes: Uint8Array;
  /** Body in which it was last met. */
  body = 0;
  full = false;
  /** Types were assumed in the last body: they may not hold. */
  assumed = false;
  names: string[] = [];
  /** Type per slot, index in FIELD_TYPES; UNKNOWN_KIND = never written. */
  kinds = new Int8Array(SLOTS_MIN).fill(UNKNOWN_KIND);
  /** Names as written with the equals sign, end to end. */
  nameBytes = new Uint8Array(256);
  nameView = new DataView(this.nameBytes.buffer);
  nameFrom = new Uint32Array(SLOTS_MIN);
  nameTo = new Uint32Array(SLOTS_MIN);
  /** After slot s mostly comes slot next[s + 1]; next[0] is the first of a line. −1 = no idea. */
  next = new Int32Array(SLOTS_MIN + 1).fill(-1);
  /** Index = shard: the batch that rows go to first. */
  builders: (BatchBuilder | undefined)[] = [];
  /** Batches of other time spans, by shard and span. Of this body only. */
  others: Map<string, BatchBuilder> | null = null;
  #bytesUsed = 0;
  #slotOf = new Map<string, number>();
  #known: KnownFields | undefined;
  #version = 0;
  /** Slot + 1 by hash of the name as written. */
  #table = new Int32Array(4 * SLOTS_MIN);

  constructor(id: number, database: string, retentionPolicy: string, name: string) {
    this.id = id;
    this.database = database;
    this.retentionPolicy = retentionPolicy;
    this.name = name;
    this.seed = shardSeed(database, name);
    this.#bytes = new TextEncoder().encode(name);
  }

  /** Is that its name, without escapes? */
  isSpelled(body: Uint8Array, from: number, to: number): boolean {
    const bytes = this.#bytes;
    if (to - from !== bytes.length) return false;
    for (let i = 0; i < bytes.length; i++) if (body[from + i] !== bytes[i]) return false;
    return true;
  }

  /** Its name as line protocol spells it. */
  get escapedName(): string {
    return this.name.replace(/[, =\\]/g, '\\$&');
  }

  /** At the first line of a body. */
  begin(body: number, fieldTypes: FieldTypes): void {
    this.body = body;
    this.others = null;
    const known = fieldTypes.lookup(this.database, this.retentionPolicy, this.name);
    if (known !== undefined && known === this.#known && known.version === this.#version && !this.assumed) return;
    this.#known = known;
    this.#version = known?.version ?? 0;
    this.assumed = false;
    this.full = known?.full ?? false;
    for (let slot = 0; slot < this.names.length; slot++) this.kinds[slot] = kindOf(known, this.names[slot]);
    if (known === undefined) return;
    for (const name of known.fields.keys()) this.slotOf(name, known);
  }

  /** Type of a field by name, UNKNOWN_KIND where it was never written. */
  kindOf(name: string): number {
    const slot = this.#slotOf.get(name);
    return slot === undefined ? UNKNOWN_KIND : this.kinds[slot];
  }

  /** The slot of a field's name, made where it is new. */
  slotOf(name: string, known?: KnownFields): number {
    let slot = this.#slotOf.get(name);
    if (slot !== undefined) return slot;
    slot = this.names.length;
    if (slot === this.nameFrom.length) this.#grow();
    this.names.push(name);
    this.#slotOf.set(name, slot);
    this.kinds[slot] = kindOf(known, name);
    this.nameFrom[slot] = this.nameTo[slot] = 0;
    return slot;
  }

  /** Lets the fast way know how a field is written. Names with a double backslash are read differently by different rules: never. */
  learnSpelling(slot: number, body: Uint8Array, from: number, to: number): void {
    if (this.nameTo[slot] > 0) return;
    for (let i = from; i < to; i++) if (body[i] < 32 || (body[i] === 92 && body[i + 1] === 92)) return;
    const length = to - from + 1;
    if (this.#bytesUsed + length > this.nameBytes.length) {
      this.nameBytes = grown(this.nameBytes, 2 * this.nameBytes.length + length);
      this.nameView = new DataView(this.nameBytes.buffer);
    }
    this.nameBytes.set(body.subarray(from, to), this.#bytesUsed);
    this.nameBytes[this.#bytesUsed + length - 1] = 61;
    this.nameFrom[slot] = this.#bytesUsed;
    this.#bytesUsed += length;
    this.nameTo[slot] = this.#bytesUsed;
    this.#place(slot);
  }

  /** The slot of the name written at `from`, −1 where it has to be read by the book. A newline must follow somewhere. */
  findSpelling(body: Uint8Array, from: number): number {
    let hash = 0;
    let i = from;
    for (; body[i] !== 61; i++) {
      if (body[i] <= 32 || body[i] === 92 || body[i] === 44) return -1;
      hash = Math.imul(hash ^ body[i], 0x01000193);
    }
    const mask = this.#table.length - 1;
    for (let at = (hash ^ (hash >>> 15)) & mask, probes = 0; probes < 16; at = (at + 1) & mask, probes++) {
      const slot = this.#table[at] - 1;
      if (slot < 0) return -1;
      if (this.nameTo[slot] - this.nameFrom[slot] === i + 1 - from && this.spells(slot, body, from)) return slot;
    }
    return -1;
  }

  spells(slot: number, body: Uint8Array, at: number): boolean {
    const { nameBytes } = this;
    const to = this.nameTo[slot];
    let i = this.nameFrom[slot];
    if (to === 0) return false;
    while (i < to && nameBytes[i] === body[at]) {
      i++;
      at++;
    }
    return i === to;
  }

  // private functions

  #grow(): void {
    const length = 2 * this.nameFrom.length;
    const before = this.names.length;
    this.nameFrom = grown(this.nameFrom, length);
    this.nameTo = grown(this.nameTo, length);
    const kinds = new Int8Array(length).fill(UNKNOWN_KIND);
    kinds.set(this.kinds);
    this.kinds = kinds;
    const next = new Int32Array(length + 1).fill(-1);
    next.set(this.next);
    this.next = next;
    this.#table = new Int32Array(4 * length);
    for (let slot = 0; slot < before; slot++) if (this.nameTo[slot] > 0) this.#place(slot);
  }

  #place(slot: number): void {
    let hash = 0;
    for (let i = this.nameFrom[slot]; i < this.nameTo[slot] - 1; i++) {
      hash = Math.imul(hash ^ this.nameBytes[i], 0x01000193);
    }
    const mask = this.#table.length - 1;
    let at = (hash ^ (hash >>> 15)) & mask;
    for (let probes = 0; this.#table[at] !== 0; at = (at + 1) & mask, probes++) if (probes === 16) return;
    this.#table[at] = slot + 1;
  }
}

// private functions

function kindOf(known: KnownFields | undefined, name: string): number {
  const type = known?.fields.get(name);
  return type === undefined ? UNKNOWN_KIND : FIELD_TYPES.indexOf(type);
}
