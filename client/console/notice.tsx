/** What stands where there is nothing to show: still loading, empty, or failed, and in each case what to do about it. */

export interface NoticeProps {
  readonly kind: 'loading' | 'empty' | 'error';
  readonly title: string;
  readonly text?: string;
  readonly height?: number;
}

export function Notice({ kind, title, text, height }: NoticeProps) {
  return (
    <div
      class={`notice notice-${kind}`}
      role={kind === 'error' ? 'alert' : 'status'}
      style={height === undefined ? undefined : { minHeight: `${height}px` }}
    >
      {kind === 'loading' && <i class="flow" aria-hidden="true" />}
      <strong>{title}</strong>
      {text !== undefined && <span>{text}</span>}
    </div>
  );
}
