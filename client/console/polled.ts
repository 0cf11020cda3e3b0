/**
 * Polled: what a view asks the server again and again while it is on the page, and the statements that its buttons run, after each of
 * which it asks at once.
 */
import { type ReadonlySignal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { type FrameValue, MillraceError, type Series } from '../sdk/index.ts';
import { millrace } from './client.ts';

const ASKED_MS = 2_000;

export interface Polled<T> {
  /** null until the first answer. */
  readonly value: ReadonlySignal<T | null>;
  /** Why the last question was not answered, or the last statement not run; null = it was. */
  readonly problem: ReadonlySignal<string | null>;
  /** Statements under way. */
  readonly running: ReadonlySignal<ReadonlySet<string>>;
  run(db: string, statement: string): Promise<void>;
}

/** Of a table, by names of columns. */
export type Named = (column: string) => FrameValue;

export function usePolled<T>(ask: () => Promise<T>): Polled<T> {
  const value = useSignal<T | null>(null);
  const problem = useSignal<string | null>(null);
  const running = useSignal<ReadonlySet<string>>(new Set());

  async function load(): Promise<void> {
    try {
      value.value = await ask();
      problem.value = null;
    } catch (error) {
      problem.value = textOf(error);
    }
  }

  async function run(db: string, statement: string): Promise<void> {
    running.value = new Set([...running.value, statement]);
    try {
      await answerOf(db, statement);
      await load();
    } catch (error) {
      problem.value = textOf(error);
    }
    running.value = new Set([...running.value].filter((other) => other !== statement));
  }

  useEffect(() => {
    let over = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    async function askAgain(): Promise<void> {
      await load();
      if (!over) timer = setTimeout(() => void askAgain(), ASKED_MS);
    }
    void askAgain();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, []);

  return { value, problem, running, run };
}

/** Of one statement. Throws where it has failed. */
export async function answerOf(db: string, statement: string): Promise<readonly Series[]> {
  const [{ error, series = [] }] = await millrace.query(db, statement);
  if (error !== undefined) throw new MillraceError('invalid query', error);
  return series;
}

/** Each row of a table, to be asked for its columns. */
export function rowsOf({ columns, values = [] }: Series): Named[] {
  return values.map((row) => (column) => row[columns.indexOf(column)] ?? null);
}

// private functions

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
