/** A WebAssembly module of functions over one memory, put together as bytes (W3C WebAssembly Core 2.0, §5.5). Compiles nothing. */
import { type Code, type Local, unsigned, type ValueType } from './instructions.ts';

const MAGIC_AND_VERSION = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const FUNCTION_TYPE = 0x60;
const END = 0x0b;
/** Sections come in the order of their numbers. */
const TYPES = 1;
const IMPORTS = 2;
const FUNCTIONS = 3;
const EXPORTS = 7;
const CODE = 10;

/** A function without a result. */
export class FunctionWriter<Name extends string = string> {
  readonly name: string;
  readonly parameters: Readonly<Record<Name, Local>>;
  readonly parameterTypes: readonly ValueType[];
  readonly localTypes: ValueType[] = [];
  readonly body: Code[] = [];

  /** Parameters in their order. */
  constructor(name: string, parameters: Readonly<Record<Name, ValueType>>) {
    this.name = name;
    this.parameterTypes = Object.values(parameters);
    const named = Object.keys(parameters).map((parameter, number) => [parameter, { number }]);
    this.parameters = Object.fromEntries(named);
  }

  /** Zero when the function is called. */
  local(type: ValueType): Local {
    this.localTypes.push(type);
    return { number: this.parameterTypes.length + this.localTypes.length - 1 };
  }

  locals(type: ValueType, count: number): Local[] {
    return Array.from({ length: count }, () => this.local(type));
  }

  push(...code: readonly Code[]): void {
    this.body.push(...code);
  }
}

/** Imports `js.memory`; exports each function by its name. */
export function moduleOf(functions: readonly FunctionWriter[]): Uint8Array<ArrayBuffer> {
  const types = functions.map(({ parameterTypes }) => [
    FUNCTION_TYPE,
    ...list(parameterTypes.map((type) => [type])),
    0,
  ]);
  const exported = functions.map(({ name }, i) => [text(name), 0x00, ...unsigned(i)]);
  const sections = [
    section(TYPES, types),
    section(IMPORTS, [[text('js'), text('memory'), 0x02, 0x00, 1]]),
    section(
      FUNCTIONS,
      functions.map((_, i) => unsigned(i)),
    ),
    section(EXPORTS, exported),
    section(CODE, functions.map(codeOf)),
  ];
  return Uint8Array.from(flat([...MAGIC_AND_VERSION, ...sections]));
}

// private functions

function codeOf({ localTypes, body }: FunctionWriter): Code {
  const declared = list(localTypes.map((type) => [1, type]));
  return sized([declared, ...body, END]);
}

function section(number: number, entries: readonly Code[]): Code {
  return [number, sized(list(entries))];
}

function list(entries: readonly Code[]): Code {
  return [...unsigned(entries.length), ...entries];
}

function sized(code: Code): Code {
  const bytes = flat(code);
  return [...unsigned(bytes.length), bytes];
}

function text(value: string): Code {
  return sized([...new TextEncoder().encode(value)]);
}

function flat(code: Code, into: number[] = []): number[] {
  for (const part of code) {
    if (typeof part === 'number') into.push(part);
    else flat(part, into);
  }
  return into;
}
