/** Reads msgpack, written from its specification, so that the encoder is not judged by itself. Integers come as bigint. */

export function readMsgpack(bytes: Uint8Array): unknown[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values: unknown[] = [];
  let at = 0;
  while (at < bytes.length) values.push(read());
  return values;

  function read(): unknown {
    const code = bytes[at++];
    if (code < 0x80) return BigInt(code);
    if (code < 0x90) return map(code & 15);
    if (code < 0xa0) return array(code & 15);
    if (code < 0xc0) return text(code & 31);
    if (code >= 0xe0) return BigInt(code - 256);
    switch (code) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc7: {
        if (bytes[at] !== 12 || bytes[at + 1] !== 5) throw new Error('not a time');
        const value = view.getBigInt64(at + 2) * 1_000_000_000n + BigInt(view.getInt32(at + 10));
        at += 14;
        return { time: value };
      }
      case 0xcb:
        return take(8, () => view.getFloat64(at));
      case 0xcc:
        return take(1, () => BigInt(view.getUint8(at)));
      case 0xcd:
        return take(2, () => BigInt(view.getUint16(at)));
      case 0xce:
        return take(4, () => BigInt(view.getUint32(at)));
      case 0xcf:
        return take(8, () => view.getBigUint64(at));
      case 0xd0:
        return take(1, () => BigInt(view.getInt8(at)));
      case 0xd1:
        return take(2, () => BigInt(view.getInt16(at)));
      case 0xd2:
        return take(4, () => BigInt(view.getInt32(at)));
      case 0xd3:
        return take(8, () => view.getBigInt64(at));
      case 0xd9:
        return text(take(1, () => view.getUint8(at)));
      case 0xda:
        return text(take(2, () => view.getUint16(at)));
      case 0xdc:
        return array(take(2, () => view.getUint16(at)));
      case 0xdd:
        return array(take(4, () => view.getUint32(at)));
      case 0xde:
        return map(take(2, () => view.getUint16(at)));
      default:
        throw new Error(`unknown code ${code.toString(16)} at ${at - 1}`);
    }
  }

  function take<T>(size: number, value: () => T): T {
    const taken = value();
    at += size;
    return taken;
  }

  function text(size: number): string {
    return take(size, () => new TextDecoder().decode(bytes.subarray(at, at + size)));
  }

  function array(size: number): unknown[] {
    return Array.from({ length: size }, read);
  }

  function map(size: number): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    for (let i = 0; i < size; i++) {
      const key = String(read());
      object[key] = read();
    }
    return object;
  }
}
