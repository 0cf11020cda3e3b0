/** The box a query is written in: grows with its text, Ctrl+Enter (or Cmd+Enter) runs it, Tab leaves it as everywhere. */
import type { Signal } from '@preact/signals';

/** Taller than this it scrolls. */
const ROWS_MAX = 14;
const ROWS_MIN = 4;

export function Editor({ text, onRun }: { text: Signal<string>; onRun: () => void }) {
  const rows = Math.min(ROWS_MAX, Math.max(ROWS_MIN, text.value.split('\n').length + 1));
  return (
    <textarea
      class="editor"
      aria-label="Query"
      spellcheck={false}
      autocomplete="off"
      autocapitalize="off"
      rows={rows}
      value={text.value}
      placeholder="SELECT mean(busy) FROM cpu WHERE time > now() - 5m GROUP BY time(1s), core"
      onInput={(event) => {
        text.value = event.currentTarget.value;
      }}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
        event.preventDefault();
        onRun();
      }}
    />
  );
}
