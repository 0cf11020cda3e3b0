/** An error of a query, with the line it is about and a mark under the place, where the server said one. */
import type { MillraceError } from '../sdk/index.ts';

export function QueryError({ q, error }: { q: string; error: MillraceError }) {
  const place = error.at === undefined ? null : placeOf(q, error.at);
  return (
    <div class="query-error" role="alert" data-at={error.at}>
      <strong>{error.message}</strong>
      {place !== null && (
        <pre>
          <span class="muted">{String(place.line).padStart(3)} </span>
          {place.before}
          <mark>{place.at || ' '}</mark>
          {place.after}
        </pre>
      )}
      {error.code === 'unreachable' && (
        <span>Is the server running? The page asks again when you run the query again.</span>
      )}
    </div>
  );
}

// private functions

/** The line around an offset, with the word at it apart. */
function placeOf(q: string, at: number): { line: number; before: string; at: string; after: string } {
  const start = q.lastIndexOf('\n', at - 1) + 1;
  const end = q.indexOf('\n', at) < 0 ? q.length : q.indexOf('\n', at);
  const word = /^(\w+|\S|)/.exec(q.slice(at, end))![0];
  return {
    line: q.slice(0, start).split('\n').length,
    before: q.slice(start, at),
    at: word,
    after: q.slice(at + word.length, end),
  };
}
