/** A client's text to a frame: every member checked, so that the session behind it meets no surprise. */
import { CLIENT_FRAME_BYTES_MAX, type ClientFrame, type Epoch } from '../../../client/protocol/index.ts';

const EPOCHS: readonly string[] = ['ns', 'u', 'ms', 's', 'm', 'h'];
/** An id comes back in every frame. */
const ID_LENGTH_MAX = 128;

type Kind = 'id' | 'text' | 'flag' | 'rate' | 'mode' | 'epoch';

/** Members of each operation; a `?` marks those that may be missing. */
const MEMBERS: Readonly<Record<ClientFrame['op'], Readonly<Record<string, Kind | `${Kind}?`>>>> = {
  auth: { token: 'text' },
  subscribe: {
    id: 'id',
    db: 'text',
    q: 'text',
    since: 'text?',
    snapshot: 'flag?',
    epoch: 'epoch?',
    refs: 'flag?',
    group: 'id?',
    mode: 'mode?',
    maxHz: 'rate?',
  },
  update: { id: 'id', maxHz: 'rate?', mode: 'mode?' },
  pause: { id: 'id' },
  resume: { id: 'id' },
  unsubscribe: { id: 'id' },
  write: { id: 'id', db: 'text', precision: 'text?', lines: 'text' },
  query: { id: 'id', db: 'text', q: 'text', epoch: 'epoch?' },
  ping: {},
};

export type ReadFrame = { readonly frame: ClientFrame } | { readonly refused: string; readonly id: string | undefined };

export function readClientFrame(text: string): ReadFrame {
  if (text.length > CLIENT_FRAME_BYTES_MAX) return refuse('frame is too long', undefined);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return refuse('frame is not json', undefined);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refuse('frame must be a json object', undefined);
  }
  const given = value as Record<string, unknown>;
  const id = typeof given.id === 'string' && given.id.length <= ID_LENGTH_MAX ? given.id : undefined;
  const op = given.op;
  if (typeof op !== 'string' || !Object.hasOwn(MEMBERS, op)) {
    return refuse(`unknown op: expected one of ${Object.keys(MEMBERS).join(', ')}`, id);
  }
  const members = MEMBERS[op as ClientFrame['op']];
  const frame: Record<string, unknown> = { op };
  for (const name in members) {
    const optional = members[name].endsWith('?');
    const kind = (optional ? members[name].slice(0, -1) : members[name]) as Kind;
    const member = Object.hasOwn(given, name) ? given[name] : undefined;
    if (member === undefined || (member === null && optional)) {
      if (!optional) return refuse(`${op} needs "${name}"`, id);
      continue;
    }
    const wrong = check(kind, member);
    if (wrong !== null) return refuse(`"${name}" of ${op} must be ${wrong}`, id);
    frame[name] = member;
  }
  return { frame: frame as unknown as ClientFrame };
}

export function isEpoch(text: string): text is Epoch {
  return EPOCHS.includes(text);
}

// private functions

function refuse(refused: string, id: string | undefined): ReadFrame {
  return { refused, id };
}

/** What the member should have been; null where it is that. */
function check(kind: Kind, member: unknown): string | null {
  switch (kind) {
    case 'id':
      return typeof member === 'string' && member.length > 0 && member.length <= ID_LENGTH_MAX
        ? null
        : `a text of 1 to ${ID_LENGTH_MAX} characters`;
    case 'text':
      return typeof member === 'string' ? null : 'a text';
    case 'flag':
      return typeof member === 'boolean' ? null : 'true or false';
    case 'rate':
      return typeof member === 'number' && Number.isFinite(member) && member >= 0 ? null : 'a number, 0 or more';
    case 'mode':
      return member === 'latest' || member === 'every' ? null : '"latest" or "every"';
    case 'epoch':
      return typeof member === 'string' && isEpoch(member) ? null : `one of ${EPOCHS.join(', ')}`;
  }
}
