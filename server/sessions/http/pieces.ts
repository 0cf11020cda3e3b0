/** An answer that comes in pieces from the engine, written as the socket takes them. */
import type { AnswerHeaders } from '../door/door.ts';
import type { Exchange } from './exchange.ts';

/** An answer of one piece goes with its length; a longer one, or one whose pieces are waited for, is streamed at the client's pace. */
export async function replyPieces(
  exchange: Exchange,
  own: AnswerHeaders,
  pieces: AsyncIterator<Uint8Array>,
  isEager: boolean,
): Promise<void> {
  const { request, response } = exchange;
  const headers = { ...exchange.headers, ...own };
  let piece = await pieces.next();
  if (!isEager) {
    const second = piece.done ? piece : await pieces.next();
    if (second.done) {
      response.reply(200, headers, piece.done ? '' : piece.value);
      return;
    }
    response.start(200, headers);
    response.give(piece.value!);
    piece = second;
  } else response.start(200, headers);
  while (!piece.done) {
    if (request.signal.aborted) {
      await pieces.return?.();
      return;
    }
    if (!response.give(piece.value)) await response.drained();
    piece = await pieces.next();
  }
  response.end();
}
